// A function, an operator or a cast of the application may read tables, whatever system's name it has: an answer that one
// was used for is not stored, unless the application says that it depends on its arguments alone.

import type { PGlite } from '@electric-sql/pglite';
import { citext } from '@electric-sql/pglite/contrib/citext';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresCatalogueVersion } from '../../src/sql/postgres/catalogue.ts';
import { startedPglite } from '../kit/pglite.ts';
import { PostgresJudge } from './postgres-judge.ts';

const NAMES = 'total rank median height scale host every percentile family lower text'.split(' ');

let db: PGlite;
let extensible: PGlite;
let judge: PostgresJudge;

const reading = (head: string, value = '(SELECT max(n) FROM hidden)') =>
  `CREATE FUNCTION ${head} LANGUAGE sql STABLE AS $$ SELECT ${value} $$;`;

beforeAll(async () => {
  [db, extensible] = await Promise.all([startedPglite(), startedPglite({ citext })]);
  await db.exec(`
    CREATE TYPE mood AS ENUM ('low', 'high'); CREATE TYPE pair AS (a int, b int); CREATE DOMAIN plain AS text CHECK (value <> '');
    CREATE TABLE t (id int PRIMARY KEY, n int, name text, code varchar(9), m mood, p plain);
    INSERT INTO t VALUES (1, 1, 'one', 'a', 'low', 'x'), (2, 2, 'two', 'b', 'high', 'y');
    CREATE TABLE hidden (id int PRIMARY KEY, n int); INSERT INTO hidden VALUES (1, 5);
    CREATE SCHEMA app;
  `);
  judge = await PostgresJudge.open(db);
}, 60_000);

afterAll(() => Promise.all([db.close(), extensible.close()]));

/** With what is made here, which is taken back afterwards. */
async function within(ddl: string, query: string, given: { pure?: string[]; parameters?: unknown[] } = {}) {
  await db.exec(`BEGIN; ${ddl}`);
  try {
    const own = given.pure === undefined ? judge : await PostgresJudge.open(db, given.pure);
    return await own.verdict(query, 'UPDATE hidden SET n = n + 1', given.parameters);
  } finally {
    await db.exec('ROLLBACK');
  }
}

