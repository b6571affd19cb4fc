// Lets simulated time go on until a promise has settled: timers one by one, and in between all that promises and streams have
// to do.

import type { SimulatedTime } from '../../kit/simulated-time.ts';

/** Streams need some turns of the event loop; with nothing left to do after so many, the promise will not settle. */
const QUIET_TURNS = 20;

/** Rejects when nothing is left that could settle the promise. */
export async function live<T>(time: SimulatedTime, promise: Promise<T>): Promise<T> {
  let settled = false;
  const over = () => {
    settled = true;
  };
  promise.then(over, over);
  for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (settled) return promise;
    if (quiet > 2 && time.step()) quiet = 0;
  }
  throw new Error('expected a promise that settles, got nothing left to happen');
}
