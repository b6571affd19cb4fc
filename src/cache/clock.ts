// The time by which a cache goes where a program hands it in.

import type { Clock, Tasks } from '../ports.ts';

/** Time, as far as it is handed in. */
export interface CacheClock {
  /** ms since the Unix epoch. */
  now(): number;
  /** ms since some start; never goes back. Default: `now`. */
  monotonic?(): number;
  /** Calls `work` after so many ms; the result keeps it from being called. Default: by `setTimeout`. */
  later?(delayMs: number, work: () => void): () => void;
}

export function timeOf(
  clock: CacheClock,
  tasks: Tasks,
): { readonly clock: Clock; readonly tasks: Tasks; readonly roughNow?: undefined } {
  return {
    clock: {
      now: () => clock.now(),
      monotonic: () => (clock.monotonic === undefined ? clock.now() : clock.monotonic()),
    },
    tasks: {
      later: (delayMs, work) => (clock.later === undefined ? tasks.later(delayMs, work) : clock.later(delayMs, work)),
      soon: (work) => tasks.soon(work),
    },
  };
}
