// What the log holds of a row, and what is told when SQLite writes rows in unusual ways.

import { createClient } from '@libsql/client';
import BetterSqlite from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { installSqliteFeed, sqliteFeedStatus } from '../../src/feed/sqlite/install.ts';
import { readKnownTables } from '../../src/feed/sqlite/known-tables.ts';
import { positionNow, readLog } from '../../src/feed/sqlite/log.ts';
import { betterSqliteRunner, libsqlRunner } from '../../src/feed/sqlite/runner.ts';
import { Heard } from '../contract/change-feed.ts';
import { SqliteWorld } from './sqlite-world.ts';

const worlds: SqliteWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

async function worldOf(...statements: readonly string[]): Promise<SqliteWorld> {
  const world = new SqliteWorld(statements);
  worlds.push(world);
  await world.install();
  return world;
}

/** What is heard of some writes. */
async function heardOf(world: SqliteWorld, ...statements: readonly string[]): Promise<Heard> {
  const heard = new Heard();
  const feed = world.feed();
  await feed.start(undefined, heard);
  await vi.waitFor(() => expect(feed.status().state).toBe('live'), { interval: 1 });
  for (const statement of statements) world.writer.exec(statement);
  const count = heard.reachedAt.length;
  await vi.waitFor(() => expect(heard.reachedAt.length).toBeGreaterThan(count + 1), { interval: 1 });
  await feed.stop();
  expect(heard.gaps).toHaveLength(1);
  return heard;
}

describe('images', () => {
  it('keep every value and its storage class', async () => {
    const world = await worldOf('CREATE TABLE t (id INTEGER PRIMARY KEY, v, r REAL)');
    const values = ['9223372036854775807', '-9223372036854775808', '-0.0', '1e300', '5e-324', '0.1 + 0.2', '9e999'];
    const odd = [
      '-9e999',
      'NULL',
      `'a' || char(0) || 'b'`,
      `CAST(x'ff41' AS TEXT)`,
      `x''`,
      `x'00ff'`,
      `'ü😀'`,
      '2',
      '2.0',
    ];
    for (const value of [...values, ...odd]) world.writer.exec(`INSERT INTO t (v, r) VALUES (${value}, 3)`);
    const differing = world.writer
      .prepare(
        `SELECT t.v FROM t JOIN _tidegate_changes c ON c.n0 = t.id
         WHERE typeof(c.n1) <> typeof(t.v) OR hex(c.n1) IS NOT hex(t.v) OR c.n1 IS NOT t.v OR typeof(c.n2) <> 'real'`,
      )
      .all();
    expect(differing).toEqual([]);
    expect(world.writer.prepare('SELECT count(*) AS count FROM _tidegate_changes').get()).toMatchObject({ count: 17 });
  });

  it('are heard as the cells they are', async () => {
    const world = await worldOf('CREATE TABLE t (id INTEGER PRIMARY KEY, v)');
    const heard = await heardOf(
      world,
      `INSERT INTO t (v) VALUES (9223372036854775807), (1e300), (-9e999), ('a' || char(0) || 'b'), (CAST(x'ff' AS TEXT)), (x'00ff'), (NULL)`,
    );
    const cells = heard.changes.map((change) => (change.kind === 'insert' ? change.new[1] : 'no insert'));
    const bytes = new Uint8Array([0, 255]);
    expect(cells).toEqual([9223372036854775807n, 1e300, Number.NEGATIVE_INFINITY, 'a\0b', undefined, bytes, null]);
  });

  it('have columns of any name, generated ones too', async () => {
    const world = await worldOf(
      `CREATE TABLE "ta""ble; --" ("or""der" INTEGER PRIMARY KEY, "select" TEXT, [a b] AS ("select" || 'x') STORED, "é'" AS (1)) STRICT`.replace(
        'STRICT',
        '',
      ),
    );
    const heard = await heardOf(world, `INSERT INTO "ta""ble; --" VALUES (1, 'v')`);
    expect(heard.lines).toEqual(['insert ta"ble; -- 1,v,vx,1']);
  });
});

