// An HTTP cache in front of any function that takes a Request and gives a Response.

import { createFetchCache } from 'tidegate/fetch';

const cache = createFetchCache();
let answers = 0;

const serve = cache.wrap((request, context) => {
  context.tags('pages');
  const headers = { 'cache-control': 'max-age=60' };
  return new Response(`answer ${++answers} of ${new URL(request.url).pathname}`, { headers });
});

const ask = async () => console.log(await (await serve(new Request('http://shop.example/a'))).text());
await ask();
await ask();
await cache.invalidate({ tags: ['pages'] });
await ask();
