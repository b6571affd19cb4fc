// The shortest way: a value that is filled once, and filled again after a change.

import { createCache } from 'tidegate';

const cache = createCache();
const database = new Map([[7, 'Ada']]);

const findUser = (id: number) =>
  cache.getOrSet(
    `user:${id}`,
    async () => {
      console.log('asks the database');
      return { id, name: database.get(id) ?? 'nobody' };
    },
    { ttl: '1h', tags: [`user-${id}`] },
  );

console.log(await findUser(7), await findUser(7));

database.set(7, 'Grace');
await cache.invalidate({ tags: ['user-7'] });
console.log(await findUser(7));

await cache.set('motto', 'keep it short', { ttl: '10m' });
console.log(await cache.get('motto'), await cache.delete('motto'), await cache.get('motto'));
