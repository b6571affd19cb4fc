// cacheable: getOrSet, and get and set with tags, which it says is the way for tags. It has no background refresh.

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

const OPTIONS = { ttl: '1h', tags: ['item'] };

const WAYS: { readonly [way: string]: (cache: CacheableCache) => Promise<unknown> } = {
  delete: (cache) => cache.delete('a'),
  clear: (cache) => cache.clear(),
  invalidateTag: (cache) => cache.tags.invalidateTag('item'),
};

function race() {
  const { Cacheable } = loadPeer<{ Cacheable: new (options: object) => CacheableCache }>('cacheable');
  const open = (way: string, read: (cache: CacheableCache, load: () => Promise<string>) => Promise<unknown>): PeerCache => {
    const cache = new Cacheable({ tags: true });
    return {
      read: (load) => read(cache, load),
      invalidate: () => WAYS[way]!(cache),
      close: () => cache.disconnect(),
    };
  };
  const ways = Object.keys(WAYS);
  return raceScenarios('cacheable', [
    ...ways.map((way) => ({
      fill: 'miss' as const,
      way: `getOrSet, ${way}`,
      open: () => open(way, (cache, load) => cache.getOrSet('a', load, OPTIONS)),
    })),
    ...ways.map((way) => ({ fill: 'miss' as const, way: `get and set, ${way}`, open: () => open(way, getOrLoad) })),
  ]);
}

async function getOrLoad(cache: CacheableCache, load: () => Promise<string>): Promise<unknown> {
  const found = await cache.get('a');
  if (found !== undefined) return found;
  const loaded = await load();
  await cache.set('a', loaded, OPTIONS);
  return loaded;
}

export const cacheable: Peer = { name: 'cacheable', race: async () => race() };
