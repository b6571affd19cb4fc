// A function of the program in the place of one of SQLite's own may read anything: nothing that is read on its connection
// is stored. Other functions, and other connections, are as they were.

import { DatabaseSync } from 'node:sqlite';
import BetterSqlite from 'better-sqlite3';
import LibSqlite from 'libsql';
import { expect, it } from 'vitest';
import { sqliteDatabase } from '../../src/track/index.ts';
import { atEnd, shopFile, tagsOf, trackedShop, type World } from './world.ts';

interface Driver {
  function(name: string, work: (...given: never[]) => unknown): unknown;
  prepare(text: string): { all(): unknown };
  close(): unknown;
}

const DRIVERS: readonly (readonly [string, new (path: string) => Driver])[] = [
  ['node:sqlite', DatabaseSync as never],
  ['better-sqlite3', BetterSqlite as never],
];

function opened(world: World, Made: new (path: string) => Driver): Driver {
  const raw = new Made(world.path);
  atEnd(() => raw.close());
  return raw;
}

const reasonsOf = (world: World, db: Driver, text = 'SELECT lower(firstName) FROM users') =>
  tagsOf(world.tracker, () => db.prepare(text).all()).reasons;

const ALTERED = ['session-state'];

it.each(DRIVERS)('%s: before it is wrapped', async (_, Made) => {
  const world = await trackedShop();
  const outside = new DatabaseSync(world.path);
  atEnd(() => outside.close());
  const raw = opened(world, Made);
  raw.function(
    'total',
    (id: number) => outside.prepare('SELECT total FROM orders WHERE user_id = ?').get(id)?.total ?? 0,
  );
  const db = world.tracker.wrap(raw);
  expect(reasonsOf(world, db, 'SELECT id, total(id) FROM users')).toEqual(ALTERED);
  // A view may call it, too.
  expect(reasonsOf(world, db)).toEqual(ALTERED);
  expect(reasonsOf(world, world.tracker.wrap(opened(world, Made)))).toEqual([]);
});

it.each(DRIVERS)('%s: after it is wrapped, and after a first read', async (_, Made) => {
  const world = await trackedShop();
  const db = world.tracker.wrap(opened(world, Made));
  expect(reasonsOf(world, db)).toEqual([]);
  db.function('slug', (text: string) => text);
  expect(reasonsOf(world, db)).toEqual([]);
  db.function('LIKE', (pattern: string) => (pattern === '' ? 1 : 0));
  expect(reasonsOf(world, db, "SELECT id FROM users WHERE firstName LIKE 'L%'")).toEqual(ALTERED);
});

it('an aggregate; what better-sqlite3 gives back is wrapped as well', async () => {
  const world = await trackedShop();
  const better = world.tracker.wrap(new BetterSqlite(world.path));
  atEnd(() => better.close());
  const same = better.aggregate('own_sum', { start: 0, step: (sum: number, age: number) => sum + age });
  expect(reasonsOf(world, same as never)).toEqual([]);
  better.aggregate('sum', { start: 0, step: (sum: number, age: number) => sum + age });
  expect(reasonsOf(world, same as never)).toEqual(ALTERED);
  const node = new DatabaseSync(world.path);
  atEnd(() => node.close());
  (node as unknown as { aggregate(name: string, how: object): void }).aggregate('max', {
    start: 0,
    step: (most: number, age: number) => Math.max(most, age),
  });
  expect(reasonsOf(world, world.tracker.wrap(node) as never, 'SELECT age FROM users')).toEqual(ALTERED);
});

it('a connection without functions of its own, of libSQL too, is as it was', async () => {
  const world = await trackedShop();
  expect(reasonsOf(world, world.tracker.wrap(opened(world, LibSqlite as never)))).toEqual([]);
  const late = new DatabaseSync(world.path, { open: false });
  const db = world.tracker.wrap(late);
  db.open();
  atEnd(() => late.close());
  expect(reasonsOf(world, db as never)).toEqual([]);
});

it('of a class that makes them for each of its connections', async () => {
  const world = await trackedShop();
  class Own extends BetterSqlite {
    constructor(path: string) {
      super(path);
      this.function('upper', (text: string) => text);
    }
  }
  expect(reasonsOf(world, world.tracker.wrap(opened(world, Own as never)))).toEqual(ALTERED);
});

it('one that is declared may be an aggregate: rows that are not shown count', async () => {
  const path = shopFile();
  const database = sqliteDatabase({ path, install: true, pureFunctions: new Set(['oldest']) });
  const world = await trackedShop({ database }, path);
  const raw = new DatabaseSync(path);
  atEnd(() => raw.close());
  (raw as unknown as { aggregate(name: string, how: object): void }).aggregate('oldest', {
    start: 0,
    step: (most: number, age: number) => Math.max(most, age),
  });
  const db = world.tracker.wrap(raw);
  const { tags, reasons } = tagsOf(world.tracker, () => db.prepare('SELECT id, oldest(age) FROM users').all());
  expect(reasons).toEqual([]);
  world.outside.exec('UPDATE users SET age = 99 WHERE id = 2');
  await world.tracker.settled();
  expect(tags.some((tag) => world.target.tags.has(tag))).toBe(true);
});
