// One answer on its way from the simulated origin: steps in time that stop at an abort and wait during a pause.

import type { Forward } from '../../src/ports.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';

export class Sending implements Forward {
  readonly #time: SimulatedTime;
  #paused = false;
  #aborted = false;
  #held: (() => void) | undefined;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  /** Does `work` after the delay, unless aborted by then. */
  after(delayMs: number, work: () => void): void {
    this.#time.later(delayMs, () => {
      if (!this.#aborted) work();
    });
  }

  /** As `after`; and not before the gate takes more. */
  whenTaken(delayMs: number, work: () => void): void {
    this.after(delayMs, () => {
      if (this.#paused) this.#held = work;
      else work();
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.after(0, held);
  }

  abort(): void {
    this.#aborted = true;
  }

  get aborted(): boolean {
    return this.#aborted;
  }
}
