// A Worker that uses the data cache by itself: bundled by data-cache.test.ts and run in workerd.

import { createCache } from '../../../src/cache/create-cache.ts';

const cache = createCache();
const fills: Record<string, number> = {};

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function read(name: string, ms: number): Promise<string> {
  fills[name] = (fills[name] ?? 0) + 1;
  const read = `${fills[name]}`;
  await pause(ms);
  return read;
}

async function answer(url: URL): Promise<unknown> {
  const name = url.searchParams.get('name') ?? 'x';
  switch (url.pathname) {
    case '/value':
      return cache.getOrSet(name, () => read(name, 200), { tags: ['values'] });
    case '/leave':
      // Nobody awaits it, and the request ends.
      void cache.getOrSet(name, () => read(name, 200), { tags: ['values'] });
      return 'left';
    case '/early':
      return cache.getOrSet(name, () => read(name, 200), { ttl: '1h', earlyRefresh: 0, tags: ['values'] });
    case '/slow':
      return cache.getOrSet(name, () => read(name, 2000), { ttl: '1h', tags: ['values'] });
    case '/invalidate':
      await cache.invalidate({ tags: ['values'] });
      return 'done';
    case '/stats':
      return cache.stats();
    default:
      throw new Error(`expected a path of this app, got ${url.pathname}`);
  }
}

export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json({ value: await answer(new URL(request.url)) });
  },
};
