// From a commit to what clients get: through a gate, and through a data cache.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { platformTasks } from '../../src/cache/platform.ts';
import { createCache } from '../../src/index.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import { startGate } from '../../src/node/serve.ts';
import { cacheTarget, createTracker, gateTarget, sqliteDatabase } from '../../src/track/index.ts';
import { atEnd, shopFile, trackedShop } from './world.ts';

async function gatedShop(options: { readonly settle?: number } = {}) {
  const path = shopFile();
  const raw = new DatabaseSync(path);
  const outside = new DatabaseSync(path);
  atEnd(() => {
    raw.close();
    outside.close();
  });
  let serve: Parameters<typeof createServer>[1] = () => undefined;
  const server = createServer((request, response) => (serve as NonNullable<typeof serve>)(request, response as never));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const gate = await startGate(
    resolveConfig(
      {
        listen: { port: 0 },
        admin: { port: 0 },
        origins: { shop: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } },
        log: { level: 'silent' },
      },
      { env: {} },
    ),
  );
  atEnd(() => gate.close({ grace: 0 }));
  const tracker = createTracker({
    source: 'shop',
    database: sqliteDatabase({ path, install: true }),
    targets: [gateTarget({ admin: gate.adminUrl })],
    lease: 600,
    maxLag: 300,
    ...options,
  });
  const db = tracker.wrap(raw);
  serve = tracker.node((request, response) => {
    const [, table, id] = (request.url ?? '').split('/');
    if (request.method === 'PUT') db.prepare('UPDATE users SET age = age + 1 WHERE id = ?').run(Number(id));
    const rows =
      id === undefined
        ? db.prepare(`SELECT id, age FROM ${table} ORDER BY id LIMIT 2`).all()
        : db.prepare('SELECT * FROM users WHERE id = ?').get(Number(id));
    response
      .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=600' })
      .end(JSON.stringify(rows));
  });
  await tracker.start();
  atEnd(() => tracker.stop());
  const ask = async (target: string, method = 'GET', cookie = '') => {
    const response = await fetch(gate.url + target, { method, ...(cookie !== '' && { headers: { cookie } }) });
    const status = response.headers.get('cache-status') ?? '';
    const [set] = response.headers.getSetCookie();
    return { body: await response.json(), isHit: /;\s*hit/.test(status), cookie: set?.split(';')[0] };
  };
  const warm = (target: string) =>
    vi.waitFor(async () => expect((await ask(target)).isHit).toBe(true), { timeout: 5_000 });
  return { tracker, gate, outside, ask, warm };
}

it('a gate serves what a commit left as it was, and asks again for the rest', async () => {
  const { tracker, outside, ask, warm } = await gatedShop();
  for (const target of ['/users/1', '/users/2', '/users']) await warm(target);
  outside.exec('UPDATE users SET age = 99 WHERE id = 1');
  await tracker.settled();
  // What was asked for before may have been filled again by now: so what is in it tells, not whether it is a hit.
  expect(await ask('/users/1')).toMatchObject({ body: { age: 99 } });
  expect(await ask('/users')).toMatchObject({ body: [{ id: 1, age: 99 }, {}] });
  expect((await ask('/users/2')).isHit).toBe(true);
  expect(await ask('/users/1')).toMatchObject({ body: { age: 99 }, isHit: true });
});

it('who wrote through the gate sees it on the next request, whatever that is', async () => {
  const { ask, warm } = await gatedShop();
  for (const target of ['/users/1', '/users']) await warm(target);
  for (let age = 31; age < 41; age++) {
    await ask('/users/1', 'PUT');
    expect((await ask('/users')).body).toMatchObject([{ id: 1, age }, {}]);
    expect((await ask('/users/1')).body).toMatchObject({ age });
  }
});

it('who did not wait sees it by the cookie that the write gave, and is served from the cache again soon', async () => {
  const { ask, warm } = await gatedShop({ settle: 0 });
  for (const target of ['/users/1', '/users']) await warm(target);
  for (let age = 31; age < 41; age++) {
    const { cookie } = await ask('/users/1', 'PUT');
    expect(cookie).toMatch(/^tidegate-position-shop=./);
    expect((await ask('/users', 'GET', cookie)).body).toMatchObject([{ id: 1, age }, {}]);
    expect((await ask('/users/1', 'GET', cookie)).body).toMatchObject({ age });
    await vi.waitFor(async () => expect((await ask('/users', 'GET', cookie)).isHit).toBe(true), { timeout: 5_000 });
  }
});

it('a gate serves nothing of a source that it does not hear of', async () => {
  const { tracker, outside, ask, warm } = await gatedShop();
  await warm('/users/1');
  await tracker.stop();
  outside.exec('UPDATE users SET age = 77 WHERE id = 1');
  await vi.waitFor(async () => expect((await ask('/users/1')).isHit).toBe(false), { timeout: 5_000 });
  expect(await ask('/users/1')).toMatchObject({ body: { age: 77 }, isHit: false });
});

