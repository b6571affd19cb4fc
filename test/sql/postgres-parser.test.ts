// PostgreSQL itself says which tables a statement reads (EXPLAIN); the parser must find the same.

import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Expression, Parser, Select, Statement } from '../../src/sql/ast.ts';
import { createPostgresParser } from '../../src/sql/postgres/parser.ts';
import { startedPglite } from '../kit/pglite.ts';
import { namedIn } from './parser-kit.ts';
import { POSTGRES_OTHERS, POSTGRES_QUERIES, POSTGRES_SCHEMA } from './postgres-corpus.ts';

let parser: Parser;
let db: PGlite;

beforeAll(async () => {
  parser = await createPostgresParser();
  db = await startedPglite();
  await db.exec(POSTGRES_SCHEMA);
}, 60_000);

afterAll(() => db.close());

function only(text: string): Statement {
  const statements = parser.parse(text);
  expect(statements).toHaveLength(1);
  return statements[0] as Statement;
}

function selectOf(text: string): Select {
  const statement = only(text);
  if (statement.kind !== 'query') throw new Error(`expected a query, got ${JSON.stringify(statement)}`);
  return statement.select;
}

function plain(text: string) {
  const { body } = selectOf(text);
  if (body.kind !== 'plain') throw new Error(`expected a plain select, got ${body.kind}`);
  return body;
}

const where = (condition: string) => plain(`SELECT * FROM t WHERE ${condition}`).where;
const column = (name: string): Expression => ({ kind: 'column', table: [], name });

/** The relations in a plan, by schema and name. */
function relationsIn(plan: unknown): string[] {
  if (typeof plan !== 'object' || plan === null) return [];
  const { Schema: schema, 'Relation Name': name } = plan as Record<string, unknown>;
  const own = typeof name === 'string' ? [`${schema}.${name}`.toLowerCase()] : [];
  return [...own, ...Object.values(plan).flatMap(relationsIn)];
}

/** The planner leaves out what cannot matter. */
const PRUNED = new Set(['SELECT ARRAY(SELECT id FROM teams) FROM users']);

describe('as PostgreSQL reads it:', () => {
  test.each(POSTGRES_QUERIES)('%s', async (text) => {
    const [answer] = await db.exec(`EXPLAIN (VERBOSE, FORMAT JSON, GENERIC_PLAN) ${text}`);
    const asked = new Set(relationsIn(answer?.rows));
    const statement = only(text);
    expect(statement.kind).toBe('query');
    const found = new Set([...namedIn(statement).tables].map((name) => (name.includes('.') ? name : `public.${name}`)));
    expect([...asked].filter((name) => !found.has(name))).toEqual([]);
    if (!PRUNED.has(text)) expect([...found].sort()).toEqual([...asked].sort());
  });

  test('each parameter', () => {
    for (const text of POSTGRES_QUERIES) {
      const numbers = [...text.matchAll(/\$(\d+)/g)].map(([, digits]) => Number(digits) - 1);
      expect([...namedIn(only(text)).parameters].sort()).toEqual([...new Set(numbers)].sort());
    }
  });

  test('the corpus is as large as it says', () => {
    expect(new Set(POSTGRES_QUERIES).size).toBeGreaterThanOrEqual(150);
  });
});

describe('statements that are no queries:', () => {
  test.each(POSTGRES_OTHERS)('%s', (text, kind, what) => {
    const statement = only(text);
    expect(statement.kind).toBe(kind);
    if (statement.kind === 'other') expect(statement.writes).toBe(what);
    if (!('tables' in statement)) return;
    const names = statement.tables.map(({ schema, name }) => (schema === undefined ? name : `${schema}.${name}`));
    expect(names.sort()).toEqual(String(what).split(' ').sort());
  });
});

