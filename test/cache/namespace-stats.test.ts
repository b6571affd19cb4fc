// What a cache counts of each namespace, beside what it counts of all.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCache } from '../../src/index.ts';

const NONE = { hits: 0, misses: 0, stale: 0, collapsed: 0 };

test('each namespace is counted with those within it, and what has none only in all', async () => {
  const cache = createCache();
  const shop = cache.namespace('shop');
  const prices = shop.namespace('prices');
  await shop.getOrSet('a', () => 1);
  await shop.getOrSet('a', () => 1);
  prices.get('b');
  await cache.getOrSet('a', () => 2);
  // A key with the name of a namespace before its colon is of the namespace: it is the same entry.
  expect(cache.get('shop:a')).toBe(1);
  cache.get('other:a');
  cache.namespace('idle');
  const { namespaces, hits, misses } = cache.stats();
  expect(namespaces).toEqual({ shop: { ...NONE, hits: 2, misses: 2 }, idle: NONE });
  expect({ hits, misses }).toEqual({ hits: 2, misses: 4 });
});

test('of several keys in one call each is counted once', async () => {
  const cache = createCache();
  const shop = cache.namespace('shop');
  await shop.set('a', 1);
  const fill = (keys: readonly string[]) => new Map(keys.map((key) => [key, 1]));
  await shop.getOrSetMany(['a', 'b', 'c'], fill);
  await shop.getMany(['a', 'd']);
  expect(cache.stats().namespaces.shop).toEqual({ ...NONE, hits: 2, misses: 3 });
});

test('who waits for the fill of another is counted apart', async () => {
  const cache = createCache();
  const shop = cache.namespace('shop');
  const { promise, resolve } = Promise.withResolvers<number>();
  const all = [1, 2, 3].map(() => shop.getOrSet('a', () => promise));
  resolve(7);
  expect(await Promise.all(all)).toEqual([7, 7, 7]);
  expect(cache.stats().namespaces.shop).toEqual({ ...NONE, misses: 1, collapsed: 2 });
});

test('the namespaces together are all that was asked for in them, in whatever order', async () => {
  const step = fc.record({ name: fc.constantFrom('a', 'b', 'c'), key: fc.constantFrom('x', 'y'), set: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const cache = createCache();
      for (const { name, key, set } of steps) {
        if (set) await cache.namespace(name).set(key, 1);
        else await cache.namespace(name).get(key);
      }
      const { namespaces, hits, misses } = cache.stats();
      const sum = (what: 'hits' | 'misses') => Object.values(namespaces).reduce((all, one) => all + one[what], 0);
      expect({ hits, misses }).toEqual({ hits: sum('hits'), misses: sum('misses') });
    }),
  );
});

test('the first two hundred have counts of their own', () => {
  const cache = createCache();
  for (let at = 0; at < 300; at++) cache.namespace(`n${at}`).get('a');
  const { namespaces, misses } = cache.stats();
  expect(Object.keys(namespaces)).toHaveLength(200);
  expect(namespaces.n199).toEqual({ ...NONE, misses: 1 });
  expect(misses).toBe(300);
});
