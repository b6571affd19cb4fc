// `tidegate feed` on files of SQLite, and how it is told which database is meant.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { feed, tablesOf } from './feed-cli.ts';

let folder: string;
let file: string;
let database: DatabaseSync;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-feed-'));
  file = join(folder, 'shop.db');
  database = new DatabaseSync(file);
  database.exec(`CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE tally (day TEXT, visits INTEGER);
    CREATE TABLE prices (sku TEXT PRIMARY KEY, cents INTEGER) WITHOUT ROWID;
    CREATE VIRTUAL TABLE search USING fts5(body);`);
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
  vi.stubEnv('TIDEGATE_POSTGRES', '');
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true });
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Without sqlite_sequence, which SQLite makes for itself and keeps. */
const schema = () =>
  database.prepare(`SELECT type, name, sql FROM sqlite_schema WHERE name <> 'sqlite_sequence' ORDER BY 1, 2`).all();

describe('a file of SQLite', () => {
  test('is installed into, looked at, and left as it was', async () => {
    const before = schema();
    const installed = await feed('install', '--sqlite', file);
    expect([installed.code, installed.err]).toEqual([0, '']);
    expect(installed.out.split('\n').map((line) => line.trimEnd())).toEqual([
      `installed: ${file}, by SQLite triggers`,
      '',
      'TABLE   CHANGES           OLD ROW  NOTES',
      'prices  told from now on  whole',
      'tally   told from now on  whole    no primary key',
      'users   told from now on  whole',
      'search  left out          -        a virtual table, which can have no triggers',
    ]);
    const after = schema();
    expect((await feed('install', '--sqlite', file)).out).toContain('nothing to do, all was there');
    expect(schema()).toEqual(after);
    database.exec(`INSERT INTO users VALUES (1, 'Ada'); UPDATE users SET name = 'Ada B.'`);
    const status = await feed('status', '--sqlite', file, '--json');
    expect(status.code).toBe(0);
    expect(JSON.parse(status.out)).toMatchObject({
      isHealthy: true,
      problems: [],
      log: { isThere: true, rows: 3, last: { kind: 'update', table: 'users', row: 3 } },
    });
    const removed = await feed('remove', '--sqlite', file);
    expect(removed).toEqual({
      code: 0,
      err: '',
      out: 'removed 15 triggers of prices, tally, users\nremoved the change log, with 3 rows',
    });
    expect(schema()).toEqual(before);
    expect((await feed('remove', '--sqlite', file)).out).toBe('nothing to remove');
    expect((await feed('status', '--sqlite', file)).code).toBe(1);
  });

  test('a primary key that may be NULL is told', async () => {
    database.exec(`CREATE TABLE words (word TEXT PRIMARY KEY); CREATE TABLE places (x, y, PRIMARY KEY (x, y));
      CREATE TABLE firm (word TEXT PRIMARY KEY NOT NULL)`);
    const notes = ['a primary key whose columns may be NULL: declare NOT NULL'];
    await feed('install', '--sqlite', file);
    expect(tablesOf(await feed('status', '--sqlite', file, '--json'))).toMatchObject({
      words: { notes },
      places: { notes },
      firm: { notes: [] },
      tally: { notes: ['no primary key'] },
    });
  });

  test('a dry run of its removal shows what that would run, and runs nothing', async () => {
    expect((await feed('remove', '--sqlite', file, '--dry-run')).out).toBe('-- nothing to remove');
    const before = schema();
    await feed('install', '--sqlite', file);
    const installed = schema();
    const { out, code } = await feed('remove', '--sqlite', file, '--dry-run');
    expect(code).toBe(0);
    expect(schema()).toEqual(installed);
    expect(JSON.parse((await feed('remove', '--sqlite', file, '--dry-run', '--json')).out).statements).toEqual(
      out.split('\n').map((line) => line.slice(0, -1)),
    );
    database.exec(out);
    expect(schema()).toEqual(before);
  });

  test('a dry run shows what it would run, and runs nothing', async () => {
    const before = schema();
    const { out, code } = await feed('install', '--sqlite', file, '--dry-run');
    expect(code).toBe(0);
    expect(schema()).toEqual(before);
    // What it shows is all that is needed.
    database.exec(out);
    expect((await feed('status', '--sqlite', file)).code).toBe(0);
    expect((await feed('install', '--sqlite', file, '--dry-run')).out).toBe('-- nothing to do, all is there');
  });

  test('a table made later, one whose triggers are gone and one that was altered are named', async () => {
    await feed('install', '--sqlite', file);
    database.exec(`CREATE TABLE late (id INTEGER PRIMARY KEY); ALTER TABLE users ADD COLUMN mail TEXT;
      DROP TRIGGER _tidegate_1_insert`);
    const status = await feed('status', '--sqlite', file, '--json');
    expect(status.code).toBe(1);
    const old = 'triggers that do not fit its columns and indexes: install the feed';
    expect(tablesOf(status)).toMatchObject({
      late: { isTold: false, oldRow: 'none', notes: ['no triggers: install the feed'] },
      users: { isTold: false, notes: [old] },
      prices: { isTold: false, notes: [old] },
      tally: { isTold: true },
    });
    expect(JSON.parse(status.out).problems).toEqual([
      'expected triggers on table late, got none: install the feed',
      'expected the triggers of table prices to fit its columns and indexes, got older ones: install the feed',
      'expected the triggers of table users to fit its columns and indexes, got older ones: install the feed',
    ]);
    expect((await feed('install', '--sqlite', file)).code).toBe(0);
    expect((await feed('status', '--sqlite', file)).code).toBe(0);
  });

  test('only the tables asked for are told of, and missed', async () => {
    const { out, code } = await feed('install', '--sqlite', file, '--tables', 'users, prices');
    expect(code).toBe(0);
    expect(out).toMatch(/tally +left out +- +not among the tables asked for/);
    expect((await feed('status', '--sqlite', file, '--tables', 'users,prices')).code).toBe(0);
    expect((await feed('status', '--sqlite', file)).out).toContain('expected triggers on table tally, got none');
    expect((await feed('install', '--sqlite', file, '--tables', 'users,gone')).err).toBe(
      'E_FEED: expected a table gone, got none',
    );
    expect((await feed('install', '--sqlite', file, '--tables', 'search')).err).toContain('got a virtual table');
    const gone = await feed('status', '--sqlite', file, '--tables', 'users,gone');
    expect([gone.code, gone.out.includes('expected a table gone, got none')]).toEqual([1, true]);
  });

  test('what is no database, or not there, is named and not made', async () => {
    const missing = join(folder, 'missing.db');
    for (const command of ['install', 'remove', 'status']) {
      const { code, err } = await feed(command, '--sqlite', missing);
      expect([code, err]).toEqual([1, `E_FEED: expected the file of a database, got none at ${missing}`]);
    }
    expect(existsSync(missing)).toBe(false);
    const text = join(folder, 'text.db');
    writeFileSync(text, 'no database, but long enough to look for a header in it'.repeat(40));
    expect((await feed('status', '--sqlite', text)).err).toContain('file is not a database');
  });

  test('a column whose values cannot be compared is named', async () => {
    const path = join(folder, 'wide.db');
    const wide = new DatabaseSync(path);
    wide.exec(`PRAGMA encoding = 'UTF-16'; CREATE TABLE odd (id INTEGER PRIMARY KEY, v TEXT)`);
    wide.close();
    const { out } = await feed('install', '--sqlite', path);
    expect(out).toMatch(/odd +told from now on +whole +texts of v cannot be compared: any may match/);
  });

  test('no name of a table speaks to the terminal', async () => {
    database.exec(`CREATE TABLE "\u001b[2Jboo" (id INTEGER PRIMARY KEY)`);
    const { out } = await feed('status', '--sqlite', file);
    expect(out).toContain('\\u001b[2Jboo');
    expect(out).not.toContain('\u001b');
  });
});

