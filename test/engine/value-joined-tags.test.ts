// Who joins a fill calls its result by tags of their own: they count from the call.

import { describe, expect, test } from 'vitest';
import { settle, valueBench } from './value-bench.ts';

const tag = (name: string) => [{ kind: 'tag', tag: name }] as const;

describe('the tags of one who joins a fill', () => {
  test('keep it from being stored once they are invalidated', async () => {
    const { cache, fill, getOrSet } = valueBench();
    const slow = fill();
    const both = [getOrSet('k', slow, { tags: ['a'] }), getOrSet('k', slow, { tags: ['b'] })];
    await settle();
    expect(slow.calls).toBe(1);
    await cache.invalidate(tag('b'), false);
    await slow.give('old');
    expect(await Promise.all(both)).toEqual(['old', 'old']);
    expect(cache.get('k')).toBeUndefined();
    expect(cache.figures.stats().refusedStores).toBe(1);
  });

  test('are stored with it', async () => {
    const { cache, fill, getOrSet } = valueBench();
    const slow = fill();
    const both = [getOrSet('k', slow, { tags: ['a'] }), getOrSet('k', slow, { tags: ['b', 'a'] })];
    await settle();
    await slow.give('v');
    await Promise.all(both);
    const tags: (readonly string[])[] = [];
    for await (const note of cache.entries({ kind: 'all' })) tags.push([...note.tags].sort());
    expect(tags).toEqual([['a', 'b']]);
    await cache.invalidate(tag('b'), false);
    expect(cache.get('k')).toBeUndefined();
  });

  test('count against those who join after them', async () => {
    const { cache, fill, getOrSet } = valueBench();
    const slow = fill();
    const early = [getOrSet('k', slow, { tags: ['a'] }), getOrSet('k', slow, { tags: ['b'] })];
    await settle();
    await cache.invalidate(tag('b'), false);
    const late = getOrSet('k', slow, { tags: ['a'] });
    await settle();
    await slow.give('old');
    await Promise.all(early);
    await slow.give('new');
    expect(await late).toBe('new');
  });

  test('are those that their fill has for the key, too', async () => {
    const { cache, fill, getOrSet } = valueBench();
    const slow = fill();
    const named = { run: slow.run, tags: () => ['of the key'], noted: () => undefined, naming: undefined };
    const both = [getOrSet('k', slow), getOrSet('k', named)];
    await settle();
    await cache.invalidate(tag('of the key'), false);
    await slow.give('old');
    await Promise.all(both);
    expect(cache.get('k')).toBeUndefined();
  });

  test('without number keep it from being stored', async () => {
    const { cache, fill, getOrSet } = valueBench();
    const slow = fill();
    const all = Array.from({ length: 1_100 }, (_, at) => getOrSet('k', slow, { tags: [`user-${at}`] }));
    await settle();
    await slow.give('v');
    expect(new Set(await Promise.all(all))).toEqual(new Set(['v']));
    expect(cache.get('k')).toBeUndefined();
  });
});
