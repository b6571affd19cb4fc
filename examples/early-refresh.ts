// Early refresh: whoever asks near the end of the ttl gets the value at once, and it is filled again in the background.

import { setTimeout as wait } from 'node:timers/promises';
import { createCache } from 'tidegate';

const cache = createCache();
let version = 0;

// From a hundredth of the ttl on, so that this example is soon over; 0.8 is more usual.
const options = { ttl: '30s', earlyRefresh: 0.01 } as const;
const ask = () => cache.getOrSet('rates', async () => `version ${++version}`, options);

console.log(await ask());
console.log(await ask());
await wait(400);
console.log(await ask());
await wait(50);
console.log(await ask());
console.log('waited for a fill:', cache.stats().misses, 'times of', cache.stats().fills);
