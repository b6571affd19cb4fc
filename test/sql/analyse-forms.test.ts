// What is known of a statement: subqueries, views, windows, and what ends on a lower step of the ladder.

import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/sql/analyse.ts';
import type { Catalogue, Parser, Statement } from '../../src/sql/ast.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import { notation, parts, reads } from './analyse-notation.ts';

describe('subqueries', () => {
  test.each([
    [
      'SELECT id FROM a WHERE x = 2 AND EXISTS (SELECT * FROM b WHERE b.a_id = a.id AND u = 1)',
      ['a: x = 2 | id | 0', 'b: u = 1 | a_id | -'],
    ],
    [
      'SELECT x FROM a WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM b WHERE a_id = a.id AND u > 3)',
      ['a: id = $1 | id,x | -', 'b: (u > 3 and a_id = $1) | a_id | -'],
    ],
    [
      'SELECT id FROM a WHERE id NOT IN (SELECT a_id FROM b WHERE u = 1)',
      ['a: always | id | 0', 'b: u = 1 | a_id | -'],
    ],
    ['SELECT x FROM a WHERE id = 4 AND id IN (SELECT a_id FROM b)', ['a: id = 4 | id,x | -', 'b: a_id = 4 | a_id | -']],
    [
      'SELECT id, (SELECT count(*) FROM b WHERE b.a_id = a.id) FROM a',
      ['a: always | id | 0', 'b: a_id in [#0] | a_id | -'],
    ],
    [
      'SELECT id, (SELECT count(*) FROM b WHERE b.a_id = a.id) AS n FROM a WHERE n > 1',
      ['a: always | id | 0', 'b: always | a_id | -'],
    ],
    [
      'SELECT id, (SELECT count(*) FROM b WHERE b.a_id = a.id) AS n FROM a ORDER BY n LIMIT 2',
      ['a: always | id | 0', 'b: always | a_id | -'],
    ],
    [
      'SELECT DISTINCT x, (SELECT max(u) FROM b WHERE b.a_id = a.x) FROM a',
      ['a: always | x | -', 'b: always | a_id,u | -'],
    ],
    [
      'SELECT id FROM a WHERE x = (SELECT max(x) FROM a i WHERE i.k = a.k)',
      ['a: always | id,x,k | 0', 'i: always | x,k | -'],
    ],
    [
      'SELECT id FROM a WHERE x = 1 OR EXISTS (SELECT 1 FROM b WHERE a_id = a.id AND a.id = 9)',
      ['a: always | id,x | 0', 'b: a_id = 9 | a_id | -'],
    ],
    [
      'SELECT id FROM a WHERE x IN (SELECT u FROM b WHERE v = ? ORDER BY u LIMIT 3)',
      ['a: x in [@0] | id,x | 0', 'b: v = $1 | u | -'],
    ],
  ])('%s', (sql, expected) => expect(reads(sql)).toEqual(expected));

  test('an aggregate of the outer query in a subquery is taken by tables alone', () => {
    expect(reads('SELECT (SELECT sum(a.x) FROM b) FROM a')).toEqual(['a: always | all | -', 'b: always | all | -']);
  });
});

describe('subselects, common tables and views are taken apart', () => {
  test.each([
    [
      'SELECT s.id FROM (SELECT id, x AS size FROM a WHERE k = 1) s WHERE s.size > 2',
      ['a: (x > 2 and k = 1) | id | 0'],
    ],
    ['SELECT few.id FROM few WHERE size = 3', ['a: (x = 3 and k = f) | id | 0']],
    ['SELECT * FROM nested WHERE few_id = 8', ['a: (id = 8 and x > 3 and k = f) | id | 0']],
    [
      'WITH s AS (SELECT * FROM a WHERE x = 1) SELECT one.id FROM s one JOIN s two ON two.id = one.id',
      ['one: x = 1', 'two: x = 1'],
    ],
    ['SELECT * FROM sums WHERE a_id = 3', ['b: always | a_id,u | -']],
    ['SELECT * FROM (SELECT DISTINCT x FROM a) WHERE x = 1', ['a: always | x | -']],
    ['SELECT * FROM (SELECT * FROM a ORDER BY x LIMIT 3) WHERE k = 1', ['a: always | id,x,y,k | -']],
    [
      'WITH RECURSIVE t(i) AS (SELECT id FROM a WHERE x = 1 UNION SELECT b.id FROM b JOIN t ON b.a_id = t.i) SELECT i FROM t',
      ['a: always | all | -', 'b: always | all | -'],
    ],
    ['WITH a AS (SELECT id FROM b WHERE u = 1) SELECT * FROM a', ['b: u = 1 | id | 0']],
  ])('%s', (sql, expected) => {
    const found = reads(sql) as string[];
    const isWhole = expected.every((read) => read.includes('|'));
    if (isWhole) expect(found).toEqual(expected);
    else
      expect(found.map((read) => read.replace(/^\w+/, '').split(' |')[0])).toEqual(
        expected.map((read) => read.replace(/^\w+/, '')),
      );
  });
});

