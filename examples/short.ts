// The README's example: a change that falls into a fill.

import { setTimeout as wait } from 'node:timers/promises';
import { createCache } from 'tidegate';

const cache = createCache();
const names = new Map([[7, 'Ada']]);
const find = (id: number) =>
  cache.getOrSet(`user:${id}`, () => wait(50, names.get(id) ?? null), { ttl: '1h', tags: [`user-${id}`] });

const early = find(7); // reads 'Ada', and takes 50 ms to answer
names.set(7, 'Grace');
await cache.invalidate({ tags: ['user-7'] });
console.log(await early, await find(7)); // asked before the change, and after it
