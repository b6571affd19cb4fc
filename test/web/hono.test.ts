// The middleware in real Hono applications: what it answers from the cache, and what it offers to handlers.

import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { createFetchCache, tidegate } from '../../src/web/hono.ts';
import { FRESH, outcome, settle } from './kit.ts';

describe('the middleware', () => {
  test('answers from the cache on its path alone', async () => {
    const app = new Hono();
    let calls = 0;
    app.use('/api/*', tidegate());
    app.get('/api/users/:id', (c) => c.json({ id: c.req.param('id'), call: ++calls }, 200, FRESH));
    app.get('/other', (c) => c.text(`${++calls}`, 200, FRESH));
    expect(await (await app.request('/api/users/7')).json()).toEqual({ id: '7', call: 1 });
    const hit = await app.request('/api/users/7');
    expect(await hit.json()).toEqual({ id: '7', call: 1 });
    expect(outcome(hit)).toMatch(/^tidegate; hit; ttl=\d+$/);
    expect(hit.headers.get('content-type')).toBe('application/json');
    expect(await (await app.request('/api/users/8')).json()).toEqual({ id: '8', call: 2 });
    const other = [await app.request('/other'), await app.request('/other')];
    expect(await Promise.all(other.map((response) => response.text()))).toEqual(['3', '4']);
    expect(outcome(other[1] as Response)).toBeNull();
  });

  test('serves HEAD, ranges and conditions from what is stored', async () => {
    const app = new Hono();
    let calls = 0;
    app.use(tidegate());
    app.get('/a', (c) => {
      calls++;
      return c.body('0123456789', 200, { ...FRESH, etag: '"v1"' });
    });
    await (await app.request('/a')).text();
    const head = await app.request('/a', { method: 'HEAD' });
    expect([head.status, await head.text(), head.headers.get('content-length')]).toEqual([200, '', '10']);
    const part = await app.request('/a', { headers: { range: 'bytes=-3' } });
    expect([part.status, await part.text()]).toEqual([206, '789']);
    expect((await app.request('/a', { headers: { 'if-none-match': '"v1"' } })).status).toBe(304);
    expect(calls).toBe(1);
  });

  test('collapses concurrent requests into one call of what stands behind it', async () => {
    const app = new Hono();
    let calls = 0;
    app.use(tidegate());
    app.get('/a', async (c) => {
      calls++;
      await settle();
      return c.text('one', 200, FRESH);
    });
    const all = await Promise.all(Array.from({ length: 20 }, () => app.request('/a')));
    expect(new Set(await Promise.all(all.map((response) => response.text())))).toEqual(new Set(['one']));
    expect(calls).toBe(1);
  });

  test('gives handlers a handle for tags and invalidation', async () => {
    const app = new Hono();
    const users = new Map([['1', 'one']]);
    app.use('/users/*', tidegate());
    app.get('/users/:id', (c) => {
      c.get('tidegate').tags(`user:${c.req.param('id')}`);
      return c.text(users.get(c.req.param('id')) ?? '', 200, FRESH);
    });
    app.post('/users/rename', async (c) => {
      const { id, name } = await c.req.json();
      users.set(id, name);
      const { matched } = await c.var.tidegate.invalidate({ tags: [`user:${id}`] });
      return c.json({ matched });
    });
    const read = async () => (await app.request('/users/1')).text();
    expect(await read()).toBe('one');
    const written = await app.request('/users/rename', { method: 'POST', body: '{"id":"1","name":"two"}' });
    expect(await written.json()).toEqual({ matched: 1 });
    expect(await read()).toBe('two');
  });

  test('shares a cache, also with what stands elsewhere', async () => {
    const cache = createFetchCache({ defaultTtl: 60_000 });
    const app = new Hono();
    let version = 1;
    app.use('/a', tidegate(cache));
    app.use('/b', tidegate(cache));
    app.get('/:name', (c) => {
      c.get('tidegate').tags('all');
      return c.text(`${version}`);
    });
    app.post('/hook', async (c) => {
      await cache.invalidate({ tags: ['all'] });
      return c.body(null, 204);
    });
    const read = async () => Promise.all(['/a', '/b'].map(async (path) => (await app.request(path)).text()));
    expect(await read()).toEqual(['1', '1']);
    version = 2;
    expect(await read()).toEqual(['1', '1']);
    await app.request('/hook', { method: 'POST' });
    expect(await read()).toEqual(['2', '2']);
    const own = tidegate();
    expect(own.cache.stats().stores).toBe(0);
  });

  test('invalidates the URL of a write, whose content a middleware before has read', async () => {
    const app = new Hono();
    let name = 'one';
    app.use(async (c, next) => {
      if (c.req.method === 'PUT') await c.req.json();
      await next();
    });
    app.use(tidegate());
    app.get('/name', (c) => c.text(name, 200, FRESH));
    app.put('/name', async (c) => {
      ({ name } = await c.req.json());
      return c.body(null, 204);
    });
    const read = async () => (await app.request('/name')).text();
    expect(await read()).toBe('one');
    expect((await app.request('/name', { method: 'PUT', body: '{"name":"two"}' })).status).toBe(204);
    expect(await read()).toBe('two');
  });
});