it('a data cache keeps a value until one of its rows changes', async () => {
  const cache = createCache();
  const { db, outside, tracker } = await trackedShop({ targets: [cacheTarget(cache)] });
  let fills = 0;
  const fill = () => {
    fills++;
    return db.prepare('SELECT id, age FROM users WHERE id = ?').all(1);
  };
  const read = () => tracker.cached(cache, 'user:1', { fill, ttl: '1h' });
  expect(await read()).toEqual([{ id: 1, age: 30 }]);
  outside.exec('UPDATE users SET age = 99 WHERE id = 2');
  await tracker.settled();
  await read();
  expect(fills).toBe(1);
  outside.exec('UPDATE users SET age = 99 WHERE id = 1');
  await tracker.settled();
  expect(await read()).toEqual([{ id: 1, age: 99 }]);
  await read();
  expect(fills).toBe(2);
});

it('a data cache fills anew for a request that has written, which need not wait for the feed', async () => {
  const cache = createCache();
  const { db, tracker } = await trackedShop({ targets: [cacheTarget(cache)] });
  const age = tracker.memo(() => db.prepare('SELECT age FROM users WHERE id = ?').get(1)?.age);
  const read = () => tracker.cached(cache, 'age', { fill: () => age(), ttl: '1h' });
  expect([await read(), await cache.get('age')]).toEqual([30, 30]);
  const seen = await tracker.scope(async () => {
    const before = await read();
    // No feed can tell of it before the commit.
    db.exec('BEGIN; UPDATE users SET age = 31 WHERE id = 1');
    const after = await read();
    db.exec('COMMIT');
    return [before, after];
  });
  expect(seen).toEqual([30, 31]);
  await tracker.settled();
  expect(await read()).toBe(31);
});

it('a data cache has nothing of the source once its tracker is stopped', async () => {
  const cache = createCache();
  const { db, outside, tracker, faults } = await trackedShop({ targets: [cacheTarget(cache)] });
  const fill = () => db.prepare('SELECT age FROM users WHERE id = ?').get(1)?.age;
  const read = () => tracker.cached(cache, 'age', { fill, ttl: Number.POSITIVE_INFINITY });
  expect([await read(), await cache.get('age')]).toEqual([30, 30]);
  await tracker.stop();
  expect(await cache.get('age')).toBeUndefined();
  outside.exec('UPDATE users SET age = 31 WHERE id = 1');
  expect(await read()).toBe(31);
  outside.exec('UPDATE users SET age = 32 WHERE id = 1');
  expect([await read(), await cache.get('age')]).toEqual([32, undefined]);
  await tracker.start();
  await vi.waitFor(async () => expect([await read(), await cache.get('age')]).toEqual([32, 32]));
  expect(faults).toEqual([]);
});

it('a data cache gives nothing old after a pause of the process, before any timer has run', async () => {
  let pausedMs = 0;
  const clock = { now: () => Date.now() + pausedMs, monotonic: () => performance.now() + pausedMs };
  const platform = { clock, tasks: platformTasks, random: Math.random, epoch: 'e' };
  const cache = createCacheOn({}, platform);
  const { db, outside, tracker } = await trackedShop({ targets: [cacheTarget(cache)] });
  const fill = () => db.prepare('SELECT age FROM users WHERE id = ?').get(1)?.age;
  const read = () => tracker.cached(cache, 'age', { fill, ttl: Number.POSITIVE_INFINITY });
  expect([await read(), await cache.get('age')]).toEqual([30, 30]);
  outside.exec('UPDATE users SET age = 31 WHERE id = 1');
  pausedMs = 60_000;
  expect(cache.get('age')).toBeUndefined();
  expect(await read()).toBe(31);
});

it('a response with a value of a data cache has its tags where it filled it, and is not stored where it did not', async () => {
  const cache = createCache();
  const { db, tracker } = await trackedShop({ targets: [cacheTarget(cache)] });
  const make = async () => {
    const scope = tracker.openScope();
    await scope.run(() => tracker.cached(cache, 'users', { fill: () => db.prepare('SELECT * FROM users').all() }));
    return scope.finish();
  };
  expect((await make()).tags.filter((tag) => tag.startsWith('q'))).toHaveLength(1);
  expect(await make()).toMatchObject({ isStorable: false, reasons: ['cached-value: users'] });
});

it('a value is not kept whose reads cannot be tracked', async () => {
  const cache = createCache();
  const { db, tracker } = await trackedShop({ targets: [cacheTarget(cache)] });
  let fills = 0;
  const fill = () => {
    fills++;
    return db.prepare(`SELECT datetime('now') AS now`).all();
  };
  for (let at = 0; at < 2; at++) await tracker.cached(cache, 'now', { fill });
  expect(fills).toBe(2);
});
