-- The tables of the demo, and rows that are equal everywhere.

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  firstName TEXT NOT NULL,
  lastName TEXT NOT NULL,
  email TEXT NOT NULL,
  note TEXT
) STRICT;

CREATE TABLE orders (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  userId INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  product TEXT NOT NULL,
  quantity INTEGER NOT NULL
) STRICT;

CREATE INDEX usersByFirstName ON users (firstName);
CREATE INDEX ordersByUser ON orders (userId);

WITH RECURSIVE
  numbers (at) AS (SELECT 0 UNION ALL SELECT at + 1 FROM numbers WHERE at < 49),
  names (first, last) AS (
    SELECT
      json_extract('["Ada","Ben","Cleo","Dara","Eli","Fay","Gus","Lane","Lara","June"]', '$[' || (at % 10) || ']'),
      json_extract('["Ash","Birch","Cedar","Elm","Fir","Hazel","Larch","Maple","Oak","Pine","Rowan"]', '$[' || (at % 11) || ']')
    FROM numbers
  )
INSERT INTO users (firstName, lastName, email)
SELECT first, last, lower(first || '.' || last) || '@example.org' FROM names;

WITH RECURSIVE numbers (at) AS (SELECT 0 UNION ALL SELECT at + 1 FROM numbers WHERE at < 119)
INSERT INTO orders (userId, product, quantity)
SELECT
  ((at * 7) % 50) + 1,
  json_extract('["anchor","buoy","chart","compass","lantern","oar","rope"]', '$[' || (at % 7) || ']'),
  (at % 3) + 1
FROM numbers;
