// A machine of the simulated world, with a clock of its own.

import type { Clock, Tasks } from '../../src/ports.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';
import type { Dice } from '../sim/dice.ts';

/** A machine's clock: it stands still between the I/O of its machine, and goes wrong by up to five parts in a thousand. */
export class Machine implements Clock, Tasks {
  readonly #time: SimulatedTime;
  readonly #rate: number;
  readonly #beganMs: number;
  readonly #offset: number;
  #shown = 0;

  constructor(time: SimulatedTime, dice: Dice) {
    this.#time = time;
    this.#beganMs = time.monotonic();
    this.#rate = 1 + (dice.next() - 0.5) * 0.01;
    this.#offset = dice.below(1_000_000);
    this.input();
  }

  /** Something has arrived: the clock moves. */
  input(): void {
    this.#shown = this.#time.monotonic();
  }

  now(): number {
    return this.#shown;
  }

  monotonic(): number {
    return Math.floor((this.#shown - this.#beganMs) * this.#rate) + this.#offset;
  }

  later(delayMs: number, work: () => void): () => void {
    return this.#time.later(Math.max(1, delayMs / this.#rate), () => {
      this.input();
      work();
    });
  }

  soon(work: () => void): void {
    queueMicrotask(work);
  }
}
