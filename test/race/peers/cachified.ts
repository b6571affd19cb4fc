// cachified on a Map; and its stale-while-revalidate.

import { loadPeer, type Peer, type PeerCache, raceScenarios } from './peer.ts';

interface Exports {
  readonly cachified: (options: object) => Promise<unknown>;
  readonly createCacheEntry: (value: string, metadata: object) => unknown;
  readonly softPurge: (options: object) => Promise<unknown>;
}

function race() {
  const { cachified: read, createCacheEntry, softPurge } = loadPeer<Exports>('@epic-web/cachified');
  const open = (way: string, times: object): PeerCache => {
    const entries = new Map<string, unknown>();
    const cache = {
      get: (key: string) => entries.get(key),
      set: (key: string, entry: unknown) => entries.set(key, entry),
      delete: (key: string) => entries.delete(key),
    };
    return {
      read: (getFreshValue) => read({ key: 'a', cache, getFreshValue, ...times }),
      invalidate: async () => {
        if (way === 'delete') return cache.delete('a');
        if (way === 'softPurge') return softPurge({ key: 'a', cache, staleWhileRevalidate: 0 });
        return cache.set('a', createCacheEntry('2', { ttl: 3_600_000 }));
      },
    };
  };
  return raceScenarios('cachified', [
    { fill: 'miss', way: 'delete', open: () => open('delete', { ttl: 3_600_000 }) },
    { fill: 'miss', way: 'softPurge', open: () => open('softPurge', { ttl: 3_600_000 }) },
    { fill: 'miss', way: 'set by another', open: () => open('set by another', { ttl: 3_600_000 }) },
    { fill: 'refresh', way: 'delete', open: () => open('delete', { ttl: 5_000, swr: 3_600_000 }) },
  ]);
}

export const cachified: Peer = { name: 'cachified', race: async () => race() };
