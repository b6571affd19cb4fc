// Views in a Durable Object, in simulated time.

import { describe, expect, test } from 'vitest';
import { view } from '../../src/index.ts';
import { codeOf, errorOf, settle } from '../cache/bench.ts';
import { ViewsWorld } from './views-world.ts';

test('combinations are computed on the alarm, and read from the isolate while nothing can have replaced them', async () => {
  let count = 0;
  const top = view('top', {
    params: { limit: [10, 20] },
    compute: ({ params, env }) => ({ limit: params.limit, env, count: ++count }),
    ...{ every: '30s', jitter: 0, tags: ['posts'] },
  });
  const world = new ViewsWorld([top]);
  const one = world.isolate();
  expect(await one.get(top, { limit: 10 })).toMatchObject({ value: { limit: 10, env: 'the bindings' }, ageMs: 0 });
  await world.pass(1_000);
  expect(count).toBe(2);
  await one.get(top, { limit: 10 });
  const { object, log } = world.calls;
  await world.pass(28_000);
  for (let times = 0; times < 50; times++) expect((await one.get(top, { limit: '10' })).ageMs).toBe(29_000);
  expect(world.calls.object).toBe(object);
  expect(world.calls.log).toBeLessThanOrEqual(log + 5);
  await world.pass(32_500);
  expect(count).toBe(6);
  expect((await one.get(top, { limit: 20 })).ageMs).toBeLessThan(30_000);
  expect((await one.stats())[0]).toMatchObject({ waited: 1, computed: 6 });
});

test('alarms go on, whatever fraction of a ms an interval ends at', async () => {
  let count = 0;
  const top = view('top', { compute: () => ++count, every: '300ms', atMost: 0 });
  let part = 0;
  const world = new ViewsWorld([top], {
    random: () => {
      part = (part + 0.137) % 1;
      return part;
    },
  });
  await world.isolate().get(top, {});
  await world.pass(30_000);
  expect(count).toBeGreaterThanOrEqual(100);
});

describe.each(['lease', 'strict', 'bounded'] as const)('in the mode %s', (mode) => {
  test('after an acknowledged invalidation no isolate gives what was computed before', async () => {
    let version = 1;
    const top = view('top', { compute: () => version, every: '1h', tags: ['posts'] });
    const world = new ViewsWorld([top], { mode });
    const isolates = [world.isolate(), world.isolate()];
    for (let round = 0; round < 20; round++) {
      for (const one of isolates) await one.get(top, {});
      await world.pass(50 * (round % 7));
      version++;
      const told = world.invalidate('posts');
      let isTold = false;
      void told.then(() => {
        isTold = true;
      });
      // Readers keep their copies and ask again all the while.
      while (!isTold) {
        for (const one of isolates) await Promise.race([one.get(top, {}), settle()]);
        await world.pass(50);
      }
      if (mode === 'bounded') await world.pass(1_000);
      for (const one of isolates) expect((await one.get(top, {})).value).toBe(version);
    }
  });
});

test('fifty readers of an outdated value share one computation', async () => {
  let count = 0;
  const top = view('top', {
    compute: async () => {
      await world.wait(500);
      return ++count;
    },
    ...{ every: '1h', tags: ['posts'], atMost: '1s' },
  });
  const world = new ViewsWorld([top]);
  const first = world.isolate().get(top, {});
  await world.pass(2_000);
  await first;
  const told = world.invalidate('posts');
  await world.pass(2_000);
  await told;
  const before = count;
  const told2 = world.invalidate('posts');
  await world.pass(1_050);
  await told2;
  const answers = Promise.all(Array.from({ length: 50 }, () => world.isolate().get(top, {})));
  await world.pass(600);
  expect(new Set((await answers).map(({ value }) => value))).toEqual(new Set([before + 1]));
});

test('an instance that ends loses nothing: values, waits and counters are those before', async () => {
  let isDown = false;
  let attempts = 0;
  const top = view('top', {
    compute: () => {
      attempts++;
      if (isDown) throw new Error('no connection');
      return new Map([['at', new Date(7)]]);
    },
    ...{ every: '30s', jitter: 0, tags: ['posts'] },
  });
  const flushed: unknown[] = [];
  const world = new ViewsWorld([top], { flush: (deltas) => void flushed.push(deltas) });
  const one = world.isolate();
  await one.get(top, {});
  isDown = true;
  await one.count('votes', 3);
  world.evict();
  await world.pass(2_000);
  expect(await one.get(top, {})).toMatchObject({ value: new Map([['at', new Date(7)]]), ageMs: 2_000 });
  expect((await one.stats())[0]).toMatchObject({ waited: 0, computed: 0 });
  expect(attempts).toBe(1);
  world.evict();
  await world.pass(40_000);
  expect(flushed).toEqual([{ votes: 3 }]);
  expect(await one.get(top, {})).toMatchObject({ error: { failures: expect.any(Number) } });
});

test('a value that was outdated while its reader waited is given once, and not kept by the isolate', async () => {
  let version = 1;
  const top = view('top', {
    params: { user: 'text' },
    compute: async () => {
      const read = version;
      await world.wait(2_000);
      return read;
    },
    ...{ every: '1h', tags: ['posts'] },
  });
  const warm = view('warm', { compute: () => 1, every: '1h', tags: ['others'] });
  const world = new ViewsWorld([top, warm]);
  const [one, other] = [world.isolate(), world.isolate()];
  await other.get(warm, {});
  await settle();
  const before = one.get(top, { user: 'ada' });
  await settle();
  version = 2;
  const told = world.invalidate('posts');
  await world.pass(1_100);
  await told;
  // The object knows of the invalidation when the computation ends.
  await world.isolate().get(warm, {});
  await world.pass(1_000);
  expect((await before).value).toBe(1);
  const again = one.get(top, { user: 'ada' });
  await world.pass(2_500);
  expect((await again).value).toBe(2);
});

