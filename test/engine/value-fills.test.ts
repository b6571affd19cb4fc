import { describe, expect, test } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { settle, valueBench } from './value-bench.ts';

describe('a fill', () => {
  test('is run once for all who wait', async () => {
    const { cache, fill, getOrSet } = valueBench();
    const slow = fill();
    const all = Promise.all([1, 2, 3].map(() => getOrSet('k', slow)));
    await settle();
    await slow.give('v');
    expect(await all).toEqual(['v', 'v', 'v']);
    expect([slow.calls, cache.figures.stats().collapsed]).toEqual([1, 2]);
  });

  test('does not take the place of what was put in since it began', async () => {
    const { cache, fill, getOrSet, set } = valueBench();
    const slow = fill();
    const first = getOrSet('k', slow);
    await settle();
    await set('k', 'put');
    await slow.give('read before');
    expect([await first, cache.get('k')]).toEqual(['read before', 'put']);
  });

  test('that fails is E_FILL with its cause, and nothing is stored', async () => {
    const { cache, getOrSet } = valueBench();
    const cause = new Error('no connection');
    const failed = getOrSet('k', () => {
      throw cause;
    });
    await expect(failed).rejects.toMatchObject({ code: 'E_FILL', cause });
    await expect(failed).rejects.toBeInstanceOf(TidegateError);
    expect(cache.get('k')).toBeUndefined();
  });

  test('that gives undefined is E_FILL; null is a value, with a ttl of its own', async () => {
    const { cache, time, getOrSet } = valueBench();
    await expect(getOrSet('k', () => undefined)).rejects.toThrow('got undefined');
    expect(await getOrSet('k', () => null, { nullTtlMs: 10 })).toBeNull();
    expect(cache.get('k')).toBeNull();
    time.advance(10);
    expect(cache.get('k')).toBeUndefined();
  });

  test('that never ends is given up, its signal aborted, and the next begins anew', async () => {
    const { cache, time, getOrSet } = valueBench();
    let signal: AbortSignal | undefined;
    const failed = getOrSet('k', (context) => {
      signal = context.signal;
      return new Promise(() => {});
    });
    failed.catch(() => {});
    await settle();
    time.advance(30_000);
    await expect(failed).rejects.toMatchObject({ code: 'E_FILL_TIMEOUT' });
    expect(signal?.aborted).toBe(true);
    expect(await getOrSet('k', () => 'v')).toBe('v');
    expect(cache.figures.stats().fillsInFlight).toBe(0);
  });

  test('that ends after it was given up is stored', async () => {
    const { cache, time, fill, getOrSet } = valueBench();
    const slow = fill();
    const failed = getOrSet('k', slow);
    failed.catch(() => {});
    await settle();
    time.advance(30_000);
    await slow.give('late');
    expect(cache.get('k')).toBe('late');
  });

  test('is left by a caller that aborts, and goes on for the others', async () => {
    const { cache, fill, getOrSet } = valueBench();
    const slow = fill();
    const caller = new AbortController();
    const left = getOrSet('k', slow, { signal: caller.signal });
    left.catch(() => {});
    const stays = getOrSet('k', slow);
    await settle();
    caller.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await slow.give('v');
    expect([await stays, cache.get('k')]).toEqual(['v', 'v']);
  });

  test('may skip the store, keep what there was, and build on it', async () => {
    const { cache, time, getOrSet } = valueBench();
    expect(await getOrSet('s', (context) => context.skip('once'))).toBe('once');
    expect(cache.get('s')).toBeUndefined();
    const asked: unknown[] = [];
    await getOrSet('k', (context) => {
      context.setValidator('v1');
      return 'body';
    });
    time.advance(60_000);
    const again = await getOrSet('k', (context) => {
      asked.push(context.previous);
      return context.notModified();
    });
    expect([again, cache.get('k'), asked]).toEqual(['body', 'body', [{ value: 'body', validator: 'v1' }]]);
  });

  test('has no previous value where that is outdated', async () => {
    const { cache, set, getOrSet } = valueBench();
    await set('k', 'before');
    await cache.invalidate([{ kind: 'url', uri: 'k' }], false);
    const failed = getOrSet('k', (context) => context.notModified());
    await expect(failed).rejects.toMatchObject({ code: 'E_FILL' });
  });
});

