// Whether the machine was suspended: the clock that leases go by then stands still, and the wall clock does not. A wall clock that is set
// looks the same, and costs misses until the next renewal.

import type { Clock } from '../../ports.ts';

/** So far apart the two may go between two renewals. */
const ASLEEP_MS = 200;

export class SleepWatch {
  readonly #clock: Clock;
  #noted: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#noted = this.aheadMs;
  }

  /** The wall clock, before the other. */
  get aheadMs(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }

  /** The last that was noted. */
  get notedMs(): number {
    return this.#noted;
  }

  get hasSlept(): boolean {
    return Math.abs(this.aheadMs - this.#noted) > ASLEEP_MS;
  }

  /** Asleep is from now on what lies beyond this. */
  note(aheadMs: number): void {
    this.#noted = aheadMs;
  }
}
