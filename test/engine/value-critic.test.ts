// What a reading of the engine found, each at its smallest.

import { describe, expect, test } from 'vitest';
import type { StoredValue } from '../../src/entry/stored-value.ts';
import type { Store } from '../../src/ports.ts';
import { settle, valueBench } from './value-bench.ts';

describe('a value that is kept since it was not modified', () => {
  test('still depends on what its first fill named', async () => {
    const { cache, time, getOrSet } = valueBench();
    await getOrSet('k', (fill) => {
      fill.change({ tags: ['x'] });
      return 'old';
    });
    time.advance(60_000);
    await getOrSet('k', (fill) => fill.notModified());
    expect(cache.get('k')).toBe('old');
    await cache.invalidate([{ kind: 'tag', tag: 'x' }], false);
    expect(cache.get('k')).toBeUndefined();
  });

  test('gives way to what the fill returns in the end', async () => {
    const { getOrSet, time, set } = valueBench();
    await set('k', 'v1');
    time.advance(60_000);
    const value = getOrSet('k', (fill) => {
      fill.notModified();
      return 'v2';
    });
    expect(await value).toBe('v2');
  });
});

describe('a tier that fails', () => {
  const failing = (how: () => never | Promise<never>): Store<StoredValue> => ({
    get: how,
    put: how,
    delete: how,
    find: () => [],
  });
  const fail = (): never => {
    throw new Error('down');
  };

  test.each([
    ['throws', fail],
    ['rejects', async () => fail()],
  ])('counts as a miss, and keeps nobody from a value: it %s', async (_, how) => {
    const { cache, getOrSet, set, faults } = valueBench({ slower: [failing(how)] });
    expect(await getOrSet('k', () => 1)).toBe(1);
    expect(await set('l', 2)).toBe(true);
    expect(await cache.get('l')).toBe(2);
    expect(await cache.get('m')).toBeUndefined();
    expect(await cache.remove(['k'])).toBe(1);
    expect(cache.figures.stats().tierFaults.slow0).toBeGreaterThanOrEqual(4);
    expect(faults.length).toBeGreaterThanOrEqual(4);
  });

  test('and never answers keeps nobody waiting for long', async () => {
    const { cache, time, set } = valueBench({ slower: [failing(() => new Promise<never>(() => {}))] });
    const stored = set('k', 1);
    await settle();
    time.advance(2_000);
    expect(await stored).toBe(true);
    expect(cache.get('k')).toBe(1);
  });
});

test('a fill that another displaced stores nothing', async () => {
  const { cache, fill, getOrSet, set } = valueBench();
  const [first, second] = [fill(), fill()];
  const displaced = getOrSet(
    'k',
    (context) => {
      context.change({ tags: ['y'] });
      return first.run(context);
    },
    { tags: ['x'] },
  );
  await settle();
  await cache.invalidate([{ kind: 'tag', tag: 'x' }], false);
  const later = getOrSet('k', second, { tags: ['x'] });
  await settle();
  await set('k', 'put in');
  await first.give('read first');
  await second.give('read second');
  await Promise.all([displaced, later]);
  expect(cache.get('k')).toBe('put in');
});

test('what is not to be stored leaves nothing older behind', async () => {
  const { cache, getOrSet, set } = valueBench();
  await set('k', 'old');
  await set('k', 'new', { ttlMs: 0 });
  expect(cache.get('k')).toBeUndefined();
  await set('k', 'old');
  await getOrSet('k', () => 'new', { refresh: true, ttlMs: 0 });
  expect(cache.get('k')).toBeUndefined();
});

test('what is expired is given in grace alone', async () => {
  const { cache, getOrSet, set } = valueBench();
  await set('k', 'before');
  await cache.invalidate([{ kind: 'url', uri: 'k' }], true);
  await expect(getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toMatchObject({ code: 'E_FILL' });
});

test('a caller that has left already begins nothing', async () => {
  const { fill, getOrSet } = valueBench();
  const held = fill();
  await expect(getOrSet('k', held, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone');
  expect(held.calls).toBe(0);
});
