// Entries that slide, in slower tiers: how far their records are behind, and that none brings back what is not to be given.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Cache } from '../../src/cache/contract.ts';
import { createCache, createCacheOn } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { openDiskTier } from '../../src/node/disk-tier.ts';
import { createTestClock } from '../../src/testing/index.ts';
import { settle } from './bench.ts';
import { Bytes, world } from './late-tags-world.ts';

const MINUTE = 60_000;
const SLIDING = { ttl: '1h', sliding: '10m' } as const;

describe('a record of a slower tier', () => {
  test('is put again when it is a quarter of the idle time behind, not at each use', async () => {
    const { cache, bytes, time } = world('memory and a store');
    await cache.set('k', 1, SLIDING);
    for (let second = 0; second < 600; second++) {
      time.advance(1000);
      await cache.get('k');
    }
    expect(bytes.puts.length).toBe(1 + 4);
  });

  test('is not made of what is for memory alone', async () => {
    const { cache, bytes, time, ask } = world('memory and a store');
    await cache.set('k', 1, { ...SLIDING, tiers: 'memory' });
    await cache.set('late', 1, SLIDING);
    await ask({ ...SLIDING, tiers: 'memory', tags: ['b'] }, 'late');
    bytes.puts.length = 0;
    time.advance(9 * MINUTE);
    expect([await cache.get('k'), await cache.get('late'), bytes.puts]).toEqual([1, 1, []]);
  });

  test('is not put at all where nothing slides', async () => {
    const { cache, bytes, time } = world('memory and a store');
    await cache.set('k', 1, { ttl: '1h' });
    time.advance(30 * MINUTE);
    await cache.get('k');
    expect(bytes.puts).toEqual(['k']);
  });

  test('asks its store to keep it for the idle time from then on, and for its grace', async () => {
    const { cache, bytes, time } = world('memory and a store');
    const ttls: number[] = [];
    const { put } = bytes;
    Object.assign(bytes, {
      put: (key: string, value: Uint8Array, { ttlMs }: { ttlMs: number }) => {
        ttls.push(ttlMs / MINUTE);
        return put.call(bytes, key, value);
      },
    });
    await cache.set('k', 1, { ...SLIDING, grace: '3m' });
    for (let at = 0; at < 2; at++) {
      time.advance(9 * MINUTE);
      await cache.get('k');
    }
    expect(ttls).toEqual([13, 13, 13]);
  });

  test('is behind for another process by a quarter of the idle time at most, and never beyond the ttl', async () => {
    const { cache, bytes, time } = world('memory and a store');
    const tiers = () => [storeTier({ name: 'map', store: bytes })];
    const other = () => createCacheOn({ tiers: tiers() }, { clock: time, tasks: time, random: () => 0.5, epoch: 'e' });
    await cache.set('k', 1, SLIDING);
    for (let use = 0; use < 3; use++) {
      time.advance(2.4 * MINUTE);
      expect(await cache.get('k')).toBe(1);
    }
    time.advance(7.5 * MINUTE);
    expect(await other().get('k')).toBe(1);
    for (let minute = 14.7; minute < 54; minute += 7.5) {
      time.advance(7.5 * MINUTE);
      expect(await other().get('k')).toBe(1);
    }
    time.advance(0.3 * MINUTE - 1);
    expect(await other().get('k')).toBe(1);
    time.advance(1);
    expect([await other().get('k'), await cache.get('k')]).toEqual([undefined, undefined]);
  });

  test('of the disk outlasts the process, and what outdates it', async () => {
    const path = mkdtempSync(join(tmpdir(), 'tidegate-sliding-'));
    onTestFinished(() => rmSync(path, { recursive: true, force: true }));
    const clock = createTestClock(Date.now());
    const open = async () =>
      createCache({ clock, tiers: [await openDiskTier({ path: join(path, 'disk'), maxBytes: 2 ** 24 })] });
    const first = await open();
    for (const key of ['used', 'unused', 'outdated']) await first.set(key, 1, { ...SLIDING, tags: [key] });
    clock.advance(9 * MINUTE);
    await first.getMany(['used', 'outdated']);
    await first.invalidate({ tags: ['outdated'] });
    await first.close();
    const second = await open();
    clock.advance(9 * MINUTE);
    expect([...(await second.getMany(['used', 'unused', 'outdated'])).keys()]).toEqual(['used']);
    for (let minute = 18; minute < 54; minute += 9) {
      clock.advance(9 * MINUTE);
      expect(await second.get('used')).toBe(1);
    }
    await second.close();
    const third = await open();
    onTestFinished(() => third.close());
    clock.advance(6 * MINUTE - 1);
    expect(await third.get('used')).toBe(1);
    clock.advance(1);
    expect(await third.get('used')).toBeUndefined();
  });
});

/** A store that may take what it is given later, the last put first. */
class LateBytes extends Bytes {
  isLate = false;
  readonly #late: (() => void)[] = [];

