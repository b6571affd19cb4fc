// Times in disguise: texts that PostgreSQL or SQLite reads as a time that moves, wherever they stand.

import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { mayMove } from '../../src/dependency/condition/cells.ts';
import { analyse } from '../../src/sql/analyse.ts';
import { parts } from './analyse-notation.ts';
import { of as ofPostgres } from './analyse-postgres-kit.ts';

/** `users`: id int, name and code text, active bool, born date, seen timestamptz, price numeric, extra of an unknown type. */
test.each([
  "id FROM users WHERE coalesce(born, 'today') > '2020-01-01'",
  "id FROM users WHERE greatest(born, 'today') = born",
  "CASE WHEN active THEN born ELSE 'today' END FROM users",
  "born FROM users UNION SELECT 'today'",
  "id FROM users WHERE (born, id) > ('today', 1)",
  "id FROM users WHERE seen > 'now'::text::timestamptz",
  "id FROM users WHERE seen > ('no' || 'w')::timestamptz",
  "id FROM users WHERE born = ANY('{today,2020-01-01}')",
  "id FROM users WHERE born = ANY(ARRAY['today']::date[])",
  "id FROM users WHERE born IN ('2020-01-01', ' ToDay ')",
  "id FROM users WHERE born NOT BETWEEN '2020-01-01' AND 'tomorrow 10:00'",
  "id FROM users WHERE '_yesterday' < born",
  "id FROM users WHERE nullif(born, 'today') IS NULL",
  "id FROM users WHERE born IS NOT DISTINCT FROM 'today'",
  "id FROM users WHERE extra = 'now'",
  "id FROM users WHERE extra && '[now,infinity)'::tstzrange",
  "id FROM users WHERE 'now' = 'now'::mood",
  "lag(born, 1, 'today') OVER (ORDER BY id) FROM users",
  "id FROM users WHERE date_trunc('day', 'now') = seen",
  "id FROM (VALUES (date '2020-01-01', 1), ('today', 2)) v(d, id)",
  "id FROM (SELECT id, born FROM users UNION ALL SELECT id, born FROM users) u WHERE 'today' = born",
  // Texts of columns.
  'id FROM users WHERE name::date = born',
  'id FROM users WHERE max(code)::timestamptz > seen',
  'id FROM users WHERE coalesce(name, code)::date = born',
  "id FROM users WHERE (extra->>'at')::timestamptz > seen",
  'id FROM users WHERE (SELECT name)::date = born',
  'id FROM users WHERE (CASE WHEN active THEN name END)::time IS NULL',
  'id FROM (SELECT id, name AS at FROM users) u WHERE at::timestamp IS NULL',
  'name::timetz FROM users',
  "JSON_VALUE(extra, '$.at' RETURNING timestamptz) FROM users",
])('PostgreSQL: SELECT %s is not stored', (text) => {
  expect(ofPostgres(`SELECT ${text}`)).toMatchObject({ kind: 'uncacheable' });
});

test.each([
  ['id FROM users WHERE born = $1', [0]],
  ['id FROM users WHERE born = ANY($1)', [0]],
  ['id FROM users WHERE seen > $1::timestamptz AND id = $2', [0]],
  ['id FROM users WHERE seen BETWEEN $2 AND $1', [0, 1]],
  ['id FROM users WHERE coalesce(born, $1) = born', [0]],
  ['id FROM users WHERE extra = $1', [0]],
  ['id FROM users WHERE seen > $1::text::timestamptz', [0]],
  ['id FROM users WHERE $1::date IS NULL OR id = $1', [0]],
  ['id FROM users WHERE name = $1 AND $1::text::date = born', [0]],
  ['count(*) FROM users WHERE id = $1 GROUP BY GROUPING SETS ((id), ()) HAVING min(born) > $2', [1]],
  // Read as something else, whatever it says.
  ['id FROM users WHERE id = $1 AND name = $2 AND code = $3::text AND active = $4 AND price < $5', undefined],
  ['id FROM users WHERE name = ANY($1) AND id = ANY($2::int[]) AND name LIKE $3 AND name IN ($4, $5)', undefined],
])('PostgreSQL: SELECT %s hangs on what its parameters say', (text, times) => {
  expect(ofPostgres(`SELECT ${text}`)).toMatchObject(times === undefined ? { kind: 'tracked' } : { times });
  expect('times' in ofPostgres(`SELECT ${text}`)).toBe(times !== undefined);
});

