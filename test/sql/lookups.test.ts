// What is looked up beside a statement, and that a table is never narrowed by what it narrows itself.

import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { affects } from '../../src/dependency/affected.ts';
import { bindInstance, lookupParameters } from '../../src/dependency/bind.ts';
import { analyse } from '../../src/sql/analyse.ts';
import { readSqliteCatalogue } from '../../src/sql/sqlite/catalogue.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import { of as postgres } from './analyse-postgres-kit.ts';

const database = new DatabaseSync(':memory:');
database.exec(`CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, region INTEGER);
  CREATE TABLE likes (id INTEGER PRIMARY KEY, user_id INTEGER, article_id INTEGER);
  CREATE TABLE articles (id INTEGER PRIMARY KEY, author_id INTEGER, title TEXT);
  INSERT INTO users VALUES (1, 'ann', 1), (2, 'bob', 2);
  INSERT INTO likes VALUES (1, 1, 10), (2, 2, 20);
  INSERT INTO articles VALUES (10, 2, 'x'), (20, 1, 'y')`);
const catalogue = readSqliteCatalogue(
  (sql, parameters) => database.prepare(sql).all(...(parameters as string[])) as never,
);

function analysed(text: string) {
  const template = analyse(text, { dialect: 'sqlite', parser: createSqliteParser(), catalogue });
  if (template.kind !== 'tracked') throw new TypeError(`expected a query that is tracked, got ${template.kind}`);
  return template;
}

const LIKED = `SELECT a.title FROM articles a JOIN likes l ON l.article_id = a.id JOIN users u ON u.id = l.user_id
  WHERE u.name = ?`;

test('joins are followed from what is looked up by a value', () => {
  expect(analysed(LIKED).lookups?.map(({ text }) => text)).toEqual([
    'SELECT DISTINCT "id" FROM main."users" WHERE "name" = ? LIMIT 1001',
    'SELECT DISTINCT "article_id" FROM main."likes" WHERE "user_id" IN (SELECT DISTINCT "id" FROM main."users" WHERE "name" = ?) LIMIT 1001',
  ]);
});

test('a row that joins with none of what was looked up is not meant; without lookups it is', () => {
  const template = analysed(LIKED);
  const lookups = template.lookups?.map((lookup) => {
    const parameters = lookupParameters(lookup, ['ann']) as string[];
    return database
      .prepare(lookup.text)
      .all(...parameters)
      .map((row) => Object.values(row)[0]);
  });
  expect(lookups).toEqual([[1], [10]]);
  const { table } = template.reads.find(({ alias }) => alias === 'l')!;
  const isMeant = (user: number, known: readonly (readonly unknown[] | undefined)[] | undefined) =>
    bindInstance(template, ['ann'], { rows: [['x']], lookups: known }).reads.some(
      (read) => affects(read, { kind: 'insert', table, new: [3, user, 20] }) !== undefined,
    );
  expect(isMeant(2, lookups)).toBe(false);
  expect(isMeant(1, lookups)).toBe(true);
  expect(isMeant(2, undefined)).toBe(true);
  expect(isMeant(2, [undefined, undefined])).toBe(true);
  expect(isMeant(2, [Array.from({ length: 1_001 }, (_, at) => at + 100), [10]])).toBe(true);
});

test('of two tables that are looked up by a value one is narrowed by the other, and never both', () => {
  const { reads, lookups } = analysed(
    'SELECT a.title FROM articles a JOIN users u ON u.id = a.author_id WHERE a.title = ? AND u.region = ?',
  );
  expect(lookups).toHaveLength(1);
  const narrowed = reads.filter(({ predicate }) => JSON.stringify(predicate).includes('lookup'));
  expect(narrowed.map(({ alias }) => alias)).toEqual(['a']);
});

test.each([
  ['an outer join', 'SELECT u.name FROM users u LEFT JOIN likes l ON l.user_id = u.id WHERE u.name = ?'],
  ['nothing to begin with', 'SELECT u.name FROM users u JOIN likes l ON l.user_id = u.id'],
  ['columns of two types', 'SELECT u.name FROM users u JOIN articles a ON a.title = u.id WHERE u.name = ?'],
  ['a value for both', 'SELECT u.name FROM users u JOIN likes l ON l.user_id = u.id WHERE u.id = ?'],
])('nothing is looked up for %s', (_, text) => expect(analysed(text).lookups).toBe(undefined));

test.each([
  ['u.name = $1 AND u.id IN ($2, 5)', '"name" = $1 AND "id" IN ($2, $3)', 3],
  // What a time zone says the parameter is, is not the same on another connection.
  ['u.name = $1 AND u.seen = $2', '"name" = $1', 1],
])('of PostgreSQL: %s', (condition, where, count) => {
  const template = postgres(`SELECT o.total FROM orders o JOIN users u ON u.id = o.user_id WHERE ${condition}`);
  const { lookups } = template as Extract<typeof template, { kind: 'tracked' }>;
  expect(lookups?.map(({ text }) => text)).toEqual([
    `SELECT DISTINCT "id" FROM "public"."users" WHERE ${where} LIMIT 1001`,
  ]);
  expect(lookups?.[0]?.operands).toHaveLength(count);
});
