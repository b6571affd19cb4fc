// What a statement reads and writes, told by its text. SQLite itself is the judge of random statements: its authorizer is
// told of every table that a statement reads or writes.

import { constants, DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commonNamesIn, sourcesIn } from '../../src/sql/calls/walk.ts';
import { createPostgresParser } from '../../src/sql/postgres/parser.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import { factsOf } from './facts-kit.ts';
import { POSTGRES_QUERIES } from './postgres-corpus.ts';
import { SQLITE_QUERIES } from './sqlite-corpus.ts';

const postgresParser = await createPostgresParser();

const of = (text: string, dialect: 'postgres' | 'sqlite' = 'postgres') => {
  const { reads, writes, isWrite, isOpaque, isUnreadable } = factsOf(text, dialect);
  return {
    reads: [...reads].sort().join(),
    writes: [...writes].sort().join(),
    isWrite,
    isBlind: isOpaque || isUnreadable,
  };
};
const read = (reads: string) => ({ reads, writes: '', isWrite: false, isBlind: false });
const write = (writes: string, reads = '') => ({ reads, writes, isWrite: true, isBlind: false });

describe('a text of PostgreSQL', () => {
  test.each([
    [
      'select "id" from "users" where "id" in (select "user_id" from "posts" where ((("a" = $1) and "b" = $2)))',
      'posts,users',
    ],
    [
      'with "q" as (select * from a), x(p, q) as materialized (select 1 from b) select * from "q", x, lateral (select * from c) z',
      'a,b,c',
    ],
    [
      'select * from a left join "s"."D" on a.id = "D".id where extract(year from born) > 1 and x is distinct from y',
      'a,d',
    ],
    ['select * from ((select 1 from a) union (select 2 from b)) x', 'a,b'],
    ['select * from ((a join b on true) join c on true)', 'a,b,c'],
    ['select * from (values (1, 2)) as v(a, b), only a', 'a'],
    ["select $$ from x $$, E'\\' from y', 'it''s from z' from a -- from w", 'a'],
    ['select 1 /* from x /* from y */ from z */ from a', 'a'],
    ['table a', 'a'],
    ['select * from u&"\\0061"', 'a'],
    ['with a as (select 1) select * from b where exists (select * from a for update of b)', 'b'],
    ['select count(*) filter (where x) over (partition by y order by z) from a', 'a'],
    ['select trim(both from x), substring(x from 1 for 2), cast(x as varchar(10)), x::numeric(3, 2) from a', 'a'],
  ])('reads: %s', (text, reads) => expect(of(text)).toEqual(read(reads)));

  test.each([
    [
      'insert into "users" ("id") values (default) on conflict ("id") do update set "name" = excluded.name returning "id"',
      'users',
      '',
    ],
    ['insert into a select * from b', 'a', 'b'],
    ['with d as (delete from a returning *) insert into b select * from d', 'a,b', ''],
    ['update only "s"."users" as u set x = 1 from z where z.a = u.a', 'users', 'z'],
    ['delete from users using a, b where a.id = users.id', 'users', 'a,b'],
    ['truncate table only a, b restart identity', 'a,b', ''],
    [
      'merge into t using (select * from s) q on t.id = q.id when matched then update set a = 1 when not matched then insert (a) values (1)',
      't',
      's',
    ],
    ['refresh materialized view concurrently "m"', 'm', ''],
    ['select * into n from t', 'n', 't'],
    ['explain analyze delete from users', 'users', ''],
    ['insert into a values (1); delete from b', 'a,b', ''],
  ])('writes: %s', (text, writes, reads) => expect(of(text)).toEqual(write(writes, reads)));

  test.each([
    'call anything()',
    'do $$ begin delete from a; end $$',
    'create table a (id int)',
    'drop table a',
    'copy a from stdin',
    'truncate a cascade',
    "select 'open",
    'commit prepared $1',
    'begin; delete from a; commit',
  ])('is opaque: %s', (text) => expect(factsOf(text, 'postgres')).toMatchObject({ isWrite: true, isOpaque: true }));

  test.each(['select * from $1', "select * from 'a'"])('is unreadable: %s', (text) =>
    expect(factsOf(text, 'postgres').isUnreadable).toBe(true),
  );

  test('names the functions that give relations', () => {
    expect([...factsOf('select * from a, unnest(x) u, s.dblink($1)', 'postgres').functions]).toEqual([
      'unnest',
      '.dblink',
    ]);
  });

  test('names all by which a function may be called', () => {
    const { names } = factsOf(
      'select u.f, x::kind, a @> b, c like d from t as u order by g using operator(s.~<~)',
      'postgres',
    );
    expect([...names]).toEqual(expect.arrayContaining(['f', 'kind', '@>', '~~', '~<~', 't']));
  });

  test.each([
    ["set time zone 'UTC'", 'timezone'],
    ['set session authorization x', 'session_authorization'],
    ["set schema 'x'", 'search_path'],
    ['reset all', '*'],
    ['discard all', '*'],
    ["select set_config('App.Tenant', $1, false)", 'app.tenant'],
    ['select set_config($1, $2, false)', '*'],
    ["select set_config('app.tenant', $1, true)", ''],
    ["set local app.tenant = 'x'", ''],
    ['set transaction isolation level serializable', ''],
    ["set statement_timeout = '1s'", ''],
  ])('changes settings: %s', (text, settings) => expect([...factsOf(text, 'postgres').settings].join()).toBe(settings));

  test.each([
    ['create temp table a as select 1', 'a'],
    ['select 1 into temp a', 'a'],
    ['create temporary view a as select 1', 'a'],
    ['select * from pg_temp.a, b', 'a'],
  ])('makes or names what is temporary: %s', (text, name) =>
    expect([...factsOf(text, 'postgres').temporary]).toEqual([name]),
  );

  test('names functions', () => {
    expect([
      ...factsOf('select own(id), max(id), lower("name") from a where id in (1) and exists (select 1)', 'postgres')
        .functions,
    ]).toEqual(['own', 'max', 'lower']);
  });

  test.each([
    ['select * from a for update', true],
    ['select * from a for no key update of a skip locked', true],
    ['select * from a for key share', true],
    ['select * from a', false],
  ])('locks: %s', (text, locks) => expect(factsOf(text, 'postgres')).toMatchObject({ locks, isWrite: false }));

  test.each([
    ['begin isolation level serializable', 'begin'],
    ['start transaction', 'begin'],
    ['commit', 'commit'],
    ['END', 'commit'],
    ['rollback', 'rollback'],
    ['rollback to savepoint s', 'other'],
    ['savepoint s', 'other'],
    ['set local role x', 'other'],
    ['select 1', undefined],
  ])('controls: %s', (text, control) => expect(factsOf(text, 'postgres').control).toBe(control));
});

