// What is known of a statement of PostgreSQL, where it is another than SQLite's.

import { expect, test } from 'vitest';
import { notation } from './analyse-notation.ts';
import { of } from './analyse-postgres-kit.ts';

test.each([
  ['SELECT id FROM users WHERE id = $1::int AND active', ['users: (id = $1 and active = true) | id | 0']],
  [
    'SELECT id FROM users WHERE NOT active AND code ILIKE $1',
    ['users: (not active = true and code ilike $1) | id | 0'],
  ],
  ['SELECT id FROM users WHERE active IS NOT TRUE', ['users: not (not active is null and active = true) | id | 0']],
  ['SELECT id FROM users WHERE id = 1.5::int', ['users: always | id | 0']],
  ['SELECT id FROM users WHERE id = $1::numeric', ['users: always | id | 0']],
  ["SELECT id FROM users WHERE born > '2024-01-01'::date", ['users: born > 2024-01-01 | id | 0']],
  ['SELECT id FROM users WHERE born > $1::timestamp', ['users: always | id,born | 0']],
  ['SELECT id FROM users WHERE id IN (1, $1)', ['users: id in [1 $1] | id | 0']],
  ['SELECT id FROM users WHERE extra IS NULL', ['users: always | id,extra | 0']],
  [
    'SELECT id, price FROM users ORDER BY price DESC, id LIMIT $1',
    ['users: always | id,price | 0 | price@1 desc nulls first, id@0 limit $1 offset -'],
  ],
  ['SELECT id, name FROM users ORDER BY name LIMIT 5', ['users: always | id,name | 0']],
  ['SELECT id, code FROM users ORDER BY code LIMIT 5', ['users: always | id,code | 0 | code@1 limit 5 offset -']],
  ['SELECT DISTINCT ON (name) id FROM users ORDER BY name', ['users: always | id,name | -']],
  ['SELECT count(u) FROM users u WHERE u.id = 1', ['u: id = 1 | id,name,code,active,born,seen,price,extra | -']],
  [
    'SELECT u.id, o.total FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE u.id = $1',
    ['u: id = $1 | id | 0', 'o: (user_id = $1 and user_id in [#0]) | user_id,total | -'],
  ],
  [
    'SELECT u.id, l.n FROM users u CROSS JOIN LATERAL (SELECT count(*) AS n FROM orders WHERE user_id = u.id) l WHERE u.id = 3',
    ['u: id = 3 | id | 0', 'orders: user_id = 3 | user_id | -'],
  ],
  [
    'SELECT id FROM users WHERE EXISTS (SELECT 1 FROM orders WHERE user_id = users.id AND total > 5)',
    ['users: always | id | 0', 'orders: total > 5 | user_id | -'],
  ],
  ['WITH s AS (SELECT id FROM users WHERE id = 2) SELECT id FROM s', ['users: id = 2 | id | 0']],
  ['SELECT id FROM users OFFSET 3', ['users: always | id | -']],
])('%s', (text, expected) => expect(notation(of(text))).toEqual(expected));

test.each([
  ['SELECT now()', 'uncacheable'],
  ['SELECT CURRENT_USER', 'uncacheable'],
  ["SELECT nextval('s')", 'uncacheable'],
  ["SELECT set_config('a', 'b', true)", 'uncacheable'],
  ["SELECT id FROM users WHERE born > 'today'", 'uncacheable'],
  ["SELECT id FROM users WHERE date_trunc('day', born) = 'today'", 'uncacheable'],
  [
    "SELECT id FROM (SELECT id, born FROM users UNION ALL SELECT id, born FROM users) u WHERE born > 'today'",
    'uncacheable',
  ],
  ["SELECT id FROM (SELECT DISTINCT id, born FROM users) u WHERE born BETWEEN 'yesterday' AND $1", 'uncacheable'],
  ["SELECT 'now'::timestamptz", 'uncacheable'],
  ["SELECT 'users'::regclass", 'uncacheable'],
  ['SELECT ctid FROM users', 'uncacheable'],
  ['SELECT id FROM users FOR UPDATE', 'uncacheable'],
  ['SELECT * FROM pg_stat_activity', 'uncacheable'],
  ['SELECT * FROM users TABLESAMPLE SYSTEM (10)', 'uncacheable'],
  ['WITH w AS (DELETE FROM orders RETURNING id) SELECT * FROM w', 'write: orders'],
  ['TRUNCATE users, orders', 'write: users orders'],
  ['SELECT * INTO copied FROM users', 'write'],
  ['SELECT id FROM elsewhere.users', 'table: elsewhere.users'],
])('%s', (text, expected) => expect(notation(of(text))).toContain(expected));

test('a column whose name is not known may have the name of another: no name is relied upon', () => {
  const template = of('SELECT id, CASE WHEN active THEN 1 ELSE id END FROM users');
  expect(template.kind === 'tracked' && template.output).toEqual(['', '']);
});
