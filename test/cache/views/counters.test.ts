// Live counters: they add up and reach the application in batches, each once, or under its id again where that failed.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CounterKeep, Counters } from '../../../src/cache/views/counters.ts';
import { view } from '../../../src/index.ts';
import { codeOf, settle } from '../bench.ts';
import { viewWorld } from './world.ts';

const top = view('top', { compute: () => 1, when: { counter: 'votes', by: 1_000 } });

test('what is counted is flushed together', async () => {
  const world = viewWorld();
  const flushed: unknown[] = [];
  const views = world.open([top], { flush: (deltas) => void flushed.push(deltas), flushEvery: '5s' });
  for (let times = 0; times < 10; times++) views.count('votes');
  views.count('views', 3);
  views.count('likes', 1);
  views.count('likes', -1);
  await world.pass(4_900);
  expect(flushed).toEqual([]);
  await world.pass(100);
  expect(flushed).toEqual([{ votes: 10, views: 3 }]);
  await world.pass(60_000);
  expect(flushed).toHaveLength(1);
  views.count('votes');
  await views.close();
  expect(flushed).toEqual([{ votes: 10, views: 3 }, { votes: 1 }]);
});

test('a flush that failed comes again as it was, under its id; what was counted meanwhile comes after it', async () => {
  const world = viewWorld();
  let isDown = true;
  const tried: { id: string; deltas: unknown }[] = [];
  const flush = (deltas: unknown, { id }: { id: string }) => {
    tried.push({ id, deltas });
    if (isDown) throw new Error('no connection');
  };
  const views = world.open([top], { flush, flushEvery: '1s' });
  views.count('votes', 5);
  await world.pass(1_000);
  views.count('votes', 7);
  await world.pass(20_000);
  expect(tried.length).toBeGreaterThan(3);
  expect(tried.length).toBeLessThan(9);
  expect(new Set(tried.map(({ id }) => id)).size).toBe(1);
  expect(tried.every(({ deltas }) => JSON.stringify(deltas) === '{"votes":5}')).toBe(true);
  expect(world.faults).toHaveLength(tried.length);
  isDown = false;
  await world.pass(60_000);
  const last = tried.at(-1);
  expect(last?.deltas).toEqual({ votes: 7 });
  expect(last?.id).not.toBe(tried[0]?.id);
});

test('what could not be flushed before the end is told, with the amounts', async () => {
  const world = viewWorld();
  const flush = () => Promise.reject(new Error('no connection'));
  const views = world.open([top], { flush, flushEvery: '1s' });
  views.count('votes', 5);
  await world.pass(1_000);
  views.count('votes', 2);
  await views.close();
  expect(world.faults.at(-1)).toBe('expected counters to be flushed before their views close, got left {"votes":7}');
});

test('a flush that never ends is tried again, under the same id', async () => {
  const world = viewWorld();
  const ids: string[] = [];
  const flush = (_: unknown, { id }: { id: string }) => {
    ids.push(id);
    return ids.length === 1 ? new Promise<void>(() => {}) : undefined;
  };
  const views = world.open([top], { flush, flushEvery: '1s' });
  views.count('votes');
  await world.pass(40_000);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
});

test('nothing is lost and nothing counted twice, whichever flushes fail', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(fc.record({ by: fc.integer({ min: -9, max: 9 }) }), fc.constant('time'), fc.constant('toggle')),
        {
          maxLength: 60,
        },
      ),
      async (steps) => {
        const world = viewWorld();
        let isDown = false;
        let counted = 0;
        const arrived = new Map<string, number>();
        const flush = async (deltas: { readonly [counter: string]: number }, { id }: { id: string }) => {
          await world.wait(300);
          // It may have arrived although it fails: the application tells by the id.
          arrived.set(id, deltas.votes ?? 0);
          if (isDown) throw new Error('lost');
        };
        const views = world.open([top], { flush, flushEvery: '500ms' });
        for (const step of steps) {
          if (step === 'toggle') isDown = !isDown;
          else if (step === 'time') await world.pass(700);
          else {
            views.count('votes', step.by);
            counted += step.by;
          }
        }
        isDown = false;
        await world.pass(400_000);
        expect([...arrived.values()].reduce((sum, delta) => sum + delta, 0)).toBe(counted);
      },
    ),
    { numRuns: 30 },
  );
}, 60_000);

test('counters that were kept go on where they were', () => {
  const counters = new Map();
  const keep: CounterKeep & { batch: CounterKeep['batch'] } = {
    counters,
    batch: undefined,
    keepCounter: (counter, sums) => void counters.set(counter, sums),
    keepBatch: (batch) => {
      keep.batch = batch;
    },
    together: (work) => work(),
  };
  const parts = { named: new Set(['votes']), isFlushed: true, keep };
  const one = new Counters({ ...parts, newId: () => 'first' });
  one.add('votes', 3);
  one.take();
  one.add('votes', 2);
  const other = new Counters({ ...parts, newId: () => 'second' });
  expect(other.total('votes')).toBe(5);
  expect(other.take()).toEqual({ id: 'first', deltas: { votes: 3 } });
  other.arrived();
  expect(other.take()).toEqual({ id: 'second', deltas: { votes: 2 } });
  other.arrived();
  expect(other.isEmpty).toBe(true);
});

test('what is no number is not counted', async () => {
  const world = viewWorld();
  const views = world.open([top]);
  await settle();
  expect(await codeOf(() => views.count('votes', Number.NaN))).toBe('E_VIEW');
  expect(await codeOf(() => views.count('', 1))).toBe('E_VIEW');
});
