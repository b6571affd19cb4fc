// A data cache for tests: the real engine and memory on simulated time.

import { namedCache } from '../../src/cache/cache.ts';
import type { Cache, CacheOptions } from '../../src/cache/contract.ts';
import type { Schema, SchemaLike } from '../../src/cache/schema.ts';
import type { NamedCacheParts } from '../../src/cache/shared.ts';
import { createValueCache } from '../../src/engine/values/value-cache.ts';
import type { ValueCache } from '../../src/engine/values/value-contract.ts';
import { ownValue } from '../../src/entry/owned-value.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import { createValueMemory } from '../../src/store/value-memory.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

export interface CacheBench<S extends SchemaLike<S> = Schema> {
  readonly cache: Cache<S>;
  readonly engine: ValueCache;
  readonly time: SimulatedTime;
  readonly faults: unknown[];
  /** What was invalidated, in order. */
  readonly invalidated: Selector[];
  /** The next invalidation rejects. */
  failNext(error: unknown): void;
  /** All that is stored, by whole key. */
  wholeKeys(): Promise<string[]>;
}

export function cacheBench<S extends SchemaLike<S> = Schema>(
  options: CacheOptions = {},
  parts: Partial<NamedCacheParts> = {},
): CacheBench<S> {
  const time = new SimulatedTime();
  const faults: unknown[] = [];
  const invalidated: Selector[] = [];
  let failure: unknown;
  const memory = createValueMemory({ maxBytes: 50_000_000, maxEntries: 100_000 });
  const real = createValueCache({
    stores: [memory],
    names: ['memory'],
    hasMemory: true,
    clock: time,
    tasks: time,
    random: () => 0.5,
    epoch: 'e1',
    fault: (error) => faults.push(error),
  });
  const engine: ValueCache = Object.assign(Object.create(real) as ValueCache, bound(real), {
    invalidate: async (selectors: readonly Selector[], soft: boolean) => {
      invalidated.push(...selectors);
      await real.invalidate(selectors, soft);
      const error = failure;
      failure = undefined;
      if (error !== undefined) throw error;
    },
  });
  const cache = namedCache<S>({
    isShared: false,
    ...{
      engine,
      options,
      clock: time,
      tasks: time,
      fault: (error: unknown) => faults.push(error),
    },
    own: (value) => ownValue(value),
    memory,
    tiers: [],
    ...parts,
  });
  const wholeKeys = async () => {
    const keys: string[] = [];
    for await (const { key } of engine.entries({ kind: 'all' })) keys.push(key);
    return keys.sort();
  };
  const failNext = (error: unknown) => {
    failure = error;
  };
  return { cache, engine, time, faults, invalidated, failNext, wholeKeys };
}

/** Methods over private fields want their own `this`. */
function bound(real: ValueCache): Omit<ValueCache, 'invalidate'> {
  return {
    hit: (key) => real.hit(key),
    get: (key) => real.get(key),
    getMany: (keys, early) => real.getMany(keys, early),
    set: (key, value, terms) => real.set(key, value, terms),
    getOrSet: (key, fill, terms) => real.getOrSet(key, fill, terms),
    setMany: (entries) => real.setMany(entries),
    remove: (keys, also) => real.remove(keys, also),
    expire: (key, also) => real.expire(key, also),
    purge: (selector) => real.purge(selector),
    judge: real.judge,
    isFilling: (key) => real.isFilling(key),
    entries: (selector) => real.entries(selector),
    figures: real.figures,
    sources: () => real.sources(),
    close: (enough) => real.close(enough),
  };
}

/** The code of what `work` throws or rejects with. */
export async function codeOf(work: () => unknown): Promise<string | undefined> {
  return (await errorOf(work)).code;
}

export async function errorOf(work: () => unknown): Promise<Error & { code?: string }> {
  try {
    await work();
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new Error('expected an error, got none');
}

/** Lets everything that can go on go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}
