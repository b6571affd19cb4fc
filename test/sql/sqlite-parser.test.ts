// SQLite itself says which tables and columns a statement reads (its authorizer); the parser must find the same tables,
// and no fewer columns.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { constants, DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { Expression, Select, Statement } from '../../src/sql/ast.ts';
import { SQLITE_EXPRESSIONS } from '../../src/sql/sqlite/expression.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import { namedIn } from './parser-kit.ts';
import { SQLITE_OTHERS, SQLITE_QUERIES, SQLITE_SCHEMA } from './sqlite-corpus.ts';

const parser = createSqliteParser();

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
const literal = (value: null | number | bigint | string | Uint8Array): Expression => ({ kind: 'literal', value });

function database(): DatabaseSync {
  const db = new DatabaseSync(':memory:', { enableDoubleQuotedStringLiterals: true });
  db.function('regexp', (pattern, text) => Number(String(text).includes(String(pattern))));
  db.exec(SQLITE_SCHEMA);
  return db;
}

describe('as SQLite reads it:', () => {
  const db = database();
  let reads: { table: string; column: string }[] = [];
  db.setAuthorizer((action, table, name, _schema, within) => {
    if (action === constants.SQLITE_READ && within !== 'grown') reads.push({ table: table ?? '', column: name ?? '' });
    return constants.SQLITE_OK;
  });

  test.each(SQLITE_QUERIES)('%s', (text) => {
    reads = [];
    db.prepare(text);
    const statement = only(text);
    expect(statement.kind).toBe('query');
    const named = namedIn(statement);
    const tables = [...named.tables].map((name) => name.replace(/^main\./, ''));
    const rows = [...named.functions].filter((name) => /^(?:json_each|json_tree|pragma_\w+)$/.test(name));
    const found = new Set([...tables, ...rows]);
    const asked = new Set(reads.map(({ table }) => table.toLowerCase()));
    // Of columns that are joined by one name SQLite reports one only.
    if (/NATURAL|USING/.test(text)) expect([...asked].filter((table) => !found.has(table))).toEqual([]);
    else expect([...found].sort()).toEqual([...asked].sort());
    // A rowid table's key is read by its other names, too.
    const isNamed = ({ column: name }: { column: string }) =>
      name === '' || named.hasStar || named.columns.has(name.toLowerCase()) || named.columns.has('rowid');
    expect(reads.filter((read) => !isNamed(read))).toEqual([]);
  });
});

describe('statements that are no queries:', () => {
  test.each(SQLITE_OTHERS)('%s', (text, kind, what) => {
    database().prepare(text);
    const statement = only(text);
    expect(statement.kind).toBe(kind);
    if (statement.kind === 'other') expect(statement.writes).toBe(what);
    if (!('tables' in statement)) return;
    const names = statement.tables.map(({ schema, name }) => (schema === undefined ? name : `${schema}.${name}`));
    expect(names).toEqual([what]);
  });
});

test('the corpus is as large as it says', () => {
  expect(new Set(SQLITE_QUERIES).size).toBeGreaterThanOrEqual(150);
});

describe('every kind of node of the library has its place', () => {
  const library = dirname(createRequire(import.meta.url).resolve('sqlite3-parser'));
  const types = readFileSync(join(library, '../src/ast/nodes.d.ts'), 'utf8');
  const map = /interface AstNodeMap \{([^}]*)\}/.exec(types)?.[1] ?? '';
  const kinds = [...map.matchAll(/^\s+(\w+): \w+;/gm)].map(([, name]) => name as string);

  /** Read by selects and sources. */
  const selects = `AsAs CmdList CommaJoinOperator CommonTableExpr CompoundSelect ElidedAs ExprResultColumn FromClause Id
    IndexedByIndexed IndexedColumn JoinedSelectTable Limit Name NotIndexedIndexed OnJoinConstraint QualifiedName Select
    SelectFrom SelectSelectTable SelectValues SortedColumn StarResultColumn SubSelectTable TableCallSelectTable
    TableSelectTable TableStarResultColumn Type TypedJoinJoinOperator UsingJoinConstraint ValuesRow WindowDef With`;
  /** Below expressions that are opaque or calls: gone through. */
  const opaque = `CurrentRowFrameBound FollowingFrameBound FrameClause FunctionTail MaxSizeTypeSize NameOver
    PrecedingFrameBound SortListFunctionCallOrder TypeSizeTypeSize UnboundedFollowingFrameBound
    UnboundedPrecedingFrameBound WhenThen Window WindowOver WithinGroupFunctionCallOrder`;
  /** In statements that write or define: only their tables matter. */
  const others =
    /Stmt$|(?:ColumnConstraint|TableConstraint|AlterTableBody|CreateTableBody|RefArg|TriggerCmd|TriggerEvent|PragmaBody|InsertBody|UpsertDo)$|^(?:ColumnDefinition|DeferSubclause|ForeignKeyClause|SetAssignment|Upsert|UpsertIndex)$/;
  const placed = new Set([...`${selects} ${opaque}`.split(/\s+/), ...Object.keys(SQLITE_EXPRESSIONS)]);

  test('in this version', () => {
    expect(kinds.length).toBeGreaterThan(150);
    expect(kinds.filter((kind) => !placed.has(kind) && !others.test(kind))).toEqual([]);
    expect([...placed].filter((kind) => !kinds.includes(kind))).toEqual([]);
  });
});

