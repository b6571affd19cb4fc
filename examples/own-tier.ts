// A tier of one's own: three methods over anything that keeps bytes under a name.

import { createCache } from 'tidegate';
import { type ByteStore, storeTier } from 'tidegate/store';

export class MapByteStore implements ByteStore {
  readonly #entries = new Map<string, Uint8Array>();

  get(key: string) {
    return this.#entries.get(key)?.slice();
  }

  put(key: string, bytes: Uint8Array) {
    this.#entries.set(key, bytes.slice());
  }

  delete(keys: readonly string[]) {
    return keys.filter((key) => this.#entries.delete(key)).length;
  }

  keys() {
    return this.#entries.keys();
  }
}

if (import.meta.main) {
  const slower = new MapByteStore();
  const cache = createCache({ memory: { maxEntries: 2 }, tiers: [storeTier({ name: 'map', store: slower })] });

  for (const name of ['ada', 'grace', 'hedy']) await cache.set(name, { name }, { tags: ['people'] });
  console.log('in memory:', cache.stats().memory.entries, 'in the map:', [...slower.keys()].length);
  console.log(await cache.getMany(['ada', 'grace', 'hedy']));

  await cache.invalidate({ tags: ['people'] });
  console.log(await cache.getMany(['ada', 'grace', 'hedy']));
}
