// Namespaces and versions: parts of a cache that are cleared, and outdated, on their own.

import { createCache } from 'tidegate';

const cache = createCache({ version: '2026-11' });
const shop = cache.namespace('shop', { defaults: { ttl: '1h', tags: ['shop'] } });
const carts = shop.namespace('carts');

await cache.set('greeting', 'hello');
await shop.set('lamp', 40);
await carts.set('7', ['lamp']);

const keys = [];
for await (const { key } of cache.entries()) keys.push(key);
console.log(keys.sort());

// Of a namespace: what is in it, and in those within it.
await shop.invalidate({ tags: ['shop'] });
console.log(await cache.get('greeting'), await shop.get('lamp'), await carts.get('7'));

await carts.set('7', ['lamp', 'rug']);
await carts.clear();
console.log(await carts.get('7'));

// Another version sees nothing of what was stored under the one before. No entry is touched for that.
const before = cache.namespace('api', { version: '1' });
await before.set('form', { name: 'Ada' });
const after = cache.namespace('api', { version: '2' });
console.log(await before.get('form'), await after.get('form'));
