// What tags stand for, in words: of statements on a real database, analysed and bound as they are when they are tracked.

import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, test } from 'vitest';
import { bindInstance } from '../../src/dependency/bind.ts';
import type { TableShape } from '../../src/dependency/change.ts';
import type { Described } from '../../src/dependency/describe/describe.ts';
import { Registry, type RegistryOptions, type TagMeaning } from '../../src/dependency/registry.ts';
import { analyse } from '../../src/sql/analyse.ts';
import { readSqliteCatalogue } from '../../src/sql/sqlite/catalogue.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import { coarsen, type Dependency } from '../../src/track/scope/coarsen.ts';

const db = new DatabaseSync(':memory:');
db.exec(`
  CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER, city TEXT);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, total INTEGER);
  CREATE TABLE prices (item INTEGER NOT NULL, land TEXT NOT NULL, cents INTEGER, PRIMARY KEY (item, land));
  CREATE TABLE notes (text TEXT);
  CREATE TABLE loose (k PRIMARY KEY NOT NULL, v);
  CREATE TABLE words (word TEXT PRIMARY KEY, count INTEGER);
  CREATE TABLE places (x INTEGER, y INTEGER NOT NULL, PRIMARY KEY (x, y));
  INSERT INTO users VALUES (1, 'Lane', 30, 'Ghent'), (2, 'Kim', 40, NULL), (3, 'Ola', 50, 'Oslo');
  INSERT INTO orders VALUES (10, 1, 5), (11, 3, 6);
  INSERT INTO prices VALUES (3, 'de', 100), (3, 'a,b', 200);
  INSERT INTO notes VALUES ('x');
  INSERT INTO loose VALUES (7, 'number'), ('eight', 'text');
`);
const all = (sql: string, parameters: readonly unknown[] = []) => db.prepare(sql).all(...(parameters as never[]));
const catalogue = readSqliteCatalogue(all as never);
const parts = { dialect: 'sqlite', parser: createSqliteParser(), catalogue } as const;

function watched(sql: string, ...parameters: unknown[]) {
  const template = analyse(sql, parts);
  if (template.kind !== 'tracked') throw new Error(`expected a tracked statement, got ${template.kind}`);
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return bindInstance(template, parameters, { rows: statement.all(...(parameters as never[])) as never });
}

function registryOf(
  statements: Readonly<Record<string, readonly [sql: string, ...parameters: unknown[]]>>,
  options: Partial<RegistryOptions> = {},
): Registry {
  const registry = new Registry({ position: '00', seed: 1, ...options });
  for (const [tag, [sql, ...parameters]] of Object.entries(statements)) {
    expect(registry.register(tag, watched(sql, ...parameters), registry.mark())).toBeUndefined();
  }
  return registry;
}

const only = (sql: string, ...parameters: unknown[]): Described => {
  const { described, isWhole } = registryOf({ q: [sql, ...parameters] }).describe(['q']);
  expect(isWhole).toBe(true);
  return described[0] as Described;
};