describe('functions', () => {
  test.each([
    [
      'stamp(t) RETURNS int',
      'WITH RECURSIVE r AS (SELECT id, t.stamp AS s FROM t UNION SELECT id, s FROM r WHERE id < 0) SELECT id, s FROM r',
    ],
    ['stamp(int) RETURNS int', 'SELECT g.stamp FROM generate_series(1, 2) g'],
    [
      'stamp(anyelement) RETURNS int',
      'WITH RECURSIVE r AS (SELECT id FROM t UNION SELECT id FROM r WHERE id < 0) SELECT r.stamp FROM r',
    ],
  ])('%s as a field, where columns are not looked at', async (head, query) => {
    expect(await within(reading(`public.${head}`), query)).toMatch(/^not stored: field stamp/);
  });

  test.each(NAMES)('%s of the application', async (name) => {
    const ddl = reading(`public.${name}(int) RETURNS int`);
    expect(await within(ddl, `SELECT id, ${name}(n) FROM t WHERE id = 1`)).toMatch(/^not stored: function/);
  });

  test.each([
    'SELECT id FROM t WHERE lower(n) > 3',
    'SELECT id FROM t ORDER BY lower(n) LIMIT 1',
    'SELECT count(*) FROM t GROUP BY lower(n)',
    'SELECT id, lower(n) OVER () FROM t',
    'SELECT t.id, x FROM t, lower(t.n) x',
    'SELECT (t.n).lower FROM t',
    'SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE lower(u.n) = t.n)',
    'SELECT public.lower(n) FROM t',
    'SELECT "lower"(n) FROM t',
  ])('%s', async (query) => {
    const ddl = reading('public.lower(int) RETURNS int');
    const windowed = query.includes('OVER')
      ? `${reading('public.step(int, int) RETURNS int')} CREATE AGGREGATE public.lower(int) (SFUNC = public.step, STYPE = int);`
      : ddl;
    expect(await within(windowed, query)).toMatch(/^not stored: (?:function|field)/);
  });

  test('by a view, and as a field of a row', async () => {
    const view = `${reading('public.lower(int) RETURNS int')} CREATE VIEW v AS SELECT id, lower(n) AS l FROM t;`;
    expect(await within(view, 'SELECT l FROM v WHERE id = 1')).toMatch(/^not stored: function public.lower/);
    const field = reading('public.label(t) RETURNS int');
    for (const query of ['SELECT t.label FROM t', 'SELECT (t).label FROM t', 'SELECT x.label FROM t AS x']) {
      expect(await within(field, query)).toMatch(/^not stored: field label/);
    }
  });

  test('of a schema that is not on the path it is the system’s that is called', async () => {
    const ddl = reading('app.lower(int) RETURNS int');
    expect(await within(ddl, "SELECT lower('A') FROM t")).toBe('same, not named');
    expect(await within(ddl, 'SELECT app.lower(n) FROM t')).toMatch(/^not stored: function app.lower/);
    const onPath = `${ddl} SET LOCAL search_path = public, app;`;
    expect(await within(onPath, 'SELECT lower(n) FROM t')).toMatch(/^not stored: function lower/);
    const bySystem = reading('public.lower(int) RETURNS int');
    expect(await within(bySystem, "SELECT pg_catalog.lower('A') FROM t")).toBe('same, not named');
  });

  test('that are declared', async () => {
    const pure = 'CREATE FUNCTION public.lower(int) RETURNS int LANGUAGE sql AS $$ SELECT $1 - 1 $$;';
    const query = 'SELECT id, lower(n) FROM t WHERE id = 1';
    expect(await within(pure, query, { pure: ['lower'] })).toBe('same, not named');
    const other = pure.replace('lower', 'own');
    expect(await within(other, 'SELECT id, own(n) FROM t', { pure: ['own'] })).toBe('same, not named');
    const view = `${other} CREATE VIEW v AS SELECT id, own(n) FROM t;`;
    expect(await within(view, 'SELECT * FROM v', { pure: ['own'] })).toBe('same, not named');
    expect(await within(view, 'SELECT * FROM v', { pure: ['app.own'] })).toMatch(/^not stored/);
  });

  test('a function that is made later makes another version of the catalogue', async () => {
    const run = async (sql: string) => (await db.query<Record<string, unknown>>(sql)).rows;
    const versions = new Set([await postgresCatalogueVersion(run)]);
    for (const ddl of [
      reading('public.lower(int) RETURNS int'),
      `${reading('public.same(mood, mood) RETURNS boolean', 'true')} CREATE OPERATOR = (LEFTARG = mood, RIGHTARG = mood, FUNCTION = public.same);`,
      `${reading('public.number(mood) RETURNS int')} CREATE CAST (mood AS int) WITH FUNCTION public.number(mood);`,
      `${reading('public.good(text) RETURNS boolean', 'true')} CREATE DOMAIN good AS text CHECK (public.good(value));`,
    ]) {
      await db.exec(`BEGIN; ${ddl}`);
      versions.add(await postgresCatalogueVersion(run));
      await db.exec('ROLLBACK');
    }
    expect(versions.size).toBe(5);
  });
});

