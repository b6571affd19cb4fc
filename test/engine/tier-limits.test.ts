// A tier that fails or hangs: how long it is waited for, when it is left alone, and what it may give when it is back.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TierLimits } from '../../src/engine/tiers/tier-breaker.ts';
import type { ValueEvent } from '../../src/engine/values/value-contract.ts';
import type { StoredValue } from '../../src/entry/stored-value.ts';
import type { Store } from '../../src/ports.ts';
import { createValueMemory } from '../../src/store/value-memory.ts';
import { settle, valueBench } from './value-bench.ts';

type Mood = 'well' | 'fails' | 'hangs';

/** A tier that does as it is told. What hangs takes effect once it is let go. */
class MoodyStore implements Store<StoredValue> {
  readonly #within = createValueMemory({ maxBytes: 1_000_000, maxEntries: 1_000 });
  #held: (() => void)[] = [];
  mood: Mood = 'well';
  asked = 0;

  get(key: string): Promise<StoredValue | undefined> {
    return this.#does(() => this.#within.get(key) as StoredValue | undefined);
  }

  put(entry: StoredValue): Promise<void> {
    return this.#does(() => void this.#within.put(entry));
  }

  delete(keys: readonly string[]): Promise<number> {
    return this.#does(() => this.#within.delete(keys) as number);
  }

  find(): Iterable<never> {
    return [];
  }

