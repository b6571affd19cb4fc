import { describe, expect, test } from 'vitest';
import type { CacheOptions, CacheTier } from '../../src/cache/contract.ts';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { cacheBench, codeOf, settle } from './bench.ts';

/** A cache over a map of bytes, and when its tier was closed. */
function tiered(more: Partial<CacheTier> = {}, options: CacheOptions = {}) {
  const bytes = new Map<string, Uint8Array>();
  let closes = 0;
  const puts: (() => void)[] = [];
  let isHeld = false;
  const tier = storeTier({
    name: 'map',
    store: {
      get: async (key) => bytes.get(key),
      put: async (key, value) => {
        if (isHeld) await new Promise<void>((resolve) => puts.push(resolve));
        bytes.set(key, value);
      },
      delete: async (keys) => keys.filter((key) => bytes.delete(key)).length,
      keys: () => bytes.keys(),
    },
    close: () => void closes++,
  });
  const time = new SimulatedTime();
  const cache = createCacheOn(
    { ...options, tiers: [{ ...tier, ...more }] },
    { clock: time, tasks: time, random: () => 0.5, epoch: 'e' },
  );
  const hold = () => {
    isHeld = true;
  };
  const release = () => {
    for (const put of puts.splice(0)) put();
  };
  return { cache, time, bytes, closes: () => closes, hold, release };
}

describe('a cache that closes', () => {
  test('waits for its fills and their stores, then closes its tiers, once', async () => {
    const { cache, bytes, closes, hold, release } = tiered();
    const held = Promise.withResolvers<string>();
    const value = cache.getOrSet('k', () => held.promise);
    await settle();
    hold();
    const closed = cache.close();
    expect(cache.close()).toBe(closed);
    await settle();
    expect(closes()).toBe(0);
    held.resolve('v');
    expect(await value).toBe('v');
    await settle();
    expect([closes(), bytes.size]).toEqual([0, 0]);
    release();
    await closed;
    expect([closes(), [...bytes.keys()]]).toEqual([1, ['k']]);
    await cache.namespace('n').close();
    expect(closes()).toBe(1);
  });

  test('waits for a value that is being put in', async () => {
    const { cache, bytes, hold, release, closes } = tiered();
    hold();
    const stored = cache.set('k', 1);
    const closed = cache.close();
    await settle();
    expect(closes()).toBe(0);
    release();
    await closed;
    expect([await stored, bytes.size]).toEqual([true, 1]);
  });

  test('finds and stores nothing from the call on, and still gives what fills read', async () => {
    const { cache } = cacheBench();
    const within = cache.namespace('n');
    cache.set('k', 'stored');
    within.set('k', 'stored');
    const closed = cache.close();
    for (const at of [cache, within, cache.namespace('made later')]) {
      expect(at.get('k')).toBeUndefined();
      expect(await at.has('k')).toBe(false);
      expect(await at.getMany(['k'])).toEqual(new Map());
      expect(await at.set('k', 1)).toBe(false);
      expect(await at.getOrSet('k', () => 'read')).toBe('read');
      expect(await at.getOrSetMany(['k'], () => new Map([['k', 'read']]))).toEqual(new Map([['k', 'read']]));
      expect(at.get('k')).toBeUndefined();
      expect(await at.delete('k')).toBe(false);
    }
    await closed;
    expect(await cache.getOrSet('k', () => 'read again')).toBe('read again');
    const keys: string[] = [];
    for await (const { key } of cache.entries()) keys.push(key);
    expect(keys).toEqual([]);
  });

  test('waits for a fill until its hard timeout', async () => {
    const { cache, time } = cacheBench();
    const never = codeOf(() => cache.getOrSet('k', () => new Promise<never>(() => undefined)));
    await settle();
    let isClosed = false;
    cache.close().then(() => {
      isClosed = true;
    });
    time.advance(29_999);
    await settle();
    expect(isClosed).toBe(false);
    time.advance(1);
    await settle();
    expect([isClosed, await never]).toEqual([true, 'E_FILL_TIMEOUT']);
  });

  test('tells a fill without a limit to end, and waits for it 5 s', async () => {
    const { cache, time } = cacheBench();
    let signal: AbortSignal | undefined;
    const options = { timeouts: { hard: Number.POSITIVE_INFINITY } };
    const held = Promise.withResolvers<string>();
    const value = cache.getOrSet(
      'k',
      (fill) => {
        signal = fill.signal;
        return held.promise;
      },
      options,
    );
    await settle();
    let isClosed = false;
    cache.close().then(() => {
      isClosed = true;
    });
    expect(signal?.aborted).toBe(true);
    time.advance(4_999);
    await settle();
    expect(isClosed).toBe(false);
    time.advance(1);
    await settle();
    expect(isClosed).toBe(true);
    held.resolve('late');
    expect(await value).toBe('late');
  });

  test('has nothing to invalidate after that, unless a tier keeps invalidations', async () => {
    const { cache } = tiered();
    await cache.close();
    await cache.invalidate({ tags: ['t'] });
    await cache.clear();
    expect(await cache.delete('k')).toBe(false);
    expect(await cache.expire('k')).toBe(false);
  });

  test('closes each tier whatever comes of the others, and says what failed', async () => {
    const closed: string[] = [];
    const store = { get: () => undefined, put: () => undefined, delete: () => 0 };
    const failure = new Error('no');
    const first = storeTier({ name: 'first', store, close: () => Promise.reject(failure) });
    const second = storeTier({ name: 'second', store, close: () => void closed.push('second') });
    const time = new SimulatedTime();
    const cache = createCacheOn(
      { tiers: [first, second] },
      { clock: time, tasks: time, random: () => 0.5, epoch: 'e' },
    );
    await expect(cache.close()).rejects.toBe(failure);
    expect(closed).toEqual(['second']);
  });
});
