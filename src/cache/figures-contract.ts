// The figures that a data cache gives its operator. Types only.

import type { ValueState, ValueStats } from '../engine/values/value-contract.ts';
import type { MemoryStats } from '../ports.ts';

export interface CacheStats extends ValueStats {
  readonly memory: MemoryStats;
  /** Of each tier by name that counts them, as that of `openDiskTier` does: values it had no room for. */
  readonly tierDeclined: { readonly [tier: string]: number };
}

/** One stored value, for an operator. Times in ms as of now. */
export interface CacheEntry {
  /** Without any version, so it may be there more than once. */
  readonly key: string;
  readonly state: ValueState;
  readonly ageMs: number;
  /** Negative once it is stale; Infinity: for ever. */
  readonly ttlMs: number;
  readonly tags: readonly string[];
  readonly bytes: number;
}
