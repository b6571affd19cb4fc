// `expire`, `entries` and `clear` keep to the limits of a tier, and what they ask for holds whether it answers or not.

import { describe, expect, test } from 'vitest';
import type { Cache } from '../../src/cache/contract.ts';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import type { ByteStore } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { settle } from './bench.ts';

const HANG = () => new Promise<never>(() => {});
const HOWS = ['fails', 'throws', 'hangs', 'hangs as it lists'] as const;
type How = 'works' | (typeof HOWS)[number];

function world() {
  const map = new Map<string, Uint8Array>();
  let how: How = 'works';
  let calls = 0;
  const answer = <T>(work: () => T): Promise<T> => {
    calls++;
    if (how === 'throws') throw new Error('store down');
    if (how === 'fails') return Promise.reject(new Error('store down'));
    return how.startsWith('hangs') ? HANG() : Promise.resolve(work());
  };
  const store: ByteStore = {
    get: (key) => answer(() => map.get(key)),
    put: (key, bytes) => answer(() => void map.set(key, bytes)),
    delete: (keys) => answer(() => keys.filter((key) => map.delete(key)).length),
    keys: async function* () {
      for (const key of await answer(() => [...map.keys()])) yield key;
    },
  };
  const time = new SimulatedTime();
  const faults: unknown[] = [];
  const tiers = [storeTier({ name: 'far', store, timeout: '50ms', pause: '1s', pauseAfter: 1 })];
  const cache = createCacheOn(
    { tiers, memory: { maxEntries: 1 }, onFault: (fault) => faults.push(fault) },
    { clock: time, tasks: time, random: () => 0.5, epoch: 'e' },
  );
  const as = (now: How) => {
    how = now;
  };
  /** Waits no longer than the tier may take. */
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    for (let turn = 0; turn < 3; turn++) {
      await settle();
      time.advance(50);
      await settle();
    }
    const late = Symbol('late');
    const got = await Promise.race([work, settle().then(() => late)]);
    if (got === late) throw new Error('expected an answer within the limits of the tier, got none');
    return got as T;
  };
  return { cache, time, faults, as, inTime, calls: () => calls };
}

async function keysIn(cache: Cache): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of cache.entries()) keys.push(key);
  return keys.sort();
}

/** `below` in the store alone, `above` in memory as well. */
async function filled() {
  const made = world();
  await made.cache.set('below', 'old', { grace: '1h' });
  await made.cache.set('above', 'old', { grace: '1h' });
  return made;
}

describe.each(HOWS)('while a tier %s', (how) => {
  test('expire holds, and says what is known', async () => {
    const { cache, as, inTime, time } = await filled();
    as(how);
    expect(await inTime(cache.expire('above'))).toBe(true);
    expect(await inTime(cache.expire('below'))).toBe(false);
    as('works');
    time.advance(1_000);
    await settle();
    for (const key of ['above', 'below']) {
      expect(await cache.get(key)).toBeUndefined();
      // It was expired, not outdated.
      expect(await cache.getOrSet(key, () => Promise.reject(new Error('source down')), { grace: '1h' })).toBe('old');
    }
  });

  test('clear holds', async () => {
    const { cache, as, inTime, time } = await filled();
    as(how);
    await inTime(cache.clear());
    as('works');
    time.advance(1_000);
    await settle();
    expect([await cache.get('above'), await cache.get('below')]).toEqual([undefined, undefined]);
    const states: string[] = [];
    for await (const { state } of cache.entries()) states.push(state);
    expect(states.filter((state) => state !== 'outdated')).toEqual([]);
  });

  test('entries lists what the others have, and the tier is left alone', async () => {
    const { cache, as, inTime, faults, calls, time } = await filled();
    as(how);
    expect(await inTime(keysIn(cache))).toEqual(['above']);
    expect(cache.stats().tierFaults.far).toBe(1);
    expect(cache.stats().tierPaused.far).toBe(true);
    expect(faults).toHaveLength(1);
    const before = calls();
    expect(await keysIn(cache)).toEqual(['above']);
    expect(calls()).toBe(before);
    as('works');
    time.advance(1_000);
    expect(await keysIn(cache)).toEqual(['above', 'below']);
    expect(cache.stats().tierPaused.far).toBe(false);
  });
});

test('expire says whether it was there in a slower tier alone', async () => {
  const { cache } = await filled();
  expect(await cache.expire('below')).toBe(true);
  expect(await cache.expire('below')).toBe(false);
  expect(await cache.expire('nowhere')).toBe(false);
});
