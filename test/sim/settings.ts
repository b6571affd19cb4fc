// What kind of world a seed makes. Each world is of its own kind (swarm testing): a rule that breaks only where, say, the
// memory is tiny and nothing ever fails would hide among worlds that are all alike.

import type { CachePolicy } from '../../src/semantics/policy.ts';
import type { Dice } from './dice.ts';
import type { Weather } from './origin.ts';

export interface Settings {
  /** True: a world of ranges, in which resources change and nobody tells. */
  readonly parts: boolean;
  readonly resources: number;
  readonly records: number;
  /** What clients, writers and operators do, all in all. */
  readonly actions: number;
  /** Mean time between two actions. */
  readonly gapMs: number;
  readonly weights: {
    readonly read: number;
    readonly burst: number;
    readonly write: number;
    readonly change: number;
    readonly tell: number;
    readonly clock: number;
  };
  /** Probability of a pause in which things grow stale. */
  readonly pauses: number;
  /** Probability that a request is a plain GET. */
  readonly plain: number;
  /** Probabilities of others. */
  readonly asking: {
    readonly heads: number;
    readonly ranges: number;
    readonly conditions: number;
    readonly wishes: number;
  };
  /** Probability that nobody tells the gate of a change behind it. */
  readonly silence: number;
  readonly weather: Weather;
  readonly policy: Partial<CachePolicy>;
  readonly memoryBytes: number;
  readonly tiers: 'memory' | 'memory and slow' | 'slow';
  readonly buckets: number;
  readonly unknownOutcomeMs: number;
}

export function makeSettings(dice: Dice): Settings {
  const parts = dice.chance(0.06);
  const writing = parts ? 0 : dice.pick([0, 1, 5, 15]);
  return {
    parts,
    resources: parts ? 2 : dice.pick([1, 2, 3, 6]),
    records: dice.pick([1, 2, 4]),
    actions: dice.between(60, 240),
    gapMs: dice.pick([2, 20, 100, 500]),
    weights: {
      read: 60,
      burst: dice.pick([0, 5]),
      write: writing,
      change: parts ? 8 : dice.pick([1, 8, 20]),
      tell: parts ? 0 : dice.pick([0, 2, 10]),
      clock: dice.pick([0, 0, 1]),
    },
    pauses: dice.pick([0, 0.01, 0.04]),
    plain: parts ? 0.1 : dice.pick([0.2, 0.2, 0.6, 0.9]),
    asking: {
      heads: dice.pick([0.05, 0.15, 0.4]),
      ranges: parts ? 0.95 : dice.pick([0.1, 0.25, 0.9]),
      conditions: dice.pick([0.1, 0.4]),
      wishes: dice.pick([0.1, 0.3]),
    },
    silence: parts ? 0.8 : dice.pick([0.02, 0.02, 0.5]),
    weather: {
      delayMs: dice.pick([0, 10, 100, 800]),
      faults: dice.pick([0, 0, 0.05, 0.25]),
      errors: dice.pick([0, 0.05, 0.2]),
      sleepy: dice.pick([0, 0, 0.01]),
    },
    policy: makePolicy(dice),
    memoryBytes: parts ? 10_000_000 : dice.pick([9_000, 25_000, 10_000_000, 10_000_000]),
    tiers: dice.pick(['memory', 'memory', 'memory', 'memory and slow', 'slow'] as const),
    buckets: dice.pick([4, 1024]),
    unknownOutcomeMs: dice.pick([1_000, 10_000]),
  };
}

function makePolicy(dice: Dice): Partial<CachePolicy> {
  return {
    ...(dice.chance(0.1) && { ttlMs: 30_000 }),
    ...(dice.chance(0.2) && { defaultTtlMs: 20_000 }),
    negativeTtlMs: dice.pick([0, 10_000]),
    staleWhileRevalidateMs: dice.pick([0, 0, 30_000]),
    staleIfErrorMs: dice.pick([0, 0, 60_000]),
    graceMs: dice.pick([0, 0, 120_000]),
    maxBodyBytes: dice.pick([1_000, 100_000, 100_000]),
  };
}
