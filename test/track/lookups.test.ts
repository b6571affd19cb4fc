// What is looked up beside a join makes it narrower, and never misses a change that came meanwhile.

import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { TrackedDatabase } from '../../src/track/follow/open-database.ts';
import { SqliteLookups } from '../../src/track/follow/sqlite-connections.ts';
import { createTracker, sqliteDatabase } from '../../src/track/index.ts';
import { atEnd, NotingTarget, shopFile, tagsOf, trackedShop } from './world.ts';

const TOTALS = 'SELECT o.total FROM orders o JOIN users u ON u.id = o.user_id WHERE u.firstName = ?';

async function shop() {
  const world = await trackedShop({});
  const read = () => tagsOf(world.tracker, () => world.db.prepare(TOTALS).all('Ola')).tags;
  /** Whether the change makes outdated what was read before it. */
  const outdates = async (tags: readonly string[], change: string) => {
    world.target.tags.clear();
    world.outside.exec(change);
    await world.tracker.settled();
    return tags.some((tag) => world.target.tags.has(tag));
  };
  return { ...world, read, outdates };
}

test('a row for a partner that does not count is spared, one for a partner that does is not', async () => {
  const { read, outdates } = await shop();
  const tags = read();
  expect(await outdates(tags, 'INSERT INTO orders (user_id, total) VALUES (1, 5)')).toBe(false);
  expect(await outdates(tags, 'UPDATE orders SET total = 6 WHERE user_id = 2')).toBe(false);
  expect(await outdates(tags, 'INSERT INTO orders (user_id, total) VALUES (3, 5)')).toBe(true);
});

test('what was looked up is looked up again with the next read', async () => {
  const { read, outdates } = await shop();
  expect(await outdates(read(), `UPDATE users SET firstName = 'Ola' WHERE id = 1`)).toBe(true);
  const tags = read();
  expect(await outdates(tags, 'INSERT INTO orders (user_id, total) VALUES (2, 5)')).toBe(false);
  expect(await outdates(tags, 'INSERT INTO orders (user_id, total) VALUES (1, 5)')).toBe(true);
});

test('a change between the statement and its look-up is not missed', async () => {
  const path = shopFile();
  const outside = new DatabaseSync(path);
  const real = sqliteDatabase({ path, install: true });
  const database: TrackedDatabase = {
    async open(platform) {
      const opened = await real.open(platform);
      const lookUp = (...asked: Parameters<NonNullable<typeof opened.lookUp>>) => {
        outside.exec(`UPDATE users SET firstName = 'Ola' WHERE id = 2`);
        return opened.lookUp?.(...asked) ?? [];
      };
      return { ...opened, lookUp };
    },
  };
  const target = new NotingTarget();
  const tracker = createTracker({ source: 'shop', database, targets: [target] });
  await tracker.start();
  const raw = new DatabaseSync(path);
  atEnd(async () => {
    await tracker.stop();
    raw.close();
    outside.close();
  });
  const { tags } = tagsOf(tracker, () => tracker.wrap(raw).prepare(TOTALS).all('Ola'));
  await tracker.settled();
  expect(tags.some((tag) => target.tags.has(tag))).toBe(true);
});

test('a look-up that fails late is told, and what was read is known without it', async () => {
  const path = shopFile();
  const real = sqliteDatabase({ path, install: true });
  const database: TrackedDatabase = {
    async open(platform) {
      const { lookUp: _, ...opened } = await real.open(platform);
      return { ...opened, lookUpLater: () => Promise.reject(new Error('the look-up is lost')) };
    },
  };
  const faults: unknown[] = [];
  const targets = [new NotingTarget()];
  const tracker = createTracker({ source: 'shop', database, targets, onFault: (fault) => faults.push(fault) });
  await tracker.start();
  const raw = new DatabaseSync(path);
  atEnd(async () => {
    await tracker.stop();
    raw.close();
  });
  const { reasons } = tagsOf(tracker, () => tracker.wrap(raw).prepare(TOTALS).all('Ola'));
  await tracker.settled();
  expect(reasons).toEqual([]);
  expect(faults.map(String)).toEqual(['Error: the look-up is lost']);
});

test('a look-up that takes long is not run again until the schema changes', () => {
  let now = 0;
  let runs = 0;
  const statement = { setReturnArrays: () => undefined, setReadBigInts: () => undefined };
  const all = () => {
    runs++;
    now += 50;
    return [[1n]];
  };
  const lookups = new SqliteLookups(
    { prepare: () => ({ ...statement, all }), close: () => undefined },
    { monotonic: () => now },
  );
  const asked = [{ text: 'SELECT 1', operands: [] }];
  expect(lookups.run(asked, [])).toEqual([[1n]]);
  expect(lookups.run(asked, [])).toEqual([undefined]);
  lookups.forget();
  expect(lookups.run(asked, [])).toEqual([[1n]]);
  expect(runs).toBe(2);
});

test('a number beside a column of texts is not looked up, since drivers write it in several ways', () => {
  const lookups = new SqliteLookups(
    { prepare: () => expect.unreachable(), close: () => undefined },
    { monotonic: () => 0 },
  );
  const operand = { kind: 'parameter', index: 0, isText: true } as const;
  expect(lookups.run([{ text: 'SELECT 1', operands: [operand] }], [7])).toEqual([undefined]);
  expect(lookups.run([{ text: 'SELECT 1', operands: [operand] }], [true])).toEqual([undefined]);
});
