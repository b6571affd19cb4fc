// Responses over the Cache API hold the contract of every store, on the cache of workerd (of bytes: workers-stores.test.ts).

import { Miniflare, Response as MiniflareResponse } from 'miniflare';
import { afterAll, beforeAll, describe } from 'vitest';
import { CacheApiStore, type PlatformCache } from '../../src/store/cache-api/cache-api-store.ts';
import { ResponseStore } from '../../src/store/response-store.ts';
import { testStoreContract } from './store-contract.ts';

describe('in workerd', { timeout: 120_000 }, () => {
  let worker: Miniflare;
  let cache: PlatformCache;
  let stores = 0;

  beforeAll(async () => {
    worker = new Miniflare({ modules: true, script: 'export default {}' });
    const platform = ((await worker.getCaches()) as unknown as { readonly default: PlatformCache }).default;
    cache = {
      match: (url) => platform.match(url),
      // From outside of workerd it takes only responses of Miniflare's own class.
      put: async (url, { headers, status, body }) => {
        const own = new MiniflareResponse(body as never, { headers: [...headers], status });
        await platform.put(url, own as never);
      },
      delete: (url) => platform.delete(url),
    };
  }, 60_000);

  afterAll(() => worker?.dispose());

  const make = () => {
    const name = `store ${++stores}/`;
    return new CacheApiStore({ cache, name, environment: 'test', defer: () => {} });
  };

  describe('responses', () =>
    testStoreContract(() => new ResponseStore(make(), () => 1_700_000_000_123), { find: 'url' }));
});
