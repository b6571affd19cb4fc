// BentoCache 1.6.

import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';

const cache = new BentoCache({
  default: 'memory',
  stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 10_000, maxSize: '50mb' })) },
});

const user = (id) =>
  cache.getOrSet({
    key: `user:${id}`,
    ttl: '1h',
    grace: '6h',
    timeout: '200ms',
    hardTimeout: '5s',
    tags: ['users'],
    factory: async (context) => {
      if (id === 0) return context.fail('no such id');
      context.setTags(['users', `team-${id % 2}`]);
      return { id };
    },
  });

console.log(await user(7));
await cache.set({ key: 'motto', value: 'keep it short', ttl: '10m' });
console.log(await cache.get({ key: 'motto' }), await cache.has({ key: 'motto' }));
await cache.deleteByTag({ tags: ['team-1'] });
console.log(await cache.get({ key: 'user:7', defaultValue: 'none' }));
await cache.namespace('orders').set({ key: '1', value: 40 });
console.log(await cache.get({ key: 'orders:1' }));
await cache.namespace('orders').clear();
console.log(await cache.has({ key: 'orders:1' }), await cache.delete({ key: 'motto' }));
await user(0).catch((error) => console.log(error.cause.message));
await cache.disconnectAll();
