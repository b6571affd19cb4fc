// What an invalidation can name.

import { createCache } from 'tidegate';

const cache = createCache();

async function filled(): Promise<void> {
  await cache.set('article:1:en', 1, { tags: ['ada'], tables: ['articles'] });
  await cache.set('article:1:de', 1, { tags: ['ada'], tables: ['articles'] });
  await cache.set('article:2:en', 2, { tags: ['grace'], tables: ['articles'] });
  await cache.set('user:1', 3, { tags: ['ada'], tables: ['users'] });
}

async function left(): Promise<string> {
  const keys = ['article:1:en', 'article:1:de', 'article:2:en', 'user:1'];
  const found = await cache.getMany<number>(keys);
  return keys.filter((key) => found.has(key)).join(' ');
}

for (const what of [
  { keys: ['user:1'] },
  { tags: ['ada'] },
  { tables: ['articles'] },
  { pattern: 'article:1:*' },
  { pattern: ['*:en', 'user:*'] },
  { all: true },
] as const) {
  await filled();
  await cache.invalidate(what);
  console.log(JSON.stringify(what), 'leaves:', await left());
}
