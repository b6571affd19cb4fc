// What responses say, by each kind of handler: their tags, that they are not to be stored, that a write has settled.

import { expect, it, vi } from 'vitest';
import { HANDLERS, served } from './handlers.ts';
import { trackedShop, type World } from './world.ts';

/** Reads and writes of the shop, as a handler of fetch. */
function shop({ db }: World) {
  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (request.method === 'POST') db.exec('UPDATE users SET age = age + 1 WHERE id = 1');
    if (pathname === '/now') db.prepare(`SELECT datetime('now')`).get();
    const user = request.method === 'GET' ? db.prepare('SELECT * FROM users WHERE id = ?').get(1) : {};
    return Response.json(user, { headers: { 'cache-tag': 'mine', etag: '"1"' } });
  };
}

it.each(Object.keys(HANDLERS))('%s: a response has the tags of what it was read from, beside its own', async (kind) => {
  const world = await trackedShop();
  const ask = await (HANDLERS[kind] as (typeof HANDLERS)[string])(world.tracker, shop(world));
  const response = await ask('/users/1');
  expect(await response.json()).toMatchObject({ firstName: 'Lane' });
  expect(response.headers.get('cache-tag')).toMatch(/^mine, tg-source:shop, s\w{14}, q\w+$/);
  expect(response.headers.get('etag')).toBe('"1"');
  expect(response.headers.get('tidegate-position')).toMatch(/^shop;\w+:\d+:\w+$/);
  expect(response.headers.get('cdn-cache-control')).toBeNull();
  const moving = await ask('/now');
  expect(moving.headers.get('cdn-cache-control')).toBe('no-store');
  expect(moving.headers.get('tidegate-untracked')).toContain('uncacheable');
  expect(moving.headers.get('cache-tag')).toBe('mine');
});

it.each(Object.keys(HANDLERS))('%s: a write is answered once targets know of it', async (kind) => {
  const world = await trackedShop();
  const ask = await (HANDLERS[kind] as (typeof HANDLERS)[string])(world.tracker, shop(world));
  const tag = (await ask('/users/1')).headers.get('cache-tag')?.split(', ').at(-1);
  const response = await ask('/users/1', { method: 'POST' });
  expect(await response.text()).toBe('{}');
  expect([...world.target.tags]).toEqual([tag]);
  expect(response.headers.get('tidegate-settled')).toBeNull();
});

it.each(Object.keys(HANDLERS))('%s: the answer to a write waits no longer than it may, and says so', async (kind) => {
  const world = await trackedShop({ settle: 30 });
  const ask = await (HANDLERS[kind] as (typeof HANDLERS)[string])(world.tracker, shop(world));
  await ask('/users/1');
  world.target.fault = new Error('away');
  const response = await ask('/users/1', { method: 'POST' });
  expect(response.headers.get('tidegate-settled')).toBe('no');
  expect(world.tracker.status().counts.unsettled).toBe(1);
  expect(world.faults.map(String).join()).toContain('within 30 ms');
});

it('what a body reads after the head has gone out makes the response outdated', async () => {
  const world = await trackedShop();
  const ask = await served(
    world.tracker.node((_, response) => {
      world.tracker.current()?.readsNothing();
      response.write('first ');
      setTimeout(() => response.end(JSON.stringify(world.db.prepare('SELECT id FROM users').all())), 5);
    }),
  );
  const response = await ask('/');
  expect(await response.text()).toContain('[{"id":1}');
  const own = response.headers.get('cache-tag')?.split(', ').at(-1);
  await vi.waitFor(() => expect([...world.target.tags]).toEqual([own]));
});

it('what is read after a response has ended has no part in it', async () => {
  const world = await trackedShop();
  let late: Promise<void> | undefined;
  const ask = await served(
    world.tracker.node((_, response) => {
      world.tracker.current()?.readsNothing();
      late = new Promise((resolve) => {
        response.once('close', () =>
          setImmediate(() => {
            world.db.prepare('SELECT 1 FROM users').all();
            resolve();
          }),
        );
      });
      response.end('done');
    }),
  );
  await (await ask('/')).text();
  await late;
  expect(world.tracker.status().counts.untracked).toEqual({});
});

it('a response is not stored while the tracker is not live', async () => {
  const world = await trackedShop();
  const ask = await (HANDLERS.fetch as (typeof HANDLERS)[string])(world.tracker, shop(world));
  await world.tracker.stop();
  const response = await ask('/users/1');
  expect(response.headers.get('cdn-cache-control')).toBe('no-store');
  expect(await response.json()).toMatchObject({ firstName: 'Lane' });
});
