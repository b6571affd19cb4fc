// What is not there: null is a value like any other, with a ttl of its own.

import { setTimeout as wait } from 'node:timers/promises';
import { createCache } from 'tidegate';

const cache = createCache();
const database = new Map<string, string>();
let reads = 0;

const find = (name: string) =>
  cache.getOrSet<string | null>(
    `page:${name}`,
    () => {
      reads++;
      return database.get(name) ?? null;
    },
    { ttl: '1h', nullTtl: '500ms' },
  );

console.log(await find('about'), await find('about'), 'reads:', reads);

// Nobody has told the cache: it finds out when the ttl of null is over.
database.set('about', 'About us');
await wait(600);
console.log(await find('about'), 'reads:', reads);

// What is not to be kept at all: skip it.
const once = await cache.getOrSet('once', (fill) => fill.skip('not kept'));
console.log(once, await cache.get('once'));

// Undefined is no value: a fill that gives it has failed.
try {
  await cache.getOrSet('empty', () => undefined as never);
} catch (error) {
  console.log((error as Error).message);
}
