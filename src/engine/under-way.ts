// Work that takes time and that a close waits for.

import type { Eventually } from '../ports.ts';

export class UnderWay {
  #count = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  /** Counts the work until it is over, however it ends; returns it. */
  track<T>(work: Promise<T>): Promise<T>;
  track<T>(work: Eventually<T>): Eventually<T>;
  track<T>(work: Eventually<T>): Eventually<T> {
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