describe('with recursive_triggers off', () => {
  const plain = 'CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, v)';
  const rows = `INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)`;
  it.each([
    [
      'INSERT OR REPLACE',
      `INSERT OR REPLACE INTO t VALUES (2, 'a', 9)`,
      ['delete t 1,a,1', 'delete t 2,b,2', 'insert t 2,a,9'],
    ],
    ['REPLACE without the key', `REPLACE INTO t (u, v) VALUES ('a', 9)`, ['delete t 1,a,1', 'insert t 4,a,9']],
    [
      'UPDATE OR REPLACE',
      `UPDATE OR REPLACE t SET u = 'b' WHERE id = 1`,
      ['delete t 2,b,2', 'update t 1,a,1 -> 1,b,1'],
    ],
    [
      'UPDATE OR REPLACE of the key',
      `UPDATE OR REPLACE t SET rowid = 2 WHERE id = 1`,
      ['delete t 2,b,2', 'update t 1,a,1 -> 2,a,1'],
    ],
    ['OR IGNORE', `INSERT OR IGNORE INTO t VALUES (1, 'a', 9), (4, 'd', 4)`, ['insert t 4,d,4']],
    [
      'an upsert',
      `INSERT INTO t VALUES (1, 'z', 9) ON CONFLICT DO UPDATE SET v = excluded.v`,
      ['update t 1,a,1 -> 1,a,9'],
    ],
    ['an upsert that does nothing', `INSERT INTO t VALUES (1, 'z', 9) ON CONFLICT DO NOTHING`, []],
    ['DELETE of all', 'DELETE FROM t', ['delete t 1,a,1', 'delete t 2,b,2', 'delete t 3,c,3']],
  ])('%s', async (_, statement, lines) => {
    const world = await worldOf(plain, rows);
    const heard = await heardOf(world, statement);
    expect([...heard.lines].sort()).toEqual([...lines].sort());
  });

  it('a default that takes the place of NULL may replace a row', async () => {
    const world = await worldOf(`CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT NOT NULL DEFAULT 'a' UNIQUE)`);
    const heard = await heardOf(world, `INSERT INTO t VALUES (1, 'a')`, 'INSERT OR REPLACE INTO t VALUES (2, NULL)');
    expect(heard.lines).toEqual(['insert t 1,a', 'insert t 2,a', 'delete t 1,a']);
  });

  it('an index on an expression makes each insert one of the whole table, and is named', async () => {
    const world = await worldOf('CREATE TABLE t (id INTEGER PRIMARY KEY, u)', 'CREATE UNIQUE INDEX i ON t (lower(u))');
    const heard = await heardOf(world, `INSERT INTO t VALUES (1, 'a')`, `INSERT OR REPLACE INTO t VALUES (2, 'A')`);
    expect(heard.lines).toContain('truncate t');
    const { problems } = await sqliteFeedStatus(world.runner, world.shapes());
    expect(problems).toEqual([expect.stringContaining('unique index on an expression')]);
  });

  it("a row that the application's own trigger puts in the way is not missed", async () => {
    const world = await worldOf(plain);
    world.writer.exec(
      `CREATE TRIGGER own BEFORE INSERT ON t WHEN NEW.v = 7 BEGIN INSERT INTO t VALUES (50, NEW.u, 0); END`,
    );
    const heard = await heardOf(world, `INSERT OR REPLACE INTO t VALUES (1, 'a', 7)`);
    expect([...heard.lines].sort().slice(0, 1)).toEqual(['delete t 50,a,0']);
  });

  it("a replaced row is told when the application's trigger writes to its successor first", async () => {
    const world = await worldOf(plain, rows);
    world.writer.exec('CREATE TRIGGER late AFTER INSERT ON t BEGIN UPDATE t SET v = 100 WHERE id = NEW.id; END');
    const heard = await heardOf(world, `REPLACE INTO t VALUES (1, 'z', 5)`);
    expect(heard.lines).toContain('delete t 1,a,1');
  });

  it('finds replaced rows by an index', async () => {
    const world = await worldOf(plain);
    const [trigger] = world.writer.prepare(`SELECT sql FROM sqlite_schema WHERE name LIKE '%before_insert'`).all() as [
      { sql: string },
    ];
    const lookups = [...trigger.sql.matchAll(/SELECT .*? FROM "t" AS r WHERE [^;]*/g)].map(([text]) =>
      text.replace(/NEW\.\S+/g, '?'),
    );
    expect(lookups).toHaveLength(2);
    for (const lookup of lookups) {
      const plan = world.writer.prepare(`EXPLAIN QUERY PLAN ${lookup}`).all() as { detail: string }[];
      expect(plan.map(({ detail }) => detail).join()).toMatch(/SEARCH r USING/);
    }
  });
});