describe('windows', () => {
  test.each([
    [
      'SELECT id, x FROM a ORDER BY x DESC, id LIMIT ?2 OFFSET ?1',
      ['a: always | id,x | 0 | x@1 desc, id@0 nulls first limit $2 offset $1'],
    ],
    [
      'SELECT id FROM a WHERE x = ? ORDER BY x, id LIMIT 3',
      ['a: x = $1 | id,x | 0 | id@0 nulls first limit 3 offset -'],
    ],
    ['SELECT id, x FROM a ORDER BY 2 NULLS LAST LIMIT 10', ['a: always | id,x | 0 | x@1 limit 10 offset -']],
    ['SELECT id FROM a ORDER BY x LIMIT 10', ['a: always | id,x | 0']],
    ['SELECT id FROM a ORDER BY x LIMIT 10 OFFSET 2', ['a: always | id,x | -']],
    ['SELECT id, x FROM a ORDER BY x, abs(id) LIMIT 1', ['a: always | id,x | 0 | x@1 nulls first limit 1 offset -']],
    ['SELECT id, x FROM a ORDER BY abs(id), x LIMIT 1', ['a: always | id,x | 0']],
    ['SELECT DISTINCT x FROM a ORDER BY x LIMIT 3', ['a: always | x | -']],
    ['SELECT x FROM a UNION SELECT u FROM b ORDER BY x LIMIT 3', ['a: always | x | -', 'b: always | u | -']],
    ['SELECT x, count(*) FROM a GROUP BY x ORDER BY x LIMIT 3', ['a: always | x | -']],
    ['SELECT id, x, row_number() OVER (ORDER BY x) FROM a ORDER BY x LIMIT 3', ['a: always | id,x | -']],
    [
      'SELECT a.id, a.x, b.id FROM a JOIN b ON b.a_id = a.id ORDER BY a.x LIMIT 3',
      ['a: always | id,x | 0 | x@1 nulls first limit 3 offset -', 'b: always | id,a_id | 2'],
    ],
    [
      'SELECT a.id, b.u FROM a LEFT JOIN b ON b.a_id = a.id ORDER BY b.u LIMIT 3',
      ['a: always | id | 0', 'b: always | a_id,u | -'],
    ],
    ['SELECT id, y FROM a ORDER BY y COLLATE BINARY LIMIT 3', ['a: always | id,y | 0']],
    ['SELECT id, x FROM a ORDER BY x LIMIT -1', ['a: always | id,x | 0']],
    ['SELECT id, x FROM a ORDER BY x LIMIT 2 + 1', ['a: always | id,x | 0']],
  ])('%s', (sql, expected) => expect(reads(sql)).toEqual(expected));

  test('HAVING without GROUP BY is over all rows', () => {
    expect(reads('SELECT max(id) FROM a WHERE x = 1 HAVING count(*) > 2')).toEqual(['a: x = 1 | id | -']);
  });
});

