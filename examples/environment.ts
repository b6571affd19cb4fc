// Switches for operators: options of the program, with what the environment says instead.

import { cacheOptionsFromEnvironment, createCache } from 'tidegate';

// A program hands in `process.env`.
const environment = {
  CACHE_DEFAULT_TTL: '30s',
  CACHE_MAX_BYTES: '64MiB',
  CACHE_ROLLOUT: '0.5',
};

const options = cacheOptionsFromEnvironment(environment, { defaults: { ttl: '5m', grace: '1h' } });
console.log(options);

// Half of the keys are cached: always the same ones, in every process.
const cache = createCache(options);
for (let id = 0; id < 1000; id++) await cache.set(`user:${id}`, id);
const { entries, maxBytes } = cache.stats().memory;
console.log(entries > 400 && entries < 600, maxBytes);

try {
  cacheOptionsFromEnvironment({ CACHE_ENABLED: 'yes' });
} catch (error) {
  console.log((error as Error).message);
}
