// What a slower tier offers to a data cache. Types only.

import type { TierLimits } from '../engine/tiers/tier-breaker.ts';
import type { ValueClass } from '../entry/owned-value.ts';
import type { StoredValue } from '../entry/stored-value.ts';
import type { OwnedCodec } from '../entry/value-codec.ts';
import type { Invalidations } from '../ledger/invalidations.ts';
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

/** What a cache tells its tiers. */
export interface TierUse {
  readonly cacheName: string;
  readonly codec: OwnedCodec | undefined;
  readonly classes: readonly ValueClass[];
  readonly fault: (error: unknown) => void;
}
