// The alarm and the counters of a Durable Object of views, in simulated time.

import { expect, test } from 'vitest';
import { type TidegateError, view } from '../../src/index.ts';
import { codeOf, errorOf } from '../cache/bench.ts';
import { ViewsWorld } from './views-world.ts';

test('counters that no view names leave nothing behind once they are flushed', async () => {
  const flushed: Record<string, number> = {};
  const flush = (deltas: Readonly<Record<string, number>>) => void Object.assign(flushed, deltas);
  const top = view('top', { compute: () => 1, when: { counter: 'votes', by: 100 } });
  const world = new ViewsWorld([top], { flush, flushEveryMs: 1_000 });
  const one = world.isolate();
  for (let post = 0; post < 500; post++) await one.count(`post-${post}`);
  await one.count('votes', 3);
  await world.pass(5_000);
  expect(Object.keys(flushed)).toHaveLength(501);
  expect(keptCounters(world)).toEqual([{ name: 'votes', total: 3, pending: 0 }]);
});

const keptCounters = ({ storage }: ViewsWorld) => storage.database.prepare('select * from view_counters').all();

test('more than 2 MB of counters are kept, over an end of the instance, and flushed in batches of 1,000', async () => {
  const batches: Readonly<Record<string, number>>[] = [];
  let isDown = true;
  const flush = (deltas: Readonly<Record<string, number>>) => {
    if (isDown) throw new Error('no connection');
    batches.push(deltas);
  };
  const top = view('top', { compute: () => 1, when: { counter: 'votes', by: 100 } });
  const world = new ViewsWorld([top], { flush, flushEveryMs: 1_000 });
  const one = world.isolate();
  const names = Array.from({ length: 12_500 }, (_, at) => `${at} ${'é'.repeat(190)}`);
  for (const name of names) await one.count(name, 2);
  await world.pass(2_000);
  world.evict();
  isDown = false;
  await world.pass(400_000);
  expect(batches.map((deltas) => Object.keys(deltas).length)).toEqual([...Array(12).fill(1_000), 500]);
  const arrived = batches.flatMap((deltas) => Object.entries(deltas));
  expect(new Map(arrived)).toEqual(new Map(names.map((name) => [name, 2])));
  expect(keptCounters(world)).toEqual([]);
});

test('a name too long for a counter, and a counter too many, are refused by name', async () => {
  const top = view('top', { compute: () => 1, every: '1h' });
  const world = new ViewsWorld([top], { flush: () => Promise.reject(new Error('down')) });
  const one = world.isolate();
  expect(await codeOf(() => one.count('x'.repeat(201)))).toBe('E_VIEW');
  for (let at = 0; at < 100_000; at++) world.count(`c${at}`);
  const { code, message } = (await errorOf(() => one.count('last'))) as TidegateError;
  expect([code, message]).toEqual([
    'E_VIEW',
    'expected at most 100000 counters that wait to be flushed, got one more: last',
  ]);
  await one.count('c7');
});

test('counters that nobody takes do not add up', async () => {
  const top = view('top', { compute: () => 1, when: { counter: 'votes', by: 100 } });
  const world = new ViewsWorld([top]);
  const one = world.isolate();
  for (const counter of ['votes', 'views', 'likes']) await one.count(counter, 3);
  expect(keptCounters(world)).toEqual([{ name: 'votes', total: 3, pending: 0 }]);
});

test('a computation of minutes holds up no other view', async () => {
  let ticks = 0;
  const slow = view('slow', {
    compute: async () => {
      await world.wait(200_000);
      return 'done';
    },
    ...{ every: '10m', timeout: '4m' },
  });
  const quick = view('quick', { compute: () => ++ticks, every: '2s', jitter: 0 });
  const world = new ViewsWorld([slow, quick], { flush: () => undefined, flushEveryMs: 1_000 });
  const first = world.isolate().get(quick, {});
  await world.pass(60_000);
  await first;
  expect(ticks).toBeGreaterThanOrEqual(29);
  await world.pass(150_000);
  expect((await world.isolate().get(slow, {})).value).toBe('done');
});

test.each([1, 7, 300])('alarms that come %s ms before their time go on', async (earlyMs) => {
  let count = 0;
  const top = view('top', { compute: () => ++count, every: '1s', jitter: 0, atMost: 0 });
  const world = new ViewsWorld([top], { followMs: Number.POSITIVE_INFINITY });
  await world.isolate().get(top, {});
  world.earlyMs = earlyMs;
  for (let part = 0; part < 10; part++) {
    await world.pass(3_000);
    world.evict();
  }
  expect(count).toBeGreaterThanOrEqual(28);
});

test.each(['while readers ask', 'on the alarm'])(
  'an alarm that could not be set is told, and set later: %s',
  async (when) => {
    let count = 0;
    const top = view('top', { compute: () => ++count, every: '5s', jitter: 0 });
    const world = new ViewsWorld([top], { followMs: Number.POSITIVE_INFINITY });
    if (when === 'on the alarm') {
      await world.isolate().get(top, {});
      await world.pass(3_000);
    }
    world.isAlarmDown = true;
    if (when !== 'on the alarm') await world.isolate().get(top, {});
    await world.pass(20_000);
    expect(world.faults).toContain('storage is busy');
    world.isAlarmDown = false;
    await world.pass(2_000);
    const before = count;
    await world.pass(30_000);
    expect(count - before).toBe(6);
  },
);

test('a compute that throws for an hour: few attempts, the last good value with its age and error, then it goes on', async () => {
  let isDown = false;
  let attempts = 0;
  const top = view('top', {
    compute: () => {
      attempts++;
      if (isDown) throw new Error('no connection');
      return attempts;
    },
    ...{ every: '30s', jitter: 0, backoff: { from: '1s', to: '5m' }, tags: ['posts'] },
  });
  const world = new ViewsWorld([top]);
  const one = world.isolate();
  await one.get(top, {});
  isDown = true;
  attempts = 0;
  for (let minute = 1; minute <= 60; minute++) {
    await world.pass(60_000);
    expect(await one.get(top, {})).toMatchObject({ value: 1, outdated: false, ageMs: minute * 60_000 });
    if (minute % 7 === 0) world.evict();
  }
  // 1, 2, 4 … 256 s and then each 5 min, all of them halved by a random number of 0.
  expect(attempts).toBeGreaterThan(20);
  expect(attempts).toBeLessThan(36);
  const { error } = await one.get(top, {});
  expect(error).toMatchObject({ failures: attempts, message: expect.stringContaining('no connection') });
  isDown = false;
  await world.pass(300_000);
  expect(await one.get(top, {})).toMatchObject({ value: attempts, error: undefined });
});
