// Late tags where they come from kinds, repositories and joins, and in tiers that fail or outlast the process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createCache, createCacheOn } from '../../src/cache/create-cache.ts';
import { createRepository } from '../../src/cache/repository/repository.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { openDiskTier } from '../../src/node/disk-tier.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { Bytes, tagsOf, world } from './late-tags-world.ts';

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
