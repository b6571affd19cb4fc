// The data cache as a program has it, `createCache`, and the engine under it, for the bench `data`.

import type { CacheTier } from '../src/cache/contract.ts';
import { createCache } from '../src/cache/create-cache.ts';
import { platformClock, platformRandom, platformTasks } from '../src/cache/platform.ts';
import { storeTier } from '../src/cache/store-tier.ts';
import { createValueCache } from '../src/engine/values/value-cache.ts';
import type { FillTerms } from '../src/engine/values/value-contract.ts';
import type { StoredValue } from '../src/entry/stored-value.ts';
import type { Store } from '../src/ports.ts';
import { createValueMemory } from '../src/store/value-memory.ts';
import {
  BATCH,
  batchOf,
  ENTRIES,
  freshKey,
  KEYS,
  neverCalled,
  nextKey,
  type Operation,
  type OperationName,
  SMALL_MEMORY,
  type Subject,
  skewedKey,
  type TagBench,
  TTL_MS,
  VALUES,
} from './data-subject.ts';

const BOUNDS = { maxBytes: 50_000_000, maxEntries: ENTRIES };
const TAG_BOUNDS = { maxBytes: 500_000_000, maxEntries: 10 * ENTRIES };

function skin(maxEntries = ENTRIES, tiers: readonly CacheTier[] = []) {
  return createCache({ memory: { maxEntries, maxBytes: 500_000_000 }, tiers });
}

async function filledSkin(cache = skin()) {
  for (const [at, key] of KEYS.entries()) await cache.set(key, VALUES[at], { ttl: TTL_MS });
  return cache;
}

/** A Map behind a promise; the cache makes bytes of what it puts there. */
function byteTier(): CacheTier {
  const map = new Map<string, Uint8Array>();
  const store = {
    get: async (key: string) => map.get(key),
    put: async (key: string, bytes: Uint8Array) => void map.set(key, bytes),
    delete: async (keys: readonly string[]) => keys.filter((key) => map.delete(key)).length,
  };
  return storeTier({ name: 'slow', store });
}

const skinOperations: { readonly [name in OperationName]?: () => Promise<Operation> } = {
  'get, awaited': async () => {
    const cache = await filledSkin();
    return { isAsync: true, run: (at) => cache.get(skewedKey(at)) };
  },
  'get, as called': async () => {
    const cache = await filledSkin();
    return { isAsync: false, run: (at) => cache.get(skewedKey(at)) };
  },
  'getOrSet, awaited': async () => {
    const cache = await filledSkin();
    return { isAsync: true, run: (at) => cache.getOrSet(skewedKey(at), neverCalled, { ttl: TTL_MS }) };
  },
  'getOrSet, as called': async () => {
    const cache = await filledSkin();
    return { isAsync: false, run: (at) => cache.getOrSet(skewedKey(at), neverCalled, { ttl: TTL_MS }) };
  },
  'miss, set, evict': async () => {
    const cache = await filledSkin();
    const run = (at: number) => {
      const key = freshKey(at);
      if (cache.get(key) === undefined) return cache.set(key, VALUES[at % ENTRIES], { ttl: TTL_MS });
      return undefined;
    };
    return { isAsync: true, run };
  },
  'getMany(100)': async () => {
    const cache = await filledSkin();
    return { isAsync: true, run: (at) => cache.getMany(batchOf(at)) };
  },
  'two tiers': async () => {
    const cache = await filledSkin(skin(SMALL_MEMORY, [byteTier()]));
    return { isAsync: true, run: (at) => cache.get(nextKey(at)) };
  },
};

