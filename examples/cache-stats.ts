// The figures of a data cache as a handler that a program mounts.

import { createCache } from 'tidegate';
import { type CacheStatsAnswer, cacheStats } from 'tidegate/fetch';

const cache = createCache();
const answerStats = cacheStats(cache);

// In a program's own server, behind its check of who asks.
async function app(request: Request): Promise<Response> {
  if (new URL(request.url).pathname === '/cache-stats') return answerStats(request);
  const lamp = await cache.getOrSet('lamp', () => 40, { tables: ['products'] });
  return new Response(String(lamp));
}

await app(new Request('http://shop.example/'));
await app(new Request('http://shop.example/'));
const figures = await app(new Request('http://shop.example/cache-stats'));
const { hits, misses, hitRatio, keys, keysByTable, memory } = (await figures.json()) as CacheStatsAnswer;
console.log({ hits, misses, hitRatio, keys, keysByTable, entries: memory.entries });
