// The time limit of one forward, on the injected clock.

import type { Cancel } from '../../ports.ts';
import type { OriginDeps } from './origin-wire.ts';

/**
 * A time limit on progress. Progress is frequent and setting a timer costs time, so one timer fires at the earliest possible
 * moment and is set again when there was progress.
 */
export class Deadline {
  readonly #deps: OriginDeps;
  readonly #suspended: () => boolean;
  readonly #expired: () => void;
  limitMs = 0;
  #progressMs = 0;
  #cancel: Cancel | undefined;

  /** `suspended`: whether it is not the other side's turn; that time does not count. */
  constructor(deps: OriginDeps, suspended: () => boolean, expired: () => void) {
    this.#deps = deps;
    this.#suspended = suspended;
    this.#expired = expired;
  }

  /** From now on, progress is due every `limitMs`. */
  start(limitMs: number): void {
    this.limitMs = limitMs;
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
    if (this.#suspended()) this.progress();
    const leftMs = this.#progressMs + this.limitMs - this.#deps.clock.monotonic();
    if (leftMs > 0) this.#arm(leftMs);
    else this.#expired();
  }
}
