// What an HTTP cache in front of a handler stores, and what it says of each answer.

import { createFetchCache } from 'tidegate/fetch';

const answers: Record<string, ResponseInit> = {
  '/fresh': { headers: { 'cache-control': 'max-age=60' } },
  '/unsaid': {},
  '/edge': { headers: { 'cdn-cache-control': 'max-age=600', 'cache-control': 'no-store' } },
  '/private': { headers: { 'cache-control': 'private, max-age=60' } },
  '/cookie': { headers: { 'cache-control': 'max-age=60', 'set-cookie': 'session=1' } },
  '/gone': { status: 404 },
};

const cache = createFetchCache({ cacheName: 'shop', defaultTtl: '1m', negativeTtl: '1m' });
const serve = cache.wrap(({ url }) => new Response('body', answers[new URL(url).pathname] ?? answers['/fresh']));

async function ask(path: string, init?: RequestInit): Promise<void> {
  const request = () => new Request(`http://shop.example${path}`, init);
  await (await serve(request())).text();
  const again = await serve(request());
  const outcome = again.headers.get('cache-status')?.replace(/; ttl=\d+/, '');
  console.log(init?.method ?? 'GET', path, '->', outcome);
}

for (const path of Object.keys(answers)) await ask(path);
await ask('/fresh', { method: 'HEAD' });
await ask('/fresh', { headers: { range: 'bytes=0-1' } });
await ask('/fresh', { headers: { 'cache-control': 'no-cache' } });
await ask('/account', { headers: { authorization: 'Bearer x' } });
await ask('/fresh', { method: 'POST', body: 'x' });

const { verdict, reason, lastRefusal } = await cache.explain(new Request('http://shop.example/cookie'));
console.log(`${verdict}: ${reason}\n${lastRefusal?.reason}`);