describe('operators', () => {
  const same = reading(
    'public.same(mood, mood) RETURNS boolean',
    '$1::text < $2::text OR (SELECT max(n) FROM hidden) > 5',
  );
  const equal = `${same} CREATE OPERATOR public.= (LEFTARG = mood, RIGHTARG = mood, FUNCTION = public.same);`;

  test.each([
    "SELECT id FROM t WHERE m = 'low'",
    "SELECT id FROM t WHERE m IN ('low', 'high')",
    "SELECT id FROM t WHERE m NOT IN ('low')",
    "SELECT id FROM t WHERE m IS DISTINCT FROM 'low'",
    "SELECT id, nullif(m, 'low') FROM t",
    "SELECT id, CASE m WHEN 'low' THEN 1 ELSE 2 END FROM t",
    'SELECT id FROM t WHERE m IN (SELECT m FROM t WHERE id = 1)',
    "SELECT id FROM t WHERE m = ANY ('{low}'::mood[])",
    'SELECT t.id FROM t JOIN t u USING (m)',
    "SELECT id FROM t WHERE (m, id) = ('low', 1)",
    "SELECT id FROM t WHERE m OPERATOR(public.=) 'low'",
  ])('%s', async (query) => {
    expect(await within(equal, query)).toMatch(/^not stored: operator/);
  });

  test.each([
    ['+', 'int, int', 'SELECT n + 1 FROM t', 'SELECT t.n OPERATOR(public.+) 1 FROM t'],
    ['~~', 'varchar, varchar', "SELECT id FROM t WHERE code LIKE 'a%'"],
    ['~~*', 'varchar, varchar', "SELECT id FROM t WHERE code ILIKE 'a%'"],
    ['>=', 'varchar, varchar', "SELECT id FROM t WHERE code BETWEEN 'a' AND 'b'"],
    ['#', 'none, int', 'SELECT # n FROM t'],
  ])('%s', async (name, types, ...queries) => {
    const [left, right] = types.split(', ');
    const args = left === 'none' ? right : types;
    const sides = left === 'none' ? `RIGHTARG = ${right}` : `LEFTARG = ${left}, RIGHTARG = ${right}`;
    const result = /int/.test(types) ? 'int' : 'boolean';
    const value = result === 'int' ? undefined : '(SELECT max(n) FROM hidden) > 5';
    const ddl = `${reading(`public.op(${args}) RETURNS ${result}`, value)} CREATE OPERATOR public.${name} (${sides}, FUNCTION = public.op);`;
    for (const query of queries) expect(await within(ddl, query)).toMatch(/^not stored: operator/);
  });

  test('of a schema of the session alone', async () => {
    const query = "SELECT id FROM t WHERE m OPERATOR(pg_temp.=) 'low'";
    expect(await within(equal.replaceAll('public.', 'pg_temp.'), query)).toBe(
      'not stored: operator pg_temp.=, a temporary one',
    );
  });

  test('that are declared by their function', async () => {
    expect(await within(equal, 'SELECT id FROM t WHERE n = 1', { pure: ['same'] })).toBe('same, not named');
    expect(await within(equal, 'SELECT id FROM t WHERE n > 1')).toBe('same, not named');
  });
});