  override put(key: string, bytes: Uint8Array): Promise<void> {
    if (!this.isLate) return super.put(key, bytes);
    return new Promise((resolve) => this.#late.push(() => resolve(super.put(key, bytes))));
  }

  async takeAll(): Promise<void> {
    for (const take of this.#late.splice(0).reverse()) take();
    this.isLate = false;
    await settle();
  }
}

const OVERTAKEN: readonly (readonly [string, (cache: Cache) => unknown])[] = [
  ['an invalidation of its key', (cache) => cache.invalidate({ keys: ['k'] })],
  ['an invalidation of its tag', (cache) => cache.invalidate({ tags: ['a'] })],
  ['an invalidation of its table', (cache) => cache.invalidate({ tables: ['t'] })],
  ['an invalidation by pattern', (cache) => cache.invalidate({ pattern: '*' })],
  ['an invalidation of all', (cache) => cache.invalidate({ all: true })],
  ['expire', (cache) => cache.expire('k')],
  ['delete', (cache) => cache.delete('k')],
  ['clear', (cache) => cache.clear()],
  ['set', (cache) => cache.set('k', 'new', SLIDING)],
  ['set of what is not stored', (cache) => cache.set('k', 'new', { ttl: 0 })],
  ['set of what does not slide', (cache) => cache.set('k', 'new')],
  ['refresh', (cache) => cache.getOrSet('k', () => 'new', { refresh: true })],
  ['early refresh', (cache) => cache.getOrSet('k', () => 'new', { earlyRefresh: 0 })],
  ['a fill by another name', (cache) => cache.getOrSet('k', () => 'new', { tags: ['late'] })],
];

describe.each(OVERTAKEN)('a record on its way while %s comes', (way, overtake) => {
  test.each([true, false])('gives nothing that is not to be given (arrives last: %s)', async (arrivesLast) => {
    const { bytes, time, cache } = lateWorld();
    await cache.set('k', 'old', { ...SLIDING, tags: ['a'], tables: ['t'] });
    time.advance(5 * MINUTE);
    bytes.isLate = true;
    expect(await cache.get('k')).toBe('old');
    if (way === 'a fill by another name') void cache.invalidate({ tags: ['late'] });
    if (!arrivesLast) await bytes.takeAll();
    void overtake(cache);
    await settle();
    await bytes.takeAll();
    await cache.set('other', 1);
    const given = await cache.get('k');
    // What slides has taken a tag that was not invalidated since it was put in.
    expect(given).not.toBe('old');
    expect([undefined, 'new']).toContain(given);
  });
});

test('a record that arrives after a fill has taken its place is not given', async () => {
  const { bytes, time, cache } = lateWorld();
  await cache.set('k', 'old', SLIDING);
  time.advance(5 * MINUTE);
  bytes.isLate = true;
  expect(await cache.get('k')).toBe('old');
  // Memory forgets it, and the store has the record from before.
  void cache.set('other', 1);
  await settle();
  time.advance(5 * MINUTE);
  expect(await cache.getOrSet('k', () => 'new', SLIDING)).toBe('new');
  await bytes.takeAll();
  await cache.set('other', 1);
  expect(await cache.get('k')).not.toBe('old');
});

test('a fill that stores nothing keeps out a record that arrives later', async () => {
  const { bytes, time, cache } = lateWorld();
  await cache.set('k', 'old', SLIDING);
  time.advance(5 * MINUTE);
  bytes.isLate = true;
  expect(await cache.get('k')).toBe('old');
  void cache.set('other', 1);
  await settle();
  time.advance(5 * MINUTE);
  expect(await cache.getOrSet('k', () => 'new', { ttl: 0 })).toBe('new');
  await bytes.takeAll();
  expect(await cache.get('k')).toBeUndefined();
});

test('what a store gives late does not take the place of what was filled meanwhile', async () => {
  for (let turns = 0; turns < 30; turns++) {
    const { bytes, time, cache } = lateWorld();
    await cache.set('k', 'old', SLIDING);
    await cache.set('other', 1);
    time.advance(5 * MINUTE);
    const { get } = bytes;
    const fill = Promise.withResolvers<string>();
    const answer = Promise.withResolvers<Uint8Array | undefined>();
    bytes.get = async () => Promise.reject(new Error('down'));
    const filled = cache.getOrSet('k', () => fill.promise, SLIDING);
    await settle();
    bytes.get = () => answer.promise;
    const read = cache.get('k');
    answer.resolve(get.call(bytes, 'k'));
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    fill.resolve('new');
    await Promise.all([filled, read]);
    await settle();
    bytes.get = get;
    expect(await cache.get('k')).toBe('new');
    await cache.set('other', 1);
    expect(await cache.get('k')).toBe('new');
  }
});

test('a store that fails costs nothing but the later end there', async () => {
  const { cache, bytes, time } = world('memory and a store');
  await cache.set('k', 1, SLIDING);
  bytes.fails = true;
  for (let use = 0; use < 5; use++) {
    time.advance(9 * MINUTE);
    expect(await cache.get('k')).toBe(1);
  }
});

/** Memory has room for one, and the store is waited for as long as it takes. */
function lateWorld() {
  const bytes = new LateBytes();
  const store = storeTier({ name: 'map', store: bytes, timeout: Number.POSITIVE_INFINITY });
  return { ...world('memory', { memory: { maxEntries: 1 }, tiers: [store] }), bytes };
}
