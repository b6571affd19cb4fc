// A Hono application with the cache in it, as a Worker would be: bundled by worker.test.ts and run in workerd.

import { Hono } from 'hono';
import { tidegate } from '../../src/web/hono.ts';

const app = new Hono();
const edge = tidegate({ memory: { maxBytes: 8 * 1024 * 1024 } });
const calls: Record<string, number> = {};

function counted(path: string): string {
  calls[path] = (calls[path] ?? 0) + 1;
  return `${calls[path]}`;
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

app.use('/api/*', edge);

app.get('/api/hit', (c) => {
  c.get('tidegate').tags('hits');
  return c.text(counted('hit'), 200, { 'cache-control': 'max-age=60' });
});

app.post('/api/hit', async (c) => {
  await c.get('tidegate').invalidate({ tags: ['hits'] });
  return c.text(await c.req.text());
});

app.get('/api/slow', async (c) => {
  await pause(200);
  return c.text(counted('slow'), 200, { 'cache-control': 'max-age=60' });
});

function slowBody(last: () => string, waitUntil: (work: Promise<unknown>) => void): ReadableStream {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  const write = async () => {
    for (const part of [() => 'one ', () => 'two ', last]) {
      await pause(100);
      await writer.write(new TextEncoder().encode(part()));
    }
    await writer.close();
  };
  waitUntil(write());
  return readable;
}

app.get('/api/slow-body', (c) => {
  const body = slowBody(
    () => counted('slow-body'),
    (work) => c.executionCtx.waitUntil(work),
  );
  return c.body(body, 200, { 'cache-control': 'max-age=60' });
});

app.get('/api/private', async (c) => {
  await pause(100);
  return c.text(counted('private'), 200, { 'cache-control': 'private' });
});

app.get('/api/swr', async (c) => {
  await pause(50);
  return c.text(counted('swr'), 200, { 'cache-control': 'max-age=0, stale-while-revalidate=60' });
});

app.get('/api/fails', () => {
  throw new Error('no database');
});

app.onError((error, c) => c.text(`handled ${error.message}`, 500));

app.get('/stats', (c) => c.json(edge.cache.stats()));

export default app;
