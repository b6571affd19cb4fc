// The time by which a cache goes where a program hands it in.

import { TidegateError } from '../errors.ts';
import type { Clock, Tasks } from '../ports.ts';
import { shown } from './keys.ts';

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
  if (typeof now !== 'function') throw refused('clock to have now()', shown(clock === null ? clock : now));
  for (const [name, method] of Object.entries(rest)) {
    if (method !== undefined && typeof method !== 'function')
      throw refused(`${name} of clock to be a function`, shown(method));
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

function refused(expected: string, got: string): TidegateError {
  return new TidegateError('E_CONFIG', `expected ${expected}, got ${got}`);
}
