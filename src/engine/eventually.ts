// Results that are at hand at once, or later; without a promise where they are. And work under way, for which a close waits.
// (An export named `then` would be taken for that of a promise by whoever imports the module.)

import type { Eventually } from '../ports.ts';

export function after<T, R>(found: Eventually<T>, next: (value: T) => Eventually<R>): Eventually<R> {
  return found instanceof Promise ? found.then(next) : next(found);
}

/** In their order; a promise where one of them is. */
export function allAtOnce<T>(found: readonly Eventually<T>[]): Eventually<readonly T[]> {
  return found.some((one) => one instanceof Promise) ? Promise.all(found) : (found as readonly T[]);
}

export class UnderWay {
  #count = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  /** Counts the work until it is over, however it ends; returns it. */
  track<Work>(work: Work): Work {
    if (!(work instanceof Promise)) return work;
    this.#count++;
    const end = () => {
      if (--this.#count === 0) this.#idle?.resolve();
    };
    work.then(end, end);
    return work;
  }

  /** Resolves once nothing is under way. Asked once. */
  async idle(): Promise<void> {
    if (this.#count === 0) return;
    this.#idle = Promise.withResolvers<void>();
    await this.#idle.promise;
  }
}
