// A clock and tasks that move only when told to.

import type { Clock, Tasks } from '../../src/ports.ts';

export interface ManualTime {
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Moves on, running what falls due, in order. */
  advance(ms: number): void;
  /** Timers that are set. */
  pending(): number;
}

export function manualTime(): ManualTime {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly work: () => void }>();
  return {
    clock: { now: () => nowMs, monotonic: () => nowMs },
    tasks: {
      later(delayMs, work) {
        const timer = { atMs: nowMs + delayMs, work };
        timers.add(timer);
        return () => timers.delete(timer);
      },
      soon: (work) => queueMicrotask(work),
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].filter((timer) => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = next.atMs;
        next.work();
      }
      nowMs = endMs;
    },
    pending: () => timers.size,
  };
}
