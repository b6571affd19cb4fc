// The same with Tidegate.

import { createCache } from 'tidegate';

const cache = createCache({ memory: { maxEntries: 10_000, maxBytes: 50_000_000 } });

const user = async (id: number) =>
  cache.getOrSet(
    `user:${id}`,
    async (fill) => {
      if (id === 0) return fill.fail('no such id');
      fill.setTags(['users', `team-${id % 2}`]);
      return { id };
    },
    { ttl: '1h', grace: '6h', timeouts: { soft: '200ms', hard: '5s' }, tags: ['users'] },
  );

console.log(await user(7));
await cache.set('motto', 'keep it short', { ttl: '10m' });
console.log(await cache.get('motto'), await cache.has('motto'));
await cache.invalidate({ tags: ['team-1'] });
console.log((await cache.get('user:7')) ?? 'none');
await cache.namespace('orders').set('1', 40, { ttl: '30m' });
console.log(await cache.get('orders:1'));
await cache.namespace('orders').clear();
console.log(await cache.has('orders:1'), await cache.delete('motto'));
await user(0).catch((error) => console.log(error.cause.message));
await cache.close();