describe('a statement on one table', () => {
  test.each([
    ['SELECT * FROM users WHERE id = ?', [2], { predicate: 'id = 2', records: ['2'], recordCount: 1, columns: ['*'] }],
    [
      'SELECT id FROM users WHERE name = ?',
      ["O'Hara"],
      { predicate: "name = 'O''Hara'", records: [], columns: ['id', 'name'] },
    ],
    [
      'SELECT id FROM users WHERE age >= ? AND age < ?',
      [35, 60],
      { predicate: 'age >= 35 and age < 60', records: ['2', '3'] },
    ],
    ['SELECT id FROM users WHERE id IN (?, ?)', [1, 3], { predicate: 'id in (1, 3)', records: ['1', '3'] }],
    ['SELECT id FROM users WHERE city IS NULL OR age < 35', [], { predicate: 'city is null or age < 35' }],
    [
      'SELECT id FROM users WHERE age > 1 AND (city IS NULL OR name = ?)',
      ['a'],
      {
        predicate: "age > 1 and (city is null or name = 'a')",
      },
    ],
    ['SELECT id FROM users WHERE name LIKE ?', ['La%'], { predicate: "name like 'La%'" }],
    ['SELECT id FROM users WHERE NOT (name = ? AND age = 2)', ['x'], { predicate: "not (name = 'x' and age = 2)" }],
    ['SELECT id FROM users WHERE age = id', [], { predicate: 'age = id' }],
    ['SELECT count(*) FROM users WHERE age = 3', [], { predicate: 'age = 3', columns: ['id', 'age'] }],
    ['SELECT id, name FROM users ORDER BY id LIMIT 2', [], { predicate: 'any row', window: 'first 2 by id, up to 2' }],
    ['SELECT id, name FROM users ORDER BY id DESC LIMIT ?', [2], { window: 'first 2 by id desc, up to 2' }],
    ['SELECT id, name FROM users ORDER BY name LIMIT 9', [], { window: 'first 9 by name, not full' }],
    ['SELECT id FROM users ORDER BY id LIMIT 1 OFFSET ?', [1], { window: 'first 1 by id after an offset, up to 2' }],
    ['SELECT item, land FROM prices', [], { records: ['3, a,b', '3, de'] }],
    ['SELECT k, v FROM loose', [], { records: ['7', 'eight'] }],
  ] as const)('%s %j', (sql, parameters, read) => {
    expect(only(sql, ...parameters)).toMatchObject({ level: 'row', reads: [{ level: 'row', ...read }] });
  });

  it('keeps what is long short', () => {
    const many = Array.from({ length: 100 }, (_, at) => at);
    const [read] = only(`SELECT id FROM users WHERE age IN (${many.map(() => '?').join()})`, ...many).reads;
    expect(read?.predicate).toBe('age in (0, 1, 2, 3, 4, 5, 6, 7, … 92 more)');
    const [other] = only('SELECT id FROM users WHERE name = ?', 'x'.repeat(5_000)).reads;
    expect(other?.predicate).toBe(`name = '${'x'.repeat(57)}…'`);
    const wide = `SELECT id FROM users WHERE name <> '${'y'.repeat(500)}'`;
    expect(only(wide).statement).toMatch(/^SELECT id FROM users WHERE name <> 'y{50,60}…'$/);
  });

  it('says why less is known', () => {
    expect(only('SELECT text FROM notes')).toMatchObject({ reason: 'no-primary-key: notes', level: 'row' });
    // There is a key, and SQLite takes many rows whose key is NULL.
    expect(only('SELECT word FROM words').reason).toBe('nullable-primary-key: words: declare it NOT NULL');
    expect(only('SELECT x, y FROM places').reason).toBe('nullable-primary-key: places: declare it NOT NULL');
    const described = only('SELECT name FROM users WHERE lower(name) = ? AND age = 3', 'x');
    expect(described.reason).toMatch(/^unknown-expression: users: /);
    expect(described.reads[0]?.predicate).toBe('age = 3');
    expect(described.reads[0]).not.toHaveProperty('records');
  });
});

it('a join is a read of each of its tables', () => {
  const sql =
    'SELECT u.id, u.name, o.id AS oid, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.age > 20';
  expect(only(sql)).toMatchObject({
    statement: sql,
    reads: [
      { table: 'users', records: ['1', '3'], columns: ['id', 'name', 'age'] },
      { table: 'orders', records: ['10', '11'] },
    ],
  });
});