describe('types', () => {
  const number = reading('public.number(mood) RETURNS int');

  test('casts', async () => {
    const explicit = `${number} CREATE CAST (mood AS int) WITH FUNCTION public.number(mood);`;
    expect(await within(explicit, 'SELECT id, m::int FROM t')).toMatch(/^not stored: function public.number/);
    expect(await within(explicit, "SELECT 'low'::mood::int FROM hidden WHERE id = 1")).toMatch(
      /^not stored: type mood/,
    );
    const told = explicit.replace('(SELECT max(n) FROM hidden)', 'length($1::text)');
    expect(await within(told, 'SELECT id, m::int FROM t', { pure: ['number'] })).toBe('same, not named');
    const implicit = `${number} CREATE CAST (mood AS int) WITH FUNCTION public.number(mood) AS IMPLICIT;`;
    expect(await within(implicit, 'SELECT id, abs(m) FROM t')).toMatch(/^not stored/);
    expect(
      await within(
        implicit,
        'WITH RECURSIVE r AS (SELECT id, m FROM t UNION SELECT id, m FROM r) SELECT abs(m) FROM r',
      ),
    ).toMatch(/^not stored/);
    const toOwn = `${reading('public.mood_of(int) RETURNS mood', "'low'::mood")} CREATE CAST (int AS mood) WITH FUNCTION public.mood_of(int);`;
    expect(await within(toOwn, 'SELECT n::mood FROM t')).toMatch(/^not stored/);
    expect(await within(toOwn, 'SELECT n::public.mood[] FROM hidden')).toMatch(/^not stored: type public.mood/);
    const ofSystem = `${reading('public.many(int) RETURNS text', "'x'")} CREATE CAST (int AS text) WITH FUNCTION public.many(int)`;
    expect(await within(`${ofSystem};`, 'SELECT n::text FROM hidden')).toMatch(/^not stored: type text/);
    expect(await within(`${ofSystem} AS IMPLICIT;`, 'SELECT upper(n) FROM hidden')).toMatch(/^not stored/);
  });

  test('domains, rows and base types', async () => {
    const good = `${reading('public.good(text) RETURNS boolean', '(SELECT max(n) FROM hidden) < 6')} CREATE DOMAIN good AS text CHECK (public.good(value));`;
    expect(await within(good, "SELECT 'a'::good FROM t")).toMatch(/^not stored: type good/);
    expect(await within(good, "SELECT '{a}'::good[] FROM t")).toMatch(/^not stored: type good/);
    expect(await within(`${good} CREATE TYPE wide AS (a good);`, "SELECT '(a)'::wide FROM t")).toMatch(
      /^not stored: type wide/,
    );
    expect(await within(`${good} CREATE DOMAIN better AS good;`, "SELECT '(a)'::better FROM t")).toMatch(
      /^not stored: type better/,
    );
    expect(await within(good, "SELECT json_value('\"a\"', '$' RETURNING good) FROM t")).toMatch(
      /^not stored: type good/,
    );
    const base = `CREATE TYPE raw; CREATE FUNCTION raw_in(cstring) RETURNS raw LANGUAGE internal IMMUTABLE STRICT AS 'textin';
      CREATE FUNCTION raw_out(raw) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
      CREATE TYPE raw (INPUT = raw_in, OUTPUT = raw_out, LIKE = text); CREATE TABLE raws (id int PRIMARY KEY, r raw);`;
    expect(await within(base, "SELECT 'a'::raw FROM t")).toMatch(/^not stored: type raw/);
    expect(await within(base, 'SELECT id FROM raws')).toMatch(/^not stored: function public.raw_/);
  });

  test('that run nothing of the application', async () => {
    expect(await within('', "SELECT id FROM t WHERE m = $1::mood AND p = 'x'::plain", { parameters: ['low'] })).toBe(
      'same, not named',
    );
    expect(await within('', "SELECT '{low}'::mood[], '(1,2)'::pair, n::int4, '1'::text FROM t WHERE id = 1")).toBe(
      'same, not named',
    );
    const moved = 'SET LOCAL search_path = public, pg_catalog;';
    expect(await within(moved, 'SELECT n::text FROM t')).toMatch(/^not stored: type text/);
  });
});

test('what an extension brings in C leaves the system’s names as they are', async () => {
  await extensible.exec(`CREATE EXTENSION citext; CREATE TABLE t (id int PRIMARY KEY, name citext, note text);
    INSERT INTO t VALUES (1, 'a', 'b'); CREATE TABLE hidden (id int PRIMARY KEY, n int)`);
  const extended = await PostgresJudge.open(extensible);
  const write = 'INSERT INTO hidden VALUES (1, 1)';
  for (const query of [
    'SELECT max(name), lower(min(note)) FROM t',
    "SELECT id FROM t WHERE name = 'A' AND note LIKE 'b'",
  ]) {
    expect(await extended.verdict(query, write)).toBe('same, not named');
  }
  // In SQL it could read anything.
  expect(await extended.verdict("SELECT replace(note, 'a', 'b') FROM t", write)).toMatch(
    /^not stored: function replace/,
  );
}, 60_000);
