// Views in a process: what readers get, when it is computed, and what an invalidation does to it.

import { expect, test } from 'vitest';
import { view } from '../../../src/index.ts';
import { codeOf, settle } from '../bench.ts';
import { viewWorld } from './world.ts';

test('every combination is computed ahead; readers get it at once, with its age', async () => {
  const world = viewWorld();
  const computed: string[] = [];
  const trending = view('trending', {
    params: { window: ['1h', '24h'], limit: [10, 20] },
    compute: ({ params: { window, limit } }) => {
      computed.push(`${window}/${limit}`);
      return { window, limit };
    },
    every: '30s',
    jitter: 0,
  });
  const views = world.open([trending]);
  await settle();
  expect(computed).toEqual(['1h/10', '1h/20', '24h/10', '24h/20']);
  const answer = views.get(trending, { window: '24h', limit: 10 });
  expect(answer).toEqual({ value: { window: '24h', limit: 10 }, ageMs: 0, outdated: false, error: undefined });
  // A query has texts only.
  expect(views.get(trending, { window: '24h', limit: '10' })).toEqual(answer);
  await world.pass(20_000);
  expect(views.get('trending', { window: '1h', limit: 20 })).toMatchObject({ ageMs: 20_000 });
  await world.pass(10_000);
  expect(computed).toHaveLength(8);
  expect(views.get(trending, { window: '1h', limit: 20 })).toMatchObject({ ageMs: 0 });
  expect(views.stats()).toMatchObject([{ name: 'trending', combinations: 4, computed: 8, answered: 4, waited: 0 }]);
});

test('nobody waits but the very first: while it is computed again, the value before is given', async () => {
  const world = viewWorld();
  let count = 0;
  const slow = view('slow', {
    compute: async () => {
      count++;
      await world.wait(5_000);
      return count;
    },
    ...{ every: '30s', jitter: 0 },
  });
  const views = world.open([slow]);
  const first = [views.get(slow, {}), views.get(slow, {})];
  await world.pass(5_000);
  expect((await Promise.all(first)).map((answer) => answer.value)).toEqual([1, 1]);
  await world.pass(26_000);
  expect(count).toBe(2);
  expect(views.get(slow, {})).toMatchObject({ value: 1, ageMs: 31_000, outdated: false });
  await world.pass(5_000);
  expect(views.get(slow, {})).toMatchObject({ value: 2 });
  expect(views.stats()[0]).toMatchObject({ answered: 4, waited: 2 });
});

test.each([
  ['a tag', (cache: ReturnType<typeof viewWorld>['cache']) => cache.invalidate({ tags: ['posts'] })],
  ['a table', (cache: ReturnType<typeof viewWorld>['cache']) => cache.invalidate({ tables: ['votes'] })],
  ['the key', (cache: ReturnType<typeof viewWorld>['cache']) => cache.invalidate({ keys: ['view:top:'] })],
  ['a pattern', (cache: ReturnType<typeof viewWorld>['cache']) => cache.invalidate({ pattern: 'view:*' })],
  ['everything', (cache: ReturnType<typeof viewWorld>['cache']) => cache.clear()],
])('after an invalidation of %s nobody gets what was computed before', async (_, invalidate) => {
  const world = viewWorld();
  let version = 1;
  const top = view('top', { compute: () => version, every: '1h', tags: ['posts'], tables: ['votes'] });
  const views = world.open([top]);
  await settle();
  expect(views.get(top, {})).toMatchObject({ value: 1 });
  version = 2;
  await invalidate(world.cache);
  expect((await views.get(top, {})).value).toBe(2);
});

test('what an invalidation overtakes is given to those who asked before it, and to nobody after', async () => {
  const world = viewWorld();
  let version = 1;
  const top = view('top', {
    compute: async () => {
      const read = version;
      await world.wait(1_000);
      return read;
    },
    ...{ every: '1h', tags: ['posts'] },
  });
  const views = world.open([top]);
  const before = views.get(top, {});
  version = 2;
  await world.cache.invalidate({ tags: ['posts'] });
  const after = [views.get(top, {}), views.get(top, {})];
  await world.pass(1_000);
  expect((await before).value).toBe(1);
  expect((await Promise.all(after)).map(({ value }) => value)).toEqual([2, 2]);
  expect(views.get(top, {})).toMatchObject({ value: 2 });
  // One for the first, and one for both who came after.
  expect(views.stats()[0]).toMatchObject({ computed: 2 });
});

