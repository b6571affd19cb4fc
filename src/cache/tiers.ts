// Slower tiers of a data cache: what they offer, which a cache may be made of, and how long they are waited for.
//
// A tier belongs to one cache, which closes it. One that is used already, or closed, looks like a new one until something is
// stored. So used tiers are remembered, by the object.

import { DEFAULT_LIMITS, type TierLimits } from '../engine/tiers/tier-breaker.ts';
import type { ValueClass } from '../entry/owned-value.ts';
import type { OwnedCodec, StoredValue } from '../entry/stored-value.ts';
import { expected, shown, TidegateError } from '../errors.ts';
import type { Invalidations } from '../ledger/invalidations.ts';
import { type Duration, toMs } from '../options/durations.ts';
import { be, type Checks, duration } from '../options/kit.ts';
import type { InvalidationLog, Store } from '../ports.ts';

/** A slower tier, opened by `openDiskTier` or `storeTier`; of one cache alone, which closes it, and of no other after that. */
export interface CacheTier {
  /** For stats and messages. */
  readonly name: string;
  /** The tier as the cache uses it; called once. */
  store(use: TierUse): Store<StoredValue>;
  /** How long it is waited for, and when it is left alone. Default: 2 s, and 10 s once it has not answered. */
  readonly limits?: TierLimits;
  /** Where invalidations are kept beyond the end of the process; in one tier of a cache at most. */
  readonly history?: { readonly invalidations: Invalidations; readonly log: InvalidationLog };
  /** How many values it has declined for want of room, where it counts them. */
  declined?(): number;
  close(): Promise<void>;
}

/** A log of invalidations that caches of several processes go by. */
export interface CacheLog {
  /** What one cache begins from; it hears of all changes from then on. */
  history(): NonNullable<CacheTier['history']>;
  /** True: every change that was acknowledged before now is in force here. Else nothing is served from the cache or stored. */
  isLeased(): boolean;
  /** Resolves when it is so. Rejects with E_LOG where the log is not in reach. */
  renew(): Promise<void>;
}

/** The settings that a cache hands to its tiers. */
export interface TierUse {
  readonly cacheName: string;
  readonly codec: OwnedCodec | undefined;
  readonly classes: readonly ValueClass[];
  readonly fault: (error: unknown) => void;
}

const taken = new WeakMap<object, 'is of another cache' | 'is closed'>();

/** Throws E_CONFIG. */
export function checkTiers(tiers: unknown): asserts tiers is readonly CacheTier[] {
  if (!Array.isArray(tiers)) return expected('E_CONFIG', 'tiers to be a list of tiers', tiers);
  for (const tier of tiers as readonly unknown[]) {
    const { name, store, close } = (tier ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof name !== 'string' || typeof store !== 'function' || typeof close !== 'function') {
      expected('E_CONFIG', 'each of tiers to be one that storeTier() or await openDiskTier() gave', tier);
    }
    const was = taken.get(tier as object);
    if (was === undefined) continue;
    const what = 'tiers that no cache has had before: open one anew for each';
    throw new TidegateError('E_CONFIG', `expected ${what}, got ${shown(name)}, which ${was}`);
  }
  const twice = tiers.find((tier, at) => tiers.indexOf(tier) !== at) as CacheTier | undefined;
  if (twice !== undefined)
    throw new TidegateError('E_CONFIG', `expected each tier once, got ${shown(twice.name)} twice`);
}

/** By a cache that is made. */
export function takeTiers(tiers: readonly CacheTier[]): void {
  for (const tier of tiers) taken.set(tier, 'is of another cache');
}

export function noteClosed(tier: CacheTier): void {
  taken.set(tier, 'is closed');
}

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
  return {
    timeoutMs: timeout === undefined ? DEFAULT_LIMITS.timeoutMs : toMs(timeout, 'timeout'),
    pauseMs: pause === undefined ? DEFAULT_LIMITS.pauseMs : toMs(pause, 'pause'),
    pauseAfter,
  };
}
