// The figures that a data cache gives its operator. Types only.

export interface CacheStats {
  readonly hits: number;
  readonly misses: number;
  /** Values given after their ttl, in grace. */
  readonly stale: number;
  /** Callers that waited for a fill another had begun. */
  readonly collapsed: number;
  readonly fills: number;
  readonly fillFailures: number;
  /** Fills that were not stored because an invalidation overtook them. */
  readonly refusedStores: number;
  readonly sets: number;
  /** Calls that invalidate, however much each names. */
  readonly invalidations: number;
  readonly fillsInFlight: number;
  readonly memory: {
    readonly entries: number;
    readonly bytes: number;
    readonly maxBytes: number;
    readonly evictions: number;
    readonly declined: number;
  };
  /** Of each tier by name: answers that failed or took too long, which counted as misses. */
  readonly tierFaults: { readonly [tier: string]: number };
  /** Of each tier by name that counts them, as that of `openDiskTier` does: values it had no room for. */
  readonly tierDeclined: { readonly [tier: string]: number };
  /** Of each tier by name: true while it is left alone, since it failed or took too long. */
  readonly tierPaused: { readonly [tier: string]: boolean };
}

/** One stored value, for an operator. Times in ms as of now. */
export interface CacheEntry {
  /** Without any version, so it may be there more than once. */
  readonly key: string;
  readonly state: 'fresh' | 'stale' | 'expired' | 'outdated';
  readonly ageMs: number;
  /** Negative once it is stale; Infinity: for ever. */
  readonly ttlMs: number;
  readonly tags: readonly string[];
  readonly bytes: number;
}
