// Tags and invalidations that come from handlers and from the program around them.

import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/entry/stored-response.ts';
import { cacheTag } from '../../src/web/fetch.ts';
import { MapStore } from '../kit/map-store.ts';
import { body, FRESH, gate, get, outcome, settle, simulated, text } from './kit.ts';

describe('tags and invalidation', () => {
  test('from fields, from cacheTag and from the context name what is invalidated, and are hidden', async () => {
    const { cache } = simulated();
    let version = 1;
    const serve = cache.wrap((request, context) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/field') return text(`${version}`, { ...FRESH, 'surrogate-key': 'users other' });
      if (pathname === '/helper') return cacheTag(text(`${version}`, FRESH), 'users', 'user:1');
      context.tags('users');
      return text(`${version}`, FRESH);
    });
    const all = () => Promise.all(['/field', '/helper', '/context'].map((path) => body(serve(get(path)))));
    const response = await serve(get('/helper'));
    expect([response.headers.get('cache-tag'), response.headers.get('surrogate-key')]).toEqual([null, null]);
    expect(await all()).toEqual(['1', '1', '1']);
    version = 2;
    expect(await all()).toEqual(['1', '1', '1']);
    expect(await cache.invalidate({ tags: ['users'] })).toMatchObject({ matched: 3 });
    expect(await all()).toEqual(['2', '2', '2']);
    const redirect = cacheTag(Response.redirect('http://app.example/b'), 'a');
    expect([redirect.status, redirect.headers.get('cache-tag')]).toEqual([302, 'a']);
    const shown = simulated({ showTags: true }).cache.wrap(() => cacheTag(text('', FRESH), 'a'));
    expect((await shown(get('/'))).headers.get('cache-tag')).toBe('a');
  });

  test('from the handler of a write hold before its client is answered', async () => {
    const { cache } = simulated();
    let users = 1;
    const serve = cache.wrap(async (request, context) => {
      if (request.method === 'POST') {
        users++;
        await context.invalidate({ tags: ['users'] });
        return text('written');
      }
      context.tags('users');
      return text(`${users}`, FRESH);
    });
    expect(await body(serve(get('/users')))).toBe('1');
    await body(serve(new Request('http://app.example/register', { method: 'POST', body: '' })));
    expect(await body(serve(get('/users')))).toBe('2');
  });

  test('during a fill keep its result from being stored and from who asks later', async () => {
    const { cache } = simulated();
    const answers = [gate<Response>(), gate<Response>()];
    let calls = 0;
    const serve = cache.wrap((_, context) => {
      context.tags('users');
      return (answers[calls++] as { opened: Promise<Response> }).opened;
    });
    const early = serve(get('/users'));
    await settle();
    await cache.invalidate({ tags: ['users'] });
    const late = serve(get('/users'));
    await settle();
    answers[0]?.open(text('before', FRESH));
    const first = await early;
    expect(await first.text()).toBe('before');
    expect(outcome(first)).toContain('detail=invalidated-during-fill');
    await settle();
    expect(calls).toBe(2);
    answers[1]?.open(text('after', FRESH));
    expect(await body(late)).toBe('after');
    expect(await body(serve(get('/users')))).toBe('after');
    expect(calls).toBe(2);
  });

  test('by URL, prefix, pattern or everything; purged is gone', async () => {
    const { cache } = simulated();
    let calls = 0;
    const serve = cache.wrap(() => text(`${++calls}`, FRESH));
    const matched = async (selection: Parameters<typeof cache.purge>[0]) => (await cache.purge(selection)).matched;
    const fill = async () => Promise.all(['/a/1', '/a/2', '/b'].map((path) => body(serve(get(path)))));
    await fill();
    expect(await matched({ urls: ['http://app.example/a/1'] })).toBe(1);
    await fill();
    expect(await matched({ prefix: 'http://app.example/a/' })).toBe(2);
    await fill();
    expect(await matched({ pattern: ['*/a/2', '*/b'] })).toBe(2);
    await fill();
    expect(await matched({ all: true })).toBe(3);
    expect(cache.stats().memory.entries).toBe(0);
  });

  test.each<[string, object]>([
    ['a host in capitals', { prefix: 'http://App.example/users/' }],
    ['the port of the scheme', { prefix: 'http://app.example:80/users/' }],
    ['both in a glob', { pattern: 'HTTP://App.example:80/users/*' }],
    ['an encoding that is not needed', { urls: ['http://app.example/%75sers/%c3%a9'] }],
    ['no encoding', { url: 'http://app.example/users/é' }],
  ])('reach what is stored, written with %s', async (_how, selection) => {
    const { cache } = simulated();
    let calls = 0;
    const serve = cache.wrap(() => text(`${++calls}`, FRESH));
    expect(await body(serve(get('/users/%C3%A9')))).toBe('1');
    expect((await cache.invalidate(selection)).matched).toBe(1);
    expect(await body(serve(get('/users/%C3%A9')))).toBe('2');
  });

  test('are refused where they would name something else', async () => {
    const { cache } = simulated();
    await expect(cache.invalidate({})).rejects.toMatchObject({ code: 'E_SELECTOR' });
    await expect(cache.invalidate({ urls: ['/a'] })).rejects.toMatchObject({ code: 'E_SELECTOR' });
    for (const tag of ['', 'a,b', ' a', 'a\n', 'ж', 'x'.repeat(1025)]) {
      expect(() => cacheTag(text(''), tag)).toThrow(expect.objectContaining({ code: 'E_TAG' }));
    }
    let late: (() => void) | undefined;
    const serve = cache.wrap((_, context) => {
      late = () => context.tags('late');
      return text('', FRESH);
    });
    await body(serve(get('/a')));
    expect(late).toThrow(expect.objectContaining({ code: 'E_TAG' }));
  });
});

test('holds for tiers behind the memory, which answer later', async () => {
  const store = new MapStore();
  const later = {
    get: async (key: string) => store.get(key),
    put: async (entry: Entry) => store.put(entry),
    delete: async (keys: readonly string[]) => store.delete(keys),
    find: () => store.find(),
  };
  const { cache } = simulated({ memory: { maxBytes: 0 }, tiers: [{ name: 'later', store: later }] });
  let calls = 0;
  const serve = cache.wrap((_, context) => {
    context.tags('users');
    return text(`${++calls}`, FRESH);
  });
  expect(await body(serve(get('/a')))).toBe('1');
  expect(outcome(await serve(get('/a')))).toContain('; hit');
  await cache.invalidate({ tags: ['users'] });
  expect(await body(serve(get('/a')))).toBe('2');
});
