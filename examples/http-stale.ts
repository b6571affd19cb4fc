// Answers past their lifetime: given while the handler is asked in the background, and where it fails.

import { setTimeout as wait } from 'node:timers/promises';
import { createFetchCache } from 'tidegate/fetch';

const cache = createFetchCache({ onFault: (error) => console.log('told of:', (error as Error).message) });
let answers = 0;
let isDown = false;

const serve = cache.wrap(() => {
  if (isDown) throw new Error('no database');
  const headers = { 'cache-control': 'max-age=0, stale-while-revalidate=60, stale-if-error=3600' };
  return new Response(`answer ${++answers}`, { headers });
});

async function ask(): Promise<void> {
  try {
    const response = await serve(new Request('http://shop.example/rates'));
    const detail = /detail=(\S+)/.exec(response.headers.get('cache-status') ?? '')?.[1] ?? '';
    console.log(await response.text(), detail);
  } catch (error) {
    console.log('thrown:', (error as Error).message);
  }
  await wait(20);
}

await ask();
await ask();
await ask();

// The handler fails in the background: nobody waits, so only onFault is told.
isDown = true;
await ask();

// What is outdated is never given, however the handler fails.
await cache.invalidate({ all: true });
await ask();
