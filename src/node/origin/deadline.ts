// A time limit on progress.
//
// Progress is frequent and setting a timer costs time, so one timer fires at the earliest possible moment and is set
// again when there was progress.

import type { Cancel, Clock, Tasks } from '../../ports.ts';

interface DeadlineEvents {
  /** Whether it is not the other side's turn; that time does not count. */
  suspended(): boolean;
  expired(): void;
}

export class Deadline {
  readonly #deps: { readonly clock: Clock; readonly tasks: Tasks };
  readonly #events: DeadlineEvents;
  #limitMs = 0;
  #progressMs = 0;
  #cancel: Cancel | undefined;

  constructor(deps: { readonly clock: Clock; readonly tasks: Tasks }, events: DeadlineEvents) {
    this.#deps = deps;
    this.#events = events;
  }

  get limitMs(): number {
    return this.#limitMs;
  }

  /** From now on, progress is due every `limitMs`. */
  start(limitMs: number): void {
    this.#limitMs = limitMs;
    this.progress();
    this.#arm(limitMs);
  }

  progress(): void {
    this.#progressMs = this.#deps.clock.monotonic();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = this.#deps.tasks.later(delayMs, () => this.#check());
  }

  #check(): void {
    this.#cancel = undefined;
    if (this.#events.suspended()) this.progress();
    const leftMs = this.#progressMs + this.#limitMs - this.#deps.clock.monotonic();
    if (leftMs > 0) this.#arm(leftMs);
    else this.#events.expired();
  }
}
