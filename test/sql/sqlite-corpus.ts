// Statements of SQLite, every feature at least once; each is one that SQLite accepts on this schema.

export const SQLITE_SCHEMA = `
  CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT COLLATE NOCASE);
  CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT, age INT, team_id INT, score REAL, doc TEXT, pic BLOB);
  CREATE INDEX users_age ON users (age);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INT, total NUMERIC, state TEXT, placed TEXT);
  CREATE TABLE pairs (a INT, b INT, c TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
  CREATE TABLE "odd ""name" ("a b" INT, "select" TEXT);
  CREATE VIEW grown AS SELECT id, name FROM users WHERE age >= 18;
`;

export const SQLITE_QUERIES: readonly string[] = `
SELECT 1
SELECT id FROM users
SELECT ID, NAME FROM USERS
SELECT * FROM users
SELECT users.* FROM users
SELECT u.*, t.name FROM users u, teams AS t
SELECT main.users.id FROM main.users
SELECT "id", [name], \`email\` FROM users
SELECT rowid, oid, _rowid_ FROM users
SELECT "a b", "select" FROM "odd ""name"
SELECT id AS "user id", name nickname FROM users
SELECT DISTINCT age FROM users
SELECT ALL age FROM users
SELECT id FROM users WHERE id = 1
SELECT id FROM users WHERE id == 1
SELECT id FROM users WHERE id <> 1 AND id != 2
SELECT id FROM users WHERE age < 1 OR age <= 2 OR age > 3 OR age >= 4
SELECT id FROM users WHERE NOT (age = 1)
SELECT id FROM users WHERE age IS NULL
SELECT id FROM users WHERE age IS NOT NULL
SELECT id FROM users WHERE age ISNULL
SELECT id FROM users WHERE age NOTNULL
SELECT id FROM users WHERE age NOT NULL
SELECT id FROM users WHERE NULL IS age
SELECT id FROM users WHERE age IS 3
SELECT id FROM users WHERE age IS NOT 3
SELECT id FROM users WHERE age IS DISTINCT FROM team_id
SELECT id FROM users WHERE age IS NOT DISTINCT FROM team_id
SELECT id FROM users WHERE age IS TRUE
SELECT id FROM users WHERE age IS NOT FALSE
SELECT id FROM users WHERE age = TRUE
SELECT id FROM users WHERE age BETWEEN 1 AND 9
SELECT id FROM users WHERE age NOT BETWEEN ? AND ?
SELECT id FROM users WHERE age IN (1, 2, 3)
SELECT id FROM users WHERE age NOT IN (1, ?)
SELECT id FROM users WHERE age IN ()
SELECT id FROM users WHERE age IN (SELECT user_id FROM orders)
SELECT id FROM users WHERE age NOT IN (SELECT user_id FROM orders WHERE total > 3)
SELECT a FROM pairs WHERE (a, b) IN (SELECT id, user_id FROM orders)
SELECT a FROM pairs WHERE (a, b) IN (VALUES (1, 2), (3, 4))
SELECT id FROM users WHERE age IN (SELECT value FROM json_each(?))
SELECT id FROM users WHERE EXISTS (SELECT 1 FROM orders WHERE user_id = users.id)
SELECT id FROM users WHERE NOT EXISTS (SELECT * FROM orders o WHERE o.user_id = users.id)
SELECT id, (SELECT count(*) FROM orders o WHERE o.user_id = u.id) AS n FROM users u
SELECT id FROM users WHERE age = (SELECT max(age) FROM users)
SELECT (SELECT name FROM teams WHERE id = team_id) FROM users
SELECT id FROM users WHERE name LIKE 'a%'
SELECT id FROM users WHERE name NOT LIKE ? ESCAPE '!'
SELECT id FROM users WHERE name GLOB 'a*'
SELECT id FROM users WHERE name NOT GLOB 'a*'
SELECT id FROM users WHERE name REGEXP 'a.*'
SELECT id FROM users WHERE name COLLATE NOCASE = 'a'
SELECT id FROM users WHERE CAST(age AS TEXT) = '3'
SELECT id FROM users WHERE CAST(name AS VARCHAR(10)) = '3'
SELECT id FROM users WHERE +age = 3
SELECT id FROM users WHERE -age = -3
SELECT id FROM users WHERE ~age = 3
SELECT id FROM users WHERE age + 1 > 2 * team_id - 3 / 4 % 5
SELECT id FROM users WHERE age & 1 | 2 << 3 >> 4
SELECT name || '!' FROM users
SELECT doc -> '$.a', doc ->> 'b' FROM users
SELECT CASE WHEN age > 3 THEN 'old' ELSE name END FROM users
SELECT CASE age WHEN 1 THEN score WHEN 2 THEN 3 END FROM users
SELECT id FROM users WHERE CASE WHEN age > 3 THEN (SELECT 1 FROM teams) ELSE 0 END
SELECT coalesce(name, email), ifnull(age, 0), nullif(age, 1), iif(age > 1, name, email) FROM users
SELECT lower(name), length(email), substr(name, 1, 2), round(score) FROM users
SELECT random(), date('now'), CURRENT_TIMESTAMP, CURRENT_DATE, CURRENT_TIME FROM users
SELECT count(*) FROM users
SELECT count(age), sum(age), avg(age), total(age), min(age), max(age) FROM users
SELECT max(age, team_id) FROM users
SELECT count(DISTINCT age) FROM users
SELECT count(*) FILTER (WHERE age > 3) FROM users
SELECT group_concat(name, ',' ORDER BY age) FROM users
SELECT string_agg(name, ',') FROM users
SELECT json_group_array(name), json_group_object(name, age) FROM users
SELECT team_id, count(*) FROM users GROUP BY team_id
SELECT team_id, age, count(*) FROM users GROUP BY 1, age HAVING count(*) > 2
SELECT team_id, max(score) OVER (PARTITION BY team_id ORDER BY age ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM users
SELECT row_number() OVER w, rank() OVER (w ORDER BY score) FROM users WINDOW w AS (PARTITION BY team_id)
SELECT sum(score) FILTER (WHERE age > 3) OVER (ORDER BY id) FROM users
SELECT id FROM users WINDOW w AS (ORDER BY age) ORDER BY row_number() OVER w
SELECT id FROM users ORDER BY age
SELECT id FROM users ORDER BY age DESC, name ASC
SELECT id FROM users ORDER BY age NULLS LAST, name DESC NULLS FIRST
SELECT id, age AS a FROM users ORDER BY a, 1
SELECT id FROM users ORDER BY name COLLATE NOCASE
SELECT id FROM users ORDER BY age LIMIT 10
SELECT id FROM users ORDER BY age LIMIT 10 OFFSET 20
SELECT id FROM users ORDER BY age LIMIT 20, 10
SELECT id FROM users ORDER BY age LIMIT ? OFFSET ?
SELECT id FROM users LIMIT -1
SELECT id FROM users WHERE (age, id) > (?, ?) ORDER BY age, id LIMIT 10
SELECT id FROM users WHERE (age, name) = (1, 'a')
SELECT id FROM users WHERE (age, name) <> (1, 'a')
SELECT id FROM users WHERE (age, id) <= (SELECT total, id FROM orders)
SELECT u.id FROM users u JOIN teams t ON t.id = u.team_id
SELECT u.id FROM users u INNER JOIN teams t ON t.id = u.team_id WHERE t.city = 'x'
SELECT u.id FROM users u LEFT JOIN teams t ON t.id = u.team_id
SELECT u.id FROM users u LEFT OUTER JOIN teams t ON t.id = u.team_id
SELECT u.id FROM users u RIGHT JOIN teams t ON t.id = u.team_id
SELECT u.id FROM users u FULL OUTER JOIN teams t ON t.id = u.team_id
SELECT u.id FROM users u CROSS JOIN teams t
SELECT u.id FROM users u NATURAL JOIN teams t
SELECT u.id FROM users u NATURAL LEFT JOIN teams t
SELECT id FROM users JOIN teams USING (id, name)
SELECT users.id FROM users LEFT JOIN orders ON user_id = users.id LEFT JOIN teams ON teams.id = team_id
SELECT a.id FROM users a, users b WHERE a.team_id = b.team_id AND a.id < b.id
SELECT a.id FROM users a, teams b LEFT JOIN orders c ON c.user_id = a.id
SELECT * FROM users, (teams JOIN orders ON orders.total = teams.id)
SELECT x.id FROM (users) AS x
SELECT q.id FROM (SELECT id, age FROM users WHERE age > 3) AS q WHERE q.age < 9
SELECT q.id FROM (SELECT id FROM users UNION SELECT id FROM teams) q
SELECT * FROM (SELECT * FROM (SELECT id FROM users))
SELECT * FROM (VALUES (1, 2), (3, 4)) AS v
SELECT column1 FROM (VALUES (1), (2)) v JOIN users ON users.id = column1
SELECT u.id, j.value FROM users u, json_each(u.doc, '$.tags') AS j
SELECT u.id, j.key FROM users u JOIN json_tree(u.doc) j ON j.type = 'text'
SELECT name FROM pragma_table_info('users')
SELECT id FROM users INDEXED BY users_age WHERE age = 3
SELECT id FROM users NOT INDEXED WHERE age = 3
SELECT id FROM users UNION ALL SELECT id FROM teams
SELECT id FROM users UNION SELECT id FROM teams ORDER BY 1 LIMIT 3
SELECT id FROM users INTERSECT SELECT user_id FROM orders
SELECT id FROM users EXCEPT SELECT user_id FROM orders UNION SELECT id FROM teams
VALUES (1, 'a'), (2, 'b')
SELECT id FROM users UNION VALUES (3)
WITH x AS (SELECT id FROM users) SELECT * FROM x
WITH x(n) AS (SELECT id FROM users), y AS (SELECT n FROM x) SELECT n FROM y
WITH x AS MATERIALIZED (SELECT id FROM users) SELECT id FROM x
WITH x AS NOT MATERIALIZED (SELECT id FROM users) SELECT id FROM x JOIN x AS z USING (id)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n
WITH RECURSIVE up(id, team) AS (SELECT id, team_id FROM users WHERE id = ? UNION SELECT u.id, u.team_id FROM users u JOIN up ON u.id = up.team) SELECT * FROM up
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5) SELECT i FROM n
WITH a AS (SELECT id FROM b), b AS (SELECT id FROM users) SELECT id FROM a
SELECT id FROM users WHERE id IN (WITH x AS (SELECT user_id FROM orders) SELECT user_id FROM x)
SELECT id FROM grown WHERE name = 'a'
SELECT g.id FROM grown g JOIN orders o ON o.user_id = g.id
SELECT id FROM users WHERE id = ?1 OR age = ?3 OR team_id = ?
SELECT id FROM users WHERE id = :id OR age = @age OR team_id = $team OR score = :id
SELECT 9007199254740993, -9223372036854775808, 9223372036854775807, 0x7fffffffffffffff, 0xffffffffffffffff
SELECT 1_000, 1e5, 1.5, .5, 3., 1.0, 0x1F, -0.25
SELECT x'00ff', X'AB', 'it''s', NULL, ''
SELECT "no such column" FROM users
SELECT id FROM users WHERE name = "a"
SELECT likely(age > 1), unlikely(age > 2), likelihood(age > 3, 0.5) FROM users
SELECT typeof(pic), hex(pic), quote(name) FROM users
SELECT printf('%d', age), format('%s', name) FROM users
SELECT sum(total) FROM orders WHERE placed >= date('now', '-1 day')
SELECT strftime('%Y', placed) AS y, count(*) FROM orders GROUP BY y ORDER BY y DESC
SELECT id FROM orders WHERE state IN ('a', 'b') AND (total > 10 OR total IS NULL) ORDER BY placed DESC LIMIT 5
SELECT u.name, sum(o.total) AS spent FROM users u JOIN orders o ON o.user_id = u.id GROUP BY u.id HAVING spent > 100 ORDER BY spent DESC LIMIT 3
SELECT t.name, u.name FROM teams t LEFT JOIN users u ON u.team_id = t.id AND u.age > 18 WHERE t.city LIKE 'b%'
SELECT /* comment */ id -- another
SELECT id FROM users;
`
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '')
  .map((line) => line.replace('-- another', 'FROM users -- another'));