test('a combination that the object has forgotten goes on where it was: an isolate that knows an older value takes the new one', async () => {
  let version = 1;
  const top = view('top', {
    params: { user: 'text' },
    compute: () => version,
    ...{ when: { signal: 'now' }, atMost: 0, maxOpen: 1 },
  });
  const world = new ViewsWorld([top]);
  const one = world.isolate();
  const read = async (user: string) => {
    await world.pass(1_100);
    return (await one.get(top, { user })).value;
  };
  await read('ada');
  await read('ada');
  for (version = 2; version < 5; version++) {
    await one.signal('now');
    expect(await read('ada')).toBe(version);
  }
  await read('bob');
  expect([await read('ada'), await read('ada')]).toEqual([5, 5]);
});

test('what was being computed when the instance ended is computed by the next', async () => {
  let count = 0;
  const top = view('top', {
    compute: () => (++count === 2 ? new Promise<number>(() => {}) : count),
    ...{ when: { signal: 'now' }, atMost: 0, timeout: '1h' },
  });
  const world = new ViewsWorld([top]);
  const one = world.isolate();
  await one.get(top, {});
  await one.signal('now');
  await world.pass(100);
  await one.signal('now');
  expect(count).toBe(2);
  world.evict();
  await world.pass(2_000);
  await one.get(top, {});
  await world.pass(100);
  expect((await one.get(top, {})).value).toBe(1);
  await world.pass(1_000);
  expect((await one.get(top, {})).value).toBe(3);
});

test('an invalidation while no instance lives is in force in the next', async () => {
  let version = 1;
  const top = view('top', { compute: () => version, every: '1h', tags: ['posts'] });
  const world = new ViewsWorld([top]);
  const one = world.isolate();
  await one.get(top, {});
  world.evict();
  version = 2;
  const told = world.invalidate('posts');
  await world.pass(1_100);
  await told;
  expect((await one.get(top, {})).value).toBe(2);
});

test('an invalidation is heard of with nobody who reads', async () => {
  let count = 0;
  const top = view('top', { compute: () => ++count, every: '1h', tags: ['posts'] });
  const world = new ViewsWorld([top], { followMs: 5_000 });
  await world.isolate().get(top, {});
  await world.pass(2_000);
  void world.invalidate('posts');
  await world.pass(6_000);
  expect(count).toBe(2);
});

test('when the log does not answer, nothing is given that it might have outdated, unless the view allows it', async () => {
  const exact = view('exact', { compute: () => 1, every: '30s', tags: ['posts'] });
  const loose = view('loose', { compute: () => 2, every: '30s', tags: ['posts'], serveOutdated: true });
  const free = view('free', { compute: () => 3, every: '30s' });
  const world = new ViewsWorld([exact, loose, free]);
  const one = world.isolate();
  for (const each of [exact, loose, free]) await one.get(each, {});
  await world.pass(2_000);
  world.isLogDown = true;
  expect(await codeOf(() => one.get(exact, {}))).toBe('E_LOG');
  expect(await one.get(loose, {})).toMatchObject({ value: 2, outdated: true });
  expect(await one.get(free, {})).toMatchObject({ value: 3, outdated: false });
  world.isLogDown = false;
  expect(await one.get(exact, {})).toMatchObject({ value: 1 });
});

test('a value too large for a row is a failure that says so; the value before stays', async () => {
  let size = 10;
  const big = view('big', { compute: () => 'x'.repeat(size), every: '30s', jitter: 0 });
  const world = new ViewsWorld([big]);
  const one = world.isolate();
  await one.get(big, {});
  size = 2_000_000;
  await world.pass(31_000);
  const { value, error } = await one.get(big, {});
  expect(value).toHaveLength(10);
  expect(error?.message).toMatch(/^expected a value of view:big: of at most 1990000 bytes, .* got 20000\d\d$/);
});

test('errors keep their codes on the way to the reader', async () => {
  const top = view('top', { params: { n: [1] }, compute: () => Promise.reject(new Error('no rows')), every: '30s' });
  const world = new ViewsWorld([top]);
  const one = world.isolate();
  expect(await codeOf(() => one.get(top, { n: 3 as never }))).toBe('E_VIEW');
  expect(await codeOf(() => one.get('tpo', {}))).toBe('E_VIEW');
  expect((await errorOf(() => one.get(top, { n: 1 }))).message).toMatch(/no rows/);
  expect(await codeOf(() => one.signal('none'))).toBe('E_VIEW');
});

test('rows of combinations that are declared no more go', async () => {
  const wide = view('top', { params: { n: [1, 2, 3] }, compute: ({ params }) => params.n, every: '30s' });
  const before = new ViewsWorld([wide]);
  await before.isolate().get(wide, { n: 1 });
  const narrow = view('top', { params: { n: [1] }, compute: () => 9, every: '30s' });
  const after = new ViewsWorld([narrow], { storage: before.storage });
  expect((await after.isolate().get(narrow, { n: 1 })).value).toBe(1);
  const rows = before.storage.database.prepare('select key from view_slots').all();
  expect(rows).toEqual([{ key: 'view:top:n=1' }]);
});
