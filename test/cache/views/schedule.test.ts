// The scheduler as a pure machine, against every order of events, failures and clock changes.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  begun,
  failed,
  isSignificant,
  nextDue,
  type Pace,
  rests,
  succeeded,
  type Timing,
  UNCOMPUTED,
  waitOf,
  wanted,
} from '../../../src/cache/views/schedule.ts';

const PACE: Pace = { everyMs: 30_000, jitter: 0.1, atMostMs: 1_000, backoffMs: { from: 1_000, to: 300_000 } };

const step = fc.record({
  kind: fc.constantFrom('begin', 'succeed', 'fail', 'event'),
  passedMs: fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.constant(-3_600_000)),
  random: fc.double({ min: 0, max: 0.999, noNaN: true }),
});

test('whatever happens, it is due within the longest wait, and never more often than it may be', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let timing: Timing = UNCOMPUTED;
      let now = 1_000_000_000;
      for (const { kind, passedMs, random } of steps) {
        now += passedMs;
        const before = timing;
        if (kind === 'begin' && !timing.isRunning && waitOf(timing, now) === 0) timing = begun(timing, now);
        else if (kind === 'event') timing = wanted(timing, PACE, now);
        else if (timing.isRunning && kind === 'succeed') timing = succeeded(timing, PACE, { now, random });
        else if (timing.isRunning && kind === 'fail') timing = failed(timing, PACE, { now, random });
        const waitMs = waitOf(timing, now);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        if (timing.isRunning) continue;
        const longestMs = timing.failures > 0 ? PACE.backoffMs.to : PACE.everyMs;
        expect(waitMs).toBeLessThanOrEqual(longestMs);
        // An event never puts it off, and never shortens the wait after a failure.
        if (kind === 'event') expect(timing.dueMs).toBeLessThanOrEqual(before.dueMs);
        if (kind === 'event' && before.failures > 0) expect(timing).toBe(before);
        // After a success at least `atMostMs` pass, unless an event came meanwhile.
        if (kind === 'succeed' && before.isRunning && !before.isWanted && passedMs >= 0) {
          expect(timing.dueMs - now).toBeGreaterThanOrEqual(PACE.atMostMs);
          expect(timing.failures).toBe(0);
        }
        if (kind === 'fail' && before.isRunning) {
          const fullMs = Math.min(PACE.backoffMs.to, PACE.backoffMs.from * 2 ** before.failures);
          expect(timing.dueMs - now).toBeGreaterThanOrEqual(fullMs / 2);
          expect(timing.dueMs - now).toBeLessThanOrEqual(fullMs);
          expect(timing.failures).toBe(before.failures + 1);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('an event while it is computed has it computed once more', () => {
  const running = begun(UNCOMPUTED, 1_000);
  const again = succeeded(wanted(running, PACE, 1_500), PACE, { now: 9_000, random: 0 });
  expect(waitOf(again, 9_000)).toBe(0);
  expect(waitOf(succeeded(running, PACE, { now: 9_000, random: 0 }), 9_000)).toBe(22_000);
  // A failure waits all the same.
  expect(rests(failed(wanted(running, PACE, 1_500), PACE, { now: 9_000, random: 0 }), 9_000)).toBe(true);
});

test('jitter takes time off, and never adds any', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (random) => {
      const { dueMs } = succeeded(begun(UNCOMPUTED, 0), PACE, { now: 10, random });
      expect(dueMs).toBeLessThanOrEqual(30_000);
      expect(dueMs).toBeGreaterThanOrEqual(27_000);
    }),
  );
});

test('the next are the longest overdue, as many as there is room for; the wait is that of the next', () => {
  const at = (dueMs: number, isRunning = false) => ({ timing: { ...UNCOMPUTED, dueMs, isRunning } });
  const all = [at(300), at(100), at(200), at(50, true), at(1_500), at(Number.POSITIVE_INFINITY), at(4_000)];
  expect(nextDue(all, 1_000, 2)).toEqual({ begin: [all[1], all[2]], waitMs: 500 });
  expect(nextDue(all, 1_000, -1).begin).toEqual([]);
  expect(nextDue([at(Number.POSITIVE_INFINITY)], 1_000, 9)).toEqual({ begin: [], waitMs: Number.POSITIVE_INFINITY });
});

test('every combination gets its turn, however slow the others are', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 4 }), (count, room) => {
      const all = Array.from({ length: count }, (_, name) => ({ name, timing: UNCOMPUTED, times: 0 }));
      // Each takes as long as its interval, so there is never room for all.
      for (let now = 0, turn = 0; turn < 20 * count; turn++, now += PACE.everyMs) {
        const { begin } = nextDue(all, now, room);
        for (const one of begin) {
          one.times++;
          one.timing = succeeded(begun(one.timing, now), PACE, { now: now + PACE.everyMs, random: 0 });
        }
      }
      const times = all.map((one) => one.times);
      expect(Math.max(...times)).toBeLessThanOrEqual(2 * Math.min(...times));
    }),
    { numRuns: 50 },
  );
});

test('a change is significant from the amount, or the part of what it was, up or down', () => {
  expect([99, 100, -100, -99].map((to) => isSignificant({ by: 100 }, 0, to))).toEqual([false, true, true, false]);
  expect([104, 105, 95, 96].map((to) => isSignificant({ byPart: 0.05 }, 100, to))).toEqual([false, true, true, false]);
  expect([0, 1].map((to) => isSignificant({ byPart: 0.05 }, 0, to))).toEqual([false, true]);
});
