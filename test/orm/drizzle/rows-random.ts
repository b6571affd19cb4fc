// Random tables, reads and writes of all forms on one database; after each commit every cached answer is held against the
// database itself.
//
// The one complication: values that are equal to the database and not to JavaScript, or the other way round: the domains are so
// small that they meet all the time.

import { type SQL, sql } from 'drizzle-orm';
import { integer as pgInteger, pgTable } from 'drizzle-orm/pg-core';
import { integer as liteInteger, sqliteTable } from 'drizzle-orm/sqlite-core';
import { createCache } from '../../../src/index.ts';
import { withTidegate } from '../../../src/orm/drizzle/index.ts';
import { randomOf } from './random-kit.ts';
import type { Query, Row, RowsDatabase, RowsDialect, Value } from './rows-databases.ts';
import { PG_TABLES, SQLITE_TABLES } from './rows-schemas.ts';

export interface RowsResult {
  /** Answers that are not those of the database. */
  readonly outdated: readonly string[];
  readonly hits: number;
  readonly reads: number;
  /** Writes that were done. */
  readonly writes: number;
  /** Hits right after a write of a table that the read reads. */
  readonly kept: number;
  /** Answers that had to be read again after a write, and those of them that were what they had been. */
  readonly dropped: number;
  readonly needless: number;
}

/** All that Drizzle needs to know of them. */
const OBJECTS = {
  sqlite: ['a', 'b', 'c'].map((name) => sqliteTable(name, { id: liteInteger() })),
  postgres: ['a', 'b', 'c'].map((name) => pgTable(name, { id: pgInteger() })),
};

const NUMBERS = [0, 1, 2, 3, 4];
const TEXTS = ['a', 'A', 'b', 'a ', '1', '2'];

export async function rowsRun(
  dialect: RowsDialect,
  database: RowsDatabase,
  seed: number,
  steps = 40,
): Promise<RowsResult> {
  const world = new RowsWorld(dialect, database, seed);
  await world.open();
  return await world.play(steps);
}

class RowsWorld {
  readonly #dialect: RowsDialect;
  readonly #random: () => number;
  readonly #database: RowsDatabase;
  // biome-ignore lint/suspicious/noExplicitAny: the databases' objects have different types.
  #db: any;
  readonly #outdated: string[] = [];
  readonly #counts = { hits: 0, reads: 0, writes: 0, kept: 0, dropped: 0, needless: 0 };
  readonly #before = new Map<Query, string>();

  constructor(dialect: RowsDialect, database: RowsDatabase, seed: number) {
    this.#dialect = dialect;
    this.#database = database;
    this.#random = randomOf(seed);
  }