describe('what is coarser', () => {
  const two = {
    one: ['SELECT id FROM users WHERE age = ?', 1],
    other: ['SELECT id FROM users WHERE age = ?', 2],
  } as const;
  const coarse = (maxTags: number) => {
    const registry = new Registry({ position: '00', seed: 1 });
    const mark = { ...registry.mark(), session: 's', generation: 0 };
    const rows = Object.entries({
      ...two,
      join: ['SELECT o.id, u.id AS uid FROM users u JOIN orders o ON o.id = u.id'],
    });
    const watching = rows.map(
      ([tag, [sql, ...given]]) => [tag, { watched: watched(sql as string, ...given), mark }] as const,
    );
    const { dependencies } = coarsen('shop', new Map(watching), { maxTags, maxBytes: 1_000 });
    for (const [tag, dependency] of dependencies)
      registry.register(tag, dependency.watched as TagMeaning, dependency.mark);
    return registry.describe([...dependencies.keys()]).described;
  };
  const reason = 'too many tags for one response (maxTags, maxTagBytes)';

  it('of a text with any parameters', () => {
    const text = 'SELECT id FROM users WHERE age = ?';
    expect(coarse(2)).toContainEqual({
      tag: expect.stringMatching(/^t/),
      level: 'template',
      reason,
      statement: text,
      reads: [{ table: 'users', level: 'template', predicate: 'any row', columns: ['id', 'age'] }],
    });
  });

  it('of a table, of the source', () => {
    const rest = { level: 'table', predicate: 'any row', columns: ['*'] };
    expect(new Registry({ position: '', seed: 1 }).describe(['q']).described).toEqual([]);
    expect(coarse(1)).toEqual([
      { tag: expect.stringMatching(/^a/), level: 'source', reason: expect.stringContaining(reason), reads: [] },
    ]);
    const registry = new Registry({ position: '00', seed: 1 });
    const mark = { ...registry.mark(), session: 's', generation: 0 };
    const rows = new Map<string, Dependency>(
      [1, 2, 3].map((age) => [`q${age}`, { watched: watched(two.one[0], age), mark }] as const),
    );
    rows.set('n', { watched: watched('SELECT text FROM notes'), mark });
    rows.set('m', { watched: watched('SELECT 1 FROM notes'), mark });
    const { dependencies } = coarsen('shop', rows, { maxTags: 2, maxBytes: 1_000 });
    for (const [tag, dependency] of dependencies)
      registry.register(tag, dependency.watched as TagMeaning, dependency.mark);
    expect(registry.describe([...dependencies.keys()]).described).toEqual([
      { tag: expect.stringMatching(/^r/), level: 'table', reason, reads: [{ table: 'users', ...rest }] },
      { tag: expect.stringMatching(/^r/), level: 'table', reason, reads: [{ table: 'notes', ...rest }] },
    ]);
  });
});

