// The four libraries of the bench `data`, each set up the fastest way its documentation knows: values kept as they are,
// not cloned and not as JSON.

import { loadPeer } from '../test/race/peers/peer.ts';
import type { Lru, LruExports } from './data-plain.ts';
import {
  batchOf,
  ENTRIES,
  freshKey,
  KEYS,
  neverCalled,
  nextKey,
  type Operation,
  PromisedMap,
  SMALL_MEMORY,
  type Subject,
  skewedKey,
  TTL_MS,
  VALUES,
} from './data-subject.ts';

const operation = (run: (at: number) => unknown): Operation => ({ isAsync: true, run });

interface Bento {
  get(options: { key: string }): Promise<unknown>;
  set(options: object): Promise<unknown>;
  getOrSet(options: object): Promise<unknown>;
  deleteByTag(options: object): Promise<unknown>;
}

interface BentoStore {
  useL1Layer(layer: unknown): BentoStore;
  useL2Layer(layer: unknown): BentoStore;
}

interface BentoExports {
  readonly BentoCache: new (options: object) => Bento;
  readonly bentostore: () => BentoStore;
}

function bento(maxItems = ENTRIES, slower?: PromisedMap): Bento {
  const { BentoCache, bentostore } = loadPeer<BentoExports>('bentocache');
  const { memoryDriver } = loadPeer<{ memoryDriver: (options: object) => unknown }>('bentocache/drivers/memory');
  const store = bentostore().useL1Layer(memoryDriver({ maxItems, serialize: false }));
  if (slower !== undefined) store.useL2Layer({ options: {}, factory: () => bentoTier(slower) });
  return new BentoCache({ default: 'memory', stores: { memory: store } });
}

function bentoTier(map: PromisedMap): object {
  const tier = {
    type: 'l2',
    namespace: () => tier,
    get: (key: string) => map.get(key),
    set: (key: string, value: unknown) => map.set(key, value),
    delete: (key: string) => map.delete(key),
    deleteMany: async () => true,
    disconnect: async () => {},
  };
  return tier;
}

async function filledBento(cache = bento()): Promise<Bento> {
  for (const [at, key] of KEYS.entries()) await cache.set({ key, value: VALUES[at], ttl: TTL_MS });
  return cache;
}

export const bentocache: Subject = {
  name: 'bentocache',
  operations: {
    'get, awaited': async () => {
      const cache = await filledBento();
      return operation((at) => cache.get({ key: skewedKey(at) }));
    },
    'getOrSet, awaited': async () => {
      const cache = await filledBento();
      return operation((at) => cache.getOrSet({ key: skewedKey(at), factory: neverCalled, ttl: TTL_MS }));
    },
    'miss, set, evict': async () => {
      const cache = await filledBento();
      return operation(async (at) => {
        const key = freshKey(at);
        if ((await cache.get({ key })) === undefined)
          await cache.set({ key, value: VALUES[at % ENTRIES], ttl: TTL_MS });
      });
    },
    'getMany(100)': async () => {
      const cache = await filledBento();
      return operation((at) => Promise.all(batchOf(at).map((key) => cache.get({ key }))));
    },
    'two tiers': async () => {
      const cache = await filledBento(bento(SMALL_MEMORY, new PromisedMap()));
      return operation((at) => cache.get({ key: nextKey(at) }));
    },
  },
  tag: () => {
    const cache = bento(10 * ENTRIES);
    return {
      fill: async (count) => {
        for (let at = 0; at < count; at++) {
          await cache.set({ key: `t:${at}`, value: VALUES[at], ttl: TTL_MS, tags: [`tag${count}`] });
        }
        for (const [at, key] of KEYS.entries())
          await cache.set({ key, value: VALUES[at], ttl: TTL_MS, tags: ['other'] });
      },
      invalidate: (count) => cache.deleteByTag({ tags: [`tag${count}`] }),
      readOther: (at) => cache.get({ key: skewedKey(at) }),
    };
  },
  setup: { ttl: 'of each entry', bound: 'entries', values: 'kept as given', slower: 'JSON' },
  note: 'memoryDriver with serialize: false, which leaves maxItems as its bound; getMany: Promise.all, for it has none',
};

interface CacheableCache {
  get(key: string): Promise<unknown>;
  getMany(keys: readonly string[]): Promise<unknown>;
  set(key: string, value: unknown, options?: unknown): Promise<unknown>;
  getOrSet(key: string, fill: () => unknown, options: object): Promise<unknown>;
  readonly tags: { invalidateTag(tag: string): Promise<unknown> };
}

interface CacheableExports {
  readonly Cacheable: new (options: object) => CacheableCache;
  readonly createKeyv: (options: object) => unknown;
}

function keyv(lruSize: number): unknown {
  return loadPeer<CacheableExports>('cacheable').createKeyv({ lruSize, useClone: false });
}

function slowKeyv(): unknown {
  const { Keyv } = loadPeer<{ Keyv: new (options: object) => unknown }>('keyv');
  return new Keyv({ store: new PromisedMap(), serialize: undefined, deserialize: undefined });
}

async function filledCacheable(options: object = {}, lruSize = ENTRIES): Promise<CacheableCache> {
  const { Cacheable } = loadPeer<CacheableExports>('cacheable');
  const cache = new Cacheable({ primary: keyv(lruSize), ...options });
  for (const [at, key] of KEYS.entries()) await cache.set(key, VALUES[at], TTL_MS);
  return cache;
}

