// A key is the same key in each version: what is said of it reaches all of them.

import { describe, expect, test } from 'vitest';
import { cacheBench, settle } from './bench.ts';

const LONG = 'k'.repeat(450);
const WAYS = ['invalidate', 'delete', 'expire'] as const;

describe.each(WAYS)('%s by key', (way) => {
  const KEYS = ['p:3', 'straße:§1', LONG, 'x'.repeat(2_000)];

  test.each(KEYS.map((key) => [key.slice(0, 10), key] as const))('reaches every version of %s', async (_, key) => {
    const { cache } = cacheBench();
    const spaces = [
      cache.namespace('api'),
      cache.namespace('api', { version: '1' }),
      cache.namespace('api', { version: '2'.repeat(120) }),
    ];
    for (const from of spaces) {
      for (const space of spaces) {
        space.set(key, 'old');
        space.set('other', 'kept');
      }
      if (way === 'invalidate') await from.invalidate({ keys: [key] });
      else await from[way](key);
      expect(spaces.map((space) => space.get(key))).toEqual([undefined, undefined, undefined]);
      expect(spaces.map((space) => space.get('other'))).toEqual(['kept', 'kept', 'kept']);
    }
  });

  test('reaches a fill of another version that is under way', async () => {
    const { cache } = cacheBench();
    const [one, two] = ['1', '2'].map((version) => cache.namespace('api', { version }));
    const held = Promise.withResolvers<string>();
    const early = one?.getOrSet('k', () => held.promise);
    await settle();
    if (way === 'invalidate') await two?.invalidate({ keys: ['k'] });
    else await two?.[way]('k');
    held.resolve('old');
    expect(await early).toBe('old');
    expect(one?.get('k')).toBeUndefined();
  });
});

test('what is listed is reached by the name that is listed', async () => {
  const { cache } = cacheBench();
  const inner = cache.namespace('t1', { version: '2' });
  const keys = ['k', LONG, 'straße:§1'];
  for (const key of keys) inner.set(key, 1);
  const listed: string[] = [];
  for await (const { key, tags } of cache.entries()) {
    listed.push(key);
    expect(tags).toEqual([]);
  }
  expect(listed.sort()[0]).toBe(`t1:${'k'}`);
  await cache.invalidate({ keys: ['t1:k'] });
  await cache.delete(`t1:${LONG}`);
  expect(keys.map((key) => inner.get(key))).toEqual([undefined, undefined, 1]);
});

test('where no version is in use, a key costs one selector and an entry no tag', async () => {
  const { cache, engine, invalidated } = cacheBench();
  cache.namespace('n').set('k', 1);
  cache.set('k', 1);
  await cache.invalidate({ keys: ['k'] });
  expect(invalidated).toEqual([{ kind: 'url', uri: 'k' }]);
  for await (const { key, tags } of engine.entries({ kind: 'all' })) expect(tags.length).toBe(key === 'k' ? 0 : 1);
});
