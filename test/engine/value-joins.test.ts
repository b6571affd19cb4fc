import { describe, expect, test } from 'vitest';
import { settle, valueBench } from './value-bench.ts';

const KEY = [{ kind: 'url', uri: 'k' }] as const;

describe('a caller that joins a fill', () => {
  test('waits for it no longer than its own hard timeout, and the fill goes on', async () => {
    const { cache, time, fill, getOrSet, faults } = valueBench();
    const slow = fill();
    const first = getOrSet('k', slow);
    await settle();
    time.advance(10);
    const joiner = getOrSet('k', slow, { hardMs: 50 });
    const outcome = joiner.then(
      () => 'a value',
      (error) => error.code,
    );
    await settle();
    time.advance(49);
    await settle();
    expect(await Promise.race([outcome, 'waits'])).toBe('waits');
    time.advance(1);
    expect(await outcome).toBe('E_FILL_TIMEOUT');
    await slow.give('v');
    expect([await first, cache.get('k'), slow.calls, faults]).toEqual(['v', 'v', 1, []]);
  });

  test('is given what is in grace when its hard timeout has run out', async () => {
    const { time, fill, getOrSet, set } = valueBench();
    await set('k', 'stale', { graceMs: 60_000 });
    time.advance(60_000);
    const slow = fill();
    const first = getOrSet('k', slow);
    const joiner = getOrSet('k', slow, { hardMs: 50 });
    await settle();
    time.advance(50);
    expect(await joiner).toBe('stale');
    await slow.give('new');
    expect(await first).toBe('new');
  });

  test('counts its hard timeout from its call, also where it has to ask again', async () => {
    const { cache, time, fill, getOrSet } = valueBench();
    const slow = fill();
    const first = getOrSet('k', (context) => {
      context.change({ tags: ['late'] });
      return slow.run(context);
    });
    await settle();
    await cache.invalidate([{ kind: 'tag', tag: 'late' }], false);
    // The tag is not among its own, so it joins; at the end it is told that it may not have the result.
    const joiner = getOrSet('k', slow, { hardMs: 100 });
    joiner.catch(() => {});
    await settle();
    time.advance(80);
    await slow.give('read before');
    expect([await first, slow.calls]).toEqual(['read before', 2]);
    time.advance(20);
    await expect(joiner).rejects.toMatchObject({ code: 'E_FILL_TIMEOUT' });
    await slow.give('new');
    expect(cache.get('k')).toBe('new');
  });

  test('and may not have it is given what is fresh by then, without one more fill', async () => {
    const { cache, fill, getOrSet, set } = valueBench();
    const slow = fill();
    const first = getOrSet('k', (context) => {
      context.change({ tags: ['late'] });
      return slow.run(context);
    });
    await settle();
    await cache.invalidate([{ kind: 'tag', tag: 'late' }], false);
    const joiner = getOrSet('k', slow);
    await settle();
    await set('k', 'put in');
    await slow.give('read before');
    expect([await first, await joiner, slow.calls]).toEqual(['read before', 'put in', 1]);
  });
});

describe('a fill that is to read anew', () => {
  test('joins none that was begun before, and latecomers join it', async () => {
    const { cache, fill, getOrSet } = valueBench();
    const [before, anew] = [fill(), fill()];
    const first = getOrSet('k', before);
    await settle();
    const second = getOrSet('k', anew, { refresh: true });
    await settle();
    const latecomer = getOrSet('k', before);
    await settle();
    expect([before.calls, anew.calls]).toEqual([1, 1]);
    await anew.give('second');
    expect([await second, await latecomer]).toEqual(['second', 'second']);
    await before.give('first');
    expect([await first, cache.get('k')]).toEqual(['first', 'second']);
  });

  test('leaves to the one before it what it does not store itself', async () => {
    const { cache, fill, getOrSet, set } = valueBench();
    const [before, anew] = [fill(), fill()];
    const first = getOrSet('k', before);
    await settle();
    const second = getOrSet('k', anew, { refresh: true });
    second.catch(() => {});
    await settle();
    await anew.fail(new Error('down'));
    const latecomer = getOrSet('k', anew);
    await settle();
    await before.give('first');
    expect([await first, await latecomer, cache.get('k')]).toEqual(['first', 'first', 'first']);
    await expect(second).rejects.toMatchObject({ code: 'E_FILL' });
    await set('k', 'put in');
    expect(anew.calls).toBe(1);
  });

  test('stores though others begin again and again, and never an older value over a newer', async () => {
    const { cache, fill, getOrSet } = valueBench();
    const fills = [fill(), fill(), fill(), fill()];
    const all = fills.map((one) => getOrSet('k', one, { refresh: true }));
    await settle();
    await fills[1]?.give('1');
    expect(cache.get('k')).toBe('1');
    await fills[0]?.give('0');
    expect(cache.get('k')).toBe('1');
    await fills[3]?.give('3');
    await fills[2]?.give('2');
    expect([cache.get('k'), await Promise.all(all)]).toEqual(['3', ['0', '1', '2', '3']]);
    expect(cache.figures.stats().fillsInFlight).toBe(0);
  });

  test('is overtaken, with all that were begun before it, by what is put in', async () => {
    const { cache, fill, getOrSet, set } = valueBench();
    const [before, anew] = [fill(), fill()];
    const all = [getOrSet('k', before), getOrSet('k', anew, { refresh: true })];
    await settle();
    await set('k', 'put in');
    await anew.give('second');
    await before.give('first');
    expect([await Promise.all(all), cache.get('k')]).toEqual([['first', 'second'], 'put in']);
  });

  test('and ends well leaves no rest to the source for what fails after it', async () => {
    const { time, fill, getOrSet, set } = valueBench();
    await set('k', 'stale', { graceMs: 600_000 });
    time.advance(60_000);
    const [before, anew] = [fill(), fill()];
    const first = getOrSet('k', before);
    const second = getOrSet('k', anew, { refresh: true, ttlMs: 10, graceMs: 600_000 });
    await settle();
    await anew.give('second');
    await before.fail(new Error('down'));
    // What is fresh by now comes before what is stale.
    expect([await first, await second]).toEqual(['second', 'second']);
    time.advance(10);
    expect(await getOrSet('k', () => 'third')).toBe('third');
  });
});

