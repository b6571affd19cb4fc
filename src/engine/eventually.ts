// Results that are at hand at once, or later; without a promise where they are. (An export named `then` would be taken for that
// of a promise by whoever imports the module.)

import type { Eventually } from '../ports.ts';

export function after<T, R>(found: Eventually<T>, next: (value: T) => Eventually<R>): Eventually<R> {
  return found instanceof Promise ? found.then(next) : next(found);
}

/** In their order; a promise where one of them is. */
export function allAtOnce<T>(found: readonly Eventually<T>[]): Eventually<readonly T[]> {
  return found.some((one) => one instanceof Promise) ? Promise.all(found) : (found as readonly T[]);
}
