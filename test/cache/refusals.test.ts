// What is handed in wrong is refused where it is handed in, with a code, before it does harm.

import { describe, expect, test } from 'vitest';
import type { CacheOptions, CacheTier, Fill } from '../../src/cache/contract.ts';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { cacheOptionsFromEnvironment } from '../../src/cache/options/environment.ts';
import { transaction, UnitOfWork } from '../../src/cache/repository/unit-of-work.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { cacheBench, codeOf, errorOf } from './bench.ts';

const STORE = { get: () => undefined, put: () => undefined, delete: () => 0 };
const tier = () => storeTier({ name: 'map', store: STORE });

function made(options: unknown) {
  const time = new SimulatedTime();
  return createCacheOn(options as CacheOptions, { clock: time, tasks: time, random: () => 0.5, epoch: 'e' });
}

describe('options that would say nothing', () => {
  test.each([
    { nullTtl: 50 },
    { refresh: true },
    { timeouts: { hard: 1 } },
    { earlyRefresh: 0.5 },
    { graceBackoff: 1 },
    { signal: new AbortController().signal },
  ])('are refused by a set: %o', async (options) => {
    const { cache } = cacheBench();
    expect(await codeOf(() => cache.set('k', null, { ttl: '1h', ...options } as object))).toBe('E_CONFIG');
    expect(cache.get('k')).toBeUndefined();
  });

  test.each([{ refresh: true }, { signal: new AbortController().signal }, { kind: 'user' }])(
    'are refused as defaults, for they are about one call: %o',
    async (defaults) => {
      expect(await codeOf(() => made({ defaults }))).toBe('E_CONFIG');
      expect(await codeOf(() => cacheBench().cache.namespace('n', { defaults } as object))).toBe('E_CONFIG');
    },
  );
});

describe('a fill that is none', () => {
  test.each([[undefined], [5], ['x'], [{}], [Promise.resolve(1)]])('is refused at the call: %o', async (fill) => {
    for (const enabled of [true, false]) {
      const { cache } = cacheBench({ enabled });
      if (enabled) cache.set('there', 1);
      for (const key of ['k', 'there']) {
        const error = await errorOf(() => cache.getOrSet(key, fill as never));
        expect([error.code, error.message]).toEqual(['E_CONFIG', expect.stringMatching(/^expected a fill .*, got /)]);
      }
      expect(await codeOf(() => cache.getOrSetMany(['k'], fill as never))).toBe('E_CONFIG');
    }
  });

  test('and one that fails without a word says so', async () => {
    for (const enabled of [true, false]) {
      const { cache } = cacheBench({ enabled });
      const ways: Fill<never>[] = [
        (fill) => fill.fail(undefined as never),
        () => {
          throw new Error('');
        },
      ];
      for (const way of ways) {
        const error = await errorOf(() => cache.getOrSet('k', way));
        expect([error.code, error.message]).toEqual(['E_FILL', expect.stringMatching(/got an? .*without a /)]);
      }
    }
  });
});

describe('lists that are none', () => {
  const { cache } = cacheBench();
  test.each([
    ['E_KEY', () => cache.deleteMany('key' as never)],
    ['E_KEY', () => cache.getMany('key' as never)],
    ['E_KEY', () => cache.getOrSetMany('key' as never, () => new Map())],
    ['E_CONFIG', () => cache.setMany(new Map([['k', 1]]) as never)],
    ['E_CONFIG', () => cache.setMany(['k'] as never)],
    ['E_CONFIG', () => cache.setMany([null] as never)],
  ])('are refused with %s: %s', async (code, call) => {
    expect(await codeOf(call)).toBe(code);
  });
});

describe('values of which one cannot be stored', () => {
  const good = { key: 'good', value: 1 };
  test.each([
    ['E_KEY', { key: '', value: 1 }],
    ['E_VALUE', { key: 'k', value: () => 1 }],
    ['E_TTL', { key: 'k', value: 1, options: { ttl: '5 m' } }],
    ['E_TAG', { key: 'k', value: 1, options: { tags: [''] } }],
  ])('are not stored, any of them: %s', async (code, bad) => {
    const { cache, wholeKeys } = cacheBench();
    expect(await codeOf(() => cache.setMany([good, bad as typeof good]))).toBe(code);
    expect(await wholeKeys()).toEqual([]);
  });

  test('and those that can are, in the order given', async () => {
    const { cache } = cacheBench();
    const entries = [good, { key: 'not', value: 2, options: { ttl: 0 } }, { key: 'k', value: 3 }];
    expect(await cache.setMany(entries)).toEqual([true, false, true]);
    expect(cache.getMany(['good', 'not', 'k'])).toEqual(new Map(Object.entries({ good: 1, k: 3 })));
  });
});

