// Waits for conditions: checks each one again whenever something has happened, and every now and then.

import type { Tasks } from '../../ports.ts';

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
      await new Promise<void>((resolve) => {
        const cancel = this.#tasks.later(AGAIN_MS, () => resolve());
        this.#waiting.push(() => {
          cancel();
          resolve();
        });
      });
    }
    return true;
  }

  /** Something has happened. */
  wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
