// Figures: counters of the cache, the same for Prometheus, and what happens as it happens.

import { subscribe } from 'node:diagnostics_channel';
import { Registry } from 'prom-client';
import { createCache } from 'tidegate';
import { registerCacheMetrics } from 'tidegate/prometheus';

const cache = createCache({ name: 'shop' });

// Every cache of the process tells this channel; nothing is made for nobody.
subscribe('tidegate:cache', (message) => {
  const { cache, kind, key, result } = message as { cache: string; kind: string; key?: string; result?: string };
  console.log([cache, kind, key, result].filter((part) => part !== undefined).join(' '));
});

await cache.getOrSet('lamp', () => 40, { tags: ['prices'] });
await cache.getOrSet('lamp', () => 40, { tags: ['prices'] });
await cache.invalidate({ tags: ['prices'] });

const { hits, misses, fills, sets, invalidations, memory } = cache.stats();
console.log({ hits, misses, fills, sets, invalidations, entries: memory.entries });

const registry = new Registry();
registerCacheMetrics(registry, { shop: cache });
const text = await registry.metrics();
console.log(
  text
    .split('\n')
    .filter((line) => /^tidegate_cache_(requests|fills)_total/.test(line))
    .join('\n'),
);

for await (const { key, state, tags } of cache.entries()) console.log(key, state, tags);