test('whoever serves loads nothing of it', () => {
  const script = `import { registerHooks } from 'node:module';
    const seen = [];
    registerHooks({ load: (url, context, next) => (seen.push(url), next(url, context)) });
    await import(${JSON.stringify(new URL('../../src/node/cli.ts', import.meta.url).href)});
    console.log(JSON.stringify(seen));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  const seen = JSON.parse(stdout) as string[];
  expect(seen.some((url) => url.endsWith('/feed-commands.ts'))).toBe(true);
  expect(seen.filter((url) => /node_modules\/(?:pg|libpg-query|sqlite3-parser)\/|\/src\/track\//.test(url))).toEqual(
    [],
  );
});

test('a check of the configuration prints no password', () => {
  writeFileSync(
    join(folder, 'tidegate.config.json'),
    `{ "origins": { "app": { "url": "http://127.0.0.1:1" } },
      "sources": { "shop": { "postgres": { "connection": "postgres://u:CANARY@h/d" } }, "gone": { "sqlite": "gone.db" } } }`,
  );
  const bin = fileURLToPath(new URL('../../src/node/bin.ts', import.meta.url));
  const check = () => spawnSync(process.execPath, [bin, 'check', '--json'], { cwd: folder, encoding: 'utf8' });
  expect(check()).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('sources.gone.sqlite: expected a readable'),
  });
  writeFileSync(join(folder, 'gone.db'), '');
  const { status, stdout } = check();
  expect(status).toBe(0);
  expect(JSON.parse(stdout).sources.shop.postgres).toMatchObject({ hasConnection: true, mode: 'replication' });
  expect(stdout).not.toContain('CANARY');
});

describe('which database is meant', () => {
  const config = (text: string) => writeFileSync(join(folder, 'tidegate.config.json'), text);

  test('one of the configuration, by its name', async () => {
    config('{ "sources": { "shop": { "sqlite": "./shop.db", "tables": ["users"] } } }');
    expect((await feed('install', 'shop')).code).toBe(0);
    const status = await feed('status', 'shop');
    expect(status.code).toBe(0);
    expect(status.out).toMatch(/^source +shop\ndatabase +shop\.db, by SQLite triggers\n/);
    // The only one needs no name; a flag stands above it.
    expect((await feed('status')).code).toBe(0);
    expect((await feed('status', '--tables', 'users,tally')).code).toBe(1);
    expect((await feed('status', '--source', 'shop')).code).toBe(0);
  });

  test('one of several needs its name', async () => {
    config('{ "sources": { "shop": { "sqlite": "shop.db" }, "other": { "sqlite": "other.db" } } }');
    const none = await feed('status');
    expect([none.code, none.err.split('\n')[0]]).toEqual([
      2,
      'error: expected one of the sources shop, other, got none',
    ]);
    const wrong = await feed('status', 'shpo');
    expect([wrong.code, wrong.err.split('\n')[0]]).toEqual([
      2,
      'error: expected one of the sources shop, other, got shpo; did you mean "shop"?',
    ]);
    expect((await feed('status', 'other')).err).toContain('got none at other.db');
  });

  test('a configuration that is wrong says where, and what belongs to a gate does not matter', async () => {
    config('{ "origins": {}, "sources": { "shop": { "sqlite": "shop.db", "tabels": ["users"] }, "both": {} } }');
    const { code, err } = await feed('status', 'shop');
    expect(code).toBe(1);
    expect(err).toContain('sources.shop.tabels: unknown key; did you mean \\"tables\\"?'.replaceAll('\\', ''));
    expect(err).toContain('sources.both: expected exactly one of sqlite, postgres, got none');
    expect(err).not.toContain('origins');
    config('{ "source": { "shop": { "sqlite": "shop.db" } } }');
    expect((await feed('status', 'shop')).err).toContain('source: unknown key; did you mean "sources"?');
    config('{ "sources": { "shop": { "postgres": { "connection": "mysql://u:CANARY@h/d" } } } }');
    const refused = await feed('status', 'shop');
    expect(refused.err).toContain('sources.shop.postgres.connection: expected a connection string');
    expect(refused.err).not.toContain('CANARY');
  });

  test.each([
    [['status'], 'expected --sqlite FILE, --postgres CONNECTION'],
    [['status', '--sqlite', 'a.db', '--postgres', 'postgres://h/d'], 'expected --sqlite or --postgres, got both'],
    [['status', '--sqlite', 'a.db', '--slot', 's'], 'expected a database of PostgreSQL with --slot, got one of SQLite'],
    [['status', 'a', '--source', 'b', '--sqlite', 'a.db'], 'expected one source, got a and --source b'],
    [['status', '--sqlite', 'a.db', '--source', 'A B'], 'expected a name of 1 to 64'],
    [['install', '--postgres', 'postgres://h/d', '--trigger-log', '--slot', 's'], 'expected --trigger-log or what'],
    [['status', '--postgres', 'h/d'], '--postgres: expected a connection string'],
    [['status', '--sqlite', 'a.db', '--tables', 'a,,b'], '--tables: expected names of tables'],
    [
      ['install', '--postgres', 'postgres://h/d', '--identity', 'half'],
      '--identity: expected one of full, key, got "half"',
    ],
    [['run', '--sqlite', 'a.db'], 'expected the name of the source, by --source, got none'],
  ])('a wrong command line ends with 2: %j', async (args, message) => {
    const { code, err } = await feed(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