  letGo(): void {
    this.mood = 'well';
    for (const go of this.#held.splice(0)) go();
  }

  async #does<T>(work: () => T): Promise<T> {
    this.asked++;
    if (this.mood === 'fails') throw new Error('refused');
    if (this.mood === 'hangs') await new Promise<void>((go) => this.#held.push(go));
    return work();
  }
}

const LIMITS: TierLimits = { timeoutMs: 100, pauseMs: 1_000, pauseAfter: 3 };

function moodyBench(limits: TierLimits = LIMITS) {
  const store = new MoodyStore();
  const events: ValueEvent[] = [];
  const bench = valueBench({
    stores: [store],
    names: ['far'],
    hasMemory: false,
    limits: [limits],
    watch: { isOn: true, told: (event) => events.push(event) },
  });
  const tierEvents = () => events.map(({ kind }) => kind).filter((kind) => kind.startsWith('tier-'));
  const isPaused = () => bench.cache.figures.stats().tierPaused.far;
  /** A look-up, with time enough for its answer. */
  const get = async (key: string) => {
    const found = Promise.resolve(bench.cache.get(key));
    await settle();
    if (limits.timeoutMs !== Number.POSITIVE_INFINITY) bench.time.advance(limits.timeoutMs);
    return found;
  };
  return { ...bench, store, tierEvents, isPaused, get };
}

describe('a tier that does not answer', () => {
  test('is waited for as long as its timeout says, and left alone for its pause', async () => {
    const { store, time, cache, isPaused, tierEvents } = moodyBench();
    store.mood = 'hangs';
    let isOver = false;
    const found = Promise.resolve(cache.get('k')).then(() => {
      isOver = true;
    });
    time.advance(99);
    await settle();
    expect([isOver, isPaused()]).toEqual([false, false]);
    time.advance(1);
    await found;
    expect([isOver, isPaused()]).toEqual([true, true]);
    expect([store.asked, await cache.get('k'), store.asked]).toEqual([1, undefined, 1]);
    time.advance(999);
    expect([await cache.get('k'), store.asked]).toEqual([undefined, 1]);
    expect(tierEvents()).toEqual(['tier-paused', 'tier-fault']);
  });

  test('is tried by one when its pause is over, and by all once that one was answered', async () => {
    const { store, time, cache, isPaused, get, tierEvents } = moodyBench();
    store.mood = 'hangs';
    await get('k');
    time.advance(1_000);
    const trial = Promise.resolve(cache.get('k'));
    expect([await cache.get('k'), await cache.get('l'), store.asked, isPaused()]).toEqual([
      undefined,
      undefined,
      2,
      true,
    ]);
    store.letGo();
    await trial;
    expect(isPaused()).toBe(false);
    await cache.get('k');
    expect(store.asked).toBe(3);
    expect(tierEvents()).toEqual(['tier-paused', 'tier-fault', 'tier-resumed']);
  });

  test('is left alone again when the trial fails, and tried again by another when it never ends', async () => {
    const { store, time, cache, isPaused, get } = moodyBench();
    store.mood = 'hangs';
    await get('k');
    time.advance(1_000);
    store.mood = 'fails';
    await get('k');
    expect([store.asked, isPaused()]).toEqual([2, true]);
    await get('k');
    expect(store.asked).toBe(2);
    time.advance(1_000);
    store.mood = 'well';
    await get('k');
    expect([store.asked, isPaused()]).toEqual([3, false]);
    expect(cache.figures.stats().tierFaults.far).toBe(2);
  });

  test('costs a set no more than a look-up', async () => {
    const { store, time, set } = moodyBench();
    store.mood = 'hangs';
    const stored = set('k', 1);
    await settle();
    time.advance(100);
    expect(await stored).toBe(true);
    expect(await set('l', 2)).toBe(true);
    expect(store.asked).toBe(1);
  });

  test('is never left alone with a pause of 0, and waited for without end with a timeout of Infinity', async () => {
    const quick = moodyBench({ ...LIMITS, pauseMs: 0 });
    quick.store.mood = 'hangs';
    await quick.get('k');
    await quick.get('k');
    expect([quick.store.asked, quick.isPaused(), quick.faults.length]).toEqual([2, false, 2]);
    const patient = moodyBench({ ...LIMITS, timeoutMs: Number.POSITIVE_INFINITY });
    await patient.set('k', 1);
    patient.store.mood = 'hangs';
    const found = patient.get('k');
    patient.time.advance(59_000);
    patient.store.letGo();
    expect(await found).toBe(1);
  });
});

describe('a tier that fails', () => {
  test('is left alone after so many faults in a row', async () => {
    const { store, get, isPaused } = moodyBench();
    store.mood = 'fails';
    await get('k');
    await get('k');
    store.mood = 'well';
    await get('k');
    store.mood = 'fails';
    await get('k');
    await get('k');
    expect(isPaused()).toBe(false);
    await get('k');
    expect(isPaused()).toBe(true);
    await get('k');
    expect(store.asked).toBe(6);
  });

  test('is asked again and again by default', async () => {
    const { store, get, isPaused } = moodyBench({ ...LIMITS, pauseAfter: Number.POSITIVE_INFINITY });
    store.mood = 'fails';
    for (let times = 0; times < 20; times++) await get('k');
    expect([store.asked, isPaused()]).toEqual([20, false]);
  });
});

describe('what a tier was not told of while it was left alone', () => {
  async function pausedWith(value: unknown) {
    const bench = moodyBench();
    await bench.set('k', value);
    bench.store.mood = 'hangs';
    await bench.get('other');
    expect(bench.isPaused()).toBe(true);
    bench.store.letGo();
    const comeBack = async () => {
      bench.time.advance(1_000);
      await bench.get('other');
      expect(bench.isPaused()).toBe(false);
    };
    return { ...bench, comeBack };
  }

  test.each([
    ['an invalidation', (bench: ReturnType<typeof moodyBench>) => bench.cache.invalidate([{ kind: 'all' }], false)],
    ['a removal', (bench: ReturnType<typeof moodyBench>) => bench.cache.remove(['k'])],
    ['a set', (bench: ReturnType<typeof moodyBench>) => bench.set('k', 'new')],
    ['a refresh', (bench: ReturnType<typeof moodyBench>) => bench.getOrSet('k', () => 'new', { refresh: true })],
    ['a fill', (bench: ReturnType<typeof moodyBench>) => bench.getOrSet('k', () => 'new', { refresh: true, ttlMs: 0 })],
  ])('is not undone when it is back: %s', async (_, change) => {
    const bench = await pausedWith('old');
    const asked = bench.store.asked;
    await change(bench);
    expect(bench.store.asked).toBe(asked);
    await bench.comeBack();
    expect(await bench.get('k')).toBeUndefined();
    await bench.getOrSet('k', () => 'newer');
    expect(await bench.get('k')).toBe('newer');
  });

  test('is not made up for by what was sent before', async () => {
    const bench = moodyBench();
    bench.store.mood = 'hangs';
    const first = bench.getOrSet('k', () => 'old');
    await settle();
    bench.time.advance(100);
    await first;
    expect(bench.isPaused()).toBe(true);
    await bench.getOrSet('k', () => 'new', { refresh: true });
    // Only now does the first one take effect.
    bench.store.letGo();
    await settle();
    bench.time.advance(1_000);
    await bench.get('other');
    expect([bench.isPaused(), await bench.get('k')]).toEqual([false, undefined]);
  });
});

/** In any order: the source changes and the cache is told, the tier gets moods, time goes by, and somebody asks. */
test('an invalidation holds, whatever the tier did meanwhile', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('change' as const), by: fc.constantFrom('key', 'tag', 'all', 'set', 'remove') }),
    fc.record({ do: fc.constant('mood' as const), mood: fc.constantFrom<Mood>('well', 'fails', 'hangs') }),
    fc.record({ do: fc.constant('time' as const), ms: fc.constantFrom(50, 150, 1_100) }),
    fc.record({ do: fc.constant('ask' as const), fills: fc.boolean() }),
  );
  let paused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const { store, cache, time, set, getOrSet, isPaused } = moodyBench();
      let truth = 0;
      const done = async <T>(work: PromiseLike<T> | T): Promise<T> => {
        const result = Promise.resolve(work);
        for (let turn = 0; turn < 4; turn++) {
          await settle();
          time.advance(100);
        }
        return result;
      };
      for (const one of steps) {
        if (isPaused()) paused++;
        if (one.do === 'mood') {
          store.letGo();
          store.mood = one.mood;
        } else if (one.do === 'time') {
          time.advance(one.ms);
        } else if (one.do === 'ask') {
          const found = one.fills
            ? await done(getOrSet('k', () => truth, { tags: ['t'] }))
            : await done(cache.get('k'));
          expect([undefined, truth]).toContain(found);
        } else {
          truth++;
          if (one.by === 'set') await done(set('k', truth, { tags: ['t'] }));
          else if (one.by === 'remove') await done(cache.remove(['k']));
          else if (one.by === 'all') await done(cache.invalidate([{ kind: 'all' }], false));
          else if (one.by === 'tag') await done(cache.invalidate([{ kind: 'tag', tag: 't' }], false));
          else await done(cache.invalidate([{ kind: 'url', uri: 'k' }], false));
        }
        await settle();
      }
    }),
    { numRuns: 300 },
  );
  // Else nothing was shown.
  expect(paused).toBeGreaterThan(300);
});
