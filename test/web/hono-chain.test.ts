// The middleware among others: variables and headers that come from before it, errors, streams, and the platform.

import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import { stream, streamSSE, streamText } from 'hono/streaming';
import { describe, expect, test } from 'vitest';
import { tidegate } from '../../src/web/hono.ts';
import { counted, FRESH, outcome, settle } from './kit.ts';

describe('the chain', () => {
  test('hands its variables on, in the background too, and nothing in the background reaches the client', async () => {
    const app = new Hono<{ Variables: { who: string } }>();
    const seen: string[] = [];
    const afterwards: (string | null)[] = [];
    app.use(async (c, next) => {
      c.set('who', c.req.query('who') ?? 'nobody');
      await next();
      await settle();
      afterwards.push(await c.res.clone().text());
    });
    app.use(tidegate({ profile: 'safe' }));
    app.get('/a', (c) => {
      seen.push(c.get('who'));
      return c.text(`${seen.length}`, 200, { 'cache-control': 'max-age=0, stale-while-revalidate=60' });
    });
    for (let times = 0; times < 3; times++) await (await app.request('/a?who=me')).text();
    await settle();
    expect(seen).toEqual(['me', 'me', 'me']);
    expect(afterwards).toEqual(['1', '1', '2']);
  });

  test('adds headers of a middleware before to each answer, and does not store them', async () => {
    const app = new Hono();
    let id = 0;
    app.use(cors({ origin: (origin) => origin }));
    app.use(async (c, next) => {
      c.header('x-request-id', `${++id}`);
      await next();
      c.header('x-after', `${id}`);
    });
    app.use(tidegate());
    app.get('/a', (c) => c.text('a', 200, FRESH));
    const ask = async (origin: string) => {
      const response = await app.request('/a', { headers: { origin } });
      await response.text();
      return ['access-control-allow-origin', 'x-request-id', 'x-after'].map((name) => response.headers.get(name));
    };
    expect(await ask('http://one.example')).toEqual(['http://one.example', '1', '1']);
    expect(await ask('http://two.example')).toEqual(['http://two.example', '2', '2']);
  });

  test('runs middleware and sub-applications behind it once for a fill', async () => {
    const app = new Hono();
    const calls: string[] = [];
    const sub = new Hono();
    sub.use(async (c, next) => {
      calls.push(`before ${c.req.path}`);
      await next();
      c.res.headers.set('x-behind', 'yes');
    });
    sub.get('/things/:id', (c) => c.text(c.req.param('id') ?? '', 200, FRESH));
    app.use('/api/*', tidegate());
    app.route('/api', sub);
    for (let times = 0; times < 2; times++) {
      const response = await app.request('/api/things/a%20b');
      expect([await response.text(), response.headers.get('x-behind')]).toEqual(['a b', 'yes']);
    }
    expect(calls).toEqual(['before /api/things/a b']);
  });

  test('takes an exception with a status below 500 for an answer, and nothing stale for it', async () => {
    const app = new Hono();
    let isGone = false;
    app.onError((error, c) => c.text(`handled ${error.message}`, error instanceof HTTPException ? error.status : 500));
    app.use(tidegate({ staleIfError: 600_000 }));
    app.get('/a', (c) => {
      if (isGone) throw new HTTPException(404, { message: 'gone' });
      return c.text('good', 200, { 'cache-control': 'max-age=0, stale-while-revalidate=60' });
    });
    app.post('/a', () => {
      throw new HTTPException(400, { message: 'not so' });
    });
    const ask = async (method = 'GET') => {
      const response = await app.request('/a', { method });
      expect(response.headers.get('tidegate-refusal')).toBeNull();
      return [response.status, await response.text()];
    };
    expect(await ask()).toEqual([200, 'good']);
    expect(await ask('POST')).toEqual([400, 'handled not so']);
    isGone = true;
    // The background fill learns of it, and takes back what is stored.
    expect(await ask()).toEqual([200, 'good']);
    await settle();
    expect(await ask()).toEqual([404, 'handled gone']);
    expect(await Promise.all([ask(), ask()])).toEqual(Array(2).fill([404, 'handled gone']));
  });

  test('hands errors to the error handler of the application, unless something stale may be served', async () => {
    const app = new Hono();
    let fails = true;
    app.onError((error, c) => c.text(`handled ${error.message}`, error instanceof HTTPException ? error.status : 500));
    app.use(tidegate());
    app.get('/a', (c) => {
      if (fails) throw new HTTPException(503, { message: 'not now' });
      return c.text('good', 200, { 'cache-control': 'max-age=0, stale-if-error=60' });
    });
    const ask = async () => {
      const response = await app.request('/a');
      return [response.status, await response.text()];
    };
    expect(await ask()).toEqual([503, 'handled not now']);
    fails = false;
    expect(await ask()).toEqual([200, 'good']);
    fails = true;
    expect(await ask()).toEqual([200, 'good']);
  });

  test('does not take it for an error that a client has left', async () => {
    const app = new Hono();
    const errors: unknown[] = [];
    app.onError((error, c) => {
      errors.push(error);
      return c.text('', 500);
    });
    app.use(tidegate());
    app.get('/a', () => new Promise<Response>(() => undefined));
    const aborter = new AbortController();
    const response = app.request('/a', { signal: aborter.signal });
    await settle();
    aborter.abort();
    expect((await response).status).toBe(499);
    expect(errors).toEqual([]);
  });

  test('answers what no route takes as the application does', async () => {
    const app = new Hono();
    app.notFound((c) => c.text(`nothing at ${c.req.path}`, 404));
    app.use('/api/*', tidegate());
    const response = await app.request('/api/x');
    expect([response.status, await response.text()]).toEqual([404, 'nothing at /api/x']);
  });

  test('streams', async () => {
    const app = new Hono();
    app.use(tidegate());
    app.get('/text', (c) => {
      c.header('cache-control', 'max-age=60');
      return streamText(c, async (out) => {
        for (const part of ['one ', 'two ', 'three']) await out.write(part);
      });
    });
    app.get('/events', (c) => streamSSE(c, async (out) => void (await out.writeSSE({ data: 'now' }))));
    app.get('/large', (c) => stream(c, (out) => out.pipe(counted(5 * 1024 * 1024).body)));
    for (const expected of ['fwd=uri-miss', 'hit']) {
      const response = await app.request('/text');
      expect(await response.text()).toBe('one two three');
      expect(outcome(response)).toContain(expected);
    }
    expect(await (await app.request('/events')).text()).toBe('data: now\n\n');
    expect((await (await app.request('/large')).arrayBuffer()).byteLength).toBe(5 * 1024 * 1024);
  });

  test('keeps the platform waiting for what goes on after the answer', async () => {
    const app = new Hono();
    const kept: Promise<unknown>[] = [];
    const platform = {
      waitUntil: (work: Promise<unknown>) => void kept.push(work),
      passThroughOnException() {},
      props: {},
    };
    app.use(tidegate());
    app.get('/a', (c) => c.text(`${kept.length}`, 200, { 'cache-control': 'max-age=0, stale-while-revalidate=60' }));
    const ask = async () => (await app.request('/a', {}, { NAME: 'x' }, platform)).text();
    expect([await ask(), await ask()]).toEqual(['1', '1']);
    expect(kept).toHaveLength(2);
    await Promise.all(kept);
    expect(await ask()).toBe('2');
  });

  test('lets an upgrade by', async () => {
    const app = new Hono();
    app.use(tidegate());
    app.get('/socket', (c) => c.text(c.req.raw === raw ? 'own' : 'made', 200));
    const raw = new Request('http://app.example/socket', { headers: { upgrade: 'websocket' } });
    const response = await app.fetch(raw);
    expect([await response.text(), outcome(response)]).toEqual(['own', null]);
  });
});
