// A caller's tag counts though the entry was stored without it: see "Tags that come late" in docs/data-cache.md.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Cache, CacheOptions, FillOptions } from '../../src/cache/contract.ts';
import { createCache, createCacheOn } from '../../src/cache/create-cache.ts';
import { createRepository } from '../../src/cache/repository.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { openDiskTier } from '../../src/node/disk-tier.ts';
import type { ByteStore } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { settle } from './bench.ts';

/** A Map behind promises that fails when told. */
class Bytes implements ByteStore {
  readonly map = new Map<string, Uint8Array>();
  fails = false;
  readonly puts: string[] = [];

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.map.get(key);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.puts.push(key);
    if (this.fails) throw new Error('down');
    this.map.set(key, bytes);
  }

  async delete(keys: readonly string[]): Promise<number> {
    return keys.filter((key) => this.map.delete(key)).length;
  }

  keys(): Iterable<string> {
    return this.map.keys();
  }
}

type Shape = 'memory' | 'memory and a store' | 'a store';

function world(shape: Shape = 'memory', options: CacheOptions = {}) {
  const bytes = new Bytes();
  const time = new SimulatedTime();
  const tiers = shape === 'memory' ? [] : [storeTier({ name: 'map', store: bytes })];
  const memory = shape === 'a store' ? (false as const) : { maxEntries: 100 };
  const platform = { clock: time, tasks: time, random: () => 0.5, epoch: 'e' };
  const cache = createCacheOn({ memory, tiers, ...options }, platform);
  return { cache, bytes, time, ...counted(cache) };
}

/** The source has one value, whose version is counted by hand. */
function counted(cache: Cache) {
  const source = { version: 1, reads: 0 };
  const ask = async (options?: FillOptions, key = 'k') =>
    cache.getOrSet(
      key,
      async () => {
        source.reads++;
        return source.version;
      },
      options,
    );
  return { source, ask };
}

async function tagsOf(cache: Cache): Promise<string[]> {
  const tags: string[] = [];
  for await (const entry of cache.entries()) tags.push(...entry.tags);
  return tags.sort();
}

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

test('a kind that was declared later has its tags on what is hit', async () => {
  const time = new SimulatedTime();
  const bytes = new Bytes();
  const platform = { clock: time, tasks: time, random: () => 0.5, epoch: 'e' };
  const tiers = () => [storeTier({ name: 'map', store: bytes })];
  const before = createCacheOn({ tiers: tiers() }, platform);
  await before.getOrSet('content:1', () => 'old');
  await before.close();
  const kinds = { content: { invalidateOn: ['saved'] } };
  const after = createCacheOn({ tiers: tiers(), kinds }, platform);
  expect(await after.getOrSet('content:1', () => 'new')).toBe('old');
  await after.emit('saved', { id: 1 });
  expect(await after.getOrSet('content:1', () => 'new')).toBe('new');
});

test('a repository finds its records by what others have stored, under its own tags', async () => {
  const { cache } = world();
  const rows = new Map([['1', { id: '1', name: 'old' }]]);
  const users = createRepository({
    ...{ cache, entity: 'user', item: { tags: ['people'] } },
    findById: (id: string) => rows.get(id),
    findMany: () => [...rows.values()],
    create: (draft: { id: string; name: string }) => draft,
    update: (id: string, patch: { name: string }) => {
      rows.set(id, { id, ...patch });
      return rows.get(id);
    },
    remove: (id: string) => rows.delete(id),
    idOf: ({ id }: { id: string }) => id,
  });
  await cache.set('user:1', rows.get('1'));
  expect(await users.findById('1')).toEqual({ id: '1', name: 'old' });
  rows.set('1', { id: '1', name: 'new' });
  await cache.invalidate({ tags: ['people'] });
  expect(await users.findById('1')).toEqual({ id: '1', name: 'new' });
});

test('one who waits for a fill of another brings tags as well', async () => {
  const { cache } = world();
  const held = Promise.withResolvers<string>();
  const both = [
    cache.getOrSet('k', () => held.promise, { tags: ['a'] }),
    cache.getOrSet('k', () => held.promise, { tags: ['b'] }),
  ];
  held.resolve('v');
  await Promise.all(both);
  expect(await tagsOf(cache)).toEqual(['a', 'b']);
});

describe('a slower tier', () => {
  test('that fails to take the tag never gives the entry without it', async () => {
    const { cache, bytes, source, ask } = world('memory and a store', { memory: { maxEntries: 1 } });
    await ask({ tags: ['a'] });
    bytes.fails = true;
    expect(await ask({ tags: ['b'] })).toBe(1);
    bytes.fails = false;
    source.version = 2;
    await cache.invalidate({ tags: ['b'] });
    await ask({}, 'another');
    expect(bytes.map.has('k')).toBe(true);
    expect(await cache.get('k')).toBeUndefined();
  });

  test('is not told of what is for memory alone', async () => {
    const { bytes, ask } = world('memory and a store');
    await ask({ tiers: 'memory' });
    await ask({ tiers: 'memory', tags: ['b'] });
    expect(bytes.puts).toEqual([]);
  });
});

test('on the disk the tag outlasts the process', async () => {
  const path = mkdtempSync(join(tmpdir(), 'tidegate-late-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const open = async () =>
    createCache({ tiers: [await openDiskTier({ path: join(path, 'disk'), maxBytes: 2 ** 24 })] });
  const first = await open();
  await first.getOrSet('k', () => 'old', { tags: ['a'] });
  await first.getOrSet('other', () => 'old', { tags: ['a'] });
  expect(await first.getOrSet('k', () => 'new', { tags: ['b'] })).toBe('old');
  await first.close();
  const second = await open();
  onTestFinished(() => second.close());
  expect(await second.get('k')).toBe('old');
  await second.invalidate({ tags: ['b'] });
  expect(await second.get('k')).toBeUndefined();
  expect(await second.get('other')).toBe('old');
});
