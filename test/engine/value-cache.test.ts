import { describe, expect, test } from 'vitest';
import type { Selector } from '../../src/ledger/selector.ts';
import { settle, valueBench } from './value-bench.ts';

const DAY_MS = 86_400_000;

describe('a value', () => {
  test('is given until its ttl has run out', async () => {
    const { cache, time, set } = valueBench();
    expect(await set('k', { name: 'Ada' })).toBe(true);
    expect(cache.get('k')).toEqual({ name: 'Ada' });
    time.advance(59_999);
    expect(cache.get('k')).toEqual({ name: 'Ada' });
    time.advance(1);
    expect(cache.get('k')).toBeUndefined();
  });

  test('cannot be changed by whoever put it in or was given it', async () => {
    const { cache, set } = valueBench();
    const mine = { names: ['Ada'], at: new Date(0) };
    await set('k', mine);
    mine.names.push('Bob');
    (cache.get('k') as typeof mine).at.setTime(5);
    expect(cache.get('k')).toEqual({ names: ['Ada'], at: new Date(0) });
  });

  test('with a ttl of 0 is not stored, and one without end stays', async () => {
    const { cache, time, set } = valueBench();
    expect(await set('k', 1, { ttlMs: 0 })).toBe(false);
    expect(cache.get('k')).toBeUndefined();
    await set('k', 1, { ttlMs: Number.POSITIVE_INFINITY });
    time.advance(1_000 * DAY_MS);
    expect(cache.get('k')).toBe(1);
  });
});

describe('an invalidation', () => {
  const BY: [string, Selector][] = [
    ['key', { kind: 'url', uri: 'k' }],
    ['tag', { kind: 'tag', tag: 'red' }],
    ['prefix', { kind: 'prefix', prefix: 'k' }],
    ['pattern', { kind: 'pattern', pattern: '*k*' }],
    ['everything', { kind: 'all' }],
  ];

  test.each(BY)('by %s ends what is stored', async (_, selector) => {
    const { cache, set } = valueBench();
    await set('k', 1, { tags: ['red'] });
    await cache.invalidate([selector], false);
    expect(cache.get('k')).toBeUndefined();
  });

  test.each(BY)('by %s during a fill keeps its result from being stored', async (_, selector) => {
    const { cache, fill, getOrSet } = valueBench();
    const slow = fill();
    const first = getOrSet('k', slow, { tags: ['red'] });
    await settle();
    await cache.invalidate([selector], false);
    await slow.give('old');
    expect(await first).toBe('old');
    expect(cache.get('k')).toBeUndefined();
    expect(cache.figures.stats().refusedStores).toBe(1);
  });

  test.each(BY)('by %s is seen by whoever asks after it, though a fill is under way', async (_, selector) => {
    const { cache, fill, getOrSet } = valueBench();
    const old = fill();
    const first = getOrSet('k', old, { tags: ['red'] });
    await settle();
    await cache.invalidate([selector], false);
    const young = fill();
    const second = getOrSet('k', young, { tags: ['red'] });
    await settle();
    expect(young.calls).toBe(1);
    await young.give('new');
    await old.give('old');
    expect([await first, await second, cache.get('k')]).toEqual(['old', 'new', 'new']);
  });

  test('by a tag that only the fill knows sends those away who joined after it', async () => {
    const { cache, getOrSet } = valueBench();
    const reads = ['old', 'new'];
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let runs = 0;
    const fill = async ({ change }: { change(terms: object): void }) => {
      const at = runs++;
      const value = reads[at];
      await gates[at]?.promise;
      change({ tags: ['found'] });
      return value;
    };
    const bound: typeof fill = (context) => fill({ change: (terms) => context.change(terms) });
    const first = getOrSet('k', bound);
    await settle();
    await cache.invalidate([{ kind: 'tag', tag: 'found' }], false);
    const second = getOrSet('k', bound);
    await settle();
    expect(runs).toBe(1);
    gates[0]?.resolve();
    gates[1]?.resolve();
    expect([await first, await second, cache.get('k')]).toEqual(['old', 'new', 'new']);
  });

  test('of an entry that stays unread for longer than any clean-up lasts', async () => {
    const { cache, time, set } = valueBench();
    await set('k', 1, { ttlMs: 365 * DAY_MS, tags: ['red'] });
    await cache.invalidate([{ kind: 'tag', tag: 'red' }], false);
    time.advance(11 * DAY_MS);
    expect(cache.get('k')).toBeUndefined();
  });

  test('between reading a value and putting it in keeps it out, when the reading was stamped', async () => {
    const { cache, set } = valueBench();
    const stamp = cache.judge.arrive();
    await cache.invalidate([{ kind: 'tag', tag: 'red' }], false);
    const terms = { tags: ['red'], stamp };
    expect(await set('k', 'old', terms as object)).toBe(false);
    expect(cache.get('k')).toBeUndefined();
  });
});

describe('a soft invalidation', () => {
  test('lets a stale value be given where its fill fails, and no outdated one', async () => {
    const { cache, getOrSet, set } = valueBench();
    const broken = () => Promise.reject(new Error('down'));
    await set('k', 'before', { graceMs: DAY_MS });
    await cache.invalidate([{ kind: 'url', uri: 'k' }], true);
    expect(cache.get('k')).toBeUndefined();
    expect(await getOrSet('k', broken)).toBe('before');
    await cache.invalidate([{ kind: 'url', uri: 'k' }], false);
    await expect(getOrSet('k', broken)).rejects.toMatchObject({ code: 'E_FILL' });
  });

  test('after a hard one makes nothing better', async () => {
    const { cache, getOrSet, set } = valueBench();
    await set('k', 'before', { graceMs: DAY_MS });
    await cache.invalidate([{ kind: 'url', uri: 'k' }], false);
    await cache.invalidate([{ kind: 'all' }], true);
    await expect(getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toThrow('got down');
  });
});
