// What applications call of a D1 binding, each operation alone.

import type { D1Database } from '../../../src/workers/d1/binding.ts';

export interface Operation {
  readonly name: string;
  readonly run: (db: D1Database) => unknown;
}

export interface Outcome {
  readonly value?: unknown;
  readonly error?: string;
  readonly rows?: unknown;
}

export const SEED_TABLES = [
  `create table t (id integer primary key, name text unique, n real, data blob)`,
  `create table u (id integer primary key, t_id integer references t(id))`,
];

const ROWS = [
  'delete from u',
  'delete from t',
  `insert into t values (1, 'ann', 1.5, x'00ff'), (2, 'bob', null, null)`,
  'insert into u values (1, 1)',
];

const all = 'select * from t order by id';
const update = 'update t set n = 7 where id = 1';

let texts = 0;

function of(name: string, run: Operation['run']): Operation {
  return { name, run };
}

export const OPERATIONS: readonly Operation[] = [
  of('all', (db) => db.prepare(all).all()),
  of('all, of nothing', (db) => db.prepare('select * from t where id = ?').bind(99).all()),
  of('all, bound', (db) => db.prepare('select * from t where id in (?, ?2)').bind(1, 2).all()),
  of('all, bound by a boolean', (db) => db.prepare('select * from t where id = ?').bind(true).all()),
  of('all, bound by bytes', (db) =>
    db
      .prepare('select id from t where data = ?')
      .bind(new Uint8Array([0, 255]))
      .all(),
  ),
  of('all, bound by too few', (db) => db.prepare('select * from t where id = ? and n = ?').bind(1).all()),
  of('all, bound by undefined', (db) => db.prepare('select * from t where id = ?').bind(undefined).all()),
  of('all, bound twice', (db) => db.prepare('select * from t where id = ?').bind(1).bind(2).all()),
  of('run, of a read', (db) => db.prepare(all).run()),
  of('first', (db) => db.prepare(all).first()),
  of('first, of a column', (db) => db.prepare(all).first('name')),
  of('first, of no column', (db) => db.prepare(all).first('nothing')),
  of('first, of no row', (db) => db.prepare('select * from t where id = 99').first()),
  of('raw', (db) => db.prepare(all).raw()),
  of('raw, with names', (db) => db.prepare('select id, id, name from t').raw({ columnNames: true })),
  of('batch of reads', (db) => db.batch([db.prepare(all), db.prepare('select count(*) as n from u')])),
  of('batch of nothing', (db) => db.batch([])),
  of('batch of no list', (db) => db.batch(undefined as never)),
  of('a table that is not there', (db) => db.prepare('select * from absent').all()),
  of('no SQL', (db) => db.prepare('selec').all()),
  of('a comment', (db) => db.prepare('-- nothing').all()),
  // Miniflare keeps such a text as one that is under way.
  of('two statements', (db) => db.prepare(`/* ${++texts} */ select 1; select 2`).all()),
  of('a time', (db) => db.prepare(`select date('now') > '2000' as later`).all()),
  of('PRAGMA', (db) => db.prepare('PRAGMA table_info(t)').all()),
  of('EXPLAIN', async (db) => (await db.prepare(`explain query plan ${all}`).all()).success),
  of('a table of the system', (db) => db.prepare('select count(*) > 0 as n from sqlite_schema').all()),
  of('exec', async (db) => Object.keys((await db.exec('select 1')) as object)),
  of('exec of a write', async (db) => Object.keys((await db.exec(update)) as object)),
  of('exec that fails', (db) => db.exec('update absent set n = 1')),
  of('run', (db) => db.prepare(update).run()),
  of('run, bound', (db) => db.prepare('update t set name = ? where id = ?').bind('x', 2).run()),
  of('run, of an insert', (db) => db.prepare(`insert into t (name) values ('cid')`).run()),
  of('run, with RETURNING', (db) => db.prepare(`insert into t (id, name) values (9, 'cid') returning id, name`).run()),
  of('all, with RETURNING', (db) => db.prepare(`delete from u returning *`).all()),
  of('first, with RETURNING', (db) => db.prepare(`${update} returning n`).first()),
  of('first, with RETURNING of a column', (db) => db.prepare(`${update} returning n, id`).first('id')),
  of('first, with RETURNING of no column', (db) => db.prepare(`${update} returning n`).first('nothing')),
  of('first, of a write', (db) => db.prepare(update).first()),
  of('raw, of a write', (db) => db.prepare(update).raw()),
  of('raw, of a write with names', (db) => db.prepare(update).raw({ columnNames: true })),
  of('raw, with RETURNING', (db) => db.prepare(`${update} returning n, id, data`).raw()),
  of('raw, with RETURNING of one column twice', (db) => db.prepare(`${update} returning id, ID, n`).raw()),
  of('raw, with RETURNING of all', (db) => db.prepare(`${update} returning *, id`).raw({ columnNames: true })),
  of('a constraint', (db) => db.prepare(`insert into t (name) values ('ann')`).run()),
  of('a foreign key', (db) => db.prepare('delete from t where id = 1').run()),
  of('a write of no table', (db) => db.prepare('update absent set n = 1').run()),
  of('REPLACE', (db) => db.prepare(`insert or replace into t (id, name) values (5, 'bob')`).run()),
  of('batch of writes', (db) => db.batch([db.prepare(update), db.prepare('insert into u values (2, ?)').bind(2)])),
  of('batch of both', (db) => db.batch([db.prepare(update), db.prepare(all), db.prepare('delete from u')])),
  of('batch that fails', (db) => db.batch([db.prepare(update), db.prepare(`insert into t (name) values ('bob')`)])),
  of('a new table', async (db) => (await db.prepare('create table if not exists v (id integer)').run()).success),
  of('a session', (db) => db.withSession?.('first-primary').prepare(all).all()),
  of('a session of anywhere', (db) => db.withSession?.().prepare(all).all()),
  of('a write in a session', (db) => db.withSession?.('first-primary').prepare(update).run()),
  of('a batch in a session', (db) => {
    const session = db.withSession?.('first-primary');
    return session?.batch([session.prepare(update), session.prepare(all)]);
  }),
];

/** `db`: what is tested. `database`: the binding, for the rows before and after. */
export async function outcomeOf({ run }: Operation, db: D1Database, database: D1Database): Promise<Outcome> {
  await database.batch(ROWS.map((text) => database.prepare(text)));
  const rowsNow = async () => {
    const found = await database.batch([database.prepare(all), database.prepare('select * from u order by id')]);
    return found.map(({ results }) => results);
  };
  try {
    const value = await run(db);
    return { value: withoutTimes(value), rows: await rowsNow() };
  } catch (error) {
    const { message, cause } = error as Error;
    return {
      error: `${message} because of ${cause instanceof Error ? cause.message : String(cause)}`,
      rows: await rowsNow(),
    };
  }
}

/** What differs from run to run. */
const TIMES = new Set(['duration', 'size_after', 'rows_read', 'rows_written', 'last_row_id', 'changed_db', 'timings']);

function withoutTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTimes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => (TIMES.has(name) ? [] : [[name, withoutTimes(each)]])),
  );
}