test.each(['ends', 'fails'])('a computation that %s after a later one changes nothing', async (end) => {
  const world = viewWorld();
  let begun = 0;
  const top = view('top', {
    compute: async () => {
      const nth = ++begun;
      await world.wait(nth === 1 ? 3_000 : 500);
      if (nth === 1 && end === 'fails') throw new Error('late');
      return nth;
    },
    ...{ every: '1h', tags: ['posts'] },
  });
  const views = world.open([top]);
  await settle();
  await world.cache.invalidate({ tags: ['posts'] });
  const second = views.get(top, {});
  await world.pass(500);
  expect((await second).value).toBe(2);
  await world.pass(3_000);
  expect(views.get(top, {})).toMatchObject({ value: 2, error: undefined });
  expect(begun).toBe(2);
});

test('an invalidation has it computed again with nobody who asks', async () => {
  const world = viewWorld();
  let version = 1;
  const top = view('top', { compute: () => version, every: '1h', tags: ['posts'] });
  const views = world.open([top]);
  await world.pass(5_000);
  version = 2;
  await world.cache.invalidate({ tags: ['posts'] });
  await world.pass(100);
  expect(views.get(top, {})).toMatchObject({ value: 2 });
  expect(views.stats()[0]).toMatchObject({ computed: 2, waited: 0 });
});

test('many invalidations cause at most one computation in `atMost`', async () => {
  const world = viewWorld();
  const top = view('top', { compute: () => 1, every: '1h', tags: ['posts'], atMost: '2s' });
  const views = world.open([top]);
  for (let times = 0; times < 100; times++) {
    await world.cache.invalidate({ tags: ['posts'] });
    await world.pass(100);
  }
  expect(views.stats()[0]?.computed).toBeLessThanOrEqual(6);
  expect(views.stats()[0]?.computed).toBeGreaterThanOrEqual(5);
});

test('serveOutdated: readers get the value before, and are told', async () => {
  const world = viewWorld();
  let version = 1;
  const top = view('top', {
    compute: async () => {
      const read = version;
      await world.wait(1_000);
      return read;
    },
    ...{ every: '1h', tags: ['posts'], serveOutdated: true },
  });
  const views = world.open([top]);
  await world.pass(5_000);
  version = 2;
  await world.cache.invalidate({ tags: ['posts'] });
  expect(views.get(top, {})).toMatchObject({ value: 1, outdated: true });
  await world.pass(1_100);
  expect(views.get(top, {})).toMatchObject({ value: 2, outdated: false });
  expect(views.stats()[0]).toMatchObject({ waited: 0 });
});

test('a soft invalidation has it computed again, and nobody waits', async () => {
  const world = viewWorld();
  let version = 1;
  const top = view('top', { compute: () => version, every: '1h', tags: ['posts'] });
  const views = world.open([top]);
  await world.pass(5_000);
  version = 2;
  await world.cache.invalidate({ tags: ['posts'], soft: true });
  expect(views.get(top, {})).toMatchObject({ value: 1, outdated: false });
  await world.pass(100);
  expect(views.get(top, {})).toMatchObject({ value: 2 });
});

test('signals and counters have it computed again', async () => {
  const world = viewWorld();
  const published = view('published', { compute: () => 1, when: { signal: 'published' } });
  const votes = view('votes', { compute: () => 1, when: { counter: 'votes', by: 100 } });
  const part = view('part', { compute: () => 1, when: [{ counter: 'votes', byPart: 0.5 }, { signal: 'published' }] });
  const views = world.open([published, votes, part]);
  const computed = () => views.stats().map(({ computed: times }) => times);
  await world.pass(2_000);
  expect(computed()).toEqual([1, 1, 1]);
  views.signal('published');
  await world.pass(2_000);
  expect(computed()).toEqual([2, 1, 2]);
  views.count('votes', 99);
  await world.pass(2_000);
  // From 0 any change is significant as a part.
  expect(computed()).toEqual([2, 1, 3]);
  views.count('votes');
  await world.pass(2_000);
  expect(computed()).toEqual([2, 2, 3]);
  views.count('votes', 50);
  await world.pass(2_000);
  expect(computed()).toEqual([2, 2, 4]);
  views.count('votes', -100);
  await world.pass(2_000);
  // 150 is 50 above what `votes` was computed at; 50 is 50 below.
  expect(computed()).toEqual([2, 2, 5]);
  expect(await codeOf(() => views.signal('publishd'))).toBe('E_VIEW');
});

