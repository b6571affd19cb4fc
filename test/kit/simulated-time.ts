// Time that moves only when told to, as the engine's ports have it.

import type { Clock, Tasks } from '../../src/ports.ts';
import { TestClock } from '../../src/testing/test-clock.ts';

export class SimulatedTime extends TestClock implements Clock, Tasks {
  soon(work: () => void): void {
    this.later(0, work);
  }
}
