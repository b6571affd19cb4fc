import { describe, expect, test } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { cacheBench, codeOf, settle } from './bench.ts';

describe('a cache that is off', () => {
  test('looks nothing up, stores nothing, and runs every fill', async () => {
    const { cache, engine } = cacheBench({ enabled: false });
    engine.set('k', 'there', {
      ttlMs: 1e6,
      slidingMs: Number.POSITIVE_INFINITY,
      jitter: 0,
      graceMs: 0,
      tags: [],
      memoryOnly: false,
      stamp: undefined,
      validator: undefined,
    });
    let fills = 0;
    const fill = () => ++fills;
    expect(cache.get('k')).toBeUndefined();
    expect(await Promise.all([cache.getOrSet('k', fill), cache.getOrSet('k', fill)])).toEqual([1, 2]);
    expect(await cache.set('x', 1)).toBe(false);
    expect(await cache.getMany(['k', 'x'])).toEqual(new Map());
    expect([...(await cache.getOrSetMany(['k'], (keys) => new Map(keys.map((key) => [key, 'own']))))]).toEqual([
      ['k', 'own'],
    ]);
    expect(engine.get('x')).toBeUndefined();
  });

  test('keeps the manners of fills', async () => {
    const { cache, time } = cacheBench({ enabled: false });
    expect(await codeOf(() => cache.getOrSet('k', () => Promise.reject(new Error('x'))))).toBe('E_FILL');
    expect(await codeOf(() => cache.getOrSet('k', () => undefined as never))).toBe('E_FILL');
    expect(await codeOf(() => cache.getOrSet('k', (fill) => fill.notModified()))).toBe('E_FILL');
    expect(await cache.getOrSet('k', (fill) => fill.skip('value'))).toBe('value');
    let signal: AbortSignal | undefined;
    const late = codeOf(() =>
      cache.getOrSet('k', (fill) => {
        signal = fill.signal;
        return new Promise<never>(() => undefined);
      }),
    );
    await settle();
    time.advance(30_000);
    expect(await late).toBe('E_FILL_TIMEOUT');
    expect(signal?.aborted).toBe(true);
    const gone = AbortSignal.abort(new TidegateError('E_ABANDONED', 'gone'));
    const never = () => new Promise<never>(() => undefined);
    expect(await codeOf(() => cache.getOrSet('k', never, { signal: gone }))).toBe('E_ABANDONED');
  });

  test('for a part of the keys is so for the same keys each time', async () => {
    const stored = async (rollout: number) => {
      const { cache, wholeKeys } = cacheBench({ rollout });
      for (let n = 0; n < 2000; n++) cache.set(`user:${n}`, n);
      return wholeKeys();
    };
    const quarter = await stored(0.25);
    expect(quarter.length).toBeGreaterThan(400);
    expect(quarter.length).toBeLessThan(600);
    expect(await stored(0.25)).toEqual(quarter);
    const half = new Set(await stored(0.5));
    expect(quarter.every((key) => half.has(key))).toBe(true);
    expect((await stored(1)).length).toBe(2000);
    expect((await stored(0)).length).toBe(0);
  });

  test('gives what it would give if it were on', async () => {
    for (const enabled of [true, false]) {
      const { cache } = cacheBench({ enabled });
      const given = { of: ['a'] };
      const got = await cache.getOrSet('k', () => given);
      expect([got, Object.isFrozen(got), Object.isFrozen(got.of)]).toEqual([given, true, true]);
      expect(Object.isFrozen(given)).toBe(false);
      expect(await codeOf(() => cache.getOrSet('x', () => new URL('http://host/')))).toBe('E_VALUE');
      expect(await cache.getOrSet('x', (fill) => fill.skip(given))).toBe(given);
    }
  });
});