describe('the ladder', () => {
  test.each([
    ['SELECT * FROM nowhere', 'table: nowhere'],
    ['SELECT missing FROM a', 'meaning: column missing, which is not known'],
    ['SELECT rowid FROM n', 'uncacheable: rowid, which VACUUM may renumber'],
    ['SELECT random()', 'uncacheable: function random'],
    ["SELECT * FROM a WHERE k > datetime('now')", 'uncacheable: function datetime of the current time'],
    ['SELECT * FROM a WHERE k > date(?)', 'uncacheable: function date of the current time'],
    ['SELECT current_timestamp', 'uncacheable: function current_timestamp'],
    ['SELECT last_insert_rowid()', 'uncacheable: function last_insert_rowid'],
    ['SELECT secret(x) FROM a', 'uncacheable: function secret'],
    ['SELECT * FROM sqlite_master', 'uncacheable: a table of the system'],
    ['PRAGMA table_info(a)', 'uncacheable: '],
    ['INSERT INTO a (x) VALUES (1)', 'write: a'],
    ['DELETE FROM a WHERE id IN (SELECT a_id FROM b)', 'write: a'],
    ['UPDATE few SET size = 1', 'write: any'],
    ['SELECT 1; DELETE FROM b', 'write: b'],
    ['SELECT 1; SELECT 2', 'uncacheable: several statements'],
    ['SELECT FROM WHERE', 'meaning: a statement that cannot be read: near "FROM": syntax error'],
    ['SELECT id FROM a\0', 'meaning: a statement that cannot be read: a NUL character in the text'],
    ['SELECT nowhere.* FROM a', 'meaning: nowhere.*, which is not known'],
    ['WITH t AS (SELECT x, rowid FROM n UNION SELECT x, 1 FROM t) SELECT x FROM t', 'uncacheable: rowid'],
    ['SELECT x FROM a JOIN json_each(?) j USING (x)', 'a: always | all | -'],
    ['UPSERT a', 'write: any'],
  ])('%s', (sql, expected) => expect(reads(sql)).toContain(expected));

  test('a temporary table is not seen', () => {
    expect(reads('SELECT * FROM scratch')).toContain('uncacheable');
  });

  test('a date of a column is of the column, where that is declared', () => {
    expect(reads("SELECT date(k, '+1 day') FROM a")).toMatch(
      /^uncacheable: function date of a column, .* pureFunctions/,
    );
    const pure = { ...parts, pureFunctions: new Set(['date']) };
    expect(notation(analyse("SELECT date(k, '+1 day') FROM a", pure))).toEqual(['a: always | k | -']);
  });

  const deep = (select: string) => {
    const views = new Map(
      Array.from({ length: 40 }, (_, at) => [`v${at}`, at === 0 ? select : `SELECT * FROM v${at - 1}`]),
    );
    const relation: Catalogue['relation'] = (schema, name) => {
      const text = views.get(name);
      return text === undefined ? parts.catalogue.relation(schema, name) : { kind: 'view', text, columns: [] };
    };
    return notation(analyse('SELECT * FROM v39', { ...parts, catalogue: { ...parts.catalogue, relation } }));
  };

  test('views that are deep are taken by their tables, where all that they call is known', () => {
    expect(deep('SELECT * FROM a WHERE x = 1')).toEqual(['a: always | all | -']);
    expect(deep('SELECT random() FROM a')).toBe('uncacheable: function random');
    expect(deep('SELECT * FROM nowhere')).toBe('table: nowhere');
    expect(deep('SELECT FROM WHERE')).toBe('meaning: view v0, which cannot be read');
    expect(deep('SELECT 1; SELECT 2')).toBe('meaning: view v0, which cannot be read');
    expect(deep('SELECT * FROM v39')).toEqual([]);
  });

  test('an error of the analysis is no reason to keep an answer, unless the tables can still be told', () => {
    const failing = (times: number) => {
      let left = times;
      const relation: Catalogue['relation'] = (schema, name) => {
        if (left-- > 0) throw new RangeError('too deep');
        return parts.catalogue.relation(schema, name);
      };
      return notation(analyse('SELECT id FROM a', { ...parts, catalogue: { ...parts.catalogue, relation } }));
    };
    expect(failing(1)).toEqual(['a: always | all | -']);
    expect(failing(9)).toBe('meaning: an error of its analysis: too deep');
  });

  test('a common table that cannot be read may call any function', () => {
    const statement = { kind: 'unparsed', reason: 'odd' } as const;
    const star = createSqliteParser().parse('SELECT * FROM odd')[0] as Extract<Statement, { kind: 'query' }>;
    const select = { ...star.select, with: [{ name: 'odd', columns: undefined, statement }] };
    const parser: Parser = {
      parse: (text) => (text === 'odd' ? [{ ...star, select }] : createSqliteParser().parse(text)),
    };
    const relation: Catalogue['relation'] = () => ({ kind: 'view', text: 'odd', columns: [] });
    const template = analyse('SELECT * FROM v', { ...parts, parser, catalogue: { ...parts.catalogue, relation } });
    expect(notation(template)).toMatch(/^meaning: common table odd/);
  });

  test('a function declared pure is taken for that', () => {
    const pure = { ...parts, pureFunctions: new Set(['secret']) };
    expect(notation(analyse('SELECT Secret(x) FROM a', pure))).toEqual(['a: always | x | -']);
  });

  test('fallbacks are noted', () => {
    const template = analyse('SELECT y FROM n WHERE abs(x) = 1', parts);
    expect(template.kind === 'tracked' && template.fallbacks.map(({ fallback }) => fallback)).toEqual([
      'unknown-expression',
      'no-primary-key',
    ]);
  });
});