describe('every statement of the corpora', () => {
  const corpora = [
    ['postgres', POSTGRES_QUERIES, postgresParser],
    ['sqlite', SQLITE_QUERIES, createSqliteParser()],
  ] as const;

  test.each(corpora)('%s: its facts name every table that the parser finds in it', (dialect, texts, parser) => {
    let found = 0;
    for (const text of texts) {
      const [statement] = parser.parse(text);
      if (statement?.kind !== 'query') continue;
      const common = new Set(commonNamesIn(statement.select));
      const sources = sourcesIn(statement.select).filter(
        ({ schema, name }) => schema !== undefined || !common.has(name),
      );
      const { reads, functions, isOpaque } = factsOf(text, dialect);
      const named = new Set([...reads, ...functions]);
      found += sources.length;
      expect(isOpaque, text).toBe(false);
      expect(
        sources.filter(({ name }) => !named.has(name.toLowerCase())),
        text,
      ).toEqual([]);
    }
    expect(found).toBeGreaterThan(100);
  });
});

const TABLES = ['a', 'b', 'c', 'd'];
const table = fc.constantFrom(...TABLES, '"a"', '[b]', '`c`', 'main.d', 'MAIN."A"', '"from"', 'view_of_a');
const noise = fc.constantFrom('', ' /* from x */', ' -- , y\n', '\n');

