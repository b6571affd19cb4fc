// A clock that all processes of one machine share, for leases that one holds and others serve by.

import { platformClock } from '../../cache/platform.ts';
import type { Clock } from '../../ports.ts';

/** Both read CLOCK_MONOTONIC, this one faster; the platform's counts from the start of the process. */
const fromStartMs = startMs();

export const machineClock: Clock = {
  now: () => platformClock.now(),
  monotonic: () => fromStartMs + platformClock.monotonic(),
};

/** The time between the two reads is the error, so the shortest of some counts. A hit looks at the lease. */
function startMs(): number {
  let best = { tookMs: Number.POSITIVE_INFINITY, startMs: 0 };
  for (let tries = 0; tries < 20; tries++) {
    const beforeMs = hrtimeMs();
    const sinceMs = platformClock.monotonic();
    const tookMs = hrtimeMs() - beforeMs;
    if (tookMs < best.tookMs) best = { tookMs, startMs: beforeMs - sinceMs };
  }
  return best.startMs;
}

function hrtimeMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
