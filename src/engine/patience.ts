// How long a tier is waited for. A store that has not answered in time is a miss, which costs a way to the origin, and is
// not asked for a while: else every request would wait as long.

import type { Tasks } from '../ports.ts';

/** A disk that is busy answers within this; one that hangs does not. */
const PATIENCE_MS = 2_000;
const PASSED_BY_MS = 10_000;

export class Patience<S> {
  readonly #tasks: Tasks;
  readonly #fault: (error: unknown, store?: S) => void;
  readonly #passedBy = new Set<S>();

  constructor(tasks: Tasks, fault: (error: unknown, store?: S) => void) {
    this.#tasks = tasks;
    this.#fault = fault;
  }

  /** True: it has let others wait of late, and is not asked. */
  isOutWith(store: S): boolean {
    return this.#passedBy.size > 0 && this.#passedBy.has(store);
  }

  /** What the store answers; undefined when it takes too long. */
  wait<T>(store: S, answer: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const cancel = this.#tasks.later(PATIENCE_MS, () => {
        this.#passBy(store);
        resolve(undefined);
      });
      answer.finally(cancel).then(resolve, reject);
    });
  }

  #passBy(store: S): void {
    if (this.#passedBy.has(store)) return;
    this.#passedBy.add(store);
    this.#tasks.later(PASSED_BY_MS, () => this.#passedBy.delete(store));
    this.#fault(
      new Error(`expected an answer of a tier within ${PATIENCE_MS} ms, got none; it is not asked for a while`),
      store,
    );
  }
}
