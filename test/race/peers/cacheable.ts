// cacheable: getOrSet, which takes no tags, and get and set, which do. It has no background refresh.

import { loadPeer, type Peer, type PeerCache, raceScenarios } from './peer.ts';

interface CacheableCache {
  getOrSet(key: string, load: () => Promise<string>, options: object): Promise<unknown>;
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, options: object): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  clear(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  readonly tags: { invalidateTag(tag: string): Promise<unknown> };
}

const TTL = '1h';

const WAYS: { readonly [way: string]: (cache: CacheableCache) => Promise<unknown> } = {
  delete: (cache) => cache.delete('a'),
  clear: (cache) => cache.clear(),
  'set by another': (cache) => cache.set('a', '2', { ttl: TTL, tags: ['item'] }),
  invalidateTag: (cache) => cache.tags.invalidateTag('item'),
};

type Read = (cache: CacheableCache, load: () => Promise<string>) => Promise<unknown>;

function race() {
  const { Cacheable } = loadPeer<{ Cacheable: new (options: object) => CacheableCache }>('cacheable');
  const open = (way: string, read: Read): PeerCache => {
    const cache = new Cacheable({ tags: true });
    return {
      read: (load) => read(cache, load),
      invalidate: () => WAYS[way]!(cache),
      close: () => cache.disconnect(),
    };
  };
  const getOrSet: Read = (cache, load) => cache.getOrSet('a', load, { ttl: TTL });
  const scenario = (name: string, way: string, read: Read) => ({
    fill: 'miss' as const,
    way: `${name}, ${way}`,
    open: () => open(way, read),
  });
  return raceScenarios('cacheable', [
    ...['delete', 'clear', 'set by another'].map((way) => scenario('getOrSet', way, getOrSet)),
    ...Object.keys(WAYS).map((way) => scenario('get and set', way, getOrLoad)),
  ]);
}

async function getOrLoad(cache: CacheableCache, load: () => Promise<string>): Promise<unknown> {
  const found = await cache.get('a');
  if (found !== undefined) return found;
  const loaded = await load();
  await cache.set('a', loaded, { ttl: TTL, tags: ['item'] });
  return loaded;
}

export const cacheable: Peer = { name: 'cacheable', race: async () => race() };
