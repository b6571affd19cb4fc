// bentocache: getOrSet, with tags; and its grace period with a background refresh (`timeout: 0`).

import { loadPeer, type Peer, type PeerCache, raceScenarios } from './peer.ts';

interface Bento {
  getOrSet(options: object): Promise<unknown>;
  delete(options: object): Promise<unknown>;
  deleteMany(options: object): Promise<unknown>;
  deleteByTag(options: object): Promise<unknown>;
  expire(options: object): Promise<unknown>;
  set(options: object): Promise<unknown>;
  clear(): Promise<unknown>;
  disconnectAll(): Promise<unknown>;
}

interface Store {
  useL1Layer(layer: unknown): Store;
}

interface Exports {
  readonly BentoCache: new (options: object) => Bento;
  readonly bentostore: () => Store;
}

const WAYS: { readonly [way: string]: (cache: Bento) => Promise<unknown> } = {
  delete: (cache) => cache.delete({ key: 'a' }),
  deleteByTag: (cache) => cache.deleteByTag({ tags: ['item'] }),
  expire: (cache) => cache.expire({ key: 'a' }),
  clear: (cache) => cache.clear(),
  deleteMany: (cache) => cache.deleteMany({ keys: ['a'] }),
  'set by another': (cache) => cache.set({ key: 'a', value: '2', ttl: '1h' }),
};

/** After `expire` and `deleteByTag`, a cache with a grace period serves the old value on purpose: no race. */
const REFRESH_WAYS = ['delete', 'clear', 'set by another'];

function race() {
  const { BentoCache, bentostore } = loadPeer<Exports>('bentocache');
  const { memoryDriver } = loadPeer<{ memoryDriver: (options: object) => unknown }>('bentocache/drivers/memory');
  const open = (way: string, times: object): PeerCache => {
    const store = bentostore().useL1Layer(memoryDriver({ maxItems: 100 }));
    const cache = new BentoCache({ default: 'memory', stores: { memory: store } });
    return {
      read: (factory) => cache.getOrSet({ key: 'a', tags: ['item'], factory, ...times }),
      invalidate: () => WAYS[way]!(cache),
      close: () => cache.disconnectAll(),
    };
  };
  return raceScenarios('bentocache', [
    ...Object.keys(WAYS).map((way) => ({ fill: 'miss' as const, way, open: () => open(way, { ttl: '1h' }) })),
    ...REFRESH_WAYS.map((way) => ({
      fill: 'refresh' as const,
      way,
      open: () => open(way, { ttl: '5s', grace: '1h', timeout: 0 }),
    })),
  ]);
}

export const bentocache: Peer = { name: 'bentocache', race: async () => race() };
