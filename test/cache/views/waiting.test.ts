// What a view is for, beside what it is made to replace: fifty readers, each asking once a second for ten minutes, of a value that
// takes two seconds to compute and is to be at most about 30 seconds old.

import { expect, test } from 'vitest';
import { view } from '../../../src/index.ts';
import { viewWorld } from './world.ts';

const READERS = 50;
const SECONDS = 600;
const COMPUTE_MS = 2_000;

async function waits(read: (readerAt: number) => unknown, pass: (ms: number) => Promise<void>) {
  let waited = 0;
  for (let second = 0; second < SECONDS; second++) {
    for (let reader = 0; reader < READERS; reader++) if (read(reader) instanceof Promise) waited++;
    await pass(1_000);
  }
  return waited;
}

test('with a view the first readers wait, and nobody after; with a ttl some wait whenever it ends', async () => {
  const viewed = viewWorld();
  let computed = 0;
  const compute = (world: typeof viewed) => async () => {
    computed++;
    await world.wait(COMPUTE_MS);
    return computed;
  };
  const top = view('top', { compute: compute(viewed), every: '30s' });
  const views = viewed.open([top]);
  const byView = await waits(() => views.get(top, {}), viewed.pass);
  const computedByView = computed;

  const ttl = viewWorld();
  computed = 0;
  const fill = compute(ttl);
  const byTtl = await waits(() => ttl.cache.getOrSet('top', fill, { ttl: '30s' }), ttl.pass);

  const computedByTtl = computed;

  const early = viewWorld();
  computed = 0;
  const earlyFill = compute(early);
  const options = { ttl: '30s', earlyRefresh: 0.9 } as const;
  const byEarly = await waits(() => early.cache.getOrSet('top', earlyFill, options), early.pass);

  // Of 30,000 reads. All of the first two seconds: 2 × 50.
  expect({ byView, byTtl, byEarly }).toEqual({ byView: 100, byTtl: 1_900, byEarly: 100 });
  expect({ computedByView, computedByTtl, computedByEarly: computed }).toEqual({
    computedByView: 21,
    computedByTtl: 19,
    computedByEarly: 21,
  });
});

test('nobody asked for a minute: with early refresh all wait again, with a view nobody does', async () => {
  const world = viewWorld();
  const compute = async () => {
    await world.wait(COMPUTE_MS);
    return 1;
  };
  const top = view('top', { compute, every: '30s' });
  const views = world.open([top]);
  const options = { ttl: '30s', earlyRefresh: 0.9 } as const;
  const byEarly = () => world.cache.getOrSet('top', compute, options);
  void byEarly();
  await world.pass(3_000);
  await world.pass(60_000);
  expect(byEarly()).toBeInstanceOf(Promise);
  expect(views.get(top, {})).not.toBeInstanceOf(Promise);
});
