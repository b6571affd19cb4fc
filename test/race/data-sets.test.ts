// What a set does to older values, each at its smallest.

import { describe, expect, test } from 'vitest';
import { SlowValues } from './data-tier.ts';
import { type DataTiers, DataWorld, KEY } from './data-world.ts';

const at = (version: number) => ({ version });

describe('once a newer value was set, the older one is not given', () => {
  test('though it was put in after, with a stamp from before', async () => {
    const world = new DataWorld('memory', 'local');
    const stamp = world.cache.judge.arrive();
    await world.set(2);
    await world.set(1, { stamp });
    expect(world.cache.get(KEY)).toEqual(at(2));
  });

  test('though a slower tier could not take the newer one', async () => {
    const world = await twoTiers('lossy');
    await world.set(2);
    world.evict();
    expect([undefined, at(2)]).toContainEqual(await world.cache.get(KEY));
  });

  test('though a slower tier took the older one last', async () => {
    const world = new DataWorld('memory+slow', 'local');
    world.slow?.hold('put', 1);
    const early = world.set(1);
    await world.set(2);
    await world.drain();
    await early;
    world.evict();
    expect(await world.cache.get(KEY)).toEqual(at(2));
  });

  test('though the newer one was for memory alone, which has made room', async () => {
    const world = await twoTiers('memory+slow');
    await world.set(2, { memoryOnly: true });
    world.evict();
    expect(await world.cache.get(KEY)).toBeUndefined();
  });
});

test('the slower tier gives what it was given last', async () => {
  const { slow } = await twoTiers('memory+slow');
  expect(slow).toBeInstanceOf(SlowValues);
  expect((await slow?.get(KEY))?.value).toEqual(at(1));
});

/** Both have version 1. */
async function twoTiers(tiers: DataTiers): Promise<DataWorld> {
  const world = new DataWorld(tiers, 'local');
  await world.set(1);
  return world;
}