test.each([
  "id FROM users WHERE name = 'today' AND code IN ('now', 'yesterday')",
  "id FROM users WHERE name LIKE '%now%'",
  "id FROM users WHERE born > 'epoch' AND seen < 'infinity' AND name <> 'nowhere'",
  "born::timestamptz, seen::date, (seen + interval '1 day')::date FROM users",
  "date_trunc('day', seen)::date, (seen AT TIME ZONE 'UTC')::time, max(seen)::date FROM users GROUP BY 1, 2",
  "id FROM users WHERE extra->>'today' = 'x' AND id::text = '7' AND name::int = 7",
  'at::date FROM (SELECT seen AS at FROM users) u',
  "born FROM users WHERE seen::text::timestamptz > '2020-01-01'",
])('PostgreSQL: SELECT %s does not move', (text) => {
  expect(ofPostgres(`SELECT ${text}`)).toMatchObject({ kind: 'tracked' });
});

test('a parameter moves by what a driver makes of it', () => {
  const moving = [
    'now',
    ' NOW ',
    'today 10:00',
    '_tomorrow',
    ['2020-01-01', 'today'],
    { at: 'now' },
    { toPostgres: () => 'now' },
  ];
  for (const value of moving) expect([value, mayMove(value)]).toEqual([value, true]);
  const round: Record<string, unknown> = {};
  round.own = round;
  expect(mayMove(round)).toBe(true);
  const still = [
    '2020-01-01',
    'epoch',
    'nowhere',
    'Müller',
    5,
    5n,
    true,
    null,
    undefined,
    new Date(0),
    Buffer.from('now'),
    { time: '2020-01-01' },
  ];
  for (const value of still) expect([value, mayMove(value)]).toEqual([value, false]);
});

const MOVES_IN_SQLITE = [
  "unixepoch('subsec')",
  "julianday('subsecond')",
  "datetime('SUBSEC')",
  'datetime(y)',
  "strftime('%s', y)",
  'datetime("now")',
  'date()',
  "strftime('%s')",
  "time('now')",
  'CURRENT_TIMESTAMP',
  "datetime('2020-01-01', 'localtime')",
  'datetime(?)',
  'datetime(lower(y))',
];
const STILL_IN_SQLITE = [
  "unixepoch('2020-01-01', 'subsec')",
  "julianday(' 2020-01-01')",
  "strftime('%Y', '12:00')",
  'datetime(1.5)',
];

test('SQLite: what it knows the time by is not stored', () => {
  const kinds = (list: readonly string[]) => list.map((one) => [one, analyse(`SELECT ${one} FROM n`, parts).kind]);
  expect(kinds(MOVES_IN_SQLITE)).toEqual(MOVES_IN_SQLITE.map((one) => [one, 'uncacheable']));
  expect(kinds(STILL_IN_SQLITE)).toEqual(STILL_IN_SQLITE.map((one) => [one, 'tracked']));
  // By SQLite's own word: it refuses such a call in an index.
  const db = new DatabaseSync(':memory:');
  db.exec("CREATE TABLE n (x INTEGER, y TEXT); INSERT INTO n (y) VALUES ('now')");
  const isRefused = (one: string) => {
    try {
      db.exec(`DROP INDEX IF EXISTS i; CREATE INDEX i ON n (${one.replace('?', 'y')})`);
      return false;
    } catch {
      return true;
    }
  };
  expect(MOVES_IN_SQLITE.filter((one) => !isRefused(one))).toEqual([]);
  expect(STILL_IN_SQLITE.filter(isRefused)).toEqual([]);
});
