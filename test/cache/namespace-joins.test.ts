// Calls of one key by way of different namespaces: who joins the fill of another is heard of as if they had begun it.

import { expect, test } from 'vitest';
import type { Cache } from '../../src/cache/contract.ts';
import { cacheBench, settle } from './bench.ts';

const PLACES: [string, (cache: Cache) => { inner: Cache; innerKey: string; outer: Cache; outerKey: string }][] = [
  [
    'a namespace, joined by the cache itself',
    (cache) => ({ inner: cache.namespace('a'), innerKey: '1', outer: cache, outerKey: 'a:1' }),
  ],
  [
    'a namespace in a namespace, joined by the outer',
    (cache) => {
      const outer = cache.namespace('a');
      return { inner: outer.namespace('b'), innerKey: '1', outer, outerKey: 'b:1' };
    },
  ],
  [
    'a namespace, joined by a batch',
    (cache) => ({ inner: cache.namespace('a'), innerKey: '1', outer: batched(cache), outerKey: 'a:1' }),
  ],
];

function batched(cache: Cache): Cache {
  const one = async (key: string, fill: () => unknown, options?: object) =>
    (await cache.getOrSetMany([key], async () => new Map([[key, await fill()]]), options)).get(key);
  return Object.assign(Object.create(cache) as Cache, { getOrSet: one });
}

test.each(PLACES)('what was filled by %s, goes with a tag of the one who joined', async (_, place) => {
  const { cache } = cacheBench();
  const { inner, innerKey, outer, outerKey } = place(cache as Cache);
  const held = Promise.withResolvers<string>();
  const first = inner.getOrSet(innerKey, () => held.promise);
  const joined = outer.getOrSet(outerKey, () => 'not run', { tags: ['t'] });
  await settle();
  held.resolve('old');
  expect(await Promise.all([first, joined])).toEqual(['old', 'old']);
  expect(inner.get(innerKey)).toBe('old');
  await inner.invalidate({ tags: ['t'] });
  expect(inner.get(innerKey)).toBeUndefined();
});

test('what is being filled by a namespace is not stored once a tag of the one who joined is invalidated there', async () => {
  const { cache } = cacheBench();
  const space = cache.namespace('a');
  const held = Promise.withResolvers<string>();
  const first = space.getOrSet('1', () => held.promise);
  const joined = cache.getOrSet('a:1', () => 'not run', { tags: ['t'] });
  await settle();
  await space.invalidate({ tags: ['t'] });
  const late = cache.getOrSet('a:1', () => 'new', { tags: ['t'] });
  held.resolve('old');
  await Promise.all([first, joined]);
  expect([await late, space.get('1')]).toEqual(['new', 'new']);
});
