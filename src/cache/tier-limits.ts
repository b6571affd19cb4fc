// How long a tier is waited for, and when it is left alone: a circuit breaker for each tier.

import { DEFAULT_LIMITS, type TierLimits } from '../engine/tiers/tier-breaker.ts';
import { expected } from '../errors.ts';
import { type Duration, toMs } from '../options/durations.ts';
import { be, type Checks, duration } from '../options/kit.ts';

export interface TierLimitOptions {
  /** An answer that takes longer is a miss, and the tier is left alone. Default 2 s; `Infinity`: as long as it takes. */
  readonly timeout?: Duration;
  /** For how long it is left alone; then one call tries it. Default 10 s; 0: it never is. */
  readonly pause?: Duration;
  /** Left alone after so many faults in a row, too. Default `Infinity`: only when it takes too long. */
  readonly pauseAfter?: number;
}

export const LIMIT_CHECKS: Checks<TierLimitOptions> = {
  timeout: (given, name) => {
    duration(given, name);
    if (toMs(given as Duration, name) === 0) expected('E_CONFIG', `${name} to be above 0`, given);
  },
  pause: duration,
  pauseAfter: be(
    'a whole number of at least 1, or Infinity',
    (after) => after === Number.POSITIVE_INFINITY || (Number.isSafeInteger(after) && Number(after) >= 1),
  ),
};

export function tierLimits({ timeout, pause, pauseAfter = DEFAULT_LIMITS.pauseAfter }: TierLimitOptions): TierLimits {
  const timeoutMs = timeout === undefined ? DEFAULT_LIMITS.timeoutMs : toMs(timeout, 'timeout');
  const pauseMs = pause === undefined ? DEFAULT_LIMITS.pauseMs : toMs(pause, 'pause');
  return { timeoutMs, pauseMs, pauseAfter };
}
