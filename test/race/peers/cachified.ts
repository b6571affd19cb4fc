// cachified on a Map; and its stale-while-revalidate.

import { loadPeer, type Peer, type PeerCache, raceScenarios } from './peer.ts';

interface Exports {
  readonly cachified: (options: object) => Promise<unknown>;
  readonly softPurge: (options: object) => Promise<unknown>;
}

function race() {
  const { cachified: read, softPurge } = loadPeer<Exports>('@epic-web/cachified');
  const open = (way: string, times: object): PeerCache => {
    const entries = new Map<string, unknown>();
    const cache = {
      get: (key: string) => entries.get(key),
      set: (key: string, entry: unknown) => entries.set(key, entry),
      delete: (key: string) => entries.delete(key),
    };
    return {
      read: (getFreshValue) => read({ key: 'a', cache, getFreshValue, ...times }),
      invalidate: async () =>
        way === 'delete' ? cache.delete('a') : softPurge({ key: 'a', cache, staleWhileRevalidate: 0 }),
    };
  };
  return raceScenarios('cachified', [
    { fill: 'miss', way: 'delete', open: () => open('delete', { ttl: 3_600_000 }) },
    { fill: 'miss', way: 'softPurge', open: () => open('softPurge', { ttl: 3_600_000 }) },
    { fill: 'refresh', way: 'delete', open: () => open('delete', { ttl: 5_000, swr: 3_600_000 }) },
  ]);
}

export const cachified: Peer = { name: 'cachified', race: async () => race() };