/** What the statement is, what it writes, and whether it changes answers. */
export const SQLITE_OTHERS: readonly (readonly [text: string, kind: string, what: string | boolean])[] = [
  ["INSERT INTO users (name) VALUES ('a')", 'insert', 'users'],
  ['INSERT INTO main.users DEFAULT VALUES', 'insert', 'main.users'],
  ['INSERT OR REPLACE INTO users (id) VALUES (?) RETURNING *', 'insert', 'users'],
  ['INSERT OR IGNORE INTO users (id) SELECT id FROM teams', 'insert', 'users'],
  ['REPLACE INTO users (id) VALUES (1)', 'insert', 'users'],
  [
    'INSERT INTO users (id, age) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET age = excluded.age WHERE age < 3',
    'insert',
    'users',
  ],
  ['INSERT INTO users (id) VALUES (1) ON CONFLICT DO NOTHING', 'insert', 'users'],
  ['WITH x AS (SELECT 1 AS n) INSERT INTO users (age) SELECT n FROM x', 'insert', 'users'],
  ['UPDATE users SET age = age + 1 WHERE id = ? RETURNING id', 'update', 'users'],
  ['UPDATE OR IGNORE users AS u SET (age, name) = (1, 2) FROM teams t WHERE t.id = u.team_id', 'update', 'users'],
  ['DELETE FROM users', 'delete', 'users'],
  ['DELETE FROM "odd ""name" WHERE "a b" = 1 RETURNING *', 'delete', 'odd "name'],
  ['WITH x AS (SELECT id FROM teams) DELETE FROM users WHERE team_id IN x', 'delete', 'users'],
  ['BEGIN IMMEDIATE', 'other', false],
  ['EXPLAIN SELECT * FROM users', 'other', false],
  ['EXPLAIN QUERY PLAN DELETE FROM users', 'other', false],
  ['SAVEPOINT a', 'other', false],
  ['PRAGMA table_info(users)', 'other', false],
  ['PRAGMA main.user_version', 'other', false],
  ['PRAGMA case_sensitive_like = 1', 'other', true],
  ["ATTACH ':memory:' AS extra", 'other', true],
  ['CREATE TABLE fresh (a)', 'other', true],
  ['CREATE TABLE fresh AS SELECT * FROM users', 'other', true],
  ['CREATE TEMP TABLE fresh (a)', 'other', true],
  ['CREATE VIEW fresh AS SELECT 1', 'other', true],
  [
    'CREATE TRIGGER tr AFTER INSERT ON users BEGIN DELETE FROM teams WHERE id = new.id; SELECT raise(IGNORE); END',
    'other',
    true,
  ],
  ['CREATE INDEX fresh ON users (name)', 'other', true],
  ['ALTER TABLE users ADD COLUMN fresh INT', 'other', true],
  ['ALTER TABLE users RENAME COLUMN age TO years', 'other', true],
  ['DROP TABLE orders', 'other', true],
  ['DROP VIEW IF EXISTS grown', 'other', true],
  ['ANALYZE', 'other', false],
  ['REINDEX', 'other', false],
  ['VACUUM', 'other', true],
];