test('combinations are computed a few at a time', async () => {
  const world = viewWorld();
  let running = 0;
  let most = 0;
  const wide = view('wide', {
    params: { n: Array.from({ length: 20 }, (_, n) => n) },
    compute: async () => {
      most = Math.max(most, ++running);
      await world.wait(100);
      running--;
      return 1;
    },
    every: '30s',
  });
  const views = world.open([wide], { concurrency: 3 });
  await world.pass(1_000);
  expect(most).toBe(3);
  expect(views.stats()[0]).toMatchObject({ computed: 20 });
});

test('a parameter of any value: computed when asked for, ahead while it is asked, and then forgotten', async () => {
  const world = viewWorld();
  const computed: string[] = [];
  const feed = view('feed', {
    params: { user: 'text', page: 'number' },
    compute: ({ params }) => {
      computed.push(`${params.user}${params.page}`);
      return params;
    },
    tags: ({ user }) => [`user-${user}`],
    ...{ every: '30s', jitter: 0, maxOpen: 2 },
  });
  const views = world.open([feed]);
  expect(await views.get(feed, { user: 'ada', page: '1' })).toMatchObject({ value: { user: 'ada', page: 1 } });
  await world.pass(1_000);
  expect(views.get(feed, { user: 'ada', page: 1 })).toMatchObject({ ageMs: 1_000 });
  await world.pass(30_000);
  expect(computed).toEqual(['ada1', 'ada1']);
  await world.pass(60_000);
  expect(computed).toEqual(['ada1', 'ada1']);
  expect(views.stats()[0]).toMatchObject({ combinations: 0 });
  for (const user of ['a', 'b', 'c']) await views.get(feed, { user, page: 1 });
  expect(views.stats()[0]).toMatchObject({ combinations: 2 });
  await world.cache.invalidate({ tags: ['user-c'] });
  expect(views.get(feed, { user: 'b', page: 1 })).not.toBeInstanceOf(Promise);
  expect(views.get(feed, { user: 'c', page: 1 })).toBeInstanceOf(Promise);
});

test('views of a namespace hear its invalidations; values are copied for each reader', async () => {
  const world = viewWorld();
  const at = view('at', { compute: () => new Date(7), every: '1h', tags: ['posts'] });
  const views = world.open([at], { cache: world.cache.namespace('blog') });
  await settle();
  const one = (await views.get(at, {})).value;
  one.setTime(8);
  expect((await views.get(at, {})).value.getTime()).toBe(7);
  await world.cache.namespace('shop').invalidate({ tags: ['posts'] });
  expect(views.get(at, {})).not.toBeInstanceOf(Promise);
  await world.cache.namespace('blog').invalidate({ tags: ['posts'] });
  expect(views.get(at, {})).toBeInstanceOf(Promise);
});

test('an eviction makes nobody wait', async () => {
  const world = viewWorld({ memory: { maxEntries: 1 } });
  const top = view('top', { compute: () => 1, every: '1h' });
  const views = world.open([top]);
  await settle();
  for (let n = 0; n < 100; n++) await world.cache.set(`other:${n}`, n);
  expect(views.get(top, {})).toMatchObject({ value: 1 });
});

test('over a cache that is off nothing is computed ahead, and each reader gets what is read for it', async () => {
  const world = viewWorld({ enabled: false });
  let count = 0;
  const top = view('top', { compute: () => ++count, every: '30s' });
  const views = world.open([top]);
  await world.pass(60_000);
  expect(count).toBe(0);
  expect([(await views.get(top, {})).value, (await views.get(top, {})).value]).toEqual([1, 2]);
});
