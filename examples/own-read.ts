// A value that is read elsewhere and put in by `set`: a stamp taken before the read keeps an old one out.

import { createCache } from 'tidegate';

const cache = createCache();
let stock = 5;

const stamp = cache.stamp();
const read = stock;

// Meanwhile another part of the program sells one, and says so.
stock = 4;
await cache.invalidate({ tags: ['stock'] });

console.log(await cache.set('stock:lamp', read, { stamp, tags: ['stock'] }));
console.log(await cache.get('stock:lamp'));

console.log(await cache.set('stock:lamp', stock, { stamp: cache.stamp(), tags: ['stock'] }));
console.log(await cache.get('stock:lamp'));