describe('parameters', () => {
  const indexes = (text: string) => [...namedIn(only(text)).parameters];
  const names = (text: string) => (only(text) as Extract<Statement, { kind: 'query' }>).parameterNames;

  test('have the numbers that SQLite gives them', () => {
    expect(indexes('SELECT ?, ?, ?')).toEqual([0, 1, 2]);
    expect(indexes('SELECT ?5, ?, ?1')).toEqual([4, 5, 0]);
    expect(indexes('SELECT :a, @b, :a, $c, ?')).toEqual([0, 1, 2, 3]);
    expect(names('SELECT ?2, :a, @b, :a, $c::d(e)')).toEqual([undefined, undefined, ':a', '@b', '$c::d(e)']);
    expect(only('SELECT ?0').kind).toBe('unparsed');
    expect(only('SELECT ?99999').kind).toBe('unparsed');
  });

  test('are counted in the order of the text', () => {
    expect(selectOf('SELECT ? FROM t WHERE a = ? LIMIT ?, ?')).toMatchObject({
      limit: { index: 3 },
      offset: { index: 2 },
      body: { columns: [{ expression: { index: 0 } }], where: { right: { index: 1 } } },
    });
  });
});

describe('literals', () => {
  test.each<[string, null | number | bigint | string | Uint8Array]>([
    ['1_000', 1000],
    ['0x1F', 31],
    ['0xffffffffffffffff', -1],
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9223372036854775807', 9223372036854775807n],
    ['-7', -7],
    ['1.5', 1.5],
    ['-.25', -0.25],
    ["'it''s'", "it's"],
    ["x'00ff'", new Uint8Array([0, 255])],
    ['NULL', null],
  ])('%s', (text, value) => {
    expect(where(`a = ${text}`)).toEqual({ kind: 'binary', operator: '=', left: column('a'), right: literal(value) });
  });

  test.each(['1.0', '3.', '1e5', '9223372036854775808', '1e300'])(
    '%s is compared with texts in a way of its own',
    (text) => {
      expect(where(`a = ${text}`)).toMatchObject({ right: { kind: 'opaque', reason: 'number' } });
    },
  );
});

