// What `withTidegate` and `tidegateCache` are given, the figures they give, and what is added to a database object. Types only.

import type { Cache } from '../../cache/contract.ts';
import type { Duration } from '../../options/durations.ts';
import type { Clock, Tasks } from '../../ports.ts';

/** Options of both ways. */
interface DrizzleOptions {
  /** Which database it is: a name that no other database of the same cache has. */
  readonly database: string;
  /** The schema that names without one stand for, e.g. PostgreSQL's search_path; part of the key. */
  readonly schema?: string | (() => string);
  /** Whose rows these are, where rows are shown by role or tenant; part of the key. Asked anew for each query. */
  readonly role?: string | (() => string);
  readonly tenant?: string | (() => string);
  /** `explicit`: cached is what says so, by `$withCache` or `$cached`. `all`: every read of a query builder. Default `explicit`. */
  readonly strategy?: 'explicit' | 'all';
  /** How long an answer is fresh, unless its query says otherwise. Default: that of the cache. */
  readonly ttl?: Duration;
  /** By table, tables that a write to it changes besides: by triggers, by foreign keys that Drizzle is not told of. */
  readonly effects?: Readonly<Record<string, readonly string[]>>;
  /** Told what fails no query: a cache that does not answer. Default: counted alone. */
  readonly onFault?: (error: unknown) => void;
}

export interface SoundOptions extends DrizzleOptions {
  readonly cache: Cache;
  /**
   * Tables and views of the database, as objects: `import * as schema`. Views are known by it, and names in raw SQL. Default:
   * what `drizzle({ schema })` or `drizzle({ relations })` was given, and whatever queries show.
   */
  readonly objects?: Readonly<Record<string, unknown>>;
  /** By function of the database's own, the tables it reads and writes: with it, a query that calls one can be cached. */
  readonly functions?: Readonly<
    Record<string, { readonly reads?: readonly string[]; readonly writes?: readonly string[] }>
  >;
  /**
   * How long a database whose connection was lost during a write may still commit it: so long nothing of its tables is
   * served or stored. Default 10 s.
   */
  readonly doubt?: Duration;
  /** Default: that of the platform. */
  readonly clock?: Clock;
}

/** What one read is cached with. */
export interface ReadOptions {
  readonly ttl?: Duration;
  readonly tags?: readonly string[];
  /** Tables it reads, beside those that are seen; with them, it is cached where not all are known. Names, or Drizzle's tables. */
  readonly tables?: readonly (string | object)[];
  /** False: neither looked up nor stored. Default true. */
  readonly enabled?: boolean;
}

export type PassReason =
  /** Nothing asked for it to be cached. */
  | 'not asked'
  /** In a transaction. */
  | 'transaction'
  /** A `set` or the like has changed what a connection answers, and neither `schema`, `role` nor `tenant` tells of it. */
  | 'session settings'
  /** It locks rows, or takes or gives an advisory lock. */
  | 'locks'
  /** Its answer changes without a write, and only strategy `all` asked, or it is raw SQL. */
  | 'volatile'
  /** Its tables are not known, or temporary. */
  | 'unknown tables'
  /** A write to its tables is under way, or could not be told to the cache. */
  | 'write under way'
  /** The driver gives no way to put a stored answer in its place. */
  | 'driver'
  /** The cache failed. */
  | 'fault';

export interface SoundStats {
  readonly hits: number;
  readonly misses: number;
  /** Reads whose answer was not stored, since a write to their tables began or ended meanwhile. */
  readonly overtaken: number;
  /** Reads whose answer cannot be stored: it holds objects of classes. */
  readonly unstorable: number;
  /** Reads that went past the cache, by reason. */
  readonly passed: Readonly<Partial<Record<PassReason, number>>>;
  /** Writes after which entries were invalidated. */
  readonly writes: number;
  /** Those of which it could not be told what they write: all of the database was invalidated. */
  readonly opaqueWrites: number;
  readonly faults: number;
}

type Tables = string | object | readonly (string | object)[];
type Tags = string | readonly string[];

/** Added to the database object. */
export interface Sound<Db> {
  /**
   * The same database; all its reads are cached so, relational queries, counts and raw SQL among them, where their tables are
   * known. Throws E_CONFIG, E_TTL, E_TAG: the query itself never fails because of the cache.
   */
  $cached(options?: ReadOptions): Db & Sound<Db>;
  /** The same database; none of its reads is cached. Its writes invalidate all the same. */
  $uncached(): Db & Sound<Db>;
  /**
   * In Drizzle's form, at least one of both. Tables as names or objects; resolves once nothing of before is served. Rejects with E_SELECTOR, E_TAG:
   * also of a name that is no table's, where `objects` or Drizzle's schema tell the tables.
   */
  readonly $cache: {
    invalidate(
      what: { readonly tables: Tables; readonly tags?: Tags } | { readonly tables?: Tables; readonly tags: Tags },
    ): Promise<void>;
  };
  $cacheStats(): SoundStats;
}

export interface DropInOptions extends DrizzleOptions {
  /**
   * How long after Drizzle tells of a write that write, and the transaction around it, may still be under way. Until
   * then nothing of its tables is served or stored. Default 5 s. A transaction that takes longer is not covered.
   */
  readonly grace?: Duration;
  /** A read that has taken so long has failed: what it still gives may be stored. Default 10 minutes. */
  readonly maxRead?: Duration;
  /** Time, for tests and simulations. Default: that of the platform. */
  readonly ports?: { readonly clock: Pick<Clock, 'now'>; readonly tasks: Pick<Tasks, 'later'> };
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
