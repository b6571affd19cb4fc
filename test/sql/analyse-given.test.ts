// Lists that are one parameter, and conditions on parameters alone: what is said of them before they are known.

import { describe, expect, test } from 'vitest';
import { reads } from './analyse-notation.ts';
import { postgresReads } from './analyse-postgres-kit.ts';

describe('a list that is one parameter, SQLite', () => {
  const all = 'SELECT value FROM json_each(?)';
  test.each([
    [`SELECT id FROM a WHERE id IN (${all})`, ['a: id in [json($1)] | id | 0']],
    ['SELECT id FROM a WHERE id IN (SELECT j.Value FROM JSON_EACH(:ids) AS j)', ['a: id in [json($1)] | id | 0']],
    ['SELECT id FROM a WHERE id IN (SELECT json_each.value FROM json_each(?))', ['a: id in [json($1)] | id | 0']],
    [`SELECT id FROM a WHERE id NOT IN (${all})`, ['a: not id in [json($1)] | id | 0']],
    [
      `SELECT a.id FROM a JOIN b ON b.a_id = a.id WHERE a.id IN (${all})`,
      ['a: id in [json($1)] | id | 0', 'b: a_id in [json($1)] | a_id | -'],
    ],
    ['SELECT id FROM a WHERE id IN (SELECT key FROM json_each(?))', ['a: always | id | 0']],
    ['SELECT id FROM a WHERE id IN (SELECT atom FROM json_each(?))', ['a: always | id | 0']],
    ["SELECT id FROM a WHERE id IN (SELECT value FROM json_each(?, '$.ids'))", ['a: always | id | 0']],
    ['SELECT id FROM a WHERE id IN (SELECT value FROM json_tree(?))', ['a: always | id | 0']],
    [`SELECT id FROM a WHERE id IN (${all} LIMIT 2)`, ['a: always | id | 0']],
    [`SELECT id FROM a WHERE id IN (${all} WHERE value > 3)`, ['a: always | id | 0']],
    [`SELECT id FROM a WHERE abs(id) IN (${all})`, ['a: always | id | 0']],
    [
      'SELECT a.id FROM a WHERE id IN (SELECT o.x FROM json_each(?), a AS o)',
      ['a: always | id | 0', 'o: always | x | -'],
    ],
  ])('%s', (sql, expected) => expect(reads(sql)).toEqual(expected));

  test('it may be empty, so that NOT IN does not drop a row without a partner', () => {
    expect(reads(`SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id WHERE b.id NOT IN (${all})`)).toEqual([
      'a: always | id | 0',
      'b: always | id,a_id | -',
    ]);
    expect(reads(`SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id WHERE b.id IN (${all})`)).toEqual([
      'a: always | id | 0',
      'b: id in [json($1)] | a_id | -',
    ]);
  });
});

describe('a list that is one parameter, PostgreSQL', () => {
  test.each([
    ['SELECT id FROM users WHERE id = ANY($1)', ['users: id in [array($1)] | id | 0']],
    ['SELECT id FROM users WHERE id = ANY($1::int[])', ['users: id in [array($1)] | id | 0']],
    ['SELECT id FROM users WHERE name <> ALL($1::text[])', ['users: not name in [array($1)] | id | 0']],
    ['SELECT id FROM users WHERE id = ANY($1::numeric[])', ['users: always | id | 0']],
    ['SELECT id FROM users WHERE id = ANY($1::int[][])', ['users: always | id | 0']],
    ['SELECT id FROM users WHERE id > ANY($1)', ['users: always | id | 0']],
    ['SELECT id FROM users WHERE id = ALL($1)', ['users: always | id | 0']],
    ['SELECT id FROM users WHERE id <> ANY($1)', ['users: always | id | 0']],
    ["SELECT id FROM users WHERE id = ANY('{1,2}')", ['users: always | id | 0']],
    [
      'SELECT id FROM users WHERE id = ANY(ARRAY(SELECT user_id FROM orders))',
      ['users: always | id | 0', 'orders: always | user_id | -'],
    ],
  ])('%s', (sql, expected) => expect(postgresReads(sql)).toEqual(expected));
});

