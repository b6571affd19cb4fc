// Statements of PostgreSQL, every feature at least once; each is one that PostgreSQL accepts on this schema.

export const POSTGRES_SCHEMA = `
  CREATE SCHEMA audit;
  CREATE TABLE teams (id int PRIMARY KEY, name text NOT NULL, city text);
  CREATE TABLE users (id int PRIMARY KEY, name text, email text, age int, team_id int, score float8, doc jsonb,
    tags text[], born date, seen timestamptz, active bool);
  CREATE TABLE orders (id bigint PRIMARY KEY, user_id int, total numeric, state text, placed timestamp);
  CREATE TABLE audit.entries (id bigint PRIMARY KEY, user_id int, what text);
  CREATE TABLE "Odd ""name" ("a b" int, "select" text);
`;

const lines = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

export const POSTGRES_QUERIES: readonly string[] = lines(`
SELECT 1
SELECT id FROM users
SELECT ID, Name FROM USERS
SELECT * FROM users
SELECT users.* FROM users
SELECT u.*, t.name FROM users u, teams AS t
SELECT public.users.id FROM public.users
SELECT e.id FROM audit.entries e
SELECT "a b", "select" FROM "Odd ""name"
SELECT id AS "user id", name nickname FROM users
SELECT FROM users
TABLE teams
SELECT id FROM ONLY users
SELECT x.a FROM users AS x (a, b)
SELECT id FROM users TABLESAMPLE SYSTEM (10) REPEATABLE (3)
SELECT DISTINCT age FROM users
SELECT DISTINCT ON (team_id) id, age FROM users ORDER BY team_id, age
SELECT ALL age FROM users
SELECT id FROM users WHERE id = 1
SELECT id FROM users WHERE id = $1
SELECT id FROM users WHERE id <> 1 AND id != 2
SELECT id FROM users WHERE age < 1 OR age <= 2 OR age > 3 OR age >= 4
SELECT id FROM users WHERE NOT (age = 1)
SELECT id FROM users WHERE age IS NULL
SELECT id FROM users WHERE age IS NOT NULL
SELECT id FROM users WHERE age ISNULL OR age NOTNULL
SELECT id FROM users WHERE age IS DISTINCT FROM team_id
SELECT id FROM users WHERE age IS NOT DISTINCT FROM $1
SELECT id FROM users WHERE active
SELECT id FROM users WHERE active IS TRUE
SELECT id FROM users WHERE active IS NOT FALSE
SELECT id FROM users WHERE active IS UNKNOWN
SELECT id FROM users WHERE age BETWEEN 1 AND 9
SELECT id FROM users WHERE age NOT BETWEEN $1 AND $2
SELECT id FROM users WHERE age BETWEEN SYMMETRIC 9 AND 1
SELECT id FROM users WHERE age NOT BETWEEN SYMMETRIC 9 AND 1
SELECT id FROM users WHERE age IN (1, 2, 3)
SELECT id FROM users WHERE age NOT IN (1, $1)
SELECT id FROM users WHERE age IN (SELECT user_id FROM orders)
SELECT id FROM users WHERE age NOT IN (SELECT user_id FROM orders WHERE total > 3)
SELECT id FROM users WHERE age = ANY($1)
SELECT id FROM users WHERE age = ANY($1::int[])
SELECT id FROM users WHERE age = ANY(ARRAY[1, 2])
SELECT id FROM users WHERE age <> ALL(ARRAY[1, 2])
SELECT id FROM users WHERE age > ALL('{1,2}'::int[])
SELECT id FROM users WHERE age = ANY (SELECT user_id FROM orders)
SELECT id FROM users WHERE age > SOME (SELECT user_id FROM orders)
SELECT id FROM users WHERE age <= ALL (SELECT user_id FROM orders)
SELECT id FROM users WHERE EXISTS (SELECT 1 FROM orders WHERE user_id = users.id)
SELECT id FROM users WHERE NOT EXISTS (SELECT * FROM orders o WHERE o.user_id = users.id)
SELECT id, (SELECT count(*) FROM orders o WHERE o.user_id = u.id) AS n FROM users u
SELECT id FROM users WHERE age = (SELECT max(age) FROM users)
SELECT ARRAY(SELECT id FROM teams) FROM users
SELECT id FROM users WHERE (age, id) > ($1, $2) ORDER BY age, id LIMIT 10
SELECT id FROM users WHERE (age, name) = (1, 'a')
SELECT id FROM users WHERE ROW(age, name) IS NOT NULL
SELECT id FROM users WHERE (age, id) IN ((1, 2), (3, 4))
SELECT id FROM users WHERE (age, id) IN (SELECT user_id, id FROM orders)
SELECT id FROM users WHERE ROW(age, name) IS DISTINCT FROM ROW(1, 'a')
SELECT id FROM users WHERE name LIKE 'a%'
SELECT id FROM users WHERE name NOT LIKE $1 ESCAPE '!'
SELECT id FROM users WHERE name ILIKE 'a%' AND name NOT ILIKE '%b'
SELECT id FROM users WHERE name SIMILAR TO '(a|b)%'
SELECT id FROM users WHERE name ~ '^a' AND name !~* 'b$'
SELECT id FROM users WHERE name LIKE ANY (ARRAY['a%', 'b%'])
SELECT id FROM users WHERE name COLLATE "C" < 'a'
SELECT id FROM users WHERE born = '2024-01-01'::date AND born < DATE '2025-01-01'
SELECT id FROM users WHERE age = $1::int AND score > CAST($2 AS float8)
SELECT id FROM users WHERE name::varchar(10) = 'a'
SELECT id FROM users WHERE seen > now() - interval '1 day'
SELECT id FROM users WHERE -age = -3 AND +age = 3 AND @ age = 3
SELECT id FROM users WHERE age + 1 > 2 * team_id - 3 / 4 % 5
SELECT id FROM users WHERE age OPERATOR(pg_catalog.=) 3
SELECT id FROM users WHERE tags @> ARRAY['a'] OR tags && $1 OR doc ? 'a'
SELECT name || '!' FROM users
SELECT doc -> 'a', doc ->> 'b', doc #>> '{a,b}', doc['a'] FROM users
SELECT tags[1], tags[1:2], (ARRAY[1, 2])[1] FROM users
SELECT (u).name, (u.*)::text, u FROM users u
SELECT CASE WHEN age > 3 THEN 'old' ELSE name END FROM users
SELECT CASE age WHEN 1 THEN score WHEN 2 THEN 3 END FROM users
SELECT coalesce(name, email), nullif(age, 1), greatest(age, 1), least(age, team_id) FROM users
SELECT lower(name), length(email), substring(name from 1 for 2), trim(both 'x' from name), position('a' in name) FROM users
SELECT extract(year from born), born AT TIME ZONE 'UTC', overlay(name placing 'x' from 1) FROM users
SELECT random(), now(), CURRENT_DATE, CURRENT_TIMESTAMP(3), LOCALTIME, CURRENT_USER, SESSION_USER FROM users
SELECT pg_catalog.lower(name) FROM users
SELECT format('%s', VARIADIC ARRAY[name, email]) FROM users
SELECT count(*) FROM users
SELECT count(age), sum(age), avg(age), min(age), max(age), bool_and(active) FROM users
SELECT count(DISTINCT age) FROM users
SELECT count(*) FILTER (WHERE age > 3) FROM users
SELECT string_agg(name, ',' ORDER BY age), array_agg(id), json_agg(u) FROM users u
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY age) FROM users
SELECT json_arrayagg(name ORDER BY age), json_objectagg(name : age) FROM users
SELECT json_object('a' : age), json_array(name, email), json_exists(doc, '$.a') FROM users
SELECT json_array(SELECT id FROM teams) FROM users
SELECT id FROM users WHERE doc IS JSON OBJECT
SELECT team_id, count(*) FROM users GROUP BY team_id
SELECT team_id, age, count(*) FROM users GROUP BY 1, age HAVING count(*) > 2
SELECT team_id, age, count(*), grouping(age) FROM users GROUP BY GROUPING SETS ((team_id), (age), ())
SELECT team_id, age, count(*) FROM users GROUP BY ROLLUP (team_id, age)
SELECT team_id, age, count(*) FROM users GROUP BY DISTINCT CUBE (team_id, age)
SELECT team_id, max(score) OVER (PARTITION BY team_id ORDER BY age ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM users
SELECT row_number() OVER w, rank() OVER (w ORDER BY score) FROM users WINDOW w AS (PARTITION BY team_id)
SELECT sum(score) FILTER (WHERE age > 3) OVER (ORDER BY id) FROM users
SELECT id FROM users ORDER BY age
SELECT id FROM users ORDER BY age DESC, name ASC
SELECT id FROM users ORDER BY age NULLS LAST, name DESC NULLS FIRST
SELECT id, age AS a FROM users ORDER BY a, 1
SELECT id FROM users ORDER BY name COLLATE "C"
SELECT id FROM users ORDER BY age USING >
SELECT id FROM users ORDER BY age LIMIT 10
SELECT id FROM users ORDER BY age LIMIT 10 OFFSET 20
SELECT id FROM users ORDER BY age LIMIT $1 OFFSET $2
SELECT id FROM users ORDER BY age OFFSET 5 ROWS FETCH NEXT 10 ROWS ONLY
SELECT id FROM users ORDER BY age FETCH FIRST 3 ROWS WITH TIES
SELECT id FROM users LIMIT ALL
SELECT u.id FROM users u JOIN teams t ON t.id = u.team_id
SELECT u.id FROM users u INNER JOIN teams t ON t.id = u.team_id WHERE t.city = 'x'
SELECT u.id, t.name FROM users u LEFT JOIN teams t ON t.id = u.team_id
SELECT u.id FROM users u RIGHT JOIN teams t ON t.id = u.team_id
SELECT u.id FROM users u FULL OUTER JOIN teams t ON t.id = u.team_id
SELECT u.id FROM users u CROSS JOIN teams t
SELECT u.id FROM users u NATURAL JOIN teams t
SELECT id FROM users JOIN teams USING (id, name)
SELECT j.id FROM users JOIN teams USING (id) AS j
SELECT j.a FROM (users u JOIN orders o ON o.user_id = u.id) AS j (a)
SELECT u.id, t.name, o.id FROM users u LEFT JOIN (orders o JOIN teams t ON t.id = o.id) ON o.user_id = u.id
SELECT a.id FROM users a, users b WHERE a.team_id = b.team_id AND a.id < b.id
SELECT u.id, o.total FROM users u, LATERAL (SELECT total FROM orders WHERE user_id = u.id ORDER BY id LIMIT 1) o
SELECT u.id, o.n FROM users u LEFT JOIN LATERAL (SELECT count(*) AS n FROM orders WHERE user_id = u.id) o ON true
SELECT q.id FROM (SELECT id, age FROM users WHERE age > 3) AS q WHERE q.age < 9
SELECT q.a FROM (SELECT id FROM users UNION SELECT id FROM teams) q (a)
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (n, c) JOIN users ON users.id = v.n
SELECT n FROM generate_series(1, 3) AS n
SELECT u.id, tag FROM users u, unnest(u.tags) WITH ORDINALITY AS x (tag, at)
SELECT * FROM users u, ROWS FROM (unnest(u.tags), generate_series(1, 2)) AS r (a, b)
SELECT j.a FROM users, json_table(doc, '$[*]' COLUMNS (a int PATH '$.a')) j
SELECT u.id, x.key FROM users u, jsonb_each(u.doc) x
SELECT id FROM users UNION ALL SELECT id FROM teams
SELECT id FROM users UNION SELECT id FROM teams ORDER BY 1 LIMIT 3
SELECT id FROM users INTERSECT ALL SELECT user_id FROM orders
(SELECT id FROM users ORDER BY age LIMIT 2) EXCEPT (SELECT user_id FROM orders UNION SELECT id FROM teams)
VALUES (1, 'a'), (2, 'b')
WITH x AS (SELECT id FROM users) SELECT * FROM x
WITH x (n) AS (SELECT id FROM users), y AS (SELECT n FROM x) SELECT n FROM y
WITH x AS MATERIALIZED (SELECT id FROM users) SELECT id FROM x
WITH x AS NOT MATERIALIZED (SELECT id FROM users) SELECT id FROM x JOIN x AS z USING (id)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n
WITH RECURSIVE up (id, team) AS (SELECT id, team_id FROM users WHERE id = $1 UNION SELECT u.id, u.team_id FROM users u JOIN up ON u.id = up.team) SELECT * FROM up
SELECT id FROM users WHERE id IN (WITH x AS (SELECT user_id FROM orders) SELECT user_id FROM x)
SELECT 9007199254740993, -9223372036854775808, 1_000, 0x1F, 1.50, 1e3, .5, -1
SELECT 'it''s', E'a\\nb', $$dollar$$, U&'d\\0061t', b'01', x'1F', NULL, true, ''
SELECT state, sum(total) FROM orders WHERE placed >= date_trunc('day', now()) GROUP BY state ORDER BY 2 DESC
SELECT id FROM orders WHERE state IN ('a', 'b') AND (total > 10 OR total IS NULL) ORDER BY placed DESC LIMIT 5
SELECT u.name, sum(o.total) AS spent FROM users u JOIN orders o ON o.user_id = u.id GROUP BY u.id HAVING sum(o.total) > 100 ORDER BY spent DESC LIMIT 3
SELECT t.name, u.name FROM teams t LEFT JOIN users u ON u.team_id = t.id AND u.age > 18 WHERE t.city LIKE 'b%'
SELECT /* comment */ id FROM users -- another
`);

