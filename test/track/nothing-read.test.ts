// A response in whose making no read was recorded: its driver may be one that is not wrapped. It is not stored, and told of.

import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import { createCache } from '../../src/index.ts';
import { cacheTarget } from '../../src/track/index.ts';
import { HANDLERS } from './handlers.ts';
import { processShop, registeredTags } from './process-world.ts';
import { atEnd, tagsOf, trackedShop } from './world.ts';

const SEE = 'wrap the driver that it reads with (tracker.wrap), or say that it reads nothing (tracker.static)';
const ROUTES: Readonly<Record<string, string>> = {
  fetch: '/users/*',
  hono: '/users/:id',
  node: '/users/*',
  express: '/users/:id',
  fastify: '/users/:id',
};

/** The shop with a connection that is not wrapped. */
async function unwrappedShop() {
  const world = await trackedShop();
  const raw = new DatabaseSync(world.path);
  atEnd(() => raw.close());
  const cacheControl = (path: string) => (path.endsWith('private') ? 'private' : 'max-age=3600');
  const handler = (request: Request) => {
    const { pathname } = new URL(request.url);
    const id = Number(pathname.split('/').at(-1)) || 1;
    const user = raw.prepare('SELECT * FROM users WHERE id = ?').get(id);
    const init = { headers: { 'cache-control': cacheControl(pathname) } };
    return pathname.startsWith('/static')
      ? world.tracker.static(() => Response.json({}, init))()
      : Response.json(user, init);
  };
  return { ...world, handler };
}

it.each(Object.keys(HANDLERS))(
  '%s: a response without a read is not stored, and told once for its route',
  async (kind) => {
    const { tracker, faults, handler } = await unwrappedShop();
    const ask = await (HANDLERS[kind] as (typeof HANDLERS)[string])(tracker, handler);
    for (const id of [1, 2, 3]) {
      const response = await ask(`/users/${id}?x=${id}`);
      expect(await response.json()).toMatchObject({ id });
      expect(response.headers.get('cdn-cache-control')).toBe('no-store');
      expect(response.headers.get('cache-tag')).toBeNull();
      expect(response.headers.get('tidegate-untracked')).toBe(`nothing-read: ${SEE}`);
    }
    const told = `expected a read of a wrapped driver for GET ${ROUTES[kind]}, got none, so it is not stored: ${SEE}`;
    expect(faults).toMatchObject([{ code: 'E_UNSEEN', message: told }]);
    expect(tracker.status().problems).toEqual([told]);
    expect(tracker.status().counts.untracked).toEqual({ 'nothing-read': 3 });
  },
);

it.each(Object.keys(HANDLERS))('%s: a handler that says that it reads nothing is stored', async (kind) => {
  const { tracker, faults, handler } = await unwrappedShop();
  const ask = await (HANDLERS[kind] as (typeof HANDLERS)[string])(tracker, handler);
  const response = await ask('/static/about');
  expect(response.headers.get('cdn-cache-control')).toBeNull();
  expect(response.headers.get('cache-tag')).toMatch(/^tg-source:shop, s\w+$/);
  expect(faults).toEqual([]);
});

it.each(Object.keys(HANDLERS))('%s: of what no cache stores anyway nothing is told', async (kind) => {
  const { tracker, faults, handler } = await unwrappedShop();
  const ask = await (HANDLERS[kind] as (typeof HANDLERS)[string])(tracker, handler);
  await ask('/me/private');
  await ask('/users/1', { method: 'POST' });
  expect(faults).toEqual([]);
  expect(tracker.status().counts.untracked).toEqual({});
});

it('routes that are told are bounded', async () => {
  const { tracker, faults, handler } = await unwrappedShop();
  const tracked = tracker.fetch(handler);
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  for (const path of letters.flatMap((one) => letters.map((other) => `/${one}/${other}`)))
    await tracked(new Request(`http://shop.example${path}`));
  expect(faults).toHaveLength(100);
  expect(tracker.status().counts.untracked).toEqual({ 'nothing-read': 676 });
});

it('a query that reads no table is no read, and one that is allowed is', async () => {
  const { tracker, db } = await trackedShop();
  expect(tagsOf(tracker, () => db.prepare('SELECT 1').get()).reasons).toEqual([`nothing-read: ${SEE}`]);
  const allowed = tagsOf(tracker, () => {
    db.prepare(`SELECT datetime('now')`).get();
    tracker.current()?.allow('shown as the time of the answer');
  });
  expect(allowed.reasons).toEqual([]);
});

it('what a static handler hands on to says for itself whether it reads nothing', async () => {
  const { tracker } = await trackedShop();
  const files = tracker.static((_: string, next: () => void) => next());
  expect(tagsOf(tracker, () => files('/x', () => undefined)).reasons).toEqual([`nothing-read: ${SEE}`]);
  expect(tagsOf(tracker, () => tracker.static((_: string) => undefined)('/x')).reasons).toEqual([]);
});

it('a static handler is the handler, with its length and its properties', async () => {
  const { tracker } = await trackedShop();
  const handler = Object.assign((_one: number, _other: number, _third: number) => 3, { stack: [] });
  const wrapped = tracker.static(handler);
  expect([wrapped.length, wrapped.stack, wrapped(1, 2, 3)]).toEqual([3, handler.stack, 3]);
});

it('a fill of a data cache that reads nothing is not stored', async () => {
  const cache = createCache();
  atEnd(() => cache.close());
  const { tracker, path, faults } = await trackedShop({ targets: [cacheTarget(cache)] });
  const raw = new DatabaseSync(path);
  atEnd(() => raw.close());
  const fill = vi.fn(() => raw.prepare('SELECT age FROM users WHERE id = 1').get()?.age as number);
  const read = (one: () => number) => tracker.cached(cache, 'age:1', { fill: one, ttl: Infinity });
  expect([await read(fill), await read(fill)]).toEqual([30, 30]);
  expect(fill).toHaveBeenCalledTimes(2);
  expect(String(faults)).toContain('for the data cache, age:*, got none');
  const constant = vi.fn(tracker.static(() => 7));
  expect([await read(constant), await read(constant)]).toEqual([7, 7]);
  expect(constant).toHaveBeenCalledTimes(1);
});

it('the same where a feed process follows the database', async () => {
  const world = await processShop();
  const { tracker, faults } = await world.application();
  const raw = new DatabaseSync(world.path);
  atEnd(() => raw.close());
  const read = () => raw.prepare('SELECT * FROM users').all();
  expect((await registeredTags(tracker, read)).reasons).toEqual([`nothing-read: ${SEE}`]);
  expect((await registeredTags(tracker, tracker.static(read))).reasons).toEqual([]);
  expect(faults).toHaveLength(1);
});
