// cachified 5.6, on lru-cache.

import { cachified, totalTtl } from '@epic-web/cachified';
import { LRUCache } from 'lru-cache';

const lru = new LRUCache({ max: 10_000 });
const cache = {
  get: (key) => lru.get(key),
  set: (key, entry) => lru.set(key, entry, { ttl: totalTtl(entry.metadata) }),
  delete: (key) => lru.delete(key),
};

let version = 1;
const user = (id, forceFresh = false) =>
  cachified({
    key: `user:${id}`,
    cache,
    ttl: 300_000,
    swr: 3_600_000,
    forceFresh,
    getFreshValue: async (context) => {
      if (id === 0) Object.assign(context.metadata, { ttl: -1, swr: 0 });
      return { id, version };
    },
    checkValue: (value) => typeof value.version === 'number',
  });

console.log(await user(7));
version = 2;
console.log(await user(7), await user(7, true));
version = 3;
cache.delete('user:7');
console.log(await user(7));
console.log(await user(0), lru.size);
