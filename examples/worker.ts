// A Worker with an HTTP cache in it. Run by Node it asks itself; a test runs it in workerd as well.

import { createFetchCache } from 'tidegate/fetch';

interface Env {
  readonly PRICES: { get(key: string): Promise<string | null>; put(key: string, value: string): Promise<void> };
}

// One for each isolate: it is made when the Worker is loaded, and lives as long as that.
const cache = createFetchCache({ memory: { maxBytes: 16_000_000 }, ttl: '1m', staleWhileRevalidate: '10m' });

const serve = cache.wrap<Env>(async (request, { env }) => {
  const name = new URL(request.url).pathname.slice(1);
  if (request.method === 'PUT') {
    await env.PRICES.put(name, await request.text());
    return new Response(null, { status: 204 });
  }
  return new Response((await env.PRICES.get(name)) ?? 'unknown');
});

const worker = {
  fetch(request: Request, env: Env, context: { waitUntil(work: Promise<unknown>): void }): Promise<Response> {
    return serve(request, { env, waitUntil: (work) => context.waitUntil(work) });
  },
};

export default worker;

if (import.meta.main) {
  const prices = new Map([['lamp', '40']]);
  const env = {
    PRICES: {
      get: async (key: string) => prices.get(key) ?? null,
      put: async (key: string, value: string) => void prices.set(key, value),
    },
  };
  const ask = async (init?: RequestInit) => {
    const response = await worker.fetch(new Request('https://shop.example/lamp', init), env, { waitUntil: () => {} });
    const outcome = response.headers.get('cache-status')?.replace(/; ttl=\d+/, '');
    console.log(response.status, await response.text(), '/', outcome);
  };
  await ask();
  await ask();
  await ask({ method: 'PUT', body: '45' });
  await ask();
}
