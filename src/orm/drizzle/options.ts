// What the drop-in cache is given, and the figures it gives. Types only.

import type { Duration } from '../../options/durations.ts';
import type { Clock, Tasks } from '../../ports.ts';

/** Time, for tests and simulations. */
export interface DropInPorts {
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Pick<Tasks, 'later'>;
}

export interface DropInOptions {
  /** Which database it is: a name that no other database of the same cache has. */
  readonly database: string;
  /** `explicit`: cached is what says `$withCache()`. `all`: every read of a query builder. Default `explicit`. */
  readonly strategy?: 'explicit' | 'all';
  /** Fresh so long, unless `$withCache({ config })` says otherwise. Default: that of the cache. */
  readonly ttl?: Duration;
  /** The schema that names without one stand for, e.g. PostgreSQL's search_path; part of the key. */
  readonly schema?: string | (() => string);
  /** Whose rows these are, where rows are shown by role or tenant; part of the key. Asked anew for each query. */
  readonly role?: string | (() => string);
  readonly tenant?: string | (() => string);
  /**
   * How long after Drizzle tells of a write that write, and the transaction around it, may still be under way. Until
   * then nothing of its tables is served or stored. Default 5 s. A transaction that takes longer is not covered.
   */
  readonly graceMs?: number;
  /** A read that has taken so long has failed: what it still gives may be stored. Default 10 minutes. */
  readonly maxReadMs?: number;
  /** By table, tables that a write to it changes besides: by triggers, or by foreign keys that cascade. */
  readonly effects?: Readonly<Record<string, readonly string[]>>;
  /** Told what fails no query: a cache that does not answer. Default: counted alone. */
  readonly onFault?: (error: unknown) => void;
  /** Default: those of the platform. */
  readonly ports?: DropInPorts;
}

export interface DropInStats {
  readonly hits: number;
  readonly misses: number;
  readonly stored: number;
  /** Results that an invalidation overtook, or that came while a write to their tables might be under way. */
  readonly overtaken: number;
  /** Reads past the cache, since a write to their tables might be under way. */
  readonly guarded: number;
  /** Reads of which Drizzle tells no table, though a write is to invalidate them: never stored. */
  readonly untracked: number;
  /** Results with objects of classes in them, which would not come back as they were. */
  readonly unstorable: number;
  /** Writes and calls of `$cache.invalidate` that invalidated. */
  readonly invalidations: number;
  /** Calls of the cache that failed. */
  readonly faults: number;
}

/** In Drizzle's form: tables as objects or names. */
export interface DropInInvalidation {
  readonly tables?: string | object | readonly (string | object)[] | undefined;
  readonly tags?: string | readonly string[] | undefined;
}
