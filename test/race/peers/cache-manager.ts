// cache-manager: wrap; and its refresh ahead of the end (`refreshThreshold`).

import { loadPeer, type Peer, type PeerCache, raceScenarios } from './peer.ts';

interface ManagerCache {
  wrap(key: string, load: () => Promise<string>, options: object): Promise<unknown>;
  del(key: string): Promise<unknown>;
  mdel(keys: readonly string[]): Promise<unknown>;
  set(key: string, value: string, ttl: number): Promise<unknown>;
  clear(): Promise<unknown>;
  disconnect(): Promise<unknown>;
}

const WAYS: { readonly [way: string]: (cache: ManagerCache) => Promise<unknown> } = {
  del: (cache) => cache.del('a'),
  mdel: (cache) => cache.mdel(['a']),
  clear: (cache) => cache.clear(),
  'set by another': (cache) => cache.set('a', '2', 3_600_000),
};

function race() {
  const { createCache } = loadPeer<{ createCache: () => ManagerCache }>('cache-manager');
  const open = (way: string, times: object): PeerCache => {
    const cache = createCache();
    return {
      read: (load) => cache.wrap('a', load, times),
      invalidate: () => WAYS[way]!(cache),
      close: () => cache.disconnect(),
    };
  };
  const ways = Object.keys(WAYS);
  return raceScenarios('cache-manager', [
    ...ways.map((way) => ({ fill: 'miss' as const, way, open: () => open(way, { ttl: 3_600_000 }) })),
    ...ways.map((way) => ({
      fill: 'refresh' as const,
      way,
      open: () => open(way, { ttl: 10_000, refreshThreshold: 5_000 }),
    })),
  ]);
}

export const cacheManager: Peer = { name: 'cache-manager', race: async () => race() };
