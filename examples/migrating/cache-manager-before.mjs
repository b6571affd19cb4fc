// cache-manager 7.2.

import { createCache } from 'cache-manager';

const cache = createCache({ ttl: 600_000, refreshThreshold: 120_000 });

console.log(await cache.wrap('rates', async () => ({ euro: 1 }), { ttl: 60_000, refreshThreshold: 12_000 }));
await cache.set('a', 1, 60_000);
await cache.mset([
  { key: 'b', value: 2 },
  { key: 'c', value: 3, ttl: 60_000 },
]);
console.log(await cache.get('a'), await cache.mget(['b', 'x', 'c']));
console.log((await cache.ttl('a')) > Date.now());
await cache.del('a');
await cache.mdel(['b', 'c']);
console.log(await cache.mget(['a', 'b', 'c']));
await cache.clear();
await cache.disconnect();
