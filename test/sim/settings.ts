// What kind of world a seed makes. Each world is of its own kind (swarm testing): a rule that breaks only where, say, the
// memory is tiny and nothing ever fails would hide among worlds that are all alike.

import type { CachePolicy } from '../../src/semantics/policy.ts';
import type { Dice } from './dice.ts';
import type { Weather } from './origin.ts';

export interface Settings {
  /**
   * What happens too rarely in worlds of any kind. `parts`: clients want ranges, resources change and nobody tells.
   * `dates`: nothing but Last-Modified tells versions apart, changes come several to a second and are told late.
   * `large`: a body is too large for memory.
   */
  readonly theme: 'any' | 'parts' | 'dates' | 'large';
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
    /** The node ends without a word, and begins again. */
    readonly crash: number;
    /** A member dies. */
    readonly death: number;
    /** Messages to a member take long for a while. */
    readonly delay: number;
    /** The disk is full for a while. */
    readonly full: number;
    /** A job fills entries in the background. */
    readonly populate: number;
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
  /** Probability that a change behind the gate is followed by another of the same records within a second. */
  readonly repeats: number;
  /** Probability that nobody tells the gate of a change behind it. */
  readonly silence: number;
  readonly weather: Weather;
  readonly policy: Partial<CachePolicy>;
  readonly memoryBytes: number;
  readonly tiers: 'memory' | 'memory and slow' | 'slow' | 'memory and disk' | 'disk';
  /** Processes that answer clients; with more than one, another keeps the log. */
  readonly members: number;
  /** Most messages between processes take less. */
  readonly linkMs: number;
  readonly disk: {
    readonly delayMs: number;
    readonly maxBytes: number;
    readonly segmentBytes: number;
    /** Records after which the journal is begun anew. */
    readonly journalRecords: number;
    /** Rows read at a time as the index is loaded. */
    readonly portion: number;
    /** Probability of a crash the very moment that an invalidation is asked for, or is acknowledged. */
    readonly sudden: number;
    /** Probability that a crash is a power cut. */
    readonly powerCuts: number;
    /** Probability that something is damaged between a crash and the start after it. */
    readonly damage: number;
  };
  readonly rehydrates: boolean;
  /** Stored responses are put in content codings. */
  readonly codes: boolean;
  readonly buckets: number;
  readonly unknownOutcomeMs: number;
}

export function makeSettings(dice: Dice): Settings {
  const settings: Settings = {
    theme: dice.weighted({ any: 87, parts: 6, dates: 6, large: 1 }),
    resources: dice.pick([1, 2, 3, 6]),
    records: dice.pick([1, 2, 4]),
    actions: dice.between(60, 240),
    gapMs: dice.pick([2, 20, 100, 500]),
    weights: {
      read: 60,
      burst: dice.pick([0, 5]),
      write: dice.pick([0, 1, 5, 15]),
      change: dice.pick([1, 8, 20]),
      tell: dice.pick([0, 2, 10]),
      clock: dice.pick([0, 0, 1]),
      crash: dice.pick([0, 0.5, 2, 5]),
      death: dice.pick([0, 1, 3]),
      delay: dice.pick([0, 0.5]),
      full: dice.pick([0, 0.7, 2]),
      populate: dice.pick([0, 0, 2, 6]),
    },
    pauses: dice.pick([0, 0.01, 0.04]),
    plain: dice.pick([0.2, 0.2, 0.6, 0.9]),
    asking: {
      heads: dice.pick([0.05, 0.15, 0.4]),
      ranges: dice.pick([0.1, 0.25, 0.9]),
      conditions: dice.pick([0.1, 0.4]),
      wishes: dice.pick([0.1, 0.3]),
    },
    repeats: 0.1,
    silence: dice.pick([0.02, 0.02, 0.5]),
    weather: {
      delayMs: dice.pick([0, 10, 100, 800]),
      faults: dice.pick([0, 0, 0.05, 0.25]),
      errors: dice.pick([0, 0.05, 0.2]),
      sleepy: dice.pick([0, 0, 0.01]),
    },
    policy: makePolicy(dice),
    memoryBytes: dice.pick([9_000, 25_000, 10_000_000, 10_000_000]),
    tiers: dice.weighted({ memory: 40, 'memory and slow': 8, slow: 8, 'memory and disk': 27, disk: 17 }),
    members: dice.chance(0.7) ? 1 : dice.pick([2, 2, 3]),
    linkMs: dice.pick([0, 2, 10]),
    disk: {
      delayMs: dice.pick([0, 2, 20, 200]),
      maxBytes: dice.pick([20_000, 100_000, 20_000_000, 20_000_000]),
      segmentBytes: dice.pick([2_000, 10_000, 100_000]),
      journalRecords: dice.pick([2, 10, 1000]),
      portion: dice.pick([1, 3, 100]),
      sudden: dice.pick([0, 0, 0.1]),
      powerCuts: dice.pick([0, 0.5, 1]),
      damage: dice.pick([0, 0, 0.5]),
    },
    rehydrates: dice.chance(0.3),
    codes: dice.chance(0.25),
    buckets: dice.pick([4, 1024]),
    unknownOutcomeMs: dice.pick([1_000, 10_000]),
  };
  return tidied({ ...settings, ...themed(settings) });
}

function themed({ theme, asking, weights, weather, policy, disk }: Settings): Partial<Settings> {
  switch (theme) {
    case 'any':
      return {};
    case 'parts':
      return {
        resources: 2,
        weights: { ...weights, write: 0, change: 8, tell: 0 },
        plain: 0.1,
        asking: { ...asking, ranges: 0.95 },
        silence: 0.8,
        memoryBytes: 10_000_000,
      };
    case 'large':
      return {
        resources: 2,
        actions: 50,
        tiers: 'memory and disk',
        memoryBytes: 10_000_000,
        policy: { staleIfErrorMs: policy.staleIfErrorMs ?? 0, maxBodyBytes: 50_000_000 },
        disk: { ...disk, maxBytes: 80_000_000, segmentBytes: 20_000_000 },
      };
    case 'dates':
      return {
        gapMs: 20,
        weights: { ...weights, write: 0, change: 3, tell: 8 },
        pauses: 0.06,
        silence: 0.7,
        repeats: 0.8,
        weather: { ...weather, sleepy: 0.03 },
      };
  }
}

/** Only what can happen in such a world. */
function tidied(settings: Settings): Settings {
  const { weights, tiers, members } = settings;
  const onDisk = hasDisk(settings);
  const several = members > 1 && tiers !== 'slow' && tiers !== 'memory and slow';
  return {
    ...settings,
    members: several ? members : 1,
    weights: {
      ...weights,
      crash: onDisk || several ? weights.crash : 0,
      death: several ? weights.death : 0,
      delay: several ? weights.delay : 0,
      full: onDisk ? weights.full : 0,
    },
  };
}

export function hasDisk({ tiers }: Pick<Settings, 'tiers'>): boolean {
  return tiers === 'disk' || tiers === 'memory and disk';
}

/** True: what is invalidated is in force and known to be so at once, for nothing is written and nobody else told. */
export function isImmediate({ tiers, members }: Pick<Settings, 'tiers' | 'members'>): boolean {
  return members === 1 && !hasDisk({ tiers });
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
