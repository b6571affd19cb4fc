// A tier that hangs: for how long it is waited for, when it is left alone, and when it is asked again.

import { setTimeout as wait } from 'node:timers/promises';
import { createCache } from 'tidegate';
import { type ByteStore, storeTier } from 'tidegate/store';
import { MapByteStore } from './own-tier.ts';

const map = new MapByteStore();
let hangs = false;
let asked = 0;
const slow: ByteStore = {
  get: async (key) => {
    asked++;
    if (hangs) await wait(1000);
    return map.get(key);
  },
  put: async (key, bytes) => map.put(key, bytes),
  delete: async (keys) => map.delete(keys),
};

const far = storeTier({ name: 'far', store: slow, timeout: '100ms', pause: '300ms', pauseAfter: 5 });
const cache = createCache({ memory: false, tiers: [far] });
await cache.set('lamp', 40, { ttl: '1h', tags: ['prices'] });
console.log(await cache.get('lamp'));

hangs = true;
console.log(await cache.get('lamp'), cache.stats().tierPaused, cache.stats().tierFaults);
asked = 0;
console.log(await cache.get('lamp'), 'asked:', asked);

// Nothing is told to a tier that is left alone; the invalidation holds all the same once it is back.
await cache.invalidate({ tags: ['prices'] });
hangs = false;
await wait(400);
console.log(await cache.get('lamp'), cache.stats().tierPaused, 'asked:', asked);