describe('in grace', () => {
  test('a stale value is given when the fill fails, and the source then has some rest', async () => {
    const { cache, time, getOrSet, set } = valueBench();
    await set('k', 'stale', { graceMs: 60_000 });
    time.advance(60_000);
    let asked = 0;
    const broken = () => {
      asked++;
      throw new Error('down');
    };
    expect(await getOrSet('k', broken)).toBe('stale');
    expect(await getOrSet('k', broken)).toBe('stale');
    expect(asked).toBe(1);
    time.advance(5_000);
    expect(await getOrSet('k', () => 'new')).toBe('new');
    expect(cache.figures.stats().stale).toBe(2);
  });

  test('a stale value is given when the fill takes longer than the soft timeout, which stores in the background', async () => {
    const { cache, time, fill, getOrSet, set } = valueBench();
    await set('k', 'stale', { graceMs: 60_000 });
    time.advance(60_000);
    const slow = fill();
    const soft = getOrSet('k', slow, { softMs: 100 });
    await settle();
    time.advance(100);
    expect(await soft).toBe('stale');
    await slow.give('new');
    expect(cache.get('k')).toBe('new');
  });

  test('a fill that nobody waits for any more tells its failure', async () => {
    const { time, fill, getOrSet, set, faults } = valueBench();
    await set('k', 'stale', { graceMs: 60_000 });
    time.advance(60_000);
    const slow = fill();
    const soft = getOrSet('k', slow, { softMs: 0 });
    await settle();
    time.advance(0);
    expect(await soft).toBe('stale');
    await slow.fail(new Error('down'));
    expect(faults).toMatchObject([{ code: 'E_FILL' }]);
  });

  test('a failure that no caller gets is told, once for each fill', async () => {
    const { time, getOrSet, set, faults } = valueBench();
    await set('k', 'stale', { graceMs: 60_000 });
    time.advance(60_000);
    const broken = () => Promise.reject(new Error('down'));
    expect(await Promise.all([getOrSet('k', broken), getOrSet('k', broken)])).toEqual(['stale', 'stale']);
    expect(faults).toMatchObject([{ code: 'E_FILL', cause: { message: 'down' } }]);
    // The source has some rest; nothing new has failed.
    expect(await getOrSet('k', broken)).toBe('stale');
    expect(faults.length).toBe(1);
    time.advance(5_000);
    expect(await getOrSet('k', () => undefined)).toBe('stale');
    expect(faults).toMatchObject([{}, { message: expect.stringContaining('got undefined') }]);
    await expect(getOrSet('other', broken)).rejects.toThrow('down');
    expect(faults.length).toBe(2);
  });

  test('what is past it is not given', async () => {
    const { time, getOrSet, set } = valueBench();
    await set('k', 'stale', { graceMs: 60_000 });
    time.advance(120_000);
    await expect(getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toThrow('got down');
  });
});

describe('early refresh', () => {
  test('fills in the background from a part of the ttl on, once', async () => {
    const { cache, time, fill, getOrSet, set } = valueBench();
    await set('k', 'first', {});
    const slow = fill();
    time.advance(47_999);
    await getOrSet('k', slow, { earlyRefresh: 0.8 });
    expect(slow.calls).toBe(0);
    time.advance(1);
    expect(await getOrSet('k', slow, { earlyRefresh: 0.8 })).toBe('first');
    expect(await getOrSet('k', slow, { earlyRefresh: 0.8 })).toBe('first');
    expect(slow.calls).toBe(1);
    await slow.give('second');
    expect(cache.get('k')).toBe('second');
  });

  test('overtaken by an invalidation is not stored', async () => {
    const { cache, time, fill, getOrSet, set } = valueBench();
    await set('k', 'first');
    const slow = fill();
    time.advance(50_000);
    await getOrSet('k', slow, { earlyRefresh: 0.8 });
    await cache.invalidate([{ kind: 'url', uri: 'k' }], false);
    await slow.give('read before');
    expect(cache.get('k')).toBeUndefined();
  });
});
