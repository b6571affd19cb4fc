// The time by which a cache goes where a program hands it in.

import { expected } from '../errors.ts';
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

/** Throws E_CONFIG. */
export function checkClock(clock: unknown): void {
  const { now, ...rest } = methodsOf(clock);
  if (typeof now !== 'function') expected('E_CONFIG', 'clock to have now()', clock === null ? clock : now);
  for (const [name, method] of Object.entries(rest)) {
    if (method !== undefined && typeof method !== 'function')
      expected('E_CONFIG', `${name} of clock to be a function`, method);
  }
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

function methodsOf(clock: unknown): { readonly [name in keyof CacheClock]: unknown } {
  const { now, monotonic, later } = (clock ?? {}) as { readonly [name in keyof CacheClock]: unknown };
  return { now, monotonic, later };
}
