// What a connection to SQLite was told before it was wrapped, or past its wrapper, by both drivers.

import { DatabaseSync } from 'node:sqlite';
import BetterSqlite from 'better-sqlite3';
import { expect, it, vi } from 'vitest';
import { atEnd, tagsOf, trackedShop } from './world.ts';

const READ = 'SELECT note FROM users WHERE id = 1';
const DRIVERS = [
  ['node:sqlite', (path: string) => new DatabaseSync(path)],
  ['better-sqlite3', (path: string) => new BetterSqlite(path)],
] as const;

it.each(
  DRIVERS.flatMap(([driver, open]) =>
    [
      ['a temporary table', "CREATE TEMP TABLE users AS SELECT 1 AS id, 'mine' AS note", 'DROP TABLE temp.users'],
      ['a temporary view', "CREATE TEMP VIEW users AS SELECT 1 AS id, 'mine' AS note", 'DROP VIEW temp.users'],
      ['another database', "ATTACH ':memory:' AS other", 'DETACH other'],
    ].map(([what, text, back]) => [driver, open, what, text as string, back as string] as const),
  ),
)('%s, %s %s', async (_, open, _what, text, back) => {
  const { path, tracker } = await trackedShop();
  const raw = open(path);
  atEnd(() => raw.close());
  raw.exec(text);
  const db = tracker.wrap(raw as DatabaseSync);
  const reasons = () => tagsOf(tracker, () => db.prepare(READ).all()).reasons;
  expect(reasons()).toEqual(['session-state']);
  raw.exec(back);
  expect(reasons()).toEqual([]);
  raw.exec(text);
  expect(reasons()).toEqual(['session-state']);
});

it('a rowid that VACUUM renumbers', async () => {
  const { path, tracker, outside } = await trackedShop();
  outside.exec(
    `CREATE TABLE marks (mark TEXT); INSERT INTO marks VALUES ('a'), ('b'), ('c'); DELETE FROM marks WHERE mark = 'a'`,
  );
  const raw = new DatabaseSync(path);
  atEnd(() => raw.close());
  const db = tracker.wrap(raw);
  for (const text of [
    'SELECT rowid, mark FROM marks',
    'SELECT mark FROM marks WHERE rowid = 2',
    'SELECT mark FROM marks ORDER BY oid LIMIT 1',
  ]) {
    await vi.waitFor(() => {
      const { reasons } = tagsOf(tracker, () => db.prepare(text).all());
      expect(reasons.join()).toMatch(/uncacheable: \w+, which VACUUM may renumber/);
    }, 5_000);
  }
});

it.each(DRIVERS)('%s: LIKE by case', async (_, open) => {
  for (const isBefore of [true, false]) {
    const { path, tracker } = await trackedShop();
    const raw = open(path);
    atEnd(() => raw.close());
    const db = tracker.wrap(raw as DatabaseSync);
    const reasons = () => tagsOf(tracker, () => db.prepare(READ).all()).reasons;
    if (!isBefore) expect(reasons()).toEqual([]);
    raw.exec('PRAGMA case_sensitive_like = ON');
    expect(reasons()).toEqual(['session-state']);
  }
});
