// A clock that all processes of one machine share, for leases that one holds and others serve by.

import { platformClock } from '../../cache/platform.ts';
import type { Clock } from '../../ports.ts';

export const machineClock: Clock = {
  now: () => platformClock.now(),
  // CLOCK_MONOTONIC; `performance` counts from the start of the process.
  monotonic: () => Number(process.hrtime.bigint()) / 1e6,
};
