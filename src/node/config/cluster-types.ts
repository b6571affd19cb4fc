// Keys of a configuration that gates on several machines have alike; see config-types.ts.

import type { Duration } from '../../options/durations.ts';

export interface ClusterConfig {
  /** Redis or Valkey, as `redis://user:password@host:6379` or `rediss://…`. Default: the environment variable TIDEGATE_CLUSTER_URL. */
  readonly url?: string | undefined;
  /** File that holds the URL, relative to the configuration's folder. Default: none. */
  readonly urlFile?: string | undefined;
  /** Those of one name on one engine hear of each other, data caches with `openRedisLog` too. Default `default`. */
  readonly name?: string | undefined;
  /** How `tidegate cluster members` names this gate. Default: the machine's name. */
  readonly node?: string | undefined;
  /**
   * How long a gate serves from its cache that cannot reach the engine, and so how long an invalidation waits for one that does not
   * answer: 500 ms to a minute, the same for all of one name. Default 2 seconds.
   */
  readonly lease?: Duration | undefined;
  /** What becomes of reads without a lease: they go to the origin past the cache (`pass`), or get a 503 (`refuse`). Default `pass`. */
  readonly onLoss?: 'pass' | 'refuse' | undefined;
}

/** What clients come back with that wrote. */
export interface PositionsConfig {
  /**
   * Signs the positions. Gates that share it know each other's: at least 32 characters without spaces. Default: the environment
   * variable TIDEGATE_POSITION_SECRET, else one that this gate makes for itself.
   */
  readonly secret?: string | undefined;
  /** File that holds the secret, relative to the configuration's folder. Default: none. */
  readonly secretFile?: string | undefined;
}
