// What a catalogue says of a table is what its database does: affinities by what is stored, collations by what is
// equal, keys by what is refused.

import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { Scalar } from '../../src/dependency/change.ts';
import { readSqliteCatalogue, sqliteCatalogueVersion } from '../../src/sql/sqlite/catalogue.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import { tableOf, whatOf } from './parser-kit.ts';

describe('of SQLite', () => {
  type Rows = readonly Readonly<Record<string, unknown>>[];
  const open = (schema: string) => {
    const db = new DatabaseSync(':memory:');
    db.exec(schema);
    const run = (sql: string, parameters: readonly Scalar[]) =>
      db.prepare(sql).all(...(parameters as string[])) as Rows;
    return { db, run, catalogue: readSqliteCatalogue(run, 'here') };
  };

  test.each([
    'INT',
    'INTEGER',
    'tinyint',
    'UNSIGNED BIG INT',
    'CHARINT',
    'CHARACTER(20)',
    'VARCHAR(255)',
    'NCHAR(55)',
    'TEXT',
    'CLOB',
    'BLOB',
    '',
    'REAL',
    'DOUBLE PRECISION',
    'FLOAT',
    'FLOATING POINT',
    'NUMERIC',
    'DECIMAL(10,5)',
    'BOOLEAN',
    'DATE',
    'DATETIME',
    'STRING',
    'ANY',
    'json',
    'uuid',
  ])('the affinity of %s is what SQLite stores', (type) => {
    const { db, catalogue } = open(`CREATE TABLE t (a ${type})`);
    db.prepare("INSERT INTO t VALUES ('1'), ('1.5')").run();
    db.prepare('INSERT INTO t VALUES (CAST(2 AS INT))').run();
    const stored = db
      .prepare('SELECT typeof(a) AS is_a FROM t')
      .all()
      .map((row) => row.is_a)
      .join(' ');
    const expected = {
      integer: 'integer real integer',
      numeric: 'integer real integer',
      real: 'real real real',
      text: 'text text text',
      blob: 'text text integer',
    };
    const [column] = tableOf(catalogue.relation(undefined, 't')).columns;
    expect(column?.type.family === 'sqlite' && expected[column.type.affinity]).toBe(stored);
  });

  test('ANY in a STRICT table keeps what it is given', () => {
    const { catalogue } = open('CREATE TABLE t (a ANY, b INT) STRICT');
    const types = tableOf(catalogue.relation(undefined, 't')).columns.map(({ type }) => type);
    expect(types).toMatchObject([{ affinity: 'blob' }, { affinity: 'integer' }]);
  });

  test('collations come from the text of the table', () => {
    const { db, catalogue } = open(
      `CREATE TABLE t (a, b TEXT COLLATE NOCASE, c TEXT DEFAULT 'x' COLLATE "rtrim" NOT NULL, d COLLATE binary, "e f" TEXT CHECK (a COLLATE NOCASE <> 'z'));
       ALTER TABLE t ADD COLUMN g TEXT COLLATE nocase; CREATE TABLE u AS SELECT b FROM t`,
    );
    const collations = (name: string) =>
      tableOf(catalogue.relation(undefined, name)).columns.map(
        ({ type }) => type.family === 'sqlite' && type.collation,
      );
    expect(collations('t')).toEqual(['binary', 'nocase', 'rtrim', 'binary', 'binary', 'nocase']);
    db.exec("INSERT INTO u VALUES ('A')");
    const [row] = db.prepare("SELECT b = 'a' AS same FROM u").all();
    expect([collations('u'), row?.same]).toEqual([['binary'], 0]);
  });

  test('a database whose texts are not UTF-8 sorts them in an order that is not known', () => {
    const { catalogue } = open("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a TEXT)");
    expect(tableOf(catalogue.relation(undefined, 't')).columns).toMatchObject([{ type: { collation: 'unknown' } }]);
  });

  test.each<[string, readonly number[]]>([
    ['a INTEGER PRIMARY KEY, b', [0]],
    ['b, a INTEGER PRIMARY KEY AUTOINCREMENT', [1]],
    ['a INT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID --', [1, 0]],
    ['a TEXT PRIMARY KEY NOT NULL', [0]],
    ['a TEXT PRIMARY KEY', []],
    ['a INT NOT NULL, b INT, PRIMARY KEY (a, b)', []],
    ['a INTEGER PRIMARY KEY DESC', []],
    ['a INTEGER, PRIMARY KEY (a DESC)', [0]],
    ['a INT PRIMARY KEY', []],
    ['a TEXT PRIMARY KEY) STRICT --', [0]],
    ['a, b UNIQUE', []],
  ])('the key of (%s) is there if it may never be NULL', (columns, key) => {
    const { db, catalogue } = open(`CREATE TABLE t (${columns}\n)`.replace(/--\n\)/, ''));
    const table = tableOf(catalogue.relation(undefined, 't'));
    expect(table.key).toEqual(key);
    const nulls = `INSERT INTO t VALUES (${table.columns.map(({ isNotNull }) => (isNotNull && key.length === 0 ? 1 : 'NULL')).join(', ')})`;
    const twice = () => [1, 2].map(() => db.prepare(nulls).run());
    const rowid = /INTEGER/.test(columns) && key.length > 0;
    expect(table.rowid).toBe(rowid ? key[0] : undefined);
    if (key.length > 0 && !rowid) expect(twice).toThrow(/NOT NULL/);
    else expect(twice).not.toThrow();
  });

  test('generated columns are columns, names fold the letters of ASCII', () => {
    const { catalogue } = open('CREATE TABLE "Äb" (A INT, b INT AS (a + 1) STORED, c TEXT AS (a) VIRTUAL)');
    expect(tableOf(catalogue.relation('MAIN', 'ÄB')).columns.map(({ name }) => name)).toEqual(['A', 'b', 'c']);
    expect(catalogue.relation(undefined, 'äb')).toBeNull();
    expect(catalogue.source).toBe('here');
  });

  test('views have the text of their SELECT, which parses', () => {
    const { catalogue } = open(
      'CREATE TABLE t (a, b); CREATE VIEW v (x, y) AS -- why\n SELECT a, b FROM t WHERE a > 1; CREATE VIEW w AS SELECT * FROM v',
    );
    const view = catalogue.relation(undefined, 'V');
    expect(view).toMatchObject({ kind: 'view', columns: ['x', 'y'], text: 'SELECT a, b FROM t WHERE a > 1' });
    expect(createSqliteParser().parse((view as { text: string }).text)).toMatchObject([{ kind: 'query' }]);
    expect(catalogue.relation(undefined, 'w')).toMatchObject({ kind: 'view', columns: ['x', 'y'] });
  });

  test('what changes unseen says what it is', () => {
    const { db, run } = open(
      'CREATE TABLE t (a); CREATE VIEW v AS SELECT a FROM t; CREATE VIRTUAL TABLE f USING fts5 (a)',
    );
    db.exec(
      "ATTACH ':memory:' AS far; CREATE TABLE far.t (b INTEGER PRIMARY KEY); CREATE TABLE far.only (c); CREATE VIEW far.w AS SELECT b FROM t",
    );
    db.exec(
      'CREATE TEMP TABLE own (a); CREATE TABLE gone (a); CREATE VIEW broken AS SELECT a FROM gone; DROP TABLE gone',
    );
    const catalogue = readSqliteCatalogue(run);
    const what = (name: string) => whatOf(catalogue.relation(undefined, name));
    expect(['f', 'f_data', 'json_each', 'own', 'sqlite_schema', 'pragma_table_info'].map(what)).toEqual([
      'a virtual table',
      'a virtual table',
      'a virtual table',
      'a temporary table or view',
      'a table of the system',
      'a table of the system',
    ]);
    expect([what('broken'), what('w')]).toEqual([
      'a view whose columns could not be read',
      'a view of an attached database',
    ]);
    expect(tableOf(catalogue.relation(undefined, 't')).name).toBe('t');
    expect(tableOf(catalogue.relation('far', 't'))).toMatchObject({ name: 'far.t', key: [0] });
    expect(tableOf(catalogue.relation(undefined, 'only')).name).toBe('far.only');
    expect(catalogue.relation(undefined, 'nothing')).toBeNull();
  });

  test('a temporary table stands before others of its name', () => {
    const { db, run } = open('CREATE TABLE t (a)');
    db.exec('CREATE TEMP TABLE t (b)');
    expect(whatOf(readSqliteCatalogue(run).relation(undefined, 't'))).toBe('a temporary table or view');
    expect(whatOf(readSqliteCatalogue(run).relation('main', 't'))).toBe('table');
  });

  test('a driver that answers later gets the same', async () => {
    const { run, catalogue } = open('CREATE TABLE t (a); CREATE VIEW v AS SELECT a FROM t');
    const later = await readSqliteCatalogue(async (sql: string, parameters: readonly Scalar[]) => run(sql, parameters));
    for (const name of ['t', 'v']) expect(later.relation(undefined, name)).toEqual(catalogue.relation(undefined, name));
    await expect(readSqliteCatalogue(() => Promise.reject(new Error('closed')))).rejects.toThrow('closed');
  });

  test('the version changes with the schema, not with the rows', () => {
    const { db, run } = open('CREATE TABLE t (a)');
    const before = sqliteCatalogueVersion(run);
    db.exec('INSERT INTO t VALUES (1)');
    expect(sqliteCatalogueVersion(run)).toBe(before);
    db.exec('ALTER TABLE t ADD COLUMN b');
    const after = sqliteCatalogueVersion(run);
    expect(after).not.toBe(before);
    db.exec("ATTACH ':memory:' AS far");
    expect(sqliteCatalogueVersion(run)).not.toBe(after);
    const guarded = (sql: string, parameters: readonly Scalar[]) => {
      if (sql.includes('schema_version')) throw new Error('not authorized');
      return run(sql, parameters);
    };
    const first = sqliteCatalogueVersion(guarded);
    db.exec('CREATE TABLE u (a)');
    expect(sqliteCatalogueVersion(guarded)).not.toBe(first);
  });
});
