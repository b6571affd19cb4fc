// What is known of a statement: the rows and columns that its answer can depend on, each kind of condition and join by
// itself.

import { describe, expect, test } from 'vitest';
import { reads } from './analyse-notation.ts';

describe('one table', () => {
  test.each([
    ['SELECT id, y FROM a WHERE id = ?', ['a: id = $1 | id,y | 0']],
    ['SELECT y FROM a WHERE 5 < x AND k LIKE ?2', ['a: (x > 5 and k ilike $2) | y | -']],
    ['SELECT id FROM a WHERE x IN (1, ?) OR k IS NULL', ['a: (x in [1 $1] or k is null) | id | 0']],
    ['SELECT id FROM a WHERE x NOT BETWEEN 1 AND 3', ['a: not (x >= 1 and x <= 3) | id | 0']],
    ['SELECT id FROM a WHERE x IS 5 AND k IS NOT NULL', ['a: ((not x is null and x = 5) and not k is null) | id | 0']],
    [
      'SELECT id FROM a WHERE x IS ?',
      ['a: ((not x is null and not $1 is null and x = $1) or (x is null and $1 is null)) | id | 0'],
    ],
    [
      'SELECT id FROM a WHERE x IS NOT ?',
      ['a: not ((not x is null and not $1 is null and x = $1) or (x is null and $1 is null)) | id | 0'],
    ],
    ['SELECT id FROM a WHERE x = id', ['a: x = id | id | 0']],
    ['SELECT id FROM a WHERE y = k', ['a: always | id,y,k | 0']],
    ['SELECT count(*) FROM a WHERE x = 1', ['a: x = 1 | - | -']],
    ['SELECT a.*, x AS again FROM a', ['a: always | id,x,y,k | 0']],
    ['SELECT p, q FROM pair', ['pair: always | p,q | 0,1']],
    ['SELECT r, q FROM pair', ['pair: always | q,r | -']],
    ['SELECT rowid FROM a WHERE oid = 4', ['a: id = 4 | id | 0']],
    ['SELECT id, x AS y FROM a ORDER BY y LIMIT 3', ['a: always | id,x | 0 | x@1 nulls first limit 3 offset -']],
    ['SELECT id FROM a WHERE y = "text"', ['a: y = text | id | 0']],
    // Which index is used changes no rows.
    ['SELECT id, y FROM a INDEXED BY a_x WHERE id = ?', ['a: id = $1 | id,y | 0']],
    ['SELECT id, y FROM a NOT INDEXED WHERE id = ?', ['a: id = $1 | id,y | 0']],
  ])('%s', (sql, expected) => expect(reads(sql)).toEqual(expected));
});

describe('what is not the comparison of a column with a value is left out', () => {
  test.each([
    ['SELECT id FROM a WHERE lower(y) = ? AND x = 1', ['a: x = 1 | id,y | 0']],
    ["SELECT id FROM a WHERE y COLLATE BINARY = 'p'", ['a: always | id,y | 0']],
    ["SELECT id FROM a WHERE y COLLATE NOCASE = 'p'", ['a: y = p | id | 0']],
    ['SELECT id FROM a WHERE x = CAST(? AS TEXT)', ['a: always | id,x | 0']],
    ['SELECT id FROM a WHERE +x = 1', ['a: always | id,x | 0']],
    ['SELECT id FROM a WHERE x', ['a: always | id,x | 0']],
    ['SELECT id FROM a WHERE (x = 1 AND abs(id) > 2) OR x = 3', ['a: ((x = 1 and maybe(id)) or x = 3) | id,x | 0']],
    ['SELECT id FROM a WHERE x = 1 OR abs(id) > 2', ['a: always | id,x | 0']],
    ['SELECT id FROM a WHERE NOT (x = 1 AND abs(id) > 2)', ['a: not maybe(id,x) | id,x | 0']],
  ])('%s', (sql, expected) => expect(reads(sql)).toEqual(expected));
});

