// A Worker that holds the facts about stores of bytes against its own KV namespace and Cache API: `/kv?fact=…`, `/cache?fact=…`.

import { CacheApiStore, type PlatformCache } from '../../src/store/cache-api/cache-api-store.ts';
import { type KvNamespace, KvStore } from '../../src/store/kv/kv-store.ts';
import type { NotedByteStore } from '../../src/store/response-store.ts';
import { byteStoreContract } from '../../src/testing/byte-store-contract.ts';

interface Context {
  waitUntil(work: Promise<unknown>): void;
}

let stores = 0;
let seconds = 0;

function makeStore(path: string, namespace: KvNamespace, context: Context): NotedByteStore {
  const cache = (globalThis as unknown as { readonly caches: { readonly default: PlatformCache } }).caches.default;
  const defer = (work: Promise<unknown>) => context.waitUntil(work);
  const given = { name: `store ${++stores}/`, environment: 'test', defer };
  if (path === '/cache') return new CacheApiStore({ ...given, cache });
  // The facts write a key again at once, and the store takes one write a second.
  const clock = { monotonic: () => 1000 * seconds++ };
  const fault = (error: Error) => {
    throw error;
  };
  return new KvStore({ ...given, namespace, clock, fault });
}

export default {
  async fetch(request: Request, { KV }: { readonly KV: KvNamespace }, context: Context): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const facts = new Map<string, () => Promise<void>>();
    const minTtlMs = pathname === '/kv' ? 60_000 : 0;
    byteStoreContract({
      test: (name, holds) => facts.set(name, holds),
      makeStore: () => makeStore(pathname, KV, context),
      minTtlMs,
    });
    try {
      await facts.get(searchParams.get('fact') ?? '')?.();
      return Response.json({ facts: [...facts.keys()] });
    } catch (error) {
      return Response.json({ failure: String(error) });
    }
  },
};
