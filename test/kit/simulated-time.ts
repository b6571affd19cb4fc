// Time that moves only when told to, as the engine's ports have it.

import type { Clock, Tasks } from '../../src/ports.ts';
import { TestClock } from '../../src/testing/test-clock.ts';

export class SimulatedTime extends TestClock implements Clock, Tasks {
  /** Nothing happens for a long time: whatever is under way in promises comes to its end before. */
  get isStill(): boolean {
    return this.untilNextMs >= 1_000;
  }

  soon(work: () => void): void {
    this.later(0, work);
  }
}
