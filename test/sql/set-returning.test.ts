// A function that gives several rows, or none, for a row of a table: what is written to a row that shows none is a change
// as any other.

import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startedPglite } from '../kit/pglite.ts';
import { PostgresJudge } from './postgres-judge.ts';

let db: PGlite;
let judge: PostgresJudge;

beforeAll(async () => {
  db = await startedPglite();
  await db.exec(`
    CREATE TABLE ps (id int PRIMARY KEY, name text, tags text[], j jsonb, l jsonb, n int, line text);
    INSERT INTO ps VALUES (1, 'one', '{a,b}', '{"k": 1}', '[1]', 2, 'x,y'), (2, 'two', '{}', '{}', '[]', 0, ''),
      (3, 'three', NULL, NULL, NULL, NULL, NULL);
    CREATE TABLE others (id int PRIMARY KEY, ps_id int);
    INSERT INTO others VALUES (1, 1), (2, 2);
    CREATE VIEW tagged AS SELECT id, unnest(tags) AS tag FROM ps;
    CREATE FUNCTION firsts(text[]) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS 'SELECT unnest($1)';
    CREATE FUNCTION single(text[]) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1[1]';
    CREATE FUNCTION other_single(text[]) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1[1]';
    CREATE AGGREGATE longest(text) (SFUNC = textcat, STYPE = text);
  `);
  judge = await PostgresJudge.open(db, ['firsts', 'single', 'longest']);
}, 60_000);

afterAll(() => db.close());

const SHOWS = "UPDATE ps SET tags = '{c}', j = '{\"q\": 1}', l = '[5]', n = 3, line = 'p,q' WHERE id = 2";

test.each([
  'SELECT id, unnest(tags) FROM ps',
  'SELECT id, unnest(tags) FROM ps ORDER BY id',
  'SELECT id, unnest(tags) FROM ps ORDER BY id LIMIT 10',
  'SELECT id, name FROM ps ORDER BY id, unnest(tags)',
  'SELECT id, upper(unnest(tags)) FROM ps',
  'SELECT id, jsonb_array_elements(l) FROM ps',
  'SELECT id, jsonb_object_keys(j) FROM ps',
  'SELECT id, (jsonb_each(j)).key FROM ps',
  'SELECT (jsonb_each(j)).*, id FROM ps',
  'SELECT id, generate_series(1, n) FROM ps',
  "SELECT id, regexp_matches(line, '[a-z],') FROM ps",
  "SELECT id, regexp_split_to_table(nullif(line, ''), ',') FROM ps",
  'SELECT id, tag FROM tagged',
  'SELECT id, tag FROM tagged ORDER BY id LIMIT 10',
  'WITH t AS (SELECT id, unnest(tags) AS tag FROM ps) SELECT id, tag FROM t',
  'SELECT id, tag FROM (SELECT id, unnest(tags) AS tag FROM ps) t',
  'SELECT o.id, t.tag FROM others o JOIN (SELECT id, unnest(tags) AS tag FROM ps) t ON t.id = o.ps_id',
  'SELECT o.id, t.tag FROM others o LEFT JOIN (SELECT id, unnest(tags) AS tag FROM ps) t ON t.id = o.ps_id',
  'SELECT o.id, unnest(p.tags) FROM others o JOIN ps p ON p.id = o.ps_id',
  'SELECT count(*) FROM (SELECT unnest(tags) FROM ps) t',
  'SELECT o.id FROM others o WHERE EXISTS (SELECT unnest(tags) FROM ps WHERE ps.id = o.ps_id)',
  'SELECT o.id FROM others o WHERE o.id IN (SELECT ps.id FROM ps ORDER BY unnest(tags))',
  'SELECT id, (SELECT count(*) FROM (SELECT unnest(ps.tags)) t) FROM ps',
  'SELECT id, firsts(tags) FROM ps',
  'SELECT p.id, u FROM ps p, unnest(p.tags) u',
])('%s', async (query) => {
  expect(await judge.verdict(query, SHOWS)).toBe('changed, named');
});

test('what gives one value for each row keeps its rows apart', async () => {
  const elsewhere = "UPDATE ps SET tags = '{z}' WHERE id = 3";
  for (const call of ['single(tags)', 'cardinality(tags)', 'upper(name)']) {
    expect(await judge.verdict(`SELECT id, ${call} FROM ps WHERE id = 2`, elsewhere)).toBe('same, not named');
    expect(await judge.verdict(`SELECT id, ${call} FROM ps ORDER BY id LIMIT 1`, elsewhere)).toBe('same, not named');
  }
  expect(await judge.verdict('SELECT id, unnest(tags) FROM ps WHERE id = 2', elsewhere)).toBe('same, not named');
});

test('an aggregate of the application is one, also of an outer query', async () => {
  const renamed = "UPDATE ps SET name = 'other' WHERE id = 3";
  expect(await judge.verdict('SELECT longest(name) FROM ps', renamed)).toBe('changed, named');
  expect(await judge.verdict('SELECT (SELECT longest(ps.name)) FROM ps', renamed)).toBe('changed, named');
});

test('all fields of a row are columns, and move those after them', async () => {
  const moved = 'UPDATE others SET ps_id = 1 WHERE id = 2';
  const query = 'SELECT * FROM (SELECT (p).*, o.id FROM ps p JOIN others o ON o.ps_id = p.id) d WHERE d.name = $1';
  expect(await judge.verdict(query, moved, ['one'])).toBe('changed, named');
  const open = 'SELECT d.name FROM (SELECT * FROM ps p, unnest(p.tags) u) d';
  expect(await judge.verdict(open, "UPDATE ps SET name = 'x' WHERE id = 1")).toBe('changed, named');
  const named = 'SELECT y FROM (SELECT (p).*, o.ps_id FROM ps p, others o) d (a, b, c, d, e, f, g, y) WHERE b = $1';
  expect(await judge.verdict(named, "UPDATE ps SET name = 'x' WHERE id = 2", ['x'])).toBe('changed, named');
});