describe('forms that look like others', () => {
  test.each<[string, unknown]>([
    ['a IS NULL', { kind: 'is-null', operand: column('a') }],
    ['a NOTNULL', { kind: 'not', operand: { kind: 'is-null', operand: column('a') } }],
    ['NULL IS NOT a', { kind: 'not', operand: { kind: 'is-null', operand: column('a') } }],
    ['a IS 1', { operator: 'is not distinct from' }],
    ['a IS DISTINCT FROM 1', { operator: 'is distinct from' }],
    ['a IS TRUE', { kind: 'opaque', reason: 'truth test' }],
    ['a = TRUE', { right: { kind: 'column', name: 'TRUE', otherwise: 1 } }],
    ['a = "true"', { right: { kind: 'column', name: 'true', otherwise: 'true' } }],
    ['a = [b]', { right: column('b') }],
    ['+a = 1', { left: { kind: 'opaque', reason: 'unary +' } }],
    ['a IN ()', literal(0)],
    ['a NOT IN ()', literal(1)],
    ['a GLOB 1', { kind: 'opaque', reason: 'glob', callees: [{ name: 'glob' }] }],
    ['a NOT LIKE 1', { kind: 'not', operand: { kind: 'like', foldsCase: true, escape: undefined } }],
    ['a AND b AND c', { kind: 'and', parts: [column('a'), column('b'), column('c')] }],
    ['a == 1', { operator: '=' }],
    ['a != 1', { operator: '<>' }],
  ])('%s', (text, form) => {
    expect(where(text)).toMatchObject(form as object);
  });

  test('rows are compared one value after the other', () => {
    const compare = (operator: string, name: string, value: number) => ({
      kind: 'binary',
      operator,
      left: column(name),
      right: literal(value),
    });
    expect(where('(a, b) <= (1, 2)')).toEqual({
      kind: 'or',
      parts: [compare('<', 'a', 1), { kind: 'and', parts: [compare('=', 'a', 1), compare('<=', 'b', 2)] }],
    });
  });

  test('a row compared one value after the other is what SQLite makes of it', () => {
    const db = database();
    const values = ['NULL', '1', '2'];
    const pairs = values.flatMap((one) => values.map((two) => [one, two] as const));
    for (const [a, b] of pairs) {
      for (const [c, d] of pairs) {
        for (const operator of ['<', '<=', '>', '>=']) {
          const strict = operator.charAt(0);
          const rest = `(${a} ${strict} ${c} OR (${a} = ${c} AND ${b} ${operator} ${d}))`;
          const row = db.prepare(`SELECT (${a}, ${b}) ${operator} (${c}, ${d}) IS ${rest} AS same`).get();
          expect(row).toEqual({ same: 1 });
        }
      }
    }
  });

  test('an aggregate stays one with FILTER, a window function is none', () => {
    const first = (text: string) => plain(`SELECT ${text} FROM t`).columns[0];
    expect(first('count(*) FILTER (WHERE a)')).toMatchObject({
      expression: { kind: 'call', isAggregate: true, args: [column('a')] },
    });
    expect(first('max(a)')).toMatchObject({ expression: { isAggregate: true } });
    expect(first('max(a, b)')).toMatchObject({ expression: { isAggregate: false } });
    expect(first('own(DISTINCT a)')).toMatchObject({ expression: { isAggregate: true } });
    expect(first('sum(a) OVER (ORDER BY b)')).toMatchObject({
      expression: {
        kind: 'opaque',
        reason: 'window function',
        callees: [{ name: 'sum' }],
        parts: [column('a'), column('b')],
      },
    });
  });

  test('a named window brings what it is made of', () => {
    const named = namedIn(only('SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY c)'));
    expect(named.columns).toEqual(new Set(['a', 'b', 'c']));
  });

  test('a comma binds like JOIN', () => {
    const { from } = plain('SELECT 1 FROM a, b RIGHT JOIN c ON 1');
    expect(from).toMatchObject([{ type: 'right', left: { type: 'inner', left: { name: 'a' }, right: { name: 'b' } } }]);
  });

  test('a common table that is named too early is recursive', () => {
    const isRecursive = (text: string) => selectOf(text).isRecursive;
    expect(isRecursive('WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b')).toBe(false);
    expect(isRecursive('WITH a AS (SELECT * FROM B), b AS (SELECT 1) SELECT * FROM a')).toBe(true);
    expect(isRecursive('WITH a AS (SELECT 1 UNION SELECT * FROM a) SELECT * FROM a')).toBe(true);
  });
});

test('names may be quoted in four ways', () => {
  for (const name of ['"a b"', '[a b]', '`a b`', "'a b'"]) {
    expect(plain(`SELECT 1 FROM ${name} AS ${name}`).from).toMatchObject([{ name: 'a b', alias: 'a b' }]);
    expect(plain(`SELECT t.${name} FROM t`).columns).toMatchObject([{ expression: { table: ['t'], name: 'a b' } }]);
  }
});

describe('a text', () => {
  test('may hold none, one or many', () => {
    expect(parser.parse('')).toEqual([]);
    expect(parser.parse(' ; -- nothing\n ;')).toEqual([]);
    expect(parser.parse('BEGIN; SELECT 1; DELETE FROM t; COMMIT').map(({ kind }) => kind)).toEqual([
      'other',
      'query',
      'delete',
      'other',
    ]);
  });

  test.each([
    'SELECT',
    'SELECT 1; nonsense',
    'SELECT "a',
    'SELECT 1\0; DELETE FROM t',
    `SELECT ${'('.repeat(100_000)}`,
  ])('that cannot be read is not parsed: %.20s', (text) => {
    expect(only(text)).toMatchObject({ kind: 'unparsed' });
  });

  test('may be deep', () => {
    // SQLite itself takes a depth of 1,000.
    const many = Array.from({ length: 990 }, (_, at) => `a = ${at}`).join(' OR ');
    expect(where(many)).toMatchObject({ kind: 'or' });
    expect((where(many) as unknown as { parts: unknown[] }).parts).toHaveLength(990);
  });
});
