// The same with Tidegate.

import { createCache } from 'tidegate';

// A refresh with a fifth of the ttl left is one from four fifths of it on.
const cache = createCache({ defaults: { ttl: '10m', earlyRefresh: 0.8 } });
const listed = async (keys: readonly string[]) => {
  const found = await cache.getMany<number>(keys);
  return keys.map((key) => found.get(key));
};

console.log(await cache.getOrSet('rates', async () => ({ euro: 1 }), { ttl: '1m' }));
await cache.set('a', 1, { ttl: '1m' });
await cache.setMany([
  { key: 'b', value: 2 },
  { key: 'c', value: 3, options: { ttl: '1m' } },
]);
console.log(await cache.get('a'), await listed(['b', 'x', 'c']));
for await (const { ttlMs } of cache.entries({ pattern: 'a' })) console.log(ttlMs > 0);
await cache.delete('a');
await cache.deleteMany(['b', 'c']);
console.log(await listed(['a', 'b', 'c']));
await cache.clear();
await cache.close();
