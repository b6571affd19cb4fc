// Kinds and events: what entries of a kind have in common is said once, and the program says what has happened, not what
// is to be invalidated.

import { createCache } from 'tidegate';

const cache = createCache({
  kinds: {
    content: {
      ttl: '1h',
      grace: '1d',
      invalidateOn: ['content.update', 'content.publish'],
      populate: async (event, { id }) => {
        if (event !== 'content.publish') return;
        await cache.getOrSet(`content:${id}`, () => `text of ${id}, filled before anyone asked`);
      },
    },
    config: { ttl: '1d', invalidateOn: ['config.update'] },
    session: { ttl: '30m', tiers: 'memory' },
  },
});

cache.on('content.publish', ({ id }) => console.log('told of', id));
cache.on('content.publish', () => {
  throw new Error('mail server is down');
});

await cache.set('content:42', 'old text');
await cache.set('content:42:en', 'old text in English');
await cache.set('content:43', 'another text');
await cache.set('content:list:front', ['42', '43']);
await cache.set('config:theme', 'dark');

const result = await cache.emit('content.publish', { id: 42 });
console.log('invalidated:', result.invalidated, 'handled:', result.handled);
console.log(
  'failures:',
  result.failures.map((failure) => (failure as Error).message),
);

for (const key of ['content:42', 'content:42:en', 'content:43', 'content:list:front', 'config:theme']) {
  console.log(key, '=', await cache.get(key));
}