describe('joins', () => {
  test.each([
    [
      'inner: closure both ways',
      'SELECT b.v FROM a JOIN b ON b.a_id = a.id WHERE b.a_id = ?',
      ['a: id = $1 | id | -', 'b: a_id = $1 | a_id,v | -'],
    ],
    [
      'comma',
      'SELECT a.id FROM a, b WHERE a.id = b.a_id AND a.id IN (1, 2)',
      ['a: id in [1 2] | id | 0', 'b: a_id in [1 2] | a_id | -'],
    ],
    [
      'a range is carried over as well',
      'SELECT 1 FROM a JOIN b ON a.id = b.a_id WHERE a.id > 4',
      ['a: id > 4 | id | -', 'b: a_id > 4 | a_id | -'],
    ],
    [
      'not between types',
      "SELECT 1 FROM a JOIN b ON a.k = b.u WHERE a.k = '1'",
      ['a: k = 1 | k | -', 'b: always | u | -'],
    ],
    [
      'not between collations',
      "SELECT 1 FROM a JOIN b ON a.y = b.v WHERE a.y = 'p'",
      ['a: y = p | y | -', 'b: always | v | -'],
    ],
    [
      'OR across reads narrows neither',
      'SELECT a.id FROM a JOIN b ON b.a_id = a.id WHERE a.x = 1 OR b.u = 2',
      ['a: always | id,x | 0', 'b: always | a_id,u | -'],
    ],
    [
      'self',
      'SELECT o.id FROM a o JOIN a i ON i.x = o.x WHERE i.id = 3',
      ['o: always | id,x | 0', 'i: id = 3 | x | -'],
    ],
    [
      'USING',
      'SELECT id, u, w FROM b JOIN c USING (id) WHERE id = 7',
      ['b: id = 7 | id,u | 0', 'c: id = 7 | id,w | 0'],
    ],
    ['NATURAL', 'SELECT * FROM b NATURAL JOIN c', ['b: always | id,a_id,u,v | 0', 'c: always | id,b_id,w | 0']],
    [
      'the key by way of an equal column',
      'SELECT b.a_id FROM a JOIN b ON b.a_id = a.id',
      ['a: always | id | 0', 'b: always | a_id | -'],
    ],
  ])('%s', (_, sql, expected) => expect(reads(sql)).toEqual(expected));
});

