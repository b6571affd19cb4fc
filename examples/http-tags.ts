// Tags of answers, and every way to say that they are outdated.

import { cacheTag, createFetchCache } from 'tidegate/fetch';

interface Env {
  readonly names: Map<string, string>;
}

const cache = createFetchCache({ ttl: '1h' });

const serve = cache.wrap<Env>(async (request, context) => {
  const { pathname } = new URL(request.url);
  const id = pathname.split('/')[2] ?? '';
  if (request.method === 'PUT') {
    context.env.names.set(id, await request.text());
    // The handler's own URL is outdated anyway; lists that hold the user are not known to be.
    await context.invalidate({ tags: ['user-list'] });
    return new Response(null, { status: 204 });
  }
  if (id === '') {
    const names = Response.json([...context.env.names.values()]);
    return cacheTag(names, 'user-list');
  }
  context.tags(`user-${id}`);
  return Response.json({ id, name: context.env.names.get(id) });
});

const env = { names: new Map([['7', 'Ada']]) };
async function ask(path: string, init?: RequestInit): Promise<void> {
  const response = await serve(new Request(`http://shop.example${path}`, init), { env });
  const status = response.headers.get('cache-status') ?? '';
  console.log(init?.method ?? 'GET', path, await response.text(), '/', /hit|outdated|stored/.exec(status)?.[0]);
}

for (const path of ['/users/7', '/users', '/users/7', '/users']) await ask(path);
await ask('/users/7', { method: 'PUT', body: 'Grace' });
for (const path of ['/users/7', '/users']) await ask(path);

// From anywhere in the program. What matched is counted; what is told of holds for fills under way, too.
for (const what of [
  { tags: ['user-7', 'user-8'] },
  { urls: ['http://shop.example/users'] },
  { prefix: 'http://shop.example/users' },
  { pattern: '*/users/*' },
  { all: true },
] as const) {
  console.log(JSON.stringify(what), 'matched:', (await cache.invalidate(what)).matched);
}
console.log('removed:', (await cache.purge({ all: true })).matched);