describe('forms', () => {
  test.each<[string, unknown]>([
    ['a = $3', { operator: '=', left: column('a'), right: { kind: 'parameter', index: 2 } }],
    ['a = $1::int4', { right: { kind: 'cast', type: 'int4', operand: { kind: 'parameter', index: 0 } } }],
    ["a = '2024-01-01'::date", { right: { kind: 'cast', type: 'date', operand: { value: '2024-01-01' } } }],
    ['a = b::varchar(10)[]', { right: { kind: 'cast', type: 'varchar(10)[]' } }],
    ['a = 0', { right: { kind: 'literal', value: 0 } }],
    ['a = 9223372036854775807', { right: { value: 9223372036854775807n } }],
    ['a = 9223372036854775808', { right: { value: '9223372036854775808' } }],
    ['a = -9223372036854775808', { right: { value: -9223372036854775808n } }],
    ['a = 1_000_000_000_000', { right: { value: 1_000_000_000_000 } }],
    ['a = 0xFFFFFFFFFF', { right: { value: 0xffffffffff } }],
    ['a = 1.50', { right: { value: '1.50' } }],
    ["a = ''", { right: { value: '' } }],
    ['a = false', { right: { value: false } }],
    ['a IS NOT NULL', { kind: 'not', operand: { kind: 'is-null', operand: column('a') } }],
    ['(a, b) IS NULL', { kind: 'opaque', reason: 'row value', parts: [column('a'), column('b')] }],
    ['(a, b) < ($1, 2)', { kind: 'opaque', reason: 'row value', callees: [{ name: '<' }] }],
    ['a IS UNKNOWN', { kind: 'is-null' }],
    ['a IS NOT TRUE', { kind: 'not', operand: { operator: 'is not distinct from', right: { value: true } } }],
    ['a = ANY(ARRAY[1, $1])', { kind: 'in-list', list: [{ value: 1 }, { index: 0 }] }],
    ['a <> ALL(ARRAY[1])', { kind: 'not', operand: { kind: 'in-list' } }],
    ['a = ALL(ARRAY[1, 2])', { kind: 'opaque', reason: 'any or all' }],
    ['a = ANY($1)', { kind: 'in-array', operand: { kind: 'column' }, array: { kind: 'parameter', index: 0 } }],
    ['a IN (SELECT 1)', { kind: 'in-select', operand: column('a') }],
    ['a > ANY (SELECT b FROM c)', { kind: 'opaque', callees: [{ name: '>' }], selects: [{}], parts: [column('a')] }],
    ['a NOT ILIKE b', { kind: 'not', operand: { kind: 'like', foldsCase: true } }],
    ["a LIKE b ESCAPE '!'", { kind: 'like', pattern: column('b'), escape: { value: '!' }, foldsCase: false }],
    ['a OPERATOR(pg_catalog.=) b', { operator: '=' }],
    ['a OPERATOR(own.=) b', { kind: 'opaque', callees: [{ kind: 'operator', schema: 'own', name: '=' }] }],
    ['a BETWEEN SYMMETRIC 1 AND 2', { kind: 'opaque', reason: 'between symmetric' }],
    ['- a = 1', { left: { kind: 'opaque', reason: 'unary -', callees: [{ name: '-' }] } }],
    ['count(t.*) > 1', { left: { kind: 'call', isAggregate: true, args: [{ table: ['t'], name: '*' }] } }],
    ['own.f(a)', { kind: 'call', schema: 'own', name: 'f', isAggregate: false }],
    ['own(DISTINCT a)', { kind: 'call', isAggregate: true }],
    ['CURRENT_TIMESTAMP(3) > a', { left: { kind: 'call', name: 'current_timestamp' } }],
  ])('%s', (text, form) => {
    expect(where(text)).toMatchObject(form as object);
  });

  test('a window function brings its window', () => {
    const [first] = plain('SELECT sum(a) FILTER (WHERE b) OVER w FROM t WINDOW w AS (PARTITION BY c)').columns;
    const parts = ['a', 'b', 'c'].map(column);
    expect(first).toMatchObject({
      expression: { kind: 'opaque', reason: 'window function', callees: [{ name: 'sum' }], parts },
    });
  });

  test('LIMIT ALL is none, one with ties is no number', () => {
    expect(selectOf('SELECT a FROM t LIMIT ALL').limit).toBeUndefined();
    expect(selectOf('SELECT a FROM t ORDER BY a FETCH FIRST 3 ROWS WITH TIES').limit).toMatchObject({
      kind: 'opaque',
      parts: [{ value: 3 }],
    });
  });

  test('renamed columns and hidden tables are a subselect of everything', () => {
    expect(plain('SELECT 1 FROM t AS x (a, b)').from).toMatchObject([
      { kind: 'select', alias: 'x', columns: ['a', 'b'] },
    ]);
    expect(plain('SELECT 1 FROM (t JOIN u ON true) AS x').from).toMatchObject([{ kind: 'select', alias: 'x' }]);
    expect(plain('SELECT 1 FROM t AS x').from).toMatchObject([{ kind: 'table', alias: 'x' }]);
  });

  test('locks and DISTINCT ON are seen', () => {
    expect(only('SELECT a FROM t FOR UPDATE')).toMatchObject({ locks: true });
    expect(only('SELECT a FROM (SELECT a FROM t FOR SHARE) x')).toMatchObject({ locks: true });
    expect(only('SELECT a FROM t')).toMatchObject({ locks: false });
    expect(plain('SELECT DISTINCT ON (a) b FROM t')).toMatchObject({ isDistinct: false, distinctOn: [column('a')] });
    expect(plain('SELECT DISTINCT b FROM t')).toMatchObject({ isDistinct: true, distinctOn: [] });
  });
});

describe('a text', () => {
  test('may hold none or many', () => {
    expect(parser.parse('')).toEqual([]);
    expect(parser.parse('BEGIN; SELECT 1; DELETE FROM t').map(({ kind }) => kind)).toEqual([
      'other',
      'query',
      'delete',
    ]);
  });

  test.each([
    'SELECT FROM WHERE',
    'SELECT 1; nonsense',
    'SELECT 1\0; DELETE FROM t',
    'WITH RECURSIVE x (a) AS (SELECT 1) CYCLE a SET b USING c SELECT * FROM x',
    `SELECT ${'('.repeat(50_000)}`,
  ])('that cannot be read is not parsed: %.20s', (text) => {
    expect(only(text)).toMatchObject({ kind: 'unparsed' });
    expect(only('SELECT 1').kind).toBe('query');
  });
});