describe('outer joins', () => {
  test.each([
    [
      'ON narrows the nullable side and never the other; the result tells which rows can join',
      'SELECT a.id, b.v FROM a LEFT JOIN b ON b.a_id = a.id AND b.u = 1 AND a.x = 2',
      ['a: always | id,x | 0', 'b: (u = 1 and a_id in [#0]) | a_id,v | -'],
    ],
    [
      'closure goes from left to right',
      'SELECT b.v FROM a LEFT JOIN b ON b.a_id = a.id WHERE a.id = ?',
      ['a: id = $1 | id | -', 'b: a_id = $1 | a_id,v | -'],
    ],
    [
      'and not from right to left',
      'SELECT b.v FROM a LEFT JOIN b ON b.a_id = a.id AND b.a_id = 3',
      ['a: always | id | -', 'b: a_id = 3 | a_id,v | -'],
    ],
    [
      'an anti-join does not narrow by IS NULL',
      'SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id WHERE b.id IS NULL',
      ['a: always | id | 0', 'b: always | id,a_id | -'],
    ],
    [
      'a condition no missing row satisfies makes it inner',
      'SELECT a.id, b.id FROM a LEFT JOIN b ON b.a_id = a.id WHERE b.a_id = 5',
      ['a: id = 5 | id | 0', 'b: a_id = 5 | id,a_id | 1'],
    ],
    [
      'one that it may satisfy does not',
      'SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id WHERE b.u = 5 OR b.u IS NULL',
      ['a: always | id | 0', 'b: always | a_id,u | -'],
    ],
    [
      'coalesce may',
      'SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id WHERE coalesce(b.u, 5) = 5',
      ['a: always | id | 0', 'b: always | a_id,u | -'],
    ],
    [
      'NOT of a comparison does not',
      'SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id WHERE NOT b.u = 5',
      ['a: always | id | 0', 'b: not u = 5 | a_id | -'],
    ],
    [
      'NOT IS NULL does not',
      'SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id WHERE b.u IS NOT NULL',
      ['a: always | id | 0', 'b: not u is null | a_id | -'],
    ],
    [
      'RIGHT is LEFT the other way round',
      'SELECT b.v FROM b RIGHT JOIN a ON b.a_id = a.id WHERE a.id = 1',
      ['b: a_id = 1 | a_id,v | -', 'a: id = 1 | id | -'],
    ],
    [
      'FULL narrows nothing',
      'SELECT a.id FROM a FULL JOIN b ON b.a_id = a.id AND b.u = 1',
      ['a: always | id | -', 'b: always | a_id,u | -'],
    ],
    [
      'FULL with a condition on one side is LEFT',
      'SELECT b.v FROM a FULL JOIN b ON b.a_id = a.id WHERE a.id = 1',
      ['a: id = 1 | id | -', 'b: a_id = 1 | a_id,v | -'],
    ],
    [
      'a chain: each side by the one before it',
      'SELECT a.id, b.id, c.w FROM a LEFT JOIN b ON b.a_id = a.id LEFT JOIN c ON c.b_id = b.id',
      ['a: always | id | 0', 'b: a_id in [#0] | id,a_id | 1', 'c: b_id in [#1] | b_id,w | -'],
    ],
    [
      'a chain within a side: as far as the side does not look at it',
      'SELECT a.id, b.id, c.w FROM a LEFT JOIN (b LEFT JOIN c ON c.b_id = b.id) ON b.a_id = a.id',
      ['a: always | id | 0', 'b: a_id in [#0] | id,a_id | 1', 'c: b_id in [#1] | b_id,w | -'],
    ],
    [
      'a side that does: a row of the chain may let it in',
      'SELECT a.id, b.id, c.id FROM a LEFT JOIN (b LEFT JOIN c ON c.b_id = b.id) ON b.a_id = a.id AND c.w IS NULL',
      ['a: always | id | 0', 'b: a_id in [#0] | id,a_id | 1', 'c: always | id,b_id,w | -'],
    ],
    [
      'nor where a LIMIT leaves out rows of the side',
      'SELECT a.id, b.id, c.id FROM a LEFT JOIN (b LEFT JOIN c ON c.b_id = b.id) ON b.a_id = a.id ORDER BY a.id LIMIT 3',
      [
        'a: always | id | 0 | id@0 nulls first limit 3 offset -',
        'b: a_id in [#0] | id,a_id | -',
        'c: always | id,b_id | -',
      ],
    ],
    [
      'an order that comes to the nullable side after the key of the kept one sorts within a row of that',
      'SELECT a.id, b.u FROM a LEFT JOIN b ON b.a_id = a.id ORDER BY a.id, b.u LIMIT 5',
      ['a: always | id | 0 | id@0 nulls first limit 5 offset -', 'b: a_id in [#0] | a_id,u | -'],
    ],
    [
      'not where a second side may be joined with rows of the first that are cut off',
      'SELECT a.id, b.id, c.w FROM a LEFT JOIN b ON b.a_id = a.id LEFT JOIN c ON c.b_id = b.id ORDER BY a.id, c.w LIMIT 5',
      ['a: always | id | 0 | id@0 nulls first limit 5 offset -', 'b: always | id,a_id | -', 'c: always | b_id,w | -'],
    ],
    [
      'rows that an OFFSET skipped may have partners',
      'SELECT a.id, b.id FROM a LEFT JOIN b ON b.a_id = a.id LIMIT 5 OFFSET 5',
      ['a: always | id | -', 'b: always | id,a_id | -'],
    ],
    [
      'an order by the nullable side decides who is within the LIMIT',
      'SELECT a.id, b.u FROM a LEFT JOIN b ON b.a_id = a.id ORDER BY b.u LIMIT 5',
      ['a: always | id | 0', 'b: always | a_id,u | -'],
    ],
    [
      'a condition on another nullable side, too, lets rows in',
      'SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id LEFT JOIN c ON c.b_id = b.u WHERE c.id IS NULL',
      ['a: always | id | 0', 'b: always | a_id,u | -', 'c: always | id,b_id | -'],
    ],
    [
      'so does one that is hidden in a subselect',
      'SELECT a.id FROM a LEFT JOIN (SELECT a_id, 1 AS one FROM b) s ON s.a_id = a.id WHERE s.one IS NULL',
      ['a: always | id | 0', 'b: always | a_id | -'],
    ],
  ])('%s', (_, sql, expected) => expect(reads(sql)).toEqual(expected));
});
