// A data cache on simulated time, with tiers that answer when told.

import { createValueCache } from '../../src/engine/values/value-cache.ts';
import type {
  FillTerms,
  NamedFill,
  ValueCache,
  ValueCacheParts,
  ValueFillContext,
} from '../../src/engine/values/value-contract.ts';
import type { StoredValue } from '../../src/entry/stored-value.ts';
import type { Store } from '../../src/ports.ts';
import { createValueMemory } from '../../src/store/value-memory.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

export const TERMS: FillTerms = {
  ttlMs: 60_000,
  slidingMs: Number.POSITIVE_INFINITY,
  jitter: 0,
  graceMs: 0,
  tags: [],
  memoryOnly: false,
  nullTtlMs: 60_000,
  softMs: Number.POSITIVE_INFINITY,
  hardMs: 30_000,
  earlyRefresh: undefined,
  graceBackoffMs: 5_000,
  refresh: false,
  signal: undefined,
};

export interface ValueBench {
  readonly cache: ValueCache;
  readonly time: SimulatedTime;
  readonly faults: unknown[];
  /** A fill that ends when told. */
  fill(): Held;
  getOrSet(key: string, fill: RunFill | NamedFill | Held, terms?: Partial<FillTerms>): Promise<unknown>;
  set(key: string, value: unknown, terms?: Partial<FillTerms>): Promise<boolean>;
}

export type RunFill = (context: ValueFillContext) => unknown;

export interface Held {
  readonly run: RunFill;
  readonly calls: number;
  give(value: unknown): Promise<void>;
  fail(error: unknown): Promise<void>;
}

/** Lets everything that can go on go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

export function valueBench(
  parts: Partial<ValueCacheParts> & { readonly slower?: Store<StoredValue>[] } = {},
): ValueBench {
  const time = new SimulatedTime();
  const faults: unknown[] = [];
  const { slower = [], ...rest } = parts;
  const cache = createValueCache({
    stores: [createValueMemory({ maxBytes: 10_000_000, maxEntries: 1_000 }), ...slower],
    names: ['memory', ...slower.map((_, at) => `slow${at}`)],
    hasMemory: true,
    clock: time,
    tasks: time,
    random: () => 0.5,
    epoch: 'e1',
    fault: (error) => faults.push(error),
    ...rest,
  });
  return {
    cache,
    time,
    faults,
    fill: heldFill,
    getOrSet: async (key, fill, terms) =>
      cache.getOrSet(key, 'calls' in fill ? fill.run : fill, { ...TERMS, ...terms }),
    set: async (key, value, terms) =>
      cache.set(key, value, { ...TERMS, stamp: undefined, validator: undefined, ...terms }),
  };
}

function heldFill(): Held {
  const ends: { resolve(value: unknown): void; reject(error: unknown): void }[] = [];
  const held = {
    calls: 0,
    run: () => {
      held.calls++;
      const end = Promise.withResolvers<unknown>();
      ends.push(end);
      return end.promise;
    },
    give: async (value: unknown) => {
      ends.shift()?.resolve(value);
      await settle();
    },
    fail: async (error: unknown) => {
      ends.shift()?.reject(error);
      await settle();
    },
  };
  return held;
}
