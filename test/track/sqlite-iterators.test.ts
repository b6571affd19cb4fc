// An iterator that is open keeps its connection at the moment when it began: what is read there meanwhile is not stored,
// and what is read after it has ended, in whatever way, is as new as the database.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import BetterSqlite from 'better-sqlite3';
import LibSqlite from 'libsql';
import { expect, it } from 'vitest';
import { atEnd, tagsOf, trackedShop, type World } from './world.ts';

const AGE = 'SELECT age FROM users WHERE id = 1';
const TOO_LARGE = 'SELECT id, 9007199254740990 + id FROM users ORDER BY id';

interface Prepares {
  prepare(text: string): { get(...given: unknown[]): unknown; iterate(...given: unknown[]): IterableIterator<unknown> };
}

async function shop(): Promise<World & { readonly db: Prepares }> {
  return (await trackedShop()) as never;
}

function wrapped(world: World, Driver: new (path: string) => { close(): unknown }): Prepares {
  const raw = new Driver(world.path);
  atEnd(() => raw.close());
  return world.tracker.wrap(raw) as never;
}

/** Another connection writes, and what this one reads then is compared with the truth. */
function readAfterWrite({ tracker, outside }: World, db: Prepares) {
  outside.exec('UPDATE users SET age = age + 1 WHERE id = 1');
  const truth = outside.prepare(AGE).get()?.age;
  let age: unknown;
  const { reasons } = tagsOf(tracker, () => {
    age = (db.prepare(AGE).get() as { readonly age: number }).age;
  });
  return { isOld: age !== truth, reasons };
}

const OPEN = { isOld: true, reasons: ['transaction'] };
const ENDED = { isOld: false, reasons: [] };

it('ends where next() throws, also at the first row', async () => {
  const world = await shop();
  const rows = world.db.prepare(TOO_LARGE).iterate();
  rows.next();
  expect(readAfterWrite(world, world.db)).toEqual(OPEN);
  expect(() => rows.next()).toThrow('too large');
  expect(readAfterWrite(world, world.db)).toEqual(ENDED);
  const first = world.db.prepare(`${TOO_LARGE} DESC`).iterate();
  expect(() => first.next()).toThrow('too large');
  expect(readAfterWrite(world, world.db)).toEqual(ENDED);
  expect(first.next()).toMatchObject({ done: true });
  expect(readAfterWrite(world, world.db)).toEqual(ENDED);
});

it.each([
  ['node:sqlite', undefined],
  ['better-sqlite3', BetterSqlite],
] as const)('ends with return, break and the last row: %s', async (_, Driver) => {
  const world = await shop();
  const db = Driver === undefined ? world.db : wrapped(world, Driver as never);
  const rows = db.prepare('SELECT * FROM users').iterate();
  rows.next();
  expect(readAfterWrite(world, db)).toEqual(OPEN);
  rows.return?.();
  expect(readAfterWrite(world, db)).toEqual(ENDED);
  for (const _row of db.prepare('SELECT * FROM users').iterate()) break;
  expect(readAfterWrite(world, db)).toEqual(ENDED);
  expect([...db.prepare('SELECT id FROM users').iterate()]).toHaveLength(3);
  expect(readAfterWrite(world, db)).toEqual(ENDED);
  expect(() => {
    for (const _row of db.prepare('SELECT * FROM users').iterate()) throw new Error('of the application');
  }).toThrow('of the application');
  expect(readAfterWrite(world, db)).toEqual(ENDED);
});

it('is open as long as a driver has no way to end it', async () => {
  const world = await shop();
  world.outside.exec(`WITH n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO users SELECT i, 'N', 1, '' FROM n`);
  const db = wrapped(world, LibSqlite as never);
  const rows = db.prepare('SELECT * FROM users').iterate();
  rows.next();
  expect(readAfterWrite(world, db)).toEqual(OPEN);
  rows.return?.();
  expect(readAfterWrite(world, db)).toEqual(OPEN);
  while (rows.next().done !== true);
  expect(readAfterWrite(world, db)).toEqual(ENDED);
});

it('ends where nobody has it any more', async () => {
  const world = await shop();
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  (() => world.db.prepare('SELECT * FROM users').iterate().next())();
  expect(readAfterWrite(world, world.db).reasons).toEqual(['transaction']);
  await expect
    .poll(() => {
      collect();
      return readAfterWrite(world, world.db);
    })
    .toEqual(ENDED);
});

it('counts whichever wrapper and whichever tag store it came from', async () => {
  const world = await trackedShop();
  const raw = new (await import('node:sqlite')).DatabaseSync(world.path);
  atEnd(() => raw.close());
  const [one, other] = [world.tracker.wrap(raw), world.tracker.wrap(raw)];
  const rows = one.prepare('SELECT * FROM users').iterate();
  rows.next();
  expect(readAfterWrite(world, other as never)).toEqual(OPEN);
  rows.return?.();
  expect(readAfterWrite(world, other as never)).toEqual(ENDED);
  const stored = one.createTagStore().iterate`SELECT * FROM users`;
  stored.next();
  expect(readAfterWrite(world, other as never)).toEqual(OPEN);
  stored.return?.();
  expect(readAfterWrite(world, other as never)).toEqual(ENDED);
});

it('is read by whoever takes its rows', async () => {
  const world = await shop();
  const rows = world.db.prepare('SELECT * FROM users').iterate();
  expect(tagsOf(world.tracker, () => rows.next())).toMatchObject({ tags: [expect.any(String)], reasons: [] });
  world.outside.exec('UPDATE users SET age = age + 1 WHERE id = 2');
  // Of a moment that has gone by.
  expect(tagsOf(world.tracker, () => rows.next()).reasons).toEqual(['transaction']);
  expect(tagsOf(world.tracker, () => [...rows]).reasons).toEqual(['transaction']);
});

it('has the methods that iterators of the driver have', async () => {
  const world = await trackedShop();
  const ids = world.db
    .prepare('SELECT id FROM users')
    .iterate()
    .map(({ id }) => id);
  expect(ids.take(2).toArray()).toEqual([1, 2]);
  expect(readAfterWrite(world, world.db as never)).toEqual(ENDED);
});

it('of a write is open until its changes are committed', async () => {
  const world = await shop();
  const rows = world.db.prepare(`UPDATE users SET age = 99 RETURNING id`).iterate();
  rows.next();
  expect(tagsOf(world.tracker, () => world.db.prepare(AGE).get()).reasons).toEqual(['transaction']);
  rows.return?.();
  expect(readAfterWrite(world, world.db)).toEqual(ENDED);
});