async function skinTag(): Promise<TagBench> {
  const cache = skin(TAG_BOUNDS.maxEntries);
  return {
    fill: async (count) => {
      for (let at = 0; at < count; at++) await cache.set(`t:${at}`, VALUES[at], { ttl: TTL_MS, tags: [`tag${count}`] });
      for (const [at, key] of KEYS.entries()) await cache.set(key, VALUES[at], { ttl: TTL_MS, tags: ['other'] });
    },
    invalidate: (count) => cache.invalidate({ tags: [`tag${count}`] }),
    readOther: (at) => cache.get(skewedKey(at)),
  };
}

export const ourSkin: Subject = {
  name: 'tidegate',
  operations: skinOperations,
  tag: skinTag,
  setup: { ttl: 'of each entry', bound: 'entries and bytes', values: 'copied in, frozen', slower: 'bytes' },
  note: 'createCache; its sizes are counted from the values, not estimated by the program',
};

const TERMS: FillTerms = {
  ttlMs: TTL_MS,
  slidingMs: Number.POSITIVE_INFINITY,
  jitter: 0,
  graceMs: 0,
  tags: [],
  memoryOnly: false,
  nullTtlMs: TTL_MS,
  softMs: Number.POSITIVE_INFINITY,
  hardMs: 30_000,
  earlyRefresh: undefined,
  graceBackoffMs: 5_000,
  refresh: false,
  signal: undefined,
};
const SET_TERMS = { ...TERMS, stamp: undefined, validator: undefined };

function engine(maxEntries = ENTRIES, slower: readonly Store<StoredValue>[] = []) {
  return createValueCache({
    stores: [createValueMemory({ ...BOUNDS, maxEntries }), ...slower],
    names: ['memory', ...slower.map(() => 'slow')],
    hasMemory: true,
    clock: platformClock,
    tasks: platformTasks,
    random: platformRandom,
    epoch: 'bench',
    fault: (error) => {
      throw error;
    },
  });
}

async function filledEngine(cache = engine()) {
  for (const [at, key] of KEYS.entries()) await cache.set(key, VALUES[at], SET_TERMS);
  return cache;
}

/** A Map behind a promise. */
function slowValues(): Store<StoredValue> {
  const entries = new Map<string, StoredValue>();
  return {
    get: async (key) => entries.get(key),
    put: async (entry) => void entries.set(entry.key, entry),
    delete: async (keys) => keys.filter((key) => entries.delete(key)).length,
    find: () => [],
  };
}

export const ourEngine: Subject = {
  name: 'tidegate, engine alone',
  operations: {
    'get, awaited': async () => {
      const cache = await filledEngine();
      return { isAsync: true, run: (at) => cache.get(skewedKey(at)) };
    },
    'get, as called': async () => {
      const cache = await filledEngine();
      return { isAsync: false, run: (at) => cache.get(skewedKey(at)) };
    },
    'getOrSet, awaited': async () => {
      const cache = await filledEngine();
      return { isAsync: true, run: (at) => cache.getOrSet(skewedKey(at), neverCalled, TERMS) };
    },
    'getOrSet, as called': async () => {
      const cache = await filledEngine();
      return { isAsync: false, run: (at) => cache.getOrSet(skewedKey(at), neverCalled, TERMS) };
    },
    'miss, set, evict': async () => {
      const cache = await filledEngine();
      const run = (at: number) => {
        const key = freshKey(at);
        return cache.get(key) === undefined ? cache.set(key, VALUES[at % ENTRIES], SET_TERMS) : undefined;
      };
      return { isAsync: true, run };
    },
    'getMany(100)': async () => {
      const cache = await filledEngine();
      return { isAsync: true, run: (at) => cache.getMany(batchOf(at)) };
    },
    'two tiers': async () => {
      const cache = await filledEngine(engine(SMALL_MEMORY, [slowValues()]));
      return { isAsync: true, run: (at) => cache.get(nextKey(at)) };
    },
  },
  setup: { ttl: 'of each entry', bound: 'entries and bytes', values: 'copied in, frozen', slower: 'objects' },
  note: `createValueCache, which createCache stands on; getMany: ${BATCH} keys, without a Map of them`,
};