  readonly #pick = <T>(...of: readonly T[]): T => of[Math.floor(this.#random() * of.length)] as T;
  readonly #number = () => this.#pick<Value>(...NUMBERS);
  readonly #text = () => this.#pick<Value>(...TEXTS, null);
  #of(column: string): Value {
    if (column === 't' || column === 'code') return this.#text();
    return column === 'u' ? this.#pick<Value>(1, 2, 0.5, null) : this.#number();
  }

  async open(): Promise<void> {
    const drops = ['c', 'b', 'a'].map((name) => `drop table if exists ${name}`);
    const tables = (this.#dialect === 'sqlite' ? SQLITE_TABLES : PG_TABLES)(this.#pick);
    const first = this.#dialect === 'sqlite' ? ['pragma foreign_keys = on'] : [];
    for (const text of [...first, ...drops, ...tables]) if (text !== '') await this.#database.run({ text, values: [] });
    for (let row = 0; row < 6; row++) await this.#tried(this.#insert());
    const objects = { ...OBJECTS[this.#dialect] };
    const effects: Record<string, readonly string[]> = /table b .* cascade/.test(tables.join()) ? { a: ['b'] } : {};
    this.#db = withTidegate(this.#database.db, { cache: createCache(), database: 'rows', objects, effects });
  }

  async #tried(query: Query): Promise<void> {
    await this.#database.run(query).catch(() => undefined);
  }

  async play(steps: number): Promise<RowsResult> {
    const reads = Array.from({ length: 24 }, () => this.#read());
    for (let step = 0; step < steps; step++) {
      const done = await this.#write();
      for (const read of reads) await this.#compare(read, done);
    }
    return { ...this.#counts, outdated: this.#outdated };
  }

  async #compare(read: Query, after: string): Promise<void> {
    const before = this.#db.$cacheStats().hits;
    const cached = await this.#cached(read);
    const truth = await this.#database.run(read).then(plain, () => 'failed');
    this.#counts.reads++;
    const isHit = this.#db.$cacheStats().hits > before;
    if (isHit) this.#counts.hits++;
    const written = /^(?:update|insert into|delete from) (\w)\b/.exec(after)?.[1];
    if (!isHit && this.#before.has(read)) this.#counts.dropped++;
    if (!isHit && this.#before.get(read) === truth) this.#counts.needless++;
    this.#before.set(read, truth);
    if (isHit && written !== undefined && new RegExp(`\\b(?:from|join) ${written}\\b`).test(read.text))
      this.#counts.kept++;
    if (cached !== truth) this.#outdated.push(`${shown(read)} gave ${cached} for ${truth} after ${after}`);
  }

  async #cached(read: Query): Promise<string> {
    const db = this.#db.$cached();
    const made = madeOf(read);
    if (this.#dialect === 'sqlite') return await db.all(made).then(plain, () => 'failed');
    return await db.execute(made).then(
      ({ rows }: { rows: Row[] }) => plain(rows),
      () => 'failed',
    );
  }

  /** What was done, for messages. */
  async #write(): Promise<string> {
    if (this.#random() < 0.8) return await this.#sent(this.#db, this.#statement());
    if (this.#database.hasTransactions === false) return await this.#batch();
    const done: string[] = [];
    const work = async (tx: object) => {
      for (let left = 1 + Math.floor(this.#random() * 3); left > 0; left--)
        done.push(await this.#sent(tx, this.#statement(), true));
      if (this.#random() < 0.3) throw new Error('no');
    };
    await this.#db.transaction(work).catch(() => undefined);
    return `a transaction of ${done.join('; ')}`;
  }

  async #batch(): Promise<string> {
    const queries = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => this.#statement());
    try {
      // Drizzle's batch takes raw SQL without parameters alone.
      await this.#db.batch(queries.map((query) => this.#db.run(sql.raw(withoutParameters(query)))));
      this.#counts.writes += queries.length;
    } catch {
      return 'nothing';
    }
    return `a batch of ${queries.map(shown).join('; ')}`;
  }

  async #sent(db: object, query: Query, isInside = false): Promise<string> {
    const { run, execute } = db as Record<string, (made: SQL) => Promise<unknown>>;
    try {
      await (this.#dialect === 'sqlite' ? run : execute)?.call(db, madeOf(query));
      this.#counts.writes++;
    } catch (error) {
      if (isInside) throw error;
      return 'nothing';
    }
    return shown(query);
  }

  #column(table: string): string {
    if (table === 'c') return this.#pick('code', 'n');
    return table === 'a'
      ? this.#pick('id', 'id', 'k', 't', 'u', 'parent')
      : this.#pick('id', 'id', 'a_id', 'a_id', 'k', 't');
  }

  #condition(table: string, prefix = ''): Query {
    const column = this.#column(table);
    const name = prefix + column;
    const one = this.#of(column);
    const other = this.#of(column);
    return this.#pick<() => Query>(
      () => ({ text: `${name} = ?`, values: [one] }),
      () => ({ text: `${name} = ?`, values: [one] }),
      () => ({ text: `${name} = ${literal(one)}`, values: [] }),
      () => ({ text: `${name} in (?, ?)`, values: [one, other] }),
      () => ({ text: `(${name} = ? or ${name} = ?)`, values: [one, other] }),
      () => ({ text: `${name} > ?`, values: [one] }),
      () => ({ text: `${name} is null`, values: [] }),
      () => {
        const more = this.#condition(table, prefix);
        return { text: `${name} = ? and ${more.text}`, values: [one, ...more.values] };
      },
    )();
  }

  #read(): Query {
    const table = this.#pick('a', 'a', 'b', 'b', 'c');
    const where = this.#condition(table);
    const a = this.#condition('a', 'x.');
    const b = this.#condition('b', 'y.');
    return this.#pick<() => Query>(
      () => ({ text: `select * from ${table} where ${where.text} order by 1, 2`, values: where.values }),
      () => ({ text: `select * from ${table} where ${where.text} order by 1, 2`, values: where.values }),
      () => ({ text: `select count(*) as n from ${table} where ${where.text}`, values: where.values }),
      () => ({ text: `select * from ${table} order by 1 limit 3`, values: [] }),
      () => ({
        text: `select x.id, y.id as y from a x join b y on y.a_id = x.id where ${a.text} order by 1, 2`,
        values: a.values,
      }),
      () => ({
        text: `select x.id, y.t from a x left join b y on y.a_id = x.id where ${a.text} order by 1, 2`,
        values: a.values,
      }),
      () => ({
        text: `select x.id from a x where exists (select 1 from b y where y.a_id = x.id and ${b.text}) order by 1`,
        values: b.values,
      }),
      () => ({
        text: `select y.id from b y where y.a_id in (select x.id from a x where ${a.text}) order by 1`,
        values: a.values,
      }),
      () => ({
        text: `select x.id from a x where ${a.text} and exists (select 1 from a z where z.id = ? and z.k = x.k) order by 1`,
        values: [...a.values, this.#number()],
      }),
      () => ({ text: `with w as (select * from a x where ${a.text}) select count(*) as n from w`, values: a.values }),
      () => ({
        text: `select x.id from a x where ${a.text} union select y.id from b y where ${b.text} order by 1`,
        values: [...a.values, ...b.values],
      }),
    )();
  }

  #insert(): Query {
    const row = (...columns: readonly string[]) => columns.map((column) => this.#of(column));
    const generated = this.#dialect === 'sqlite' ? 'null' : 'default';
    return this.#pick<() => Query>(
      () => ({ text: 'insert into a (k, t, u) values (?, ?, ?)', values: row('k', 't', 'u') }),
      () => ({
        text: `insert into a (id, k, t, u, parent) values (${generated}, ?, ?, ?, ?)`,
        values: row('k', 't', 'u', 'id'),
      }),
      () => ({ text: 'insert into a (id, k) values (?, ?)', values: row('id', 'k') }),
      () => ({ text: 'insert into b (a_id, k, t) values (?, ?, ?)', values: row('id', 'k', 't') }),
      () => ({ text: 'insert into b (a_id, k) values (?, ?), (?, 7)', values: row('id', 'k', 'id') }),
      () => ({ text: 'insert into c values (?, ?)', values: row('code', 'n') }),
      () => ({ text: 'insert into c select t, k from a where id = ?', values: row('id') }),
      () => ({
        text: 'insert into c (code, n) values (?, 1) on conflict (code) do update set n = 9',
        values: row('code'),
      }),
      () => ({ text: 'insert into c (code) values (?) on conflict do nothing', values: row('code') }),
    )();
  }

  #statement(): Query {
    const table = this.#pick('a', 'b', 'c');
    const where = this.#condition(table);
    const column = this.#column(table);
    const set = this.#pick<() => Query>(
      () => ({ text: `${column} = ?`, values: [this.#of(column)] }),
      () => ({ text: `${column} = ?`, values: [this.#of(column)] }),
      () => ({ text: `${column} = ${literal(this.#of(column))}`, values: [] }),
      () => ({ text: table === 'c' ? 'n = n + 1' : 'k = k + 1', values: [] }),
    )();
    const values = [...set.values, ...where.values];
    return this.#pick<() => Query>(
      () => this.#insert(),
      () => this.#insert(),
      () => ({ text: `update ${table} set ${set.text} where ${where.text}`, values }),
      () => ({ text: `update ${table} set ${set.text} where ${where.text}`, values }),
      () => ({ text: `update ${table} set ${set.text} where ${where.text} returning *`, values }),
      () => ({ text: `delete from ${table} where ${where.text}`, values: where.values }),
      () => ({ text: `update b set k = a.k from a where a.id = b.a_id and a.id = ?`, values: [this.#number()] }),
      () => ({ text: `update ${table} set ${set.text}`, values: set.values }),
    )();
  }
}

function literal(value: Value): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function madeOf({ text, values }: Query): SQL {
  const parts = text
    .split('?')
    .flatMap((part, at) => (at === 0 ? [sql.raw(part)] : [sql`${values[at - 1]}`, sql.raw(part)]));
  return sql.join(parts);
}

function withoutParameters({ text, values }: Query): string {
  let number = 0;
  return text.replace(/\?/g, () => literal(values[number++] as Value));
}

function shown({ text, values }: Query): string {
  return `${text} ${JSON.stringify(values)}`;
}

function plain(rows: readonly Row[]): string {
  return JSON.stringify(
    rows.map((row) => ({ ...row })),
    (_, value) => (typeof value === 'bigint' ? `${value}` : value),
  );
}