describe('conditions on parameters alone', () => {
  test.each([
    ['SELECT id FROM a WHERE ?1 IS NULL OR x = ?1', ['a: ($1 is null or x = $1) | id | 0']],
    ['SELECT id FROM a WHERE ? = 1 AND x = 3', ['a: ($1 = 1 and x = 3) | id | 0']],
    ['SELECT id FROM a WHERE 1 = 1 AND TRUE AND x = 3', ['a: (1 = 1 and 1 and x = 3) | id | 0']],
    ['SELECT id FROM a WHERE ? IS NOT NULL AND ? <> 2', ['a: (not $1 is null and not $2 = 2) | id | 0']],
    ['SELECT id FROM a WHERE CAST(? AS TEXT) = 5 AND x = 3', ['a: x = 3 | id | 0']],
    ['SELECT id FROM a WHERE ? > 1 AND x = 3', ['a: x = 3 | id | 0']],
    [
      'SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id AND ? = 1 WHERE b.id IS NULL',
      ['a: always | id | 0', 'b: $1 = 1 | id,a_id | -'],
    ],
  ])('%s', (sql, expected) => expect(reads(sql)).toEqual(expected));

  test.each([
    ['SELECT id FROM users WHERE $1::text IS NULL OR name = $1', ['users: ($1 is null or name = $1) | id | 0']],
    [
      'SELECT id FROM users WHERE $1::int[] IS NULL OR id = ANY($1)',
      ['users: ($1 is null or id in [array($1)]) | id | 0'],
    ],
    ["SELECT id FROM users WHERE $1::text = 'all' OR name = $1", ['users: ($1 text = all or name = $1) | id | 0']],
    ['SELECT id FROM users WHERE $1::bool OR active', ['users: ($1 or active = true) | id | 0']],
    ['SELECT id FROM users WHERE active = $1::bool', ['users: active = $1 | id | 0']],
    ['SELECT id FROM users WHERE TRUE AND id = 1', ['users: (true and id = 1) | id | 0']],
    ['SELECT id FROM users WHERE $1::orders IS NULL OR id = 1', ['users: always | id | 0']],
  ])('%s', (sql, expected) => expect(postgresReads(sql)).toEqual(expected));
});

describe('IN of a subselect', () => {
  test.each([
    [
      'what x is, y is',
      'SELECT id FROM a WHERE id = ? AND id IN (SELECT a_id FROM b WHERE u = 3)',
      ['a: …', 'b: (u = 3 and a_id = $1) | a_id | -'],
    ],
    [
      'also under OR',
      'SELECT id FROM a WHERE id IN (1, 2) AND (x = 1 OR id IN (SELECT a_id FROM b))',
      ['a: …', 'b: a_id in [1 2] | a_id | -'],
    ],
    [
      'not under NOT, where a NULL among them counts',
      'SELECT id FROM a WHERE id = ? AND id NOT IN (SELECT a_id FROM b)',
      ['a: …', 'b: always | a_id | -'],
    ],
    [
      'but where there is none',
      'SELECT id FROM a WHERE id = ? AND id NOT IN (SELECT id FROM b)',
      ['a: …', 'b: id = $1 | id | -'],
    ],
    [
      'nor of one that a join may leave out',
      'SELECT a.id FROM a WHERE a.id = ? AND a.id NOT IN (SELECT b.id FROM c LEFT JOIN b ON b.id = c.b_id)',
      ['a: …', 'c: always | b_id | -', 'b: always | id | -'],
    ],
    [
      'nor of a few of them',
      'SELECT id FROM a WHERE id = ? AND id IN (SELECT a_id FROM b ORDER BY id LIMIT 3)',
      ['a: …', 'b: always | id,a_id | -'],
    ],
  ])('%s', (_, sql, [, ...expected]) => expect(reads(sql).slice(1)).toEqual(expected));
});
