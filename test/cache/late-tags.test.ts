// A caller's tag counts though the entry was stored without it: see "Tags that come late" in docs/data-cache/fills.md.

import { describe, expect, test } from 'vitest';
import type { Cache } from '../../src/cache/contract.ts';
import { settle } from './bench.ts';
import { counted, type Shape, tagsOf, world } from './late-tags-world.ts';

describe.each<Shape>(['memory', 'memory and a store', 'a store'])('in %s, a tag that a hit brings', (shape) => {
  test('counts from then on for all', async () => {
    const { cache, source, ask } = world(shape);
    await ask({ tags: ['a'] });
    expect(await ask({ tags: ['a', 'b'] })).toBe(1);
    expect(source.reads).toBe(1);
    expect(await tagsOf(cache)).toEqual(['a', 'b']);
    source.version = 2;
    await cache.invalidate({ tags: ['b'] });
    expect(await cache.get('k')).toBeUndefined();
    expect(await ask({ tags: ['a'] })).toBe(2);
  });

  test('makes a miss of it where it was invalidated since, and both tags hold after that', async () => {
    const { cache, source, ask } = world(shape);
    await ask({ tags: ['a'] });
    source.version = 2;
    await cache.invalidate({ tags: ['b'] });
    expect(await ask({ tags: ['b'] })).toBe(2);
    expect(await tagsOf(cache)).toEqual(['a', 'b']);
    source.version = 3;
    await cache.invalidate({ tags: ['a'] });
    expect(await cache.get('k')).toBeUndefined();
  });

  test('that was invalidated before the entry was read takes nothing away', async () => {
    const { cache, source, ask } = world(shape);
    await cache.invalidate({ tags: ['b'] });
    await ask({ tags: ['a'] });
    expect(await ask({ tags: ['b'] })).toBe(1);
    expect([source.reads, await tagsOf(cache)]).toEqual([1, ['a', 'b']]);
  });

  test('keeps ttl, age and value as they were', async () => {
    const { cache, time, ask, source } = world(shape);
    await ask({ ttl: 1_000 });
    time.advance(900);
    await ask({ ttl: 1_000, tags: ['b'] });
    const seen: unknown[] = [];
    for await (const { ageMs, ttlMs, state } of cache.entries()) seen.push({ ageMs, ttlMs, state });
    expect(seen).toEqual([{ ageMs: 900, ttlMs: 100, state: 'fresh' }]);
    time.advance(100);
    source.version = 2;
    expect(await ask({ ttl: 1_000 })).toBe(2);
  });

  test('of a table, of a namespace and of the defaults counts, too', async () => {
    const { cache, source, ask } = world(shape, { defaults: { tags: ['site'] } });
    await ask({ tags: ['a'] }, 'shop:1');
    const shop = cache.namespace('shop', { defaults: { tags: ['goods'] } });
    const { ask: askShop } = counted(shop);
    expect(await askShop({ tables: ['items'] }, '1')).toBe(1);
    expect(source.reads).toBe(1);
    for (const what of [{ tables: ['items'] }, { tags: ['goods'] }]) {
      await askShop({ tables: ['items'] }, '1');
      await cache.invalidate(what);
      expect(await cache.get('shop:1')).toBeUndefined();
    }
    await askShop({ tables: ['items'] }, '1');
    await shop.invalidate({ tags: ['goods'] });
    expect(await cache.get('shop:1')).toBeUndefined();
  });

  test('is taken by getOrSetMany, which reads only what is missing', async () => {
    const { cache, source, ask } = world(shape);
    await ask({ tags: ['a'] }, 'k1');
    await ask({ tags: ['a'] }, 'k2');
    await cache.invalidate({ tags: ['c'] });
    await ask({ tags: ['a'] }, 'k3');
    const asked: string[][] = [];
    const many = (tags: string[]) =>
      cache.getOrSetMany(
        ['k1', 'k2', 'k3', 'k4'],
        async (missing) => {
          asked.push([...missing]);
          return new Map(missing.map((key) => [key, source.version]));
        },
        { tags },
      );
    await many(['b']);
    expect(asked).toEqual([['k4']]);
    source.version = 2;
    // Of those read before `c` was invalidated nobody knows whether it concerned them.
    expect([...(await many(['c'])).values()]).toEqual([2, 2, 1, 1]);
    expect(asked[1]?.sort()).toEqual(['k1', 'k2']);
    await cache.invalidate({ tags: ['b'] });
    expect((await cache.getMany(['k1', 'k2', 'k3', 'k4'])).size).toBe(0);
  });

  test.each<[string, (cache: Cache, change: () => Promise<unknown>) => Promise<unknown>]>([
    [
      'a fill that replaced what was there',
      async (cache, change) => {
        await cache.set('k', 0);
        return cache.getOrSet('k', () => change().then(() => 'old'), { refresh: true });
      },
    ],
    [
      'a value put in under a stamp',
      async (cache, change) => {
        const stamp = cache.stamp();
        await change();
        return cache.set('k', 'old', { stamp });
      },
    ],
    [
      'a hit that brought another tag',
      async (cache, change) => {
        await cache.set('k', 'old');
        await change();
        return cache.getOrSet('k', () => 'another', { tags: ['other'] });
      },
    ],
  ])('is judged by when the value was read, which was before %s', async (_, store) => {
    const { cache } = world(shape);
    await store(cache, () => cache.invalidate({ tags: ['b'] }));
    expect(await cache.get('k')).toBe('old');
    expect(await cache.getOrSet('k', () => 'new', { tags: ['b'] })).toBe('new');
  });

  test('of a caller that is given it in grace counts for whoever is given it after', async () => {
    const { cache, time, source } = world(shape);
    const terms = { ttl: 1_000, grace: '1h', graceBackoff: 0 } as const;
    const fails = () => Promise.reject(new Error('down'));
    await cache.getOrSet('k', async () => source.version, { ...terms, tags: ['a'] });
    time.advance(1_000);
    expect(await cache.getOrSet('k', fails, { ...terms, tags: ['b'] })).toBe(1);
    await cache.invalidate({ tags: ['b'] });
    await expect(async () => cache.getOrSet('k', fails, { ...terms, tags: ['a'] })).rejects.toThrow('down');
  });

  test('that was invalidated keeps a caller from a value in grace', async () => {
    const { cache, time, source } = world(shape);
    const terms = { ttl: 1_000, grace: '1h', timeouts: { soft: 10 } } as const;
    const fails = () => Promise.reject(new Error('down'));
    await cache.getOrSet('k', async () => source.version, { ...terms, tags: ['a'] });
    await cache.invalidate({ tags: ['b'] });
    time.advance(1_000);
    const given = await cache.getOrSet('k', fails, { ...terms, tags: ['b'] }).catch((error: Error) => error.message);
    expect(given).toContain('down');
    // Those who do not call it so may have it.
    expect(await cache.getOrSet('k', fails, { ...terms, tags: ['a'] })).toBe(1);
  });

  test('comes to what is being filled in its place, too', async () => {
    const { cache, source, ask } = world(shape);
    await ask({ tags: ['a'] });
    const held = Promise.withResolvers<number>();
    const anew = cache.getOrSet('k', () => held.promise, { refresh: true, tags: ['a'] });
    await settle();
    expect(await ask({ tags: ['b'] })).toBe(1);
    held.resolve(2);
    expect(await anew).toBe(2);
    await settle();
    expect(await tagsOf(cache)).toEqual(['a', 'b']);
    expect(source.reads).toBe(1);
  });

  test('that a fill of the call left out is not brought back', async () => {
    const { cache, source } = world(shape, { defaults: { tags: ['site'] } });
    const ask = async () =>
      cache.getOrSet(
        'k',
        async (fill) => {
          fill.setTags(['own']);
          return ++source.reads;
        },
        { tags: ['a'] },
      );
    await ask();
    await cache.invalidate({ tags: ['a', 'site'] });
    expect(await ask()).toBe(1);
    expect(await tagsOf(cache)).toEqual(['own']);
    await cache.invalidate({ tags: ['own'] });
    expect(await ask()).toBe(2);
  });

  test('without number is no reason to keep all of them', async () => {
    const { cache, source, ask } = world(shape);
    for (let user = 0; user < 1_200; user++) await ask({ tags: [`user-${user}`] });
    expect(source.reads).toBeLessThan(5);
    expect((await tagsOf(cache)).length).toBeLessThanOrEqual(1_024);
  });

  test('of many callers at once costs no fill', async () => {
    const { cache, source, ask } = world(shape);
    await ask({ tags: ['a'] });
    await Promise.all(Array.from({ length: 20 }, (_, at) => ask({ tags: [`t${at}`] })));
    if (shape !== 'a store') expect(source.reads).toBe(1);
    for (let at = 0; at < 20; at++) {
      await ask({ tags: [`t${at}`] });
      source.version++;
      await cache.invalidate({ tags: [`t${at}`] });
      expect(await cache.get('k')).toBeUndefined();
    }
  });
});
