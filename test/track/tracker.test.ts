// The tracker as a whole: its beginning and end, its state, and what goes wrong around it.

import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import type { ChangeFeed, FeedListener } from '../../src/ports.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import { createTracker, gateTarget, sqliteDatabase, type TrackedDatabase } from '../../src/track/index.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { atEnd, NotingTarget, shopFile, tagsOf, trackedShop } from './world.ts';

it('refuses a name that a tag cannot hold, and an address that is none', () => {
  const database = sqliteDatabase({ path: 'x' });
  expect(() => createTracker({ source: 'my shop', database, targets: [] })).toThrow('expected source to be 1 to 64');
  expect(() => gateTarget({ admin: 'nowhere' })).toThrow('expected admin to be a URL');
});

it('does not begin without the change log, and says what is missing', async () => {
  const tracker = createTracker({ source: 'shop', database: sqliteDatabase({ path: shopFile() }), targets: [] });
  await expect(tracker.start()).rejects.toMatchObject({ code: 'E_FEED' });
  expect(tracker.status().state).toBe('stopped');
  await expect(tracker.settled()).rejects.toMatchObject({ code: 'E_FEED' });
});

it('begins again after it was stopped, and everything of before is outdated', async () => {
  const { db, tracker, target } = await trackedShop();
  const read = () => tagsOf(tracker, () => db.prepare('SELECT * FROM users').all());
  expect(read().reasons).toEqual([]);
  await tracker.stop();
  expect(read().reasons).toEqual(['not-live']);
  await tracker.start();
  expect(target.sessions).toBe(2);
  expect(read().reasons).toEqual([]);
  expect(tracker.status()).toMatchObject({ source: 'shop', state: 'live', instances: 1 });
});

it('never fails a statement for what goes wrong in tracking', async () => {
  const { db, tracker, faults } = await trackedShop();
  const scope = tracker.openScope();
  const spy = vi.spyOn(WeakMap.prototype, 'get').mockImplementation(() => {
    throw new Error('broken');
  });
  let row: unknown;
  try {
    row = scope.run(() => db.prepare('SELECT firstName FROM users WHERE id = ?').get(1));
  } finally {
    spy.mockRestore();
  }
  expect(row).toEqual({ firstName: 'Lane' });
  expect(scope.finish()).toMatchObject({ isStorable: false, reasons: ['error: broken'] });
  expect(faults).toHaveLength(1);
});

/** A feed that is told what to tell, in simulated time. */
function scriptedDatabase() {
  const feed = { lagMs: 0, listener: undefined as FeedListener | undefined, acknowledged: [] as string[] };
  const port: ChangeFeed = {
    start: async (_, listener) => {
      feed.listener = listener;
      await listener.gap('the feed begins here', '01');
    },
    acknowledge: (position) => feed.acknowledged.push(position),
    status: () => ({ state: 'live', position: '01', lagMs: feed.lagMs, problems: [] }),
    stop: async () => undefined,
  };
  const database: TrackedDatabase = {
    open: async ({ source }) => ({
      parts: { dialect: 'sqlite', parser: createSqliteParser(), catalogue: { source, relation: () => null } },
      feed: port,
      refresh: () => undefined,
      covers: () => true,
      head: () => undefined,
      wake: () => undefined,
      close: () => undefined,
    }),
  };
  return { feed, database };
}

async function scripted() {
  const time = new SimulatedTime();
  const { feed, database } = scriptedDatabase();
  const target = new NotingTarget();
  const parts = { source: 'shop', database, targets: [target] };
  const tracker = createTracker(parts, { clock: time, tasks: time, random: () => 0.5 });
  const turn = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 5) {
      time.advance(5);
      for (let at = 0; at < 5; at++) await undefined;
    }
  };
  const started = tracker.start();
  await turn(50);
  await started;
  atEnd(() => tracker.stop());
  return { tracker, target, feed, turn };
}

it('renews leases while the feed is live, and no longer', async () => {
  const { tracker, target, feed, turn } = await scripted();
  const before = target.messages.length;
  await turn(4_000);
  expect(target.messages.length - before).toBeGreaterThanOrEqual(5);
  feed.lagMs = 2_001;
  await turn(1_000);
  expect(tracker.status().state).toBe('lagging');
  const then = target.messages.length;
  await turn(5_000);
  expect(target.messages.length).toBe(then);
  feed.lagMs = 0;
  await turn(100);
  expect(target.messages.length).toBeGreaterThan(then);
});

it('acknowledges a position once every target has been told', async () => {
  const { target, feed, turn } = await scripted();
  expect(feed.acknowledged.at(-1)).toBe('01');
  target.fault = new Error('away');
  await feed.listener?.gap('lost', '05');
  await turn(500);
  feed.listener?.reached('06');
  expect(feed.acknowledged.at(-1)).toBe('01');
  target.fault = undefined;
  await turn(3_000);
  expect(feed.acknowledged.at(-1)).toBe('06');
});

it('tells what the driver threw', async () => {
  const { db, tracker } = await trackedShop();
  expect(() => tracker.scope(() => db.prepare('SELECT * FROM users').all({ nothing: 1 }))).toThrow();
  expect(db).toBeInstanceOf(DatabaseSync);
});