describe('a fill whose callers have all left', () => {
  test('tells once that it failed', async () => {
    const { fill, getOrSet, faults } = valueBench();
    const slow = fill();
    const callers = [new AbortController(), new AbortController()];
    const left = callers.map(({ signal }) => getOrSet('k', slow, { signal }));
    await settle();
    for (const caller of callers) caller.abort(new Error('gone'));
    await Promise.allSettled(left);
    await slow.fail(new Error('down'));
    expect(faults).toMatchObject([{ code: 'E_FILL' }]);
  });

  test('tells nobody while one of them still waits', async () => {
    const { fill, getOrSet, faults } = valueBench();
    const slow = fill();
    const caller = new AbortController();
    const left = getOrSet('k', slow, { signal: caller.signal });
    const stays = getOrSet('k', slow);
    await settle();
    caller.abort(new Error('gone'));
    await Promise.allSettled([left]);
    stays.catch(() => {});
    await slow.fail(new Error('down'));
    await expect(stays).rejects.toMatchObject({ code: 'E_FILL' });
    expect(faults).toEqual([]);
  });
});

test('a fill that looks at its signal late finds it aborted', async () => {
  const { time, getOrSet } = valueBench();
  const held = Promise.withResolvers<void>();
  let aborted: boolean | undefined;
  const late = getOrSet('k', async (context) => {
    await held.promise;
    aborted = context.signal.aborted;
  });
  late.catch(() => {});
  await settle();
  time.advance(30_000);
  held.resolve();
  await settle();
  expect(aborted).toBe(true);
});

describe('a program that throws when it is told of a fault', () => {
  const thrown = new Error('of the program');
  const fault = () => {
    throw thrown;
  };

  test('harms neither callers nor what is stored, and what it throws comes up outside, once', async () => {
    const { cache, time, fill, getOrSet, set } = valueBench({ fault });
    await set('k', 'stale', { graceMs: 60_000 });
    time.advance(60_000);
    const slow = fill();
    const soft = getOrSet('k', slow, { softMs: 0 });
    await settle();
    time.advance(0);
    expect(await soft).toBe('stale');
    await slow.fail(new Error('down'));
    expect(() => time.advance(0)).toThrow(thrown);
    expect(() => time.advance(0)).not.toThrow();
    expect(cache.figures.stats()).toMatchObject({ fillFailures: 1, fillsInFlight: 0 });
    time.advance(5_000);
    expect(await getOrSet('k', () => 'new')).toBe('new');
  });

  test('keeps no tier that fails from being a miss', async () => {
    const fails = () => {
      throw new Error('down');
    };
    const { cache, time, getOrSet } = valueBench({
      fault,
      slower: [{ get: fails, put: fails, delete: fails, find: () => [] }],
    });
    expect(await getOrSet('k', () => 1)).toBe(1);
    expect(await cache.get('m')).toBeUndefined();
    expect(await cache.remove(['k'])).toBe(1);
    expect(() => time.advance(0)).toThrow(thrown);
  });
});

test('invalidations are counted by call', async () => {
  const { cache } = valueBench();
  await cache.invalidate([...KEY, { kind: 'tag', tag: 't' }], false);
  await cache.remove(['a', 'b', 'c']);
  expect(cache.figures.stats().invalidations).toBe(2);
});

describe('removed are counted', () => {
  test('those that were there and not outdated', async () => {
    const { cache, time, set } = valueBench();
    for (const key of ['fresh', 'stale', 'outdated']) await set(key, 1, { ttlMs: key === 'stale' ? 10 : 60_000 });
    await cache.invalidate([{ kind: 'url', uri: 'outdated' }], false);
    time.advance(10);
    expect(await cache.remove(['fresh', 'stale', 'outdated', 'missing'])).toBe(2);
    expect(await cache.remove(['fresh', 'stale'])).toBe(0);
  });

  test('those that a slower tier alone has, unless they were outdated by key or tag', async () => {
    const stored = new Map();
    const slow = {
      get: async (key: string) => stored.get(key),
      put: async (entry: { key: string }) => void stored.set(entry.key, entry),
      delete: async (keys: readonly string[]) => keys.filter((key) => stored.delete(key)).length,
      find: () => [],
    };
    const { cache, set } = valueBench({ slower: [slow], stores: [slow], names: ['slow'], hasMemory: false });
    for (const key of ['there', 'by key', 'by tag']) await set(key, 1, { tags: key === 'by tag' ? ['t'] : [] });
    await cache.invalidate(
      [
        { kind: 'tag', tag: 't' },
        { kind: 'url', uri: 'by key' },
      ],
      false,
    );
    expect(await cache.remove(['there', 'by key', 'by tag', 'missing'])).toBe(1);
    expect(stored.size).toBe(0);
  });
});
