// Whose lease may still run when a feed process says that all is settled.

import { get } from 'node:http';
import { expect, it, vi } from 'vitest';
import { createCache } from '../../src/index.ts';
import { cacheTarget, feedProcess, sqliteDatabase, startFeedProcess } from '../../src/track/index.ts';
import { between, processShop } from './process-world.ts';
import { atEnd } from './world.ts';

it('a process that has just begun waits for the caches of an application that does not come back', async () => {
  const world = await processShop();
  let isCut = false;
  const streams = new Set<{ destroy(): unknown }>();
  const url = await between(
    () => world.process.url,
    (request, response) => {
      if (isCut) response.destroy();
      else if (request.url?.startsWith('/stream') === true) streams.add(response);
      return isCut;
    },
  );
  const cache = createCache();
  atEnd(() => cache.close());
  const { tracker, db } = await world.application({ feed: feedProcess({ url }), caches: [cacheTarget(cache)] });
  const fill = () => (db.prepare('SELECT age FROM users WHERE id = 1').get() as { age: number }).age;
  const age = () => tracker.cached(cache, 'age', { fill, ttl: Number.POSITIVE_INFINITY });
  await vi.waitFor(async () => {
    await age();
    expect(await cache.get('age')).toBe(30);
  });
  isCut = true;
  for (const stream of streams) stream.destroy();
  await world.process.stop();
  const database = sqliteDatabase({ path: world.path });
  const next = await startFeedProcess({ source: 'shop', database, targets: [], port: 0, lease: 1_000 });
  atEnd(() => next.stop());
  world.outside.exec('UPDATE users SET age = 40 WHERE id = 1');
  await next.settled();
  expect(await age()).toBe(40);
  // By then it knows of all of them.
  const begunAt = performance.now();
  await next.settled();
  expect(performance.now() - begunAt).toBeLessThan(500);
});

it('nothing is settled, and nothing waits, once a process is stopped that has just begun', async () => {
  const world = await processShop({ lease: 60_000 });
  const settled = world.process.settled();
  const outcome = expect(settled).rejects.toMatchObject({ code: 'E_FEED' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await world.process.stop();
  await outcome;
});

it('an application that hangs is waited for no longer than its lease', async () => {
  const world = await processShop();
  await world.process.settled();
  const request = get(`${world.process.url}/stream?client=hung&caches=1`, (response) => response.pause());
  const closed = new Promise((resolve) => request.once('close', resolve).once('error', () => undefined));
  atEnd(() => request.destroy());
  await vi.waitFor(() => expect(world.process.status().clients).toBe(1));
  const begunAt = performance.now();
  await world.process.settled();
  expect(performance.now() - begunAt).toBeGreaterThan(500);
  expect(performance.now() - begunAt).toBeLessThan(5_000);
  expect(world.process.status().targets).toHaveLength(1);
  request.destroy();
  await closed;
});

it('so is one whose caches fail', async () => {
  const world = await processShop();
  await world.process.settled();
  const failing = {
    name: 'failing',
    deliver: async () => {
      throw new Error('broken');
    },
  };
  const tracked = world.application({ caches: [failing] });
  await vi.waitFor(() => expect(world.process.status().clients).toBe(1));
  const begunAt = performance.now();
  await world.process.settled();
  expect(performance.now() - begunAt).toBeLessThan(10_000);
  await world.process.stop();
  await tracked.catch(() => undefined);
}, 20_000);