test('an id is of the text but for its white space, the dialect and the source', () => {
  const id = (text: string) => analyse(text, parts).id;
  expect(id('SELECT  1\n')).toBe(id('SELECT 1'));
  expect(id("SELECT  'a  b'")).not.toBe(id("SELECT  'a b'"));
  expect(id('SELECT 1')).toMatch(/^[0-9a-z]+$/);
  const elsewhere = { ...parts, catalogue: { ...parts.catalogue, source: 'other', relation: () => null } };
  expect(analyse('SELECT 1', elsewhere).id).not.toBe(id('SELECT 1'));
});

describe('a condition on a UNION ALL is asked of each part', () => {
  const both = 'SELECT id, x, k FROM a UNION ALL SELECT id, a_id, v FROM b';
  test.each([
    ['where', `SELECT id FROM (${both}) WHERE x = ?`, ['a: x = $1 | id,x,k | -', 'b: a_id = $1 | id,a_id,v | -']],
    [
      'any form of it',
      `SELECT id FROM (${both}) WHERE NOT (x IN (1, ?) OR k LIKE 'p%') AND id IS NOT NULL`,
      [
        'a: (not (x in [1 $1] or k ilike p%) and not id is null) | id,x,k | -',
        'b: (not (a_id in [1 $1] or v ilike p%) and not id is null) | id,a_id,v | -',
      ],
    ],
    [
      'renamed, three parts, beside their own',
      'SELECT q FROM (SELECT x AS q FROM a WHERE k = 2 UNION ALL SELECT u FROM b UNION ALL SELECT w FROM c) WHERE q > 5',
      ['a: (k = 2 and x > 5) | x | -', 'b: u > 5 | u | -', 'c: w > 5 | w | -'],
    ],
    [
      'in ON, of the side that may be missing',
      `SELECT c.id FROM c LEFT JOIN (${both}) AS d ON d.x = c.b_id AND d.x = 3`,
      ['c: always | id,b_id | 0', 'a: x = 3 | id,x,k | -', 'b: a_id = 3 | id,a_id,v | -'],
    ],
  ])('%s', (_, sql, expected) => expect(reads(sql)).toEqual(expected));

  test.each([
    ['of a UNION', 'SELECT id FROM (SELECT id, x FROM a UNION SELECT id, u FROM b) WHERE x = 1'],
    [
      'with a UNION in it',
      'SELECT x FROM (SELECT x FROM a UNION SELECT u FROM b UNION ALL SELECT w FROM c) WHERE x = 1',
    ],
    ['with a LIMIT', 'SELECT x FROM (SELECT x FROM a UNION ALL SELECT u FROM b LIMIT 3) WHERE x = 1'],
    [
      'of a part with rows of its own',
      'SELECT x FROM (SELECT DISTINCT x FROM a UNION ALL SELECT u FROM b) WHERE x = 1',
    ],
    ['of what is computed in a part', 'SELECT x FROM (SELECT x FROM a UNION ALL SELECT u + 1 FROM b) WHERE x = 1'],
    ['of columns of two types', "SELECT x FROM (SELECT x FROM a UNION ALL SELECT v FROM b) WHERE x = '1'"],
    ['of columns of two collations', "SELECT y FROM (SELECT y FROM a UNION ALL SELECT v FROM b) WHERE y = 'p'"],
    ['of another source as well', 'SELECT 1 FROM c, (SELECT x FROM a UNION ALL SELECT u FROM b) WHERE x = w'],
    [
      'beside a RIGHT JOIN, with which SQLite loses it',
      'SELECT x FROM (SELECT w AS x FROM c UNION ALL SELECT a.x FROM a RIGHT JOIN b ON b.a_id = a.id) WHERE ? IS NULL OR x = ?',
    ],
    [
      'beside a FULL JOIN further down',
      'SELECT x FROM (SELECT w AS x FROM c UNION ALL SELECT x FROM (SELECT a.x FROM a FULL JOIN b ON b.a_id = a.id)) WHERE x = 1',
    ],
    [
      'of rows that are kept',
      'SELECT c.id FROM c LEFT JOIN (SELECT x FROM a UNION ALL SELECT u FROM b) ON 1 WHERE x IS NULL',
    ],
  ])('not %s', (_, sql) => {
    expect((reads(sql) as string[]).filter((read) => !/^[abc]: always /.test(read))).toEqual([]);
  });
});