describe('foreign keys', () => {
  it('tell what they delete, set and update, and what a replaced row takes with it', async () => {
    const world = await worldOf(
      'CREATE TABLE p (id INTEGER PRIMARY KEY, u UNIQUE)',
      'CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)',
      'PRAGMA foreign_keys = on',
    );
    const statements = [`INSERT INTO p VALUES (1, 'a'), (2, 'b')`, 'INSERT INTO c VALUES (1, 1), (2, 2)'];
    const heard = await heardOf(
      world,
      ...statements,
      'UPDATE p SET id = 9 WHERE id = 1',
      `REPLACE INTO p VALUES (3, 'b')`,
    );
    expect([...heard.lines.slice(4)].sort()).toEqual([
      'delete c 2,2',
      'delete p 2,b',
      'insert p 3,b',
      'update c 1,1 -> 1,9',
      'update p 1,a -> 9,a',
    ]);
  });
});

describe('other drivers', () => {
  it.each(['better-sqlite3', 'libSQL'])('%s hears the same', async (driver) => {
    const world = await worldOf('CREATE TABLE t (id INTEGER PRIMARY KEY, v)');
    const connect = () =>
      driver === 'libSQL'
        ? libsqlRunner(createClient({ url: `file:${world.file}` }))
        : betterSqliteRunner(new BetterSqlite(world.file));
    expect(await installSqliteFeed(connect(), world.shapes())).toEqual({ installed: [], problems: [] });
    const heard = new Heard();
    const feed = world.feed({ connect });
    await feed.start(undefined, heard);
    await vi.waitFor(() => expect(heard.position).toBeDefined(), { interval: 1 });
    world.writer.exec(`INSERT INTO t VALUES (1, 9007199254740993); REPLACE INTO t VALUES (1, x'00ff')`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(3), { interval: 1 });
    expect(heard.lines).toEqual(['insert t 1,9007199254740993', 'delete t 1,9007199254740993', 'insert t 1,0,255']);
    await feed.stop();
  });
});

it('asks with one statement for all the rows of a table that may have gone, in whatever order tables were written', async () => {
  const names = Array.from({ length: 8 }, (_, at) => `t${at}`);
  const world = await worldOf(...names.map((name) => `CREATE TABLE ${name} (id INTEGER PRIMARY KEY, u INT UNIQUE)`));
  const writeAll = (how: string) => {
    for (let id = 0; id < 100; id++)
      for (const name of names) world.writer.exec(`INSERT ${how} INTO ${name} VALUES (${id}, ${id})`);
  };
  writeAll('');
  const from = await positionNow(world.runner);
  // Each notes rows that it might have replaced.
  writeAll('OR IGNORE');
  const runner = world.runner;
  const sizes: number[] = [];
  const counted = {
    ...runner,
    all: runner.all.bind(runner),
    batch: (...[statements]: Parameters<typeof runner.batch>) => {
      sizes.push(statements.length);
      return runner.batch(statements);
    },
  };
  const known = await readKnownTables(runner, async () => world.shapes());
  const isNumberSure = async () => true;
  const part = await readLog(
    { runner: counted, known: known as NonNullable<typeof known>, maxChanges: 5000, isNumberSure },
    from,
  );
  expect(part).toMatchObject({ kind: 'part', changes: [] });
  expect(sizes).toEqual([1 + names.length]);
});