describe('the other way round', () => {
  const registry = registryOf({
    list: ['SELECT id, name FROM users ORDER BY id LIMIT 2'],
    three: ['SELECT id, name FROM users WHERE id = 3'],
    count: ['SELECT count(*) FROM users'],
    age: ['SELECT age FROM users WHERE id = ?', 3],
    price: ['SELECT item, land, cents FROM prices WHERE land = ?', 'de'],
    odd: ['SELECT item, land, cents FROM prices WHERE land = ?', 'a,b'],
    note: ['SELECT text FROM notes'],
    loose: ['SELECT k, v FROM loose WHERE v = ?', 'number'],
    text: ['SELECT k, v FROM loose WHERE v = ?', 'text'],
  });
  const found = (table: string, ...key: string[]) => {
    const { described, problem } = registry.tagsOfRecord(table, key);
    const listed = described.filter(({ reads }) => reads.some(({ isListed }) => isListed === true));
    return { shows: listed.map(({ tag }) => tag), all: described.map(({ tag }) => tag), problem };
  };

  it('a record gives what shows it, and what may', () => {
    expect(found('users', '1')).toMatchObject({ shows: ['list'], all: ['list', 'count'] });
    // `age` has a condition on the key, which tells 3 from 1 although it does not say what it shows.
    expect(found('users', '3')).toMatchObject({ shows: ['three'], all: ['three', 'count', 'age'] });
    expect(found('users', '99')).toMatchObject({ shows: [], all: ['count'] });
    expect(found('prices', '3', 'de')).toMatchObject({ shows: ['price'] });
    expect(found('prices', '3', 'a,b')).toMatchObject({ shows: ['odd'] });
    expect(found('loose', '7')).toMatchObject({ shows: ['loose'] });
    expect(found('loose', 'eight')).toMatchObject({ shows: ['text'] });
  });

  it('says what cannot be a record', () => {
    expect(found('notes', '1').problem).toBe('expected a table with a primary key, got notes, which has none');
    expect(found('prices', '3').problem).toBe('expected a key of prices (item, land) that can be compared, got "3"');
    const words = registryOf({ words: ['SELECT word FROM words'] });
    expect(words.tagsOfRecord('words', ['a']).problem).toBe(
      'expected a primary key that names each row, got that of words, whose columns may be NULL: declare NOT NULL',
    );
    expect(found('nowhere', '3')).toEqual({ shows: [], all: [], problem: undefined });
  });

  it('a table gives all that reads it', () => {
    expect(registry.tagsOfTable('users').described.map(({ tag }) => tag)).toEqual(['list', 'three', 'count', 'age']);
    expect(registry.tagsOfTable('nowhere')).toEqual({ described: [], isWhole: true });
  });

  it('takes the name of the default schema, of its own kind of database', () => {
    expect(found('main.users', '1')).toMatchObject({ shows: ['list'], all: ['list', 'count'] });
    expect(registry.tagsOfTable('main.users')).toEqual(registry.tagsOfTable('users'));
    expect(registry.tagsOfTable('public.users').described).toEqual([]);
    const [read] = watched('SELECT id FROM users').reads;
    const columns = [{ name: 'id', type: { family: 'postgres', type: 'integer', isOrdered: true }, isNotNull: true }];
    const table = { name: 'users', columns, key: [0] } as unknown as TableShape;
    const postgres = new Registry({ position: '00', seed: 1 });
    const template = { kind: 'tracked', id: 'p', text: '', output: [], fallbacks: [] } as const;
    const ofTable = { ...(read as NonNullable<typeof read>).read, table };
    const reads = [{ read: ofTable, predicate: { kind: 'always' }, keys: new Set(['2']), bound: undefined }] as never;
    postgres.register('p', { template: { ...template, reads: [ofTable] }, reads }, postgres.mark());
    expect(postgres.tagsOfTable('public.users').described.map(({ tag }) => tag)).toEqual(['p']);
    expect(postgres.tagsOfRecord('public.users', ['2']).described[0]?.reads[0]).toMatchObject({ isListed: true });
    expect(postgres.tagsOfTable('main.users').described).toEqual([]);
    expect([postgres.isRead('public.users'), postgres.isRead('public.orders')]).toEqual([true, false]);
  });

  it('is bounded, and says so', () => {
    const many = registryOf({});
    for (let age = 0; age < 1_100; age++) {
      many.register(`q${age}`, watched('SELECT id FROM users WHERE age = ?', age), many.mark());
    }
    const ofTable = many.tagsOfTable('users');
    expect(ofTable).toMatchObject({ isWhole: false });
    expect(ofTable.described).toHaveLength(1_000);
    expect(many.tagsOfRecord('users', ['1']).isWhole).toBe(true);
  });

  it('tells of each instance its own, whichever was looked at before', () => {
    const both = registryOf({
      a: ['SELECT id FROM users WHERE age = ?', 30],
      b: ['SELECT id FROM users WHERE age = ?', 40],
    });
    const texts = both.describe(['b', 'a', 'b']).described.map(({ reads }) => [reads[0]?.predicate, reads[0]?.records]);
    expect(texts).toEqual([
      ['age = 40', ['2']],
      ['age = 30', ['1']],
      ['age = 40', ['2']],
    ]);
    // What was lent out does not disturb matching.
    const table = watched('SELECT id FROM users').reads[0]?.read.table as TableShape;
    const change = { kind: 'insert', table, new: [9, 'x', 30, null] } as const;
    expect(both.apply({ position: '01', changes: [change] }).tags).toEqual(['a']);
  });
});
