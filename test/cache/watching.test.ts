// What is told of hits and evictions; and `get` of values in grace.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, onTestFinished, test } from 'vitest';
import { createCache } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { createTestClock } from '../../src/testing/index.ts';
import { codeOf } from './bench.ts';

function heard(): unknown[] {
  const events: unknown[] = [];
  const hear = (message: unknown) => void events.push(message);
  subscribe('tidegate:cache', hear);
  onTestFinished(() => void unsubscribe('tidegate:cache', hear));
  return events;
}

const isHit = (event: unknown) => (event as { kind: string }).kind === 'hit';

test('a hit is told with the tier that had it', async () => {
  const map = new Map<string, Uint8Array>();
  const store = {
    get: async (key: string) => map.get(key),
    put: async (key: string, bytes: Uint8Array) => void map.set(key, bytes),
    delete: async (keys: readonly string[]) => keys.filter((key) => map.delete(key)).length,
  };
  const cache = createCache({ memory: { maxEntries: 1 }, tiers: [storeTier({ name: 'map', store })] });
  const events = heard();
  await cache.set('a', 1);
  await cache.set('b', 2);
  for (const key of ['b', 'a', 'a']) await cache.getOrSet(key, () => 0);
  await cache.get('b');
  expect(events.filter(isHit)).toEqual([
    { cache: 'default', kind: 'hit', key: 'b', tier: 'memory' },
    { cache: 'default', kind: 'hit', key: 'a', tier: 'map' },
    { cache: 'default', kind: 'hit', key: 'a', tier: 'memory' },
    { cache: 'default', kind: 'hit', key: 'b', tier: 'map' },
  ]);
});

test('an eviction is told, by the channel and as a line', async () => {
  const lines: string[] = [];
  const cache = createCache({ memory: { maxEntries: 1 }, debug: (line) => lines.push(line) });
  const events = heard();
  await cache.set('a', 1);
  await cache.set('b', 2);
  expect(events).toContainEqual({ cache: 'default', kind: 'evict', key: 'a', tier: 'memory' });
  expect(lines).toContain('default: evict a from memory');
  await cache.delete('b');
  expect(events.filter((event) => (event as { kind: string }).kind === 'evict')).toHaveLength(1);
});

test('get gives what is in grace where it is asked to, and nothing that is outdated', async () => {
  const clock = createTestClock();
  const cache = createCache({ clock });
  const stale = () => cache.get('k', { stale: true });
  await cache.set('k', 'v', { ttl: '1s', grace: '1m', tags: ['t'] });
  expect([stale(), cache.stats().hits]).toEqual(['v', 1]);
  clock.advance(1_000);
  expect([cache.get('k'), cache.get('k', { stale: false }), stale()]).toEqual([undefined, undefined, 'v']);
  expect(cache.stats().stale).toBe(1);
  clock.advance(60_000);
  expect(stale()).toBeUndefined();
  await cache.set('k', 'v', { ttl: '1s', grace: '1m', tags: ['t'] });
  await cache.invalidate({ tags: ['t'], soft: true });
  expect([cache.get('k'), stale()]).toEqual([undefined, 'v']);
  await cache.invalidate({ tags: ['t'] });
  expect(stale()).toBeUndefined();
  await cache.set('plain', 'v', { ttl: '1s' });
  clock.advance(1_000);
  expect(cache.get('plain', { stale: true })).toBeUndefined();
});

test('null in grace is given, and counted once', async () => {
  const clock = createTestClock();
  const cache = createCache({ clock });
  await cache.set('k', null, { ttl: '1s', grace: '1m' });
  clock.advance(1_000);
  expect(cache.get('k', { stale: true })).toBe(null);
  expect(cache.stats()).toMatchObject({ stale: 1, misses: 0 });
});

test('options of get that are wrong are refused', async () => {
  const cache = createCache();
  expect(await codeOf(() => cache.get('k', { stale: 1 as never }))).toBe('E_CONFIG');
  expect(await codeOf(() => cache.get('k', { grace: true } as never))).toBe('E_CONFIG');
});