describe('tiers', () => {
  test.each([
    ['that are no list', {}],
    ['that are not opened yet', [Promise.resolve(tier())]],
    ['that are none', [{ name: 'x' }]],
    ['that are nothing', [null]],
  ])('%s are refused', async (_, tiers) => {
    expect(await codeOf(() => made({ tiers }))).toBe('E_CONFIG');
    expect(await codeOf(() => cacheOptionsFromEnvironment({}, { tiers } as unknown as CacheOptions))).toBe('E_CONFIG');
  });

  test('that somebody forgot to wait for are named so', async () => {
    expect((await errorOf(() => made({ tiers: [Promise.resolve(tier())] }))).message).toContain('await openDiskTier()');
  });

  test('are of one cache alone, and of none once they are closed', async () => {
    const shared = tier();
    const first = made({ tiers: [shared] });
    expect(await codeOf(() => made({ tiers: [shared] }))).toBe('E_CONFIG');
    await first.close();
    const error = await errorOf(() => made({ tiers: [shared] }));
    expect([error.code, error.message]).toEqual(['E_CONFIG', expect.stringContaining('is closed')]);
    const twice = tier();
    expect(await codeOf(() => made({ tiers: [twice, twice] }))).toBe('E_CONFIG');
  });

  test('are still free where a cache could not be made', async () => {
    const free: CacheTier = tier();
    expect(await codeOf(() => made({ tiers: [free], defaults: { ttl: 'x' } }))).toBe('E_TTL');
    expect(await made({ tiers: [free], memory: false }).set('k', 1)).toBe(true);
  });

  test.each([{ nmae: 'x' }, { timeOut: 5 }, { close: 5 }, { name: 7 }, { name: '' }])(
    'over a store are refused with options that are none: %o',
    async (more) => {
      expect(await codeOf(() => storeTier({ name: 'map', store: STORE, ...(more as object) }))).toBe('E_CONFIG');
    },
  );
});

test.each([
  { classes: [class A {}] },
  { classes: {} },
  { classes: [{ name: 'a', matches: () => true, toPlain: () => 1 }] },
  { codec: {} },
  { codec: { name: 'a', encode: () => new Uint8Array(0) } },
])('classes and codecs that lack something are refused when the cache is made: %o', async (options) => {
  expect(await codeOf(() => made(options))).toBe('E_CONFIG');
});

describe('a unit of work', () => {
  test.each([
    ['E_SELECTOR', { tag: 'x' }],
    ['E_SELECTOR', { tags: 'x' }],
    ['E_SELECTOR', {}],
    ['E_SELECTOR', undefined],
    ['E_TAG', { tags: [7] }],
    ['E_KEY', { keys: [''] }],
  ])('refuses with %s, before anything is committed, to note %o', async (code, what) => {
    const { cache } = cacheBench();
    const done: string[] = [];
    const database = {
      begin: () => done.push('begin'),
      commit: () => done.push('commit'),
      rollback: () => done.push('rollback'),
    };
    expect(await codeOf(() => transaction(cache, database, (unit) => unit.note(what as object)))).toBe(code);
    expect(done).toEqual(['begin', 'rollback']);
    expect(await codeOf(() => new UnitOfWork(cache).note(what as object))).toBe(code);
  });

  test('is not begun over what is no database, no cache or no work', async () => {
    const { cache } = cacheBench();
    let begun = 0;
    const database = { begin: () => begun++, commit: () => 1, rollback: () => 1 };
    const { commit: _, ...misspelt } = { ...database, comit: () => 1 };
    for (const call of [
      () => transaction(cache, misspelt as never, () => 1),
      () => transaction(cache, undefined as never, () => 1),
      () => transaction(cache, { ...database, isConnectionShared: 1 } as never, () => 1),
      () => transaction(cache, database, 5 as never),
      () => transaction({} as never, database, () => 1),
    ]) {
      expect(await codeOf(call), String(call)).toBe('E_CONFIG');
    }
    expect(begun).toBe(0);
  });
});

describe('a value too large', () => {
  test('for memory, where that is all, is not stored, and set says so', async () => {
    const cache = made({ memory: { maxBytes: 100_000 } });
    expect(await cache.set('k', 'x'.repeat(90_000))).toBe(false);
    expect(cache.get('k')).toBeUndefined();
    expect(await cache.set('k', 'x')).toBe(true);
    expect(await made({ memory: false }).set('k', 1)).toBe(false);
  });

  test('for memory is given to slower tiers', async () => {
    const cache = made({ memory: { maxBytes: 100_000 }, tiers: [tier()] });
    expect(await cache.set('k', 'x'.repeat(90_000))).toBe(true);
    expect(await cache.set('k', 'x'.repeat(90_000), { tiers: 'memory' })).toBe(false);
  });
});
