// lru-cache and a bare Map: what a cache costs at the least. For the bench `data`.

import { loadPeer } from '../test/race/peers/peer.ts';
import {
  batchOf,
  ENTRIES,
  freshKey,
  KEYS,
  type Operation,
  type Subject,
  skewedKey,
  TTL_MS,
  type User,
  VALUES,
} from './data-subject.ts';

export interface Lru {
  get(key: string): unknown;
  set(key: string, value: unknown, options?: object): unknown;
  delete(key: string): boolean;
  fetch(key: string): Promise<unknown>;
}

export interface LruExports {
  readonly LRUCache: new (options: object) => Lru;
}

/** What a value is taken to be, as a program would estimate it. */
const sizeOf = ({ name, email, roles }: User): number => 64 + name.length + email.length + roles.length * 16;

function filledLru(max = ENTRIES): Lru {
  const { LRUCache } = loadPeer<LruExports>('lru-cache');
  const cache = new LRUCache({
    max,
    maxSize: 500_000_000,
    sizeCalculation: sizeOf,
    ttl: TTL_MS,
    fetchMethod: () => Promise.reject(new Error('expected a hit, got a fill')),
  });
  for (const [at, key] of KEYS.entries()) cache.set(key, VALUES[at]);
  return cache;
}

export const lruCache: Subject = {
  name: 'lru-cache',
  operations: {
    'get, awaited': () => ({ ...getOf(filledLru()), isAsync: true }),
    'get, as called': () => getOf(filledLru()),
    'getOrSet, awaited': () => {
      const cache = filledLru();
      return { isAsync: true, run: (at) => cache.fetch(skewedKey(at)) };
    },
    'miss, set, evict': () => {
      const cache = filledLru();
      const run = (at: number) => {
        const key = freshKey(at);
        return cache.get(key) === undefined ? cache.set(key, VALUES[at % ENTRIES]) : undefined;
      };
      return { isAsync: true, run };
    },
    'getMany(100)': () => {
      const cache = filledLru();
      return { isAsync: true, run: (at) => batchOf(at).map((key) => cache.get(key)) };
    },
  },
  tag: () => {
    const cache = filledLru(10 * ENTRIES);
    return {
      fill: async (count) => {
        for (let at = 0; at < count; at++) cache.set(`t:${at}`, VALUES[at]);
      },
      invalidate: (count) => {
        for (let at = 0; at < count; at++) cache.delete(`t:${at}`);
      },
      readOther: (at) => cache.get(skewedKey(at)),
    };
  },
  setup: { ttl: 'of each entry', bound: 'entries and bytes', values: 'kept as given' },
  note: 'ttl, max and maxSize with a sizeCalculation that estimates; getOrSet: its fetch; a tag: its keys deleted one by one',
};

function getOf(cache: { get(key: string): unknown }): Operation {
  return { isAsync: false, run: (at) => cache.get(skewedKey(at)) };
}

function filledMap(): Map<string, unknown> {
  return new Map(KEYS.map((key, at) => [key, VALUES[at]]));
}

export const bareMap: Subject = {
  name: 'Map',
  operations: {
    'get, awaited': () => ({ ...getOf(filledMap()), isAsync: true }),
    'get, as called': () => getOf(filledMap()),
    'getOrSet, as called': () => {
      const map = filledMap();
      return {
        isAsync: false,
        run: (at) => {
          const key = skewedKey(at);
          const found = map.get(key);
          if (found === undefined) map.set(key, VALUES[0]);
          return found;
        },
      };
    },
    'getMany(100)': () => {
      const map = filledMap();
      return { isAsync: true, run: (at) => batchOf(at).map((key) => map.get(key)) };
    },
  },
  setup: { ttl: 'none', bound: 'none', values: 'kept as given' },
};