interface Made {
  readonly query: string;
  readonly relation: string;
  readonly condition: string;
}

const made = fc.letrec<Made>((tie) => ({
  relation: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    table,
    fc.tuple(table, fc.constantFrom(' as z', ' z', '')).map(([name, alias]) => name + alias),
    tie('query').map((query) => `(${query}) as q`),
    fc
      .tuple(tie('relation'), fc.constantFrom(', ', ' join ', ' left join ', ' cross join '), tie('relation'))
      .map((parts) => parts.join('')),
    tie('relation').map((relation) => `(${relation})`),
    fc.constant('json_each(?)'),
  ),
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('1', "'it''s from x' = ''", '? is not distinct from 2', 'cast(1 as text) = 1'),
    tie('query').map((query) => `1 in (${query})`),
    tie('query').map((query) => `exists (${query})`),
    fc
      .tuple(tie('condition'), fc.constantFrom(' and ', ' or '), tie('condition'))
      .map(([left, by, right]) => `((${left})${by}${right})`),
  ),
  query: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .tuple(noise, tie('relation'), tie('condition'))
      .map(([gap, from, where]) => `select 1 as id${gap} from ${from} where ${where}`),
    fc
      .tuple(tie('query'), fc.constantFrom('union', 'union all', 'except'), tie('query'))
      .map((parts) => `select * from (${parts[0]}) ${parts[1]} select * from (${parts[2]})`),
    fc
      .tuple(tie('query'), tie('relation'))
      .map(([inner, from]) => `with w(id) as (${inner}) select 1 as id from w, ${from}`),
    fc
      .tuple(tie('query'), table)
      .map(([inner, from]) => `select (${inner} limit 1) as id from ${from} order by 1 limit 3`),
  ),
}));

const statement = fc.oneof(
  made.query,
  fc.tuple(table, made.query).map(([name, query]) => `insert into ${name} (id) ${query}`),
  fc.tuple(table, made.condition).map(([name, where]) => `update or ignore ${name} set id = 1 where ${where}`),
  fc.tuple(table, made.condition).map(([name, where]) => `delete from ${name} where ${where}`),
  fc
    .tuple(table, made.query)
    .map(([name, query]) => `with w as (${query}) insert or replace into ${name}(id) select id from w`),
  fc.tuple(table, made.condition).map(([name, where]) => `replace into ${name} (id) select 1 where ${where}`),
);

describe('a random text of SQLite', () => {
  test('names every table that SQLite says it reads or writes', () => {
    const database = new DatabaseSync(':memory:');
    for (const name of TABLES) database.exec(`create table ${name} (id, x)`);
    database.exec('create table "from" (id, x); create view view_of_a as select * from a');
    const real = new Set([...TABLES, 'from']);
    let read = new Set<string>();
    let written = new Set<string>();
    database.setAuthorizer((action, name) => {
      if (typeof name === 'string' && action === constants.SQLITE_READ) read.add(name.toLowerCase());
      if (
        typeof name === 'string' &&
        [constants.SQLITE_INSERT, constants.SQLITE_UPDATE, constants.SQLITE_DELETE].includes(action)
      )
        written.add(name.toLowerCase());
      return constants.SQLITE_OK;
    });
    let understood = 0;
    fc.assert(
      fc.property(statement, (text) => {
        [read, written] = [new Set(), new Set()];
        try {
          database.prepare(text);
        } catch {
          return; // SQLite does not take it: nothing is to be told.
        }
        understood++;
        const found = factsOf(text, 'sqlite');
        const views = found.reads.has('view_of_a') ? ['a'] : [];
        const named = new Set([...found.reads, ...found.writes, ...views]);
        expect(found.isUnreadable || found.isOpaque, text).toBe(false);
        expect(
          [...read].filter((name) => real.has(name) && !named.has(name)),
          text,
        ).toEqual([]);
        expect(
          [...written].filter((name) => !found.writes.has(name)),
          text,
        ).toEqual([]);
        expect(found.isWrite, text).toBe(written.size > 0);
      }),
      { numRuns: 3000 },
    );
    expect(understood).toBeGreaterThan(1500);
  });
});
