// What a cache does, as lines of text: switched on from outside.

import { cacheOptionsFromEnvironment, createCache } from 'tidegate';

// Without a function of the program's own, the lines go to `console.debug`.
const debug = (line: string) => console.log(line.replace(/after .* ms/, 'after … ms'));
const cache = createCache({ ...cacheOptionsFromEnvironment({ CACHE_DEBUG: '1' }, { name: 'shop' }), debug });

await cache.getOrSet('lamp', () => 40, { tags: ['prices'] });
await cache.get('lamp');
await cache.invalidate({ tags: ['prices'], keys: ['rug'] });
const down = () => Promise.reject(new Error('no database'));
await Promise.resolve(cache.getOrSet('lamp', down)).catch(() => undefined);
