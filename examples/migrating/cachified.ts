// The same with Tidegate.

import { createCache } from 'tidegate';

const cache = createCache({ memory: { maxEntries: 10_000 } });

let version = 1;
const user = async (id: number, refresh = false) =>
  cache.getOrSet<{ readonly id: number; readonly version: number }>(
    `user:${id}`,
    async (fill) => {
      const value = { id, version };
      if (typeof value.version !== 'number') fill.fail('a version that is no number');
      return id === 0 ? fill.skip(value) : value;
    },
    { ttl: '5m', grace: '1h', timeouts: { soft: 0 }, refresh },
  );

console.log(await user(7));
version = 2;
console.log(await user(7), await user(7, true));
version = 3;
await cache.delete('user:7');
console.log(await user(7));
console.log(await user(0), cache.stats().memory.entries);