export const cacheable: Subject = {
  name: 'cacheable',
  operations: {
    'get, awaited': async () => {
      const cache = await filledCacheable();
      return operation((at) => cache.get(skewedKey(at)));
    },
    'getOrSet, awaited': async () => {
      const cache = await filledCacheable();
      return operation((at) => cache.getOrSet(skewedKey(at), neverCalled, { ttl: TTL_MS }));
    },
    'miss, set, evict': async () => {
      const cache = await filledCacheable();
      return operation(async (at) => {
        const key = freshKey(at);
        if ((await cache.get(key)) === undefined) await cache.set(key, VALUES[at % ENTRIES], TTL_MS);
      });
    },
    'getMany(100)': async () => {
      const cache = await filledCacheable();
      return operation((at) => cache.getMany(batchOf(at)));
    },
    'two tiers': async () => {
      const cache = await filledCacheable({ secondary: slowKeyv() }, SMALL_MEMORY);
      return operation((at) => cache.get(nextKey(at)));
    },
  },
  tag: async () => {
    const cache = await filledCacheable({ tags: true }, 10 * ENTRIES);
    return {
      fill: async (count) => {
        for (let at = 0; at < count; at++) {
          await cache.set(`t:${at}`, VALUES[at], { ttl: TTL_MS, tags: [`tag${count}`] });
        }
        for (const [at, key] of KEYS.entries()) await cache.set(key, VALUES[at], { ttl: TTL_MS, tags: ['other'] });
      },
      invalidate: (count) => cache.tags.invalidateTag(`tag${count}`),
      readOther: (at) => cache.get(skewedKey(at)),
    };
  },
  setup: { ttl: 'of each entry', bound: 'entries', values: 'kept as given', slower: 'objects' },
  note: 'createKeyv with lruSize and useClone: false; two tiers: Keyv without a serialization',
};

interface CachifiedExports {
  readonly cachified: (options: object) => Promise<unknown>;
  readonly createCacheEntry: (value: unknown, metadata: object) => unknown;
}

function filledCachified() {
  const { cachified: read, createCacheEntry } = loadPeer<CachifiedExports>('@epic-web/cachified');
  const { LRUCache } = loadPeer<LruExports>('lru-cache');
  const cache: Lru = new LRUCache({ max: ENTRIES });
  for (const [at, key] of KEYS.entries()) cache.set(key, createCacheEntry(VALUES[at], { ttl: TTL_MS }));
  return (key: string, getFreshValue: () => unknown) => read({ key, cache, getFreshValue, ttl: TTL_MS });
}

export const cachified: Subject = {
  name: 'cachified + lru-cache',
  operations: {
    'getOrSet, awaited': () => {
      const read = filledCachified();
      return operation((at) => read(skewedKey(at), neverCalled));
    },
    'miss, set, evict': () => {
      const read = filledCachified();
      return operation((at) => read(freshKey(at), () => VALUES[at % ENTRIES]));
    },
    'getMany(100)': () => {
      const read = filledCachified();
      return operation((at) => Promise.all(batchOf(at).map((key) => read(key, neverCalled))));
    },
  },
  setup: { ttl: 'of each entry', bound: 'entries', values: 'kept as given' },
  note: 'lru-cache with max alone; it has no get, no tags and one tier; miss, set, evict: its getOrSet',
};

interface ManagerCache {
  get(key: string): Promise<unknown>;
  mget(keys: readonly string[]): Promise<unknown>;
  set(key: string, value: unknown, ttl: number): Promise<unknown>;
  wrap(key: string, fill: () => unknown, ttl: number): Promise<unknown>;
  mdel(keys: readonly string[]): Promise<unknown>;
}

async function filledManager(stores: readonly unknown[] = [keyv(ENTRIES)]): Promise<ManagerCache> {
  const { createCache } = loadPeer<{ createCache: (options: object) => ManagerCache }>('cache-manager');
  const cache = createCache({ stores });
  for (const [at, key] of KEYS.entries()) await cache.set(key, VALUES[at], TTL_MS);
  return cache;
}

export const cacheManager: Subject = {
  name: 'cache-manager',
  operations: {
    'get, awaited': async () => {
      const cache = await filledManager();
      return operation((at) => cache.get(skewedKey(at)));
    },
    'getOrSet, awaited': async () => {
      const cache = await filledManager();
      return operation((at) => cache.wrap(skewedKey(at), neverCalled, TTL_MS));
    },
    'miss, set, evict': async () => {
      const cache = await filledManager();
      return operation(async (at) => {
        const key = freshKey(at);
        if ((await cache.get(key)) === undefined) await cache.set(key, VALUES[at % ENTRIES], TTL_MS);
      });
    },
    'getMany(100)': async () => {
      const cache = await filledManager();
      return operation((at) => cache.mget(batchOf(at)));
    },
    'two tiers': async () => {
      const cache = await filledManager([keyv(SMALL_MEMORY), slowKeyv()]);
      return operation((at) => cache.get(nextKey(at)));
    },
  },
  tag: async () => {
    const cache = await filledManager([keyv(10 * ENTRIES)]);
    return {
      fill: async (count) => {
        for (let at = 0; at < count; at++) await cache.set(`t:${at}`, VALUES[at], TTL_MS);
      },
      invalidate: (count) => cache.mdel(Array.from({ length: count }, (_, at) => `t:${at}`)),
      readOther: (at) => cache.get(skewedKey(at)),
    };
  },
  setup: { ttl: 'of each entry', bound: 'entries', values: 'kept as given', slower: 'objects' },
  note: 'createKeyv of cacheable with lruSize and useClone: false; getOrSet: wrap; a tag: mdel of its keys',
};
