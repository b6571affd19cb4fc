// How long a tier is waited for, and when it is left alone: a circuit breaker for each tier.

import { DEFAULT_LIMITS, type TierLimits } from '../engine/tiers/tier-breaker.ts';
import { expected, TidegateError } from '../errors.ts';
import { type Duration, toMs } from './duration.ts';

export interface TierLimitOptions {
  /** An answer that takes longer is a miss, and the tier is left alone. Default 2 s; `Infinity`: as long as it takes. */
  readonly timeout?: Duration;
  /** For how long it is left alone; then one call tries it. Default 10 s; 0: it never is. */
  readonly pause?: Duration;
  /** Left alone after so many faults in a row, too. Default `Infinity`: only when it takes too long. */
  readonly pauseAfter?: number;
}

export const LIMIT_NAMES: readonly (keyof TierLimitOptions)[] = ['timeout', 'pause', 'pauseAfter'];

export function checkTierName(name: unknown): void {
  if (typeof name !== 'string' || name === '') expected('E_CONFIG', 'the name of a tier to be a text', name);
}

/** Throws E_CONFIG. `tier`: its name, for the message. */
export function tierLimits({ timeout, pause, pauseAfter }: TierLimitOptions, tier: string): TierLimits {
  const timeoutMs = timeout === undefined ? DEFAULT_LIMITS.timeoutMs : duration(timeout, `timeout of the tier ${tier}`);
  if (timeoutMs === 0) expected('E_CONFIG', `timeout of the tier ${tier} to be above 0`, 0);
  const pauseMs = pause === undefined ? DEFAULT_LIMITS.pauseMs : duration(pause, `pause of the tier ${tier}`);
  const after = pauseAfter ?? DEFAULT_LIMITS.pauseAfter;
  if (after === Number.POSITIVE_INFINITY || (Number.isSafeInteger(after) && after >= 1)) {
    return { timeoutMs, pauseMs, pauseAfter: after };
  }
  expected('E_CONFIG', `pauseAfter of the tier ${tier} to be a whole number of at least 1, or Infinity`, pauseAfter);
}

function duration(given: Duration, name: string): number {
  try {
    return toMs(given, name);
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    throw new TidegateError('E_CONFIG', error.message);
  }
}
