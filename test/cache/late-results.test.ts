// A fill that was given up at its hard timeout, and ends all the same; jitter; and a close that something holds up.

import { describe, expect, test } from 'vitest';
import type { FillOptions } from '../../src/cache/contract.ts';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { cacheBench, codeOf, settle } from './bench.ts';

const HARD = { timeouts: { hard: '1s' }, tags: ['t'] } as const;

describe('the result of a fill that was given up', () => {
  async function givenUp() {
    const bench = cacheBench();
    const held = Promise.withResolvers<string>();
    const told = codeOf(() => bench.cache.getOrSet('k', () => held.promise, HARD));
    await settle();
    bench.time.advance(1_000);
    expect(await told).toBe('E_FILL_TIMEOUT');
    const end = async () => {
      held.resolve('late');
      await settle();
    };
    return { ...bench, end };
  }

  test('is stored', async () => {
    const { cache, end } = await givenUp();
    await end();
    expect(cache.get('k')).toBe('late');
    expect(await cache.getOrSet('k', () => 'again', HARD)).toBe('late');
  });

  test('is not stored once something has outdated it', async () => {
    const { cache, end } = await givenUp();
    await cache.invalidate({ tags: ['t'] });
    await end();
    expect(cache.get('k')).toBeUndefined();
  });

  test.each<[string, (cache: Awaited<ReturnType<typeof givenUp>>['cache']) => unknown]>([
    ['a value that was put in', (cache) => cache.set('k', 'newer')],
    ['that of a fill begun after it', (cache) => cache.getOrSet('k', () => 'newer', HARD)],
  ])('does not take the place of %s', async (_, put) => {
    const { cache, end } = await givenUp();
    await put(cache);
    await end();
    expect(cache.get('k')).toBe('newer');
  });

  test('gives way to a fill that has begun after it and is under way', async () => {
    const { cache, end } = await givenUp();
    const newer = Promise.withResolvers<string>();
    const asked = cache.getOrSet('k', () => newer.promise, HARD);
    await end();
    expect(cache.get('k')).toBe('late');
    newer.resolve('newer');
    expect(await asked).toBe('newer');
    expect(cache.get('k')).toBe('newer');
  });

  test('is given to nobody who asked while it was late', async () => {
    const { cache, end } = await givenUp();
    expect(await cache.getOrSet('k', () => 'own', HARD)).toBe('own');
    await end();
    await cache.delete('k');
    await end();
    expect(cache.get('k')).toBeUndefined();
  });
});

describe('jitter', () => {
  test('leaves off part of the ttl, and never adds to it', async () => {
    const { cache, time } = cacheBench({ defaults: { ttl: '100s' } });
    cache.set('half', 1, { jitter: 0.5 });
    cache.set('none', 1);
    await cache.getOrSet('filled', () => 1, { jitter: 0.2 });
    cache.set('ever', 1, { ttl: Number.POSITIVE_INFINITY, jitter: 1 });
    const there = () => ['half', 'filled', 'none', 'ever'].filter((key) => cache.has(key));
    // Chance gives 0.5 each time.
    time.advance(74_999);
    expect(there()).toEqual(['half', 'filled', 'none', 'ever']);
    time.advance(1);
    expect(there()).toEqual(['filled', 'none', 'ever']);
    time.advance(15_000);
    expect(there()).toEqual(['none', 'ever']);
    time.advance(10_000);
    expect(there()).toEqual(['ever']);
  });

  test.each([-0.1, 1.1, Number.NaN, '1'])('of %o is refused', async (jitter) => {
    const { cache } = cacheBench();
    expect(await codeOf(() => cache.getOrSet('k', () => 1, { jitter } as FillOptions))).toBe('E_CONFIG');
  });
});

describe('a close', () => {
  test('ends in time though a fill does not, which is told', async () => {
    const { cache, time } = cacheBench();
    const told: unknown[] = [];
    const never = cache.getOrSet(
      'k',
      (fill) => new Promise(() => fill.signal.addEventListener('abort', () => told.push(fill.signal.reason))),
      { timeouts: { hard: '1h' } },
    );
    void Promise.resolve(never).catch(() => undefined);
    await settle();
    let isClosed = false;
    const closed = cache.close({ within: '2s' }).then(() => {
      isClosed = true;
    });
    await settle();
    time.advance(1_999);
    await settle();
    expect(isClosed).toBe(false);
    time.advance(1);
    await closed;
    expect(told).toHaveLength(1);
  });

  test('ends in time though a tier does not, which is a fault', async () => {
    const time = new SimulatedTime();
    const store = { get: () => undefined, put: () => undefined, delete: () => 0 };
    const hangs = storeTier({ name: 'far', store, close: () => new Promise(() => {}) });
    const faults: unknown[] = [];
    const cache = createCacheOn(
      { tiers: [hangs], onFault: (fault) => faults.push(fault) },
      { clock: time, tasks: time, random: () => 0.5, epoch: 'e' },
    );
    const closed = cache.close();
    await settle();
    time.advance(30_000);
    await closed;
    expect(faults).toMatchObject([{ code: 'E_CLOSE' }]);
  });

  test('refuses a bound that is none', async () => {
    const { cache } = cacheBench();
    expect(await codeOf(() => cache.close({ within: -1 }))).toBe('E_TTL');
    expect(await codeOf(() => cache.close({ after: 1 } as never))).toBe('E_CONFIG');
  });
});
