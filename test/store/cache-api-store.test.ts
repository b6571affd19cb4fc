// The Cache API tier: what the platform is given, and what its failures do.

import { describe, expect, test } from 'vitest';
import { CacheApiStore } from '../../src/store/cache-api/cache-api-store.ts';
import { ResponseStore } from '../../src/store/response-store.ts';
import { getKey, storedResponse } from '../contract/store-contract.ts';

const key = getKey('http://h/a');

function world() {
  const kept = new Map<string, Response>();
  const deferred: Promise<unknown>[] = [];
  const broken = { isBroken: false };
  const answer = <T>(value: () => T): Promise<T> =>
    broken.isBroken ? Promise.reject(new Error('the cache is down')) : Promise.resolve().then(value);
  const open = (name = 'gate', environment = 'production') =>
    new CacheApiStore({
      ...{ name, environment, defer: (work: Promise<unknown>) => deferred.push(work) },
      cache: {
        match: (url) => answer(() => kept.get(url)?.clone()),
        put: (url, response) => answer(() => void kept.set(url, response)),
        delete: (url) => answer(() => kept.delete(url)),
      },
    });
  return { kept, deferred, broken, open };
}

const text = (content: string) => new TextEncoder().encode(content);

describe('the platform', () => {
  test('is given a 200 with the rest of its life, no Vary, under a URL that says nothing of the key', async () => {
    const { kept, open } = world();
    const response = storedResponse(key);
    const partial = {
      ...response,
      status: 206,
      bytes: response.bytes,
      terms: { ...response.terms, lifetimeMs: 90_500 },
    };
    const responses = new ResponseStore(open(), () => response.bornMs);
    expect(await responses.put(partial)).toBe(true);
    const [[url, given]] = kept as unknown as [[string, Response]];
    expect(url).toMatch(/^https:\/\/tidegate\.invalid\/gate\/production\/[0-9a-f]{64}$/);
    expect(given.status).toBe(200);
    expect(Object.fromEntries(given.headers)).toEqual({
      'cache-control': 'max-age=91',
      'content-type': 'application/octet-stream',
    });
    expect(await responses.get(key)).toMatchObject({ status: 206 });
  });

  test.each([
    [1, 1],
    [999.5, 1],
    [1000, 1],
    [1001, 2],
    [Number.MAX_VALUE, 2 ** 31],
    [Number.POSITIVE_INFINITY, 2 ** 31],
  ])('is told of %d ms as max-age=%d', async (ttlMs, seconds) => {
    const { kept, open } = world();
    await open().put(key, text('1'), { ttlMs });
    expect([...kept.values()][0]?.headers.get('cache-control')).toBe(`max-age=${seconds}`);
  });

  test.each([0, -1, Number.NaN])('is not given what has %d ms left', async (ttlMs) => {
    const { kept, open } = world();
    expect(await open().put(key, text('1'), { ttlMs })).toBe(false);
    expect(kept.size).toBe(0);
  });

  test('keeps what two gates, two environments and two keys have put apart', async () => {
    const { open } = world();
    await open().put(key, text('1'), { ttlMs: 1000 });
    for (const other of [open('gate/production', 'x'), open('gate', 'preview')])
      expect(await other.get(key)).toBe(undefined);
    expect(await open().get(`${key}b`)).toBe(undefined);
    expect(() => open('')).toThrow('expected a name and an environment');
  });
});

describe('a failure', () => {
  test("is the caller's, and not of what goes on after the answer", async () => {
    const { broken, deferred, open } = world();
    const store = open();
    broken.isBroken = true;
    await expect(store.get(key)).rejects.toThrow('the cache is down');
    await expect(store.put(key, text('1'), { ttlMs: 1000 })).rejects.toThrow('the cache is down');
    await expect(store.delete([key])).rejects.toThrow('the cache is down');
    expect(await Promise.all(deferred)).toEqual([undefined, undefined, undefined]);
  });
});
