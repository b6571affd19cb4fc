// Waiting: within a time, for a condition, again after a failure, or with the process kept alive.

import { MessageChannel } from 'node:worker_threads';
import type { Tasks } from '../ports.ts';

const RETRY_MS = 50;
const RETRY_MAX_MS = 2_000;

/** Pauses between attempts: each is twice as long as the one before, within a bound. */
export class Backoff {
  #failures = 0;

  /** Whether the latest attempt failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  failed(): number {
    return Math.min(RETRY_MS * 2 ** Math.min(this.#failures++, 10), RETRY_MAX_MS);
  }

  succeeded(): void {
    this.#failures = 0;
  }
}

export function pause(tasks: Tasks, timeMs: number): Promise<void> {
  return new Promise((resolve) => void tasks.later(timeMs, resolve));
}

/** The outcome of the work; undefined when it takes longer. */
export function within<T>(tasks: Tasks, timeMs: number, work: Promise<T>): Promise<T | undefined> {
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const cancel = tasks.later(timeMs, () => resolve(undefined));
  return Promise.race([work, over]).finally(cancel);
}

/** Keeps the process alive while somebody waits for the tracker, whose timers do not. */
export function keptAlive<T>(work: Promise<T>): Promise<T> {
  const { port1 } = new MessageChannel();
  port1.ref();
  return work.finally(() => port1.close());
}

/** Some of it may become so without a word. */
const AGAIN_MS = 10;

export class Waiters {
  readonly #tasks: Tasks;
  #waiting: (() => void)[] = [];

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /** Resolves once `isTrue`; with false where `isOver` comes first. */
  async until(isTrue: () => boolean, isOver: () => boolean): Promise<boolean> {
    while (!isTrue()) {
      if (isOver()) return false;
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = this.#tasks.later(AGAIN_MS, resolve);
      this.#waiting.push(resolve);
      await promise;
      cancel();
    }
    return true;
  }

  wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
