// What time it is: the platform's, that of fake timers, or one that the program hands in.

import { ModernFakeTimers } from '@jest/fake-timers';
import sinon from 'sinon';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createCache } from '../../src/index.ts';
import { createTestClock } from '../../src/testing/index.ts';
import { codeOf, settle } from './bench.ts';

interface Fakes {
  readonly name: string;
  install(at: number): void;
  advance(ms: number): void;
  uninstall(): void;
}

let sinonClock: sinon.SinonFakeTimers | undefined;
const jestTimers = new ModernFakeTimers({
  config: { fakeTimers: {}, rootDir: '/', testMatch: [] } as never,
  global: globalThis,
});

const FAKES: readonly Fakes[] = [
  {
    name: 'vitest',
    install: (now) => void vi.useFakeTimers({ now }),
    advance: (ms) => void vi.advanceTimersByTime(ms),
    uninstall: () => void vi.useRealTimers(),
  },
  {
    name: 'sinon',
    install: (now) => {
      sinonClock = sinon.useFakeTimers({ now });
    },
    advance: (ms) => void sinonClock?.tick(ms),
    uninstall: () => void sinonClock?.restore(),
  },
  {
    name: 'jest',
    install: (now) => {
      jestTimers.useFakeTimers();
      jestTimers.setSystemTime(now);
    },
    advance: (ms) => void jestTimers.advanceTimersByTime(ms),
    uninstall: () => void jestTimers.useRealTimers(),
  },
];

afterEach(() => {
  vi.useRealTimers();
  sinon.restore();
});

/** A day on which no test is run. */
const DAY = Date.UTC(2031, 4, 5);
const never = () => new Promise<never>(() => {});
const kept = createCache({ defaults: { ttl: '1m' } });

/** One test of a suite: all that has to do with time. */
async function oneTest(fakes: Fakes, at: number): Promise<void> {
  const cache = createCache();
  fakes.install(at);
  try {
    for (const one of [cache, kept]) {
      await one.clear();
      await one.getOrSet('brief', () => 'old', { ttl: '1s' });
      await one.getOrSet('long', () => 'old', { ttl: '1d' });
      fakes.advance(999);
      expect(await one.getOrSet('brief', () => 'new', { ttl: '1s' })).toBe('old');
      fakes.advance(1);
      expect(await one.getOrSet('brief', () => 'new', { ttl: '1s' })).toBe('new');
      fakes.advance(86_400_000 - 1_001);
      expect(await one.get('long')).toBe('old');
      fakes.advance(1);
      expect(await one.get('long')).toBeUndefined();
      await one.getOrSet('late', () => 'old', { ttl: '1s', grace: '1h' });
      fakes.advance(1_000);
      const soft = one.getOrSet('late', never, { ttl: '1s', grace: '1h', timeouts: { soft: '2s', hard: '3s' } });
      const hard = codeOf(() => one.getOrSet('none', never, { timeouts: { hard: '3s' } }));
      await settle();
      fakes.advance(2_000);
      expect(await soft).toBe('old');
      fakes.advance(1_000);
      expect(await hard).toBe('E_FILL_TIMEOUT');
      const fails = () => Promise.reject(new Error('down'));
      const failing = { ttl: '1s', grace: '1h', graceBackoff: '5s' } as const;
      await one.getOrSet('rests', () => 'old', failing);
      fakes.advance(1_000);
      expect(await one.getOrSet('rests', fails, failing)).toBe('old');
      fakes.advance(4_999);
      expect(await one.getOrSet('rests', () => 'new', failing)).toBe('old');
      fakes.advance(1);
      expect(await one.getOrSet('rests', () => 'new', failing)).toBe('new');
    }
  } finally {
    fakes.uninstall();
  }
}

describe.each(FAKES)('fake timers of $name', (fakes) => {
  test('are the time in the first test of a suite, in the second, and in one on an earlier day', async () => {
    await oneTest(fakes, DAY);
    await oneTest(fakes, DAY);
    await oneTest(fakes, DAY - 9 * 86_400_000);
  });

  test('end what was stored in real time', async () => {
    const cache = createCache();
    await cache.set('k', 1, { ttl: '1h' });
    expect(cache.get('k')).toBe(1);
    fakes.install(Date.now() + 3_600_000);
    try {
      expect(cache.get('k')).toBeUndefined();
    } finally {
      fakes.uninstall();
    }
    expect(cache.get('k')).toBe(1);
  });
});

test('a Date.now that is spied on is the time', () => {
  const cache = createCache();
  cache.set('k', 1, { ttl: '1h' });
  expect(cache.get('k')).toBe(1);
  const spy = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
  expect(cache.get('k')).toBeUndefined();
  spy.mockRestore();
});

test('work that blocks the thread takes no entry past its time', () => {
  const cache = createCache();
  cache.set('k', 1, { ttl: 20 });
  expect(cache.get('k')).toBe(1);
  for (const end = Date.now() + 25; Date.now() < end; );
  expect(Array.from({ length: 1_000 }, () => cache.get('k')).filter((got) => got !== undefined)).toEqual([]);
});

describe('a clock that is handed in', () => {
  test('is the time of entries, timeouts and pauses', async () => {
    const clock = createTestClock();
    const cache = createCache({ clock });
    cache.set('k', 1, { ttl: '1d' });
    clock.advance(86_399_999);
    expect(cache.get('k')).toBe(1);
    clock.advance(1);
    expect(cache.get('k')).toBeUndefined();
    const hard = codeOf(() => cache.getOrSet('none', never, { timeouts: { hard: '3s' } }));
    await settle();
    clock.advance(3_000);
    expect(await hard).toBe('E_FILL_TIMEOUT');
    expect(clock.now()).toBe(Date.UTC(2026, 0, 2, 0, 0, 3));
  });

  test('may be `now` alone', () => {
    let at = 0;
    const cache = createCache({ clock: { now: () => at } });
    cache.set('k', 1, { ttl: 10 });
    at = 9;
    expect(cache.get('k')).toBe(1);
    at = 10;
    expect(cache.get('k')).toBeUndefined();
  });

  test.each([
    [null, 'clock to be one with now(), got null'],
    [{}, 'clock to be one with now()'],
    [{ now: () => 1, later: 5 }, 'later of clock to be a function'],
  ])('is refused when it is none: %o', (clock, message) => {
    expect(() => createCache({ clock: clock as never })).toThrow(message);
  });
});

test('a test clock does what falls due in order, also what that brings about', () => {
  const clock = createTestClock(0);
  const done: string[] = [];
  clock.later(20, () => done.push(`b at ${clock.now()}`));
  clock.later(10, () => {
    done.push(`a at ${clock.now()}`);
    clock.later(5, () => done.push(`c at ${clock.now()}`));
  });
  const cancel = clock.later(12, () => done.push('never'));
  cancel();
  clock.advance(15);
  expect([done, clock.now(), clock.idle]).toEqual([['a at 10', 'c at 15'], 15, false]);
  expect([clock.step(), clock.step(), clock.now()]).toEqual([true, false, 20]);
});
