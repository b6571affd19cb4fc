// A Worker whose pages OpenNext caches, by its own code: its cache handler, its request context, its incremental caches and
// its tag caches. What stands in for Next.js is what Next.js does around the handler: it asks for the page, renders a missing
// one, and hands it over with its tags.
//
// OpenNext keeps its parts in globals. Many isolates are simulated in one process, so each request brings the parts of its
// own isolate.

import { AsyncLocalStorage } from 'node:async_hooks';
import CacheHandler from './node_modules/@opennextjs/aws/dist/adapters/cache.js';
import { runWithOpenNextRequestContext } from './node_modules/@opennextjs/aws/dist/utils/promise.js';
import kvIncrementalCache from './node_modules/@opennextjs/cloudflare/dist/api/overrides/incremental-cache/kv-incremental-cache.js';
import r2IncrementalCache from './node_modules/@opennextjs/cloudflare/dist/api/overrides/incremental-cache/r2-incremental-cache.js';
import { withRegionalCache } from './node_modules/@opennextjs/cloudflare/dist/api/overrides/incremental-cache/regional-cache.js';
import d1TagCache from './node_modules/@opennextjs/cloudflare/dist/api/overrides/tag-cache/d1-next-tag-cache.js';
import doShardedTagCache from './node_modules/@opennextjs/cloudflare/dist/api/overrides/tag-cache/do-sharded-tag-cache.js';

export { DOShardedTagCache } from './node_modules/@opennextjs/cloudflare/dist/api/durable-objects/sharded-tag-cache.js';

const NEXT_VERSION = '16.4.1';
const PAGE_LIFETIME_S = 3600;

globalThis.__openNextAls ??= new AsyncLocalStorage();
globalThis.__benchRequests ??= new AsyncLocalStorage();
globalThis.openNextConfig = {};
globalThis.nextVersion = NEXT_VERSION;
const requests = globalThis.__benchRequests;
for (const [name, read] of Object.entries({
  tagCache: (request) => request.parts.tagCache,
  incrementalCache: (request) => request.parts.incrementalCache,
})) {
  Object.defineProperty(globalThis, name, { configurable: true, get: () => read(requests.getStore()) });
}
Object.defineProperty(globalThis, Symbol.for('__cloudflare-context__'), {
  configurable: true,
  get: () => requests.getStore()?.cloudflare,
});

/** As OpenNext's documentation recommends them, by the name in `env.SETUP`. */
const SETUPS = {
  d1: () => ({ incrementalCache: kvIncrementalCache, tagCache: d1TagCache }),
  objects: () => ({ incrementalCache: r2IncrementalCache, tagCache: doShardedTagCache({ baseShardSize: 12 }) }),
  regional: () => ({
    incrementalCache: withRegionalCache(r2IncrementalCache, { mode: 'long-lived' }),
    tagCache: doShardedTagCache({
      baseShardSize: 12,
      regionalCache: true,
      regionalCacheTtlSec: 5,
      regionalCacheDangerouslyPersistMissingTags: true,
    }),
  }),
};

let parts;
const handler = new CacheHandler();

export default {
  fetch(request, env, ctx) {
    parts ??= SETUPS[env.SETUP]();
    const cloudflare = { env, ctx, cf: {} };
    const waitUntil = (work) => ctx.waitUntil(work);
    return requests.run({ parts, cloudflare }, () =>
      runWithOpenNextRequestContext({ isISRRevalidation: false, waitUntil }, () => answer(request, env)),
    );
  },
};

async function answer(request, env) {
  const url = new URL(request.url);
  if (request.method === 'POST') {
    await handler.revalidateTag(url.searchParams.getAll('tag'));
    return new Response('invalidated');
  }
  const stored = await handler.get(url.pathname, { kind: 'APP_ROUTE' });
  if (stored?.value) return new Response(stored.value.body);
  const rendered = await env.ORIGIN.fetch(request);
  const body = await rendered.text();
  const headers = { 'content-type': 'text/plain', 'x-next-cache-tags': rendered.headers.get('cache-tag') };
  const page = { kind: 'APP_ROUTE', status: 200, headers, body: Buffer.from(body) };
  await handler.set(url.pathname, page, { revalidate: PAGE_LIFETIME_S });
  return new Response(body);
}
