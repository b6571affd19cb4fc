// Expired or outdated: two ways to say that a value should be read again.

import { createCache, TidegateError } from 'tidegate';

const cache = createCache({ defaults: { ttl: '1h', grace: '1h' } });

async function page(): Promise<string> {
  try {
    return await cache.getOrSet<string>('page', (fill) => fill.fail('no connection'));
  } catch (error) {
    if (error instanceof TidegateError) return error.code;
    throw error;
  }
}

// Soft: it is filled again when it is asked for. While that fails, it may still be given.
await cache.set('page', 'a page', { tags: ['site'] });
await cache.invalidate({ tags: ['site'], soft: true });
console.log(await cache.get('page'), await page());

// Not soft: it is wrong, and never given again.
await cache.invalidate({ tags: ['site'] });
console.log(await cache.get('page'), await page());
