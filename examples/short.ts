// The README's example.

import { createCache } from 'tidegate';

const cache = createCache();
const names = new Map([[7, 'Ada']]);
const find = (id: number) =>
  cache.getOrSet(`user:${id}`, async () => ({ id, name: names.get(id) }), { ttl: '1h', tags: [`user-${id}`] });

console.log(await find(7));
names.set(7, 'Grace');
await cache.invalidate({ tags: ['user-7'] });
console.log(await find(7));
