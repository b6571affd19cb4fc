// What is refused: options when they are given, selections that name nothing, and what a handler may not return.

import { describe, expect, test } from 'vitest';
import { createFetchCache } from '../../src/web/fetch.ts';
import { tidegate } from '../../src/web/hono.ts';
import { body, FRESH, get, simulated, text } from './kit.ts';

const refusal = (code: string, message = /expected .+, got .+/) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });
const thrownBy = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('options', () => {
  test.each<[string, unknown]>([
    ['no object', 5],
    ['null', null],
    ['a list', []],
    ['a name that is none', { lifetime: 5 }],
    ['a name with its unit', { staleWhileRevalidateMs: 5 }],
    ['a name in other letters', { defaultTTL: 5 }],
    ['another bound of the memory', { memory: { maxEntries: 5 } }],
    ['memory that is no object', { memory: 5 }],
    ['a bound that is no number', { memory: { maxBytes: '5mb' } }],
    ['a tier without anything', { tiers: [{}] }],
    ['a tier whose store is none', { tiers: [{ name: 'a', store: new Map() }] }],
    ['tiers that are no list', { tiers: {} }],
    ['a promise of a tier', { tiers: [Promise.resolve()] }],
    ['a time that is none', { ttl: '5 s' }],
    ['a profile that is none', { profile: 'fast' }],
    ['fields that are no list', { targetedFields: 'x' }],
    ['fields that are no names', { targetedFields: [5] }],
    ['a switch that is none', { showTags: 'no' }],
    ['cookies that are no object', { cookies: 'all' }],
    ['cookies by another name', { cookies: { keep: ['a'] } }],
    ['names of cookies that are no list', { cookies: { key: 'all' } }],
    ['a cookie with its value', { cookies: { drop: ['a=b'] } }],
    ['a word for directives that is none', { clientDirectives: 'honor' }],
    ['an empty name', { cacheName: '' }],
    ['an onFault that is no function', { onFault: 1 }],
  ])('are refused: %s', (_name, options) => {
    expect(thrownBy(() => createFetchCache(options as never))).toEqual(refusal('E_CONFIG'));
    expect(thrownBy(() => tidegate(options as never))).toEqual(refusal('E_CONFIG'));
  });

  test('that are left out, or undefined, have their defaults', () => {
    expect(thrownBy(() => createFetchCache({ ttl: undefined, memory: {} } as never))).toBeUndefined();
    expect(thrownBy(() => createFetchCache())).toBeUndefined();
  });

  test('a handler that is no function is refused', () => {
    expect(thrownBy(() => createFetchCache().wrap({} as never))).toEqual(refusal('E_CONFIG'));
  });
});

describe('selections', () => {
  test.each<[string, unknown]>([
    ['none', undefined],
    ['a text', 'a'],
    ['a name that is none', { tga: 'a' }],
    ['nothing', {}],
    ['empty lists', { tags: [], urls: [] }],
    ['tags that are no list', { tags: 'x' }],
    ['urls that are no list', { urls: 'http://app.example/' }],
    ['a URL that is no text', { urls: [5] }],
    ['an empty prefix', { prefix: '' }],
    ['a pattern that is no text', { pattern: [5] }],
    ['a pattern over paths', { pattern: '/users/*' }],
    ['a prefix of paths', { prefix: '/users/' }],
    ['an origin', { origin: 'a' }],
    ['all that is not true', { all: false }],
  ])('are refused: %s', async (_name, selection) => {
    const { cache } = simulated();
    await expect(cache.invalidate(selection as never)).rejects.toEqual(refusal('E_SELECTOR'));
    await expect(cache.purge(selection as never)).rejects.toEqual(refusal('E_SELECTOR'));
  });
});

describe('a handler that returns', () => {
  const asked = async (given: unknown, method = 'GET') => {
    const serve = simulated().cache.wrap(() => given as Response);
    return body(serve(new Request('http://app.example/a', { method })));
  };

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /a Response, got undefined/],
    ['null', null, /a Response, got null/],
    ['a text', 'hello', /a Response, got string/],
    ['a plain object', { status: 200 }, /a Response, got an object of Object/],
    [
      'a body of another kind',
      { status: 200, headers: new Headers(), body: { pipe: () => undefined } },
      /a body that is a web stream/,
    ],
    ['a 304 without a condition', new Response(null, { status: 304 }), /an answer to its request, got a 304/],
    ['a 206 without Range', new Response(null, { status: 206 }), /an answer to its request, got a 206/],
  ])('%s: E_HANDLER', async (_name, given, message) => {
    await expect(asked(given)).rejects.toEqual(refusal('E_HANDLER', message));
    await expect(asked(Promise.resolve(given), 'POST')).rejects.toEqual(refusal('E_HANDLER', message));
  });

  test('one response twice: E_HANDLER, which says so; without a body it may', async () => {
    const { cache } = simulated();
    const same = text('same', { 'cache-control': 'no-store' });
    const serve = cache.wrap(({ url }) => (url.endsWith('/a') ? same : none));
    const none = text(null, { 'cache-control': 'no-store' }, 204);
    expect(await body(serve(get('/a')))).toBe('same');
    await expect(serve(get('/a'))).rejects.toEqual(refusal('E_HANDLER', /returned before: make a new one/));
    expect((await serve(get('/b'))).status).toBe(204);
    expect((await serve(get('/b'))).status).toBe(204);
  });

  test('one that it has read: E_HANDLER', async () => {
    const response = text('read', FRESH);
    await response.text();
    await expect(asked(response)).rejects.toEqual(refusal('E_HANDLER', /that was read/));
  });

  test('an object that is as good as a Response', async () => {
    const { status, headers, body: stream } = text('as good', FRESH);
    expect(await asked({ status, headers, body: stream, url: '' })).toBe('as good');
  });
});
