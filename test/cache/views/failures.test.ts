// A source that fails: few attempts, the last good value for as long as it may be given, and no crowd at the source.

import { expect, test } from 'vitest';
import { view } from '../../../src/index.ts';
import { codeOf, errorOf, settle } from '../bench.ts';
import { viewWorld } from './world.ts';

test('a compute that throws for an hour: few attempts, the last good value with its age and error, then it goes on', async () => {
  const world = viewWorld();
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
  const views = world.open([top]);
  await world.pass(1_000);
  isDown = true;
  attempts = 0;
  for (let minute = 0; minute < 60; minute++) {
    await world.pass(60_000);
    expect(views.get(top, {})).toMatchObject({ value: 1, outdated: false });
  }
  const { ageMs, error } = await views.get(top, {});
  expect(ageMs).toBe(3_601_000);
  expect(error).toMatchObject({ failures: attempts });
  expect(error?.message).toContain('no connection');
  // 1, 2, 4 … 256 s and then each 5 min, all of them halved by a random number of 0.
  expect(attempts).toBeGreaterThan(20);
  expect(attempts).toBeLessThan(36);
  expect(views.stats()[0]).toMatchObject({ failed: attempts, failing: { 'view:top:': { failures: attempts } } });
  expect(world.faults).toHaveLength(attempts);
  isDown = false;
  await world.pass(300_000);
  expect(views.get(top, {})).toMatchObject({ error: undefined });
});

test('fifty readers of an outdated value whose source is down: one attempt, not fifty', async () => {
  const world = viewWorld();
  let isDown = false;
  let attempts = 0;
  const top = view('top', {
    compute: () => {
      attempts++;
      if (isDown) throw new Error('no connection');
      return 1;
    },
    ...{ every: '30s', tags: ['posts'] },
  });
  const views = world.open([top]);
  await settle();
  isDown = true;
  await world.cache.invalidate({ tags: ['posts'] });
  const codes = await Promise.all(Array.from({ length: 50 }, () => codeOf(() => views.get(top, {}))));
  expect(new Set(codes)).toEqual(new Set(['E_FILL']));
  expect(attempts).toBe(2);
  const { message } = await errorOf(() => views.get(top, {}));
  expect(message).toMatch(/^expected a value of view:top:, got 1 in a row that failed, .*; the next begins in 500 ms$/);
  expect(attempts).toBe(2);
});

test('a compute that never ends is given up; its signal says so, and the value before stays', async () => {
  const world = viewWorld();
  let hangs = false;
  let reason: unknown;
  const top = view('top', {
    compute: ({ signal }) => {
      if (!hangs) return 1;
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      return new Promise<number>(() => {});
    },
    ...{ every: '30s', jitter: 0, timeout: '5s' },
  });
  const views = world.open([top]);
  await settle();
  hangs = true;
  await world.pass(35_000);
  expect(reason).toMatchObject({ code: 'E_FILL_TIMEOUT' });
  expect(views.get(top, {})).toMatchObject({ value: 1, error: { failures: 1 } });
  hangs = false;
  await world.pass(1_000);
  expect(views.get(top, {})).toMatchObject({ error: undefined });
});

test('beyond maxAge the value is not given any more', async () => {
  const world = viewWorld();
  let isDown = false;
  const top = view('top', {
    compute: () => {
      if (isDown) throw new Error('no connection');
      return 1;
    },
    ...{ every: '30s', maxAge: '10m', backoff: { to: '1m' } },
  });
  const views = world.open([top]);
  await settle();
  isDown = true;
  await world.pass(599_000);
  expect(views.get(top, {})).toMatchObject({ value: 1 });
  await world.pass(1_000);
  expect(await codeOf(() => views.get(top, {}))).toBe('E_FILL');
});

test('a clock that is set back delays nothing', async () => {
  const world = viewWorld();
  let at = Date.UTC(2026, 0, 1);
  const cache = viewWorld({
    clock: { now: () => at, later: (delayMs, work) => world.time.later(delayMs, work) },
  }).cache;
  let count = 0;
  const top = view('top', { compute: () => ++count, every: '30s', jitter: 0 });
  const views = world.open([top], { cache });
  await settle();
  at -= 86_400_000;
  await world.pass(60_000);
  expect(count).toBeGreaterThanOrEqual(2);
  expect(views.get(top, {})).toMatchObject({ ageMs: 0 });
});

test('close ends the timers and waits for what is under way', async () => {
  const world = viewWorld();
  let ended = 0;
  const top = view('top', {
    compute: async () => {
      await world.wait(1_000);
      return ++ended;
    },
    every: '30s',
  });
  const views = world.open([top]);
  const closed = views.close();
  await world.pass(1_000);
  await closed;
  expect(ended).toBe(1);
  expect(world.time.idle).toBe(true);
  expect(await codeOf(() => views.get(top, {}))).toBe('E_VIEW');
});
