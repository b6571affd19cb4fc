// What is refused, and what is told to whom: each at its smallest.

import { describe, expect, test } from 'vitest';
import type { CacheOptions } from '../../src/cache/contract.ts';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { cacheBench, codeOf, errorOf, settle } from './bench.ts';

function onTime(options: CacheOptions) {
  const time = new SimulatedTime();
  return { time, cache: createCacheOn(options, { clock: time, tasks: time, random: () => 0.5, epoch: 'e' }) };
}

describe('a validator that is no text', () => {
  test.each([[null], [7], [{}]])('is refused, and nothing is stored: %s', async (validator) => {
    const { cache } = cacheBench();
    const error = await errorOf(() => cache.set('k', 1, { validator: validator as unknown as string }));
    expect([error.code, error.message]).toEqual(['E_CONFIG', expect.stringMatching(/^expected .*text, got /)]);
    const fill = (context: { setValidator(validator: string): void }) => {
      context.setValidator(validator as unknown as string);
      return 1;
    };
    expect(await codeOf(() => cache.getOrSet('k', fill))).toBe('E_CONFIG');
    expect(cache.get('k')).toBeUndefined();
  });
});

describe('a kind that is declared wrong', () => {
  const bad: [object, string][] = [
    [{ user: { ttll: '1h' } }, 'E_CONFIG'],
    [{ user: { invalidatedOn: ['saved'] } }, 'E_CONFIG'],
    [{ user: { ttl: '1 hour' } }, 'E_TTL'],
    [{ user: { tags: [''] } }, 'E_TAG'],
    [{ user: { tiers: 'disk' } }, 'E_CONFIG'],
    [{ user: { timeouts: { sotf: 1 } } }, 'E_CONFIG'],
    [{ user: { timeouts: '1s' } }, 'E_CONFIG'],
    [{ user: { earlyRefresh: 2 } }, 'E_CONFIG'],
    [{ user: { keys: 'user:*' } }, 'E_CONFIG'],
    [{ user: { invalidateOn: 'saved' } }, 'E_CONFIG'],
    [{ user: { populate: true } }, 'E_CONFIG'],
    [{ user: 'x' }, 'E_CONFIG'],
    [{ user: null }, 'E_CONFIG'],
    [[], 'E_CONFIG'],
  ];
  test.each(bad)('is refused when the cache is made: %j', async (kinds, code) => {
    expect(await codeOf(() => onTime({ kinds } as CacheOptions))).toBe(code);
  });
});

describe('an option of another form', () => {
  test('a signal that is none', async () => {
    const { cache } = cacheBench();
    for (const signal of [{}, null, 1, 'x', { aborted: false }]) {
      const error = await errorOf(() => cache.getOrSet('k', () => 1, { signal: signal as never }));
      expect([error.code, error.message]).toEqual(['E_CONFIG', expect.stringMatching(/AbortSignal, got /)]);
    }
    expect(await cache.getOrSet('k', () => 1, { signal: new AbortController().signal })).toBe(1);
  });

  test('options that are no object', async () => {
    const { cache } = cacheBench();
    for (const options of [60_000, '5m', null, true]) {
      expect(await codeOf(() => cache.set('k', 1, options as never)), String(options)).toBe('E_CONFIG');
      expect(await codeOf(() => cache.getOrSet('k', () => 1, options as never)), String(options)).toBe('E_CONFIG');
    }
    expect(await codeOf(() => onTime({ defaults: '5m' as never }))).toBe('E_CONFIG');
    expect(cache.get('k')).toBeUndefined();
  });

  test('a stamp that is none, and one where a value is filled', async () => {
    const { cache } = cacheBench();
    expect(await codeOf(() => cache.set('k', 1, { stamp: Date.now() as never }))).toBe('E_CONFIG');
    expect(await codeOf(() => cache.getOrSet('k', () => 1, { stamp: cache.stamp() } as object))).toBe('E_CONFIG');
  });
});

test('what is misspelt elsewhere, or of another form, is refused', async () => {
  const { cache } = cacheBench();
  const bad: (() => unknown)[] = [
    () => cache.namespace('n', { versoin: '1' } as never),
    () => cache.namespace('n', '1' as never),
    () =>
      cache
        .entries({ tga: 't' } as never)
        [Symbol.asyncIterator]()
        .next(),
    () => cache.emit('saved', null as never),
    () => cache.emit(undefined as never),
    () => cache.on('saved', 5 as never),
    () => onTime({ enabled: 'false' as never }),
  ];
  for (const call of bad) expect(await codeOf(call), String(call)).toBe('E_CONFIG');
});

describe('a ttl that a fill sets', () => {
  test('holds for null as well, also where it is that of the options', async () => {
    const { cache, time } = cacheBench();
    const fill = (context: { setTtl(ttl: '1h'): void }) => {
      context.setTtl('1h');
      return null;
    };
    await cache.getOrSet<null>('k', fill, { ttl: '1h', nullTtl: '1s' });
    time.advance(1_000);
    expect(cache.get('k')).toBeNull();
  });
});

describe('tags that a fill adds', () => {
  test('leave those of the options and of the defaults', async () => {
    const { cache } = cacheBench({ defaults: { tags: ['default'] } });
    for (const tag of ['default', 'call', 'found']) {
      await cache.getOrSet(
        'k',
        (fill) => {
          fill.addTags(['found']);
          return 1;
        },
        { tags: ['call'] },
      );
      await cache.invalidate({ tags: [tag] });
      expect(cache.get('k'), tag).toBeUndefined();
    }
  });
});

describe('deleted', () => {
  test('is counted unless it was outdated', async () => {
    const { cache } = cacheBench();
    cache.set('a', 1, { tags: ['t'] });
    cache.set('b', 1);
    await cache.invalidate({ tags: ['t'] });
    expect(await cache.delete('a')).toBe(false);
    cache.set('a', 1, { tags: ['t'] });
    await cache.invalidate({ keys: ['a'] });
    expect(await cache.deleteMany(['a', 'b'])).toBe(1);
  });

  test('what is put in after the call stays', async () => {
    const { cache } = cacheBench();
    cache.set('k', 1);
    const deleted = cache.delete('k');
    cache.set('k', 2);
    expect([await deleted, await cache.get('k')]).toEqual([true, 2]);
  });
});

test('an onFault that throws is heard of outside, and harms nothing', async () => {
  const thrown = new Error('of the program');
  const { cache, time } = onTime({
    onFault: () => {
      throw thrown;
    },
  });
  const caller = new AbortController();
  const held = Promise.withResolvers<number>();
  const left = codeOf(() => cache.getOrSet('k', () => held.promise, { signal: caller.signal }));
  await settle();
  caller.abort(Object.assign(new Error('gone'), { code: 'GONE' }));
  expect(await left).toBe('GONE');
  held.reject(new Error('down'));
  await settle();
  expect(() => time.advance(0)).toThrow(thrown);
  expect(await cache.getOrSet('k', () => 1)).toBe(1);
});
