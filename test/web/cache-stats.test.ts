import { describe, expect, test } from 'vitest';
import { createCache } from '../../src/index.ts';
import { cacheStats } from '../../src/web/cache-stats.ts';

const asked = (method = 'GET') => new Request('http://app.example/cache-stats', { method });

async function used() {
  const cache = createCache();
  await cache.set('user:1', { name: 'CANARY-VALUE' }, { tables: ['users'], tags: ['red'] });
  await cache.set('order:1', 1, { tables: ['orders', 'users'] });
  await cache.set('plain', 2);
  await cache.get('user:1');
  await cache.get('user:2');
  return cache;
}

describe('the figures of a data cache', () => {
  test('are hits, misses, keys, keys by table and memory', async () => {
    const cache = await used();
    const response = await cacheStats(cache)(asked());
    expect(response.headers.get('cache-control')).toBe('no-store');
    const answer = await response.json();
    expect(answer).toMatchObject({
      ...{ hits: 1, misses: 1, hitRatio: 0.5, keys: 3, isWhole: true, sets: 3 },
      keysByTable: { users: 2, orders: 1 },
      memory: { entries: 3, maxBytes: cache.stats().memory.maxBytes },
    });
    expect(JSON.stringify(answer)).not.toMatch(/CANARY|user:1/);
  });

  test('leave out what is outdated', async () => {
    const cache = await used();
    await cache.invalidate({ tables: ['orders'] });
    expect(await (await cacheStats(cache)(asked())).json()).toMatchObject({ keys: 2, keysByTable: { users: 1 } });
  });

  test('are not there for what changes something', async () => {
    const response = await cacheStats(await used())(asked('POST'));
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('have no content for HEAD', async () => {
    const response = await cacheStats(await used())(asked('HEAD'));
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  test('of a cache that nobody has asked have no hit ratio', async () => {
    expect(await (await cacheStats(createCache())(asked())).json()).toMatchObject({ hitRatio: null, keys: 0 });
  });

  test('are counted once for all who ask at a time', async () => {
    const cache = await used();
    let walks = 0;
    const entries = () => {
      walks++;
      return cache.entries();
    };
    const handler = cacheStats({ stats: () => cache.stats(), entries });
    await Promise.all([handler(asked()), handler(asked()), handler(asked())]);
    expect(walks).toBe(1);
    await handler(asked());
    expect(walks).toBe(2);
  });

  test('say where there are more keys than are counted', async () => {
    const one = { key: 'a', state: 'fresh', ageMs: 0, ttlMs: 1, tags: ['table:users'], bytes: 1 } as const;
    const entries = async function* () {
      for (;;) yield one;
    };
    const answer = await (await cacheStats({ stats: () => createCache().stats(), entries })(asked())).json();
    expect(answer).toMatchObject({ keys: 50_000, keysByTable: { users: 50_000 }, isWhole: false });
  });
});
