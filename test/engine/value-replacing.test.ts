// A fill that takes the place of what is current: the old value is not given again, whatever a slower tier makes of it.

import { describe, expect, test } from 'vitest';
import type { StoredValue } from '../../src/entry/stored-value.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import type { Eventually, Store } from '../../src/ports.ts';
import { createValueMemory } from '../../src/store/value-memory.ts';
import { SlowLog } from '../kit/slow-log.ts';
import { settle, valueBench } from './value-bench.ts';

/** A Map that fails, or takes values late, when told. */
class Below implements Store<StoredValue> {
  readonly #entries = new Map<string, StoredValue>();
  readonly #late: (() => void)[] = [];
  how: 'at once' | 'late' | 'fails' = 'at once';

  get(key: string): StoredValue | undefined {
    return this.#entries.get(key);
  }

  put(entry: StoredValue): Eventually<undefined> {
    if (this.how === 'fails') throw new Error('the tier is down');
    const take = () => void this.#entries.set(entry.key, entry);
    if (this.how === 'at once') return take() as undefined;
    return new Promise((resolve) => {
      this.#late.push(() => {
        take();
        resolve(undefined);
      });
    });
  }

  /** What is late is taken, the last put first. */
  async takeAll(): Promise<void> {
    for (const take of this.#late.splice(0).reverse()) take();
    await settle();
  }

  delete(keys: readonly string[]): number {
    return keys.filter((key) => this.#entries.delete(key)).length;
  }

  find(): Iterable<never> {
    return [];
  }
}

const WAYS = ['refresh', 'early refresh'] as const;

/** `old` is everywhere; then `new` is filled while the tier below is as told. */
async function replaced(way: (typeof WAYS)[number], how: Below['how'], { hasMemory = true, pauseAfter = 1_000 } = {}) {
  const limits = { timeoutMs: 1_000, pauseAfter, pauseMs: 1_000 };
  const below = new Below();
  const memory = createValueMemory({ maxBytes: 8_000, maxEntries: 100 });
  const bench = valueBench({
    stores: hasMemory ? [memory, below] : [below],
    names: hasMemory ? ['memory', 'below'] : ['below'],
    hasMemory,
    ...{ limits: hasMemory ? [undefined, limits] : [limits] },
  });
  await bench.getOrSet('k', () => 'old');
  below.how = how;
  const fill = async (value: unknown) => {
    const terms = way === 'refresh' ? { refresh: true } : { earlyRefresh: 0 };
    const given = await bench.getOrSet('k', () => value, terms);
    await settle();
    return given;
  };
  return { ...bench, below, fill, evict: () => memory.delete(['k']) };
}

describe.each(WAYS)('over a slower tier, what %s replaced', (way) => {
  test('is not given again though the tier could not take the new value', async () => {
    const { cache, fill, below, evict } = await replaced(way, 'fails');
    await fill('new');
    expect(cache.get('k')).toBe('new');
    below.how = 'at once';
    evict();
    expect(cache.get('k')).toBeUndefined();
  });

  test('is not given while the tier takes the new value', async () => {
    const { cache, fill, below } = await replaced(way, 'late', { hasMemory: false });
    await fill('new');
    expect(cache.get('k')).toBeUndefined();
    await below.takeAll();
    expect(cache.get('k')).toBe('new');
  });

  test('does not come up into memory where the new value is too large for it', async () => {
    const { cache, fill, below } = await replaced(way, 'late');
    const large = 'new'.padEnd(20_000);
    await fill(large);
    expect(cache.get('k')).toBeUndefined();
    await below.takeAll();
    expect(cache.get('k')).toBe(large);
  });

  test('is not given after a pause of the tier, whatever was filled meanwhile', async () => {
    const { cache, set, fill, below, evict, time } = await replaced(way, 'fails', { pauseAfter: 1 });
    await set('other', 1);
    expect(cache.figures.stats().tierPaused.below).toBe(true);
    await fill('new');
    below.how = 'at once';
    // More than are remembered as missed.
    for (let at = 0; at < 25_000; at++) await set(`f${at}`, at);
    expect(cache.figures.stats().tierPaused.below).toBe(true);
    evict();
    time.advance(1_000);
    expect(await cache.get('other')).toBeUndefined();
    await settle();
    expect(cache.figures.stats().tierPaused.below).toBe(false);
    expect(cache.get('k')).toBeUndefined();
  });
});

test('an older fill whose value the tier takes last is not given again', async () => {
  const { cache, fill, getOrSet, below, evict } = await replaced('refresh', 'late');
  await cache.remove(['k']);
  await getOrSet('k', () => 'old');
  await fill('new');
  await below.takeAll();
  evict();
  expect(cache.get('k')).toBeUndefined();
});

test('two that overlap are both stored, in their order, and joined', async () => {
  const { cache, fill, getOrSet } = valueBench({ slower: [new Below()] });
  const [first, second] = [fill(), fill()];
  const terms = { refresh: true, tags: ['t'] };
  const both = [getOrSet('k', first, terms), getOrSet('k', second, terms)];
  await settle();
  await first.give('1');
  expect(cache.get('k')).toBe('1');
  const joined = getOrSet('l', first);
  await second.give('2');
  expect(await Promise.all(both)).toEqual(['1', '2']);
  expect(cache.get('k')).toBe('2');
  await first.give('l');
  await joined;
  await cache.invalidate([{ kind: 'tag', tag: 't' }], false);
  expect(cache.get('k')).toBeUndefined();
});

test.each([
  ['its key', { kind: 'url', uri: 'k' }],
  ['a tag of it', { kind: 'tag', tag: 't' }],
  ['a pattern', { kind: 'pattern', pattern: 'k*' }],
] as const)(
  'the later of two is not stored when %s was invalidated before the first of them landed',
  async (_, one) => {
    const { cache, fill, getOrSet } = valueBench({ slower: [new Below()] });
    const [first, second] = [fill(), fill()];
    const terms = { refresh: true };
    const both = [getOrSet('k', first, terms), getOrSet('k', second, { ...terms, tags: ['t'] })];
    await settle();
    await cache.invalidate([one], false);
    await first.give('1');
    await second.give('2');
    await Promise.all(both);
    expect(cache.get('k')).not.toBe('2');
  },
);

test('who joined one is given its value', async () => {
  const { cache, fill, getOrSet } = valueBench({ slower: [new Below()] });
  const slow = fill();
  const first = getOrSet('k', slow, { refresh: true });
  await settle();
  await cache.invalidate([{ kind: 'url', uri: 'other' }], false);
  const joined = getOrSet('k', slow);
  await settle();
  await slow.give('v');
  expect(await Promise.all([first, joined])).toEqual(['v', 'v']);
  expect([slow.calls, cache.figures.stats().hits]).toEqual([1, 0]);
});

test('a fill of what is not there, outdated or stale notes nothing in the log', async () => {
  const { cache, getOrSet, time } = valueBench({ slower: [new Below()] });
  await getOrSet('k', () => 'missed');
  expect(cache.judge.arrive().position).toBe(0);
  time.advance(60_000);
  await getOrSet('k', () => 'stale');
  expect(cache.judge.arrive().position).toBe(0);
  await cache.invalidate([{ kind: 'url', uri: 'k' }], false);
  await getOrSet('k', () => 'outdated');
  expect(cache.judge.arrive().position).toBe(1);
});

test('with memory alone nothing is noted either', async () => {
  const { cache, getOrSet } = valueBench();
  await getOrSet('k', () => 'old');
  await getOrSet('k', () => 'new', { refresh: true });
  expect([cache.get('k'), cache.judge.arrive().position]).toEqual(['new', 0]);
});

describe('where the log takes time', () => {
  function shared() {
    const log = new SlowLog('shared');
    const invalidations = new Invalidations({ epoch: 'e1', buckets: 2 ** 12 });
    return { log, ...valueBench({ slower: [new Below()], history: { invalidations, log } }) };
  }

  test('the caller goes on when the old value is given no more', async () => {
    const { log, cache, getOrSet } = shared();
    await getOrSet('k', () => 'old');
    let given: unknown;
    const refreshed = getOrSet('k', () => 'new', { refresh: true }).then((value) => {
      given = value;
    });
    await settle();
    expect(given).toBeUndefined();
    await log.settle();
    await refreshed;
    expect([given, cache.get('k')]).toEqual(['new', 'new']);
  });

  test('one that an invalidation overtakes is not stored', async () => {
    const { log, cache, getOrSet } = shared();
    await getOrSet('k', () => 'old');
    const refreshed = getOrSet('k', () => 'new', { refresh: true });
    await settle();
    log.appendElsewhere({ kind: 'invalidate', selector: { kind: 'url', uri: 'k' } });
    await log.settle();
    expect([await refreshed, cache.get('k')]).toEqual(['new', undefined]);
  });

  test('a log that fails costs no caller the value, and is told', async () => {
    const { log, cache, getOrSet, faults } = shared();
    const refreshed = getOrSet('k', () => 'new', { refresh: true });
    await settle();
    await log.fail();
    expect([await refreshed, cache.get('k'), faults.length]).toEqual(['new', undefined, 1]);
  });
});