/** What the statement is, what it writes, and whether it changes answers. */
export const POSTGRES_OTHERS: readonly (readonly [text: string, kind: string, what: string | boolean])[] = [
  ["INSERT INTO users (id, name) VALUES (1, 'a') RETURNING *", 'insert', 'users'],
  ['INSERT INTO audit.entries DEFAULT VALUES', 'insert', 'audit.entries'],
  ['INSERT INTO users (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET age = excluded.age', 'insert', 'users'],
  [
    'WITH gone AS (DELETE FROM orders RETURNING *) INSERT INTO users (id) SELECT user_id FROM gone',
    'merge',
    'orders users',
  ],
  ['WITH made AS (INSERT INTO teams VALUES (1) RETURNING id) SELECT * FROM made', 'insert', 'teams'],
  ['WITH a AS (SELECT 1), b AS (UPDATE users SET age = 1 RETURNING id) SELECT * FROM b', 'update', 'users'],
  ['UPDATE users u SET age = age + 1 FROM teams t WHERE t.id = u.team_id RETURNING u.id', 'update', 'users'],
  ['UPDATE ONLY users SET (age, name) = (SELECT 1, name FROM teams LIMIT 1)', 'update', 'users'],
  ['DELETE FROM users USING teams WHERE teams.id = team_id', 'delete', 'users'],
  [
    'MERGE INTO users u USING teams t ON t.id = u.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (t.id)',
    'merge',
    'users',
  ],
  ['TRUNCATE users, orders', 'truncate', 'users orders'],
  ['TRUNCATE users CASCADE', 'other', true],
  ['COPY users FROM STDIN', 'insert', 'users'],
  ['COPY users TO STDOUT', 'other', false],
  ['COPY (SELECT 1) TO STDOUT', 'other', false],
  ['COPY (DELETE FROM users RETURNING id) TO STDOUT', 'delete', 'users'],
  ['SELECT id INTO fresh FROM users', 'other', true],
  ['CREATE TABLE fresh AS SELECT * FROM users', 'other', true],
  ['CALL some_procedure(1)', 'other', true],
  ['DO $$ BEGIN END $$', 'other', true],
  ['PREPARE p AS DELETE FROM users', 'other', false],
  ['EXECUTE p', 'other', true],
  ['EXPLAIN DELETE FROM users', 'other', false],
  ['EXPLAIN ANALYZE SELECT 1', 'other', false],
  ['EXPLAIN (ANALYZE) DELETE FROM users', 'other', true],
  ['BEGIN', 'other', false],
  ['COMMIT', 'other', false],
  ['SET search_path = audit', 'other', true],
  ['SET statement_timeout = 1000', 'other', false],
  ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'other', false],
  ['RESET ALL', 'other', true],
  ['SHOW search_path', 'other', false],
  ['LISTEN a', 'other', false],
  ['ALTER TABLE users ADD COLUMN fresh int', 'other', true],
  ['CREATE VIEW fresh AS SELECT 1', 'other', true],
  ['CREATE INDEX fresh ON users (name)', 'other', false],
  ['DROP TABLE orders', 'other', true],
  ['REFRESH MATERIALIZED VIEW fresh', 'other', true],
  ['VACUUM users', 'other', false],
];
