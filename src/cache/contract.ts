// What the data cache offers a program. Types only.
//
// The memory tier answers at once, without a promise, since a promise costs more than the look-up. So results are `Eventually<T>`: `await` them all the same.

import type { Signal } from '../engine/values/value-contract.ts';
import type { ValueClass } from '../entry/owned-value.ts';
import type { OwnedCodec } from '../entry/stored-value.ts';
import type { Duration } from '../options/durations.ts';
import type { Eventually } from '../ports.ts';
import type { CacheEntry, CacheStats } from './figures-contract.ts';
import type { CacheClock } from './platform.ts';
import type { FilledBy, KeyOf, Schema, SchemaLike, TypedBy, ValueOf } from './schema.ts';
import type { CacheLog, CacheTier } from './tiers.ts';

export type { CacheClock, CacheEntry, CacheLog, CacheStats, CacheTier };

/** What `createCache` is given. Whatever is left out has the default named here. */
export interface CacheOptions {
  /** For metrics, spans and messages. Default `default`. */
  readonly name?: string;
  /** Bounds of the memory tier. Default 50 MB and 10,000 entries; `false`: no memory tier. */
  readonly memory?: { readonly maxBytes?: number; readonly maxEntries?: number } | false;
  /** Slower tiers, fastest first: `openDiskTier()` of `tidegate/node`, or `storeTier()` over any ByteStore. Default none. */
  readonly tiers?: readonly CacheTier[];
  /** Where caches on other machines hear of what is invalidated and set here: `openRedisLog()` of `tidegate/redis`. Default: nobody hears. */
  readonly log?: CacheLog;
  /** Of every key: what was stored under another version is not seen. Default none. */
  readonly version?: string;
  /** What an entry has unless a call says otherwise. */
  readonly defaults?: DefaultOptions;
  /** Policies by kind; see KindPolicy. */
  readonly kinds?: { readonly [kind: string]: KindPolicy };
  /** How values are written to slower tiers. Default: `createValueCodec` of `tidegate/store`. */
  readonly codec?: OwnedCodec;
  /** Classes whose instances may be stored; those of any other are refused. Default none. */
  readonly classes?: readonly ValueClass[];
  /** False: nothing is looked up or stored, every fill is run. Default true. */
  readonly enabled?: boolean;
  /** Part of the keys that is cached, 0 to 1, by a hash of the key: for a rollout. Default 1. */
  readonly rollout?: number;
  /**
   * Told what no caller gets: a tier that failed; a fill that failed and whose callers have all left, or were given a value
   * in grace. What it throws harms nothing in the cache, and is an uncaught exception of the program. Default: nobody.
   */
  readonly onFault?: (error: unknown) => void;
  /** True: a line for each event, by `console.debug`. A function is given the line. Default false. */
  readonly debug?: boolean | ((line: string) => void);
  /** What time it is, for tests: `createTestClock()` of `tidegate/testing`. Default: that of the platform, or of fake timers. */
  readonly clock?: CacheClock;
}

/** What holds for one entry. A `Duration` is a number of ms or a string with a unit, e.g. `'5m'`. */
export interface EntryOptions {
  /** Fresh so long. Default 5 minutes; `Infinity`: until it is invalidated; 0: not stored. */
  readonly ttl?: Duration;
  /**
   * It ends so long after it was used last, always within its ttl. Default `Infinity`: used or not, it lives for its ttl.
   * E_TTL where the ttl has no end, or is shorter by the same options or those that they add to.
   */
  readonly sliding?: Duration;
  /** Up to that part of the ttl, 0 to 1, is left off at random: what is stored together then does not end together. Default 0. */
  readonly jitter?: number;
  /** After its ttl, so long it may be given where a fill fails or takes longer than `timeouts.soft`. Default 0. */
  readonly grace?: Duration;
  /** Names it for invalidation. At most 128, each 1 to 256 characters. */
  readonly tags?: readonly string[];
  /** Database tables it was read from, for invalidation by table. */
  readonly tables?: readonly string[];
  /** For tiers: `'memory'` keeps it out of all others. Default: all. */
  readonly tiers?: 'all' | 'memory';
}

export interface FillOptions extends EntryOptions {
  /** The kind whose policy holds; see CacheOptions.kinds. */
  readonly kind?: string;
  readonly timeouts?: {
    /** A stale value in grace is given when the fill takes longer; the fill goes on. Default: none is given early. */
    readonly soft?: Duration;
    /**
     * A fill is given up so long after it began, and its signal aborted: E_FILL_TIMEOUT. Its result, if it comes all the same,
     * is stored unless something newer is known. Who joins a fill of another waits
     * for it no longer than their own, from their call on; the fill goes on. Default 30 s; `Infinity`: never.
     */
    readonly hard?: Duration;
  };
  /**
   * Fresh entries are filled again in the background before they are stale. A number from 0 to 1: from that part of the
   * ttl on. `'probabilistic'`: at random, the likelier the nearer the end and the longer the fill took (XFetch, Vattani
   * et al., VLDB 2015). Default: not.
   */
  readonly earlyRefresh?: number | 'probabilistic';
  /** The ttl of `null` where a fill gives it, for what is not there. Default: that of any other value. */
  readonly nullTtl?: Duration;
  /** After a fill that failed, so long none is begun while a value in grace is there. Default 5 s. */
  readonly graceBackoff?: Duration;
  /**
   * True: what is stored is not looked at, and no fill joined that was begun before; the fill is run and its result stored.
   * What was begun before is not stored after that. Default false.
   */
  readonly refresh?: boolean;
  /** The caller's: gives up waiting; the fill goes on for others. Once all have left, `onFault` is told if it fails. */
  readonly signal?: Signal;
}

/** What may hold for all calls: not what is about one of them. */
export type DefaultOptions = Omit<FillOptions, 'kind' | 'refresh' | 'signal'>;

/** Given to a fill. */
export interface FillContext<T> {
  readonly key: string;
  /**
   * Aborted when the hard timeout has run out; without one, when the cache closes. A caller that leaves does not abort it:
   * the fill goes on for others.
   */
  readonly signal: Signal;
  /** What is stored and stale, with what its fill said of its version; undefined: nothing is, or it is outdated. */
  readonly previous: { readonly value: T; readonly validator: string | undefined } | undefined;
  /** Also of `null`: it comes before `nullTtl`. */
  setTtl(ttl: Duration): void;
  setGrace(grace: Duration): void;
  /** Instead of those of the options, at every layer. */
  setTags(tags: readonly string[]): void;
  /** Adds tags to those of the options. */
  addTags(tags: readonly string[]): void;
  /** Adds tables to those of the options. */
  addTables(tables: readonly string[]): void;
  /** What names this version at the source, e.g. an ETag: the next fill finds it in `previous`. Throws E_CONFIG: no text. */
  setValidator(validator: string): void;
  /**
   * `return fill.notModified()`: what is stored holds for another ttl. Throws E_FILL when there is no `previous`. Where nothing
   * says of which type that is, it adds none to what the fill gives.
   */
  notModified(): unknown extends T ? never : T;
  /**
   * `return fill.skip(value)`: the callers get the value, and nothing is stored. All callers of this fill share that very
   * object, which is neither copied nor frozen: change a copy of it.
   */
  skip<V extends T>(value: V): V;
  /** `return fill.fail('reason')`: the same as throwing. */
  fail(reason: string | Error): never;
}

export type Fill<T> = (fill: FillContext<T>) => T | Promise<T>;

/** What is to be invalidated: whatever is named by any of these. At least one. */
export interface Invalidation {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  readonly tables?: readonly string[];
  /** A glob over whole keys, or several: `*` for any characters, `?` for one. */
  readonly pattern?: string | readonly string[];
  readonly namespace?: string;
  /** Everything in this cache; of a namespace, everything in it. */
  readonly all?: true;
  /** True: expired, not outdated: a value in grace may still be given where its fill fails. Default false. */
  readonly soft?: boolean;
}

/** The ticket of a read: taken before it, it keeps what an invalidation overtook from being stored. */
export type ReadStamp = { readonly epoch: string; readonly position: number; readonly turn: number };

export interface GetOptions {
  /** Whether a value in grace (past its ttl, or expired) is given too. An outdated value never is. Default false. */
  readonly stale?: boolean;
}

export interface SetOptions extends EntryOptions {
  /** From `cache.stamp()` before the value was read. Default: now, so the caller vouches that the value is the latest. */
  readonly stamp?: ReadStamp;
  readonly kind?: string;
  /** What names this version at the source, for the next fill. */
  readonly validator?: string;
}

/**
 * A cache, or a namespace of one. With a schema, keys and values are typed: `createCache<{ 'user:*': User }>()`.
 * Values come back as they were put in, and frozen: they are shared. Those with a Date, Map, Set or binary data in them
 * are copied for each reader.
 */
export interface Cache<S extends SchemaLike<S> = Schema> {
  /** The value, when it is there and fresh. Throws E_KEY, E_CONFIG. */
  get<T = never, K extends KeyOf<S> = KeyOf<S>>(key: K, options?: GetOptions): Eventually<TypedBy<T, S, K> | undefined>;
  /** By key, those that are there and fresh. */
  getMany<T = never, K extends KeyOf<S> = KeyOf<S>>(keys: readonly K[]): Eventually<Map<K, TypedBy<T, S, K>>>;
  /**
   * True: handed to its tiers, of which a slower one may decline it for want of room; see `tierDeclined`. False: overtaken,
   * of ttl 0, closed or off, or too large for memory where that is all. Throws E_KEY, E_TTL, E_TAG, E_VALUE, E_CONFIG.
   */
  set<K extends KeyOf<S>>(key: K, value: ValueOf<S, K>, options?: SetOptions): Eventually<boolean>;
  /** In the order given: whether each was stored. Where it throws, none is. */
  setMany<K extends KeyOf<S>>(
    entries: readonly { readonly key: K; readonly value: ValueOf<S, K>; readonly options?: SetOptions }[],
  ): Eventually<boolean[]>;
  has(key: KeyOf<S>): Eventually<boolean>;
  /**
   * Invalidates the key, in all versions, and removes it from every tier; whether it was there and not outdated. Once it
   * resolves no fill begun before is served.
   */
  delete(key: KeyOf<S>): Promise<boolean>;
  /** How many were there and not outdated. */
  deleteMany(keys: readonly KeyOf<S>[]): Promise<number>;
  /** Invalidates everything, and removes it. Of a namespace: everything in it. */
  clear(): Promise<void>;
  /**
   * The value, filled if need be: one fill for all callers in this process, joined only by those that may see what it
   * read; what is stored has the tags and tables of all of them. Rejects with E_FILL (its cause is what the fill threw) or
   * E_FILL_TIMEOUT, unless a value in grace is there. A fill that waits for its own key waits until its hard timeout.
   */
  getOrSet<V extends ValueOf<S, K>, K extends KeyOf<S>>(
    key: K,
    fill: (fill: FillContext<ValueOf<S, K>>) => V | Promise<V>,
    options?: FillOptions,
  ): Eventually<FilledBy<V, S, K>>;
  /** For a call that names the type of the value, `getOrSet<User>(…)`, or of its fill, `Fill<User>`. */
  getOrSet<V extends ValueOf<S, K>, K extends KeyOf<S> = KeyOf<S>>(
    key: K,
    fill: Fill<FilledBy<V, S, K>>,
    options?: FillOptions,
  ): Eventually<FilledBy<V, S, K>>;
  /**
   * The same for many keys: `fill` is called once with the keys that are missing, and gives a value for each. With
   * `earlyRefresh` it is called once more, in the background, with those that are due.
   */
  getOrSetMany<V extends ValueOf<S, K>, K extends KeyOf<S> = KeyOf<S>>(
    keys: readonly K[],
    fill: (missing: readonly K[]) => Promise<ReadonlyMap<K, FilledBy<V, S, K>>> | ReadonlyMap<K, FilledBy<V, S, K>>,
    options?: FillOptions,
  ): Promise<Map<K, FilledBy<V, S, K>>>;
  /** Makes the entry stale: a value in grace may still be given where its fill fails. Whether it was there. */
  expire(key: KeyOf<S>): Promise<boolean>;
  /** Once it resolves, nothing filled before is served to anyone who asks after. Costs the same however much is named. */
  invalidate(what: Invalidation): Promise<void>;
  /** The ticket for `set`: taken before a value is read. */
  stamp(): ReadStamp;
  /** Keys and invalidations within `name:`. `options.version`: of its keys alone. Throws E_KEY. */
  namespace<N extends SchemaLike<N> = S>(name: string, options?: NamespaceOptions): Cache<N>;
  /** Tells the handlers and runs the invalidations of kinds; see KindPolicy. E_CONFIG: no kind declares it, nobody hears it. */
  emit(event: string, data?: EventData): Promise<EventResult>;
  /** Called for each event of that name, after its invalidations; awaited by `emit`. Returns how to end it. */
  on(event: string, handler: (data: EventData) => unknown): () => void;
  stats(): CacheStats;
  /** What is stored, for operators; does not count as use. */
  entries(selection?: { readonly tag?: string; readonly pattern?: string }): AsyncIterable<CacheEntry>;
  /**
   * From the call on nothing is found or stored; a fill is still run, and its value given. Fills and stores under way are
   * waited for, fills until their hard timeout; one without is told by its signal to end, and waited for 5 s. Then the tiers
   * are closed. It resolves within the bound of the options, whatever hangs. After that, to invalidate has nothing to do,
   * except where a tier keeps invalidations beyond the end of the process (`openDiskTier`): there it rejects with E_LOG.
   * Called again: the same promise. Throws E_CONFIG, E_TTL.
   */
  close(options?: CloseOptions): Promise<void>;
}

export interface CloseOptions {
  /**
   * After that it resolves all the same: fills under way are told by their signal to end, and `onFault` of a tier that has not
   * closed (E_CLOSE). Default 30 s; `Infinity`: it waits.
   */
  readonly within?: Duration;
}

export interface NamespaceOptions {
  readonly version?: string;
  readonly defaults?: DefaultOptions;
}

export interface EventData {
  readonly [name: string]: unknown;
}

/** What `emit` did. */
export interface EventResult {
  /** Kinds whose entries were invalidated. */
  readonly invalidated: readonly string[];
  readonly handled: number;
  /** What handlers threw; the others ran all the same. */
  readonly failures: readonly unknown[];
}

/**
 * The entries of a kind that an event invalidates. `id`: keys with the event's `id` as a segment after the kind's name (`content:42`,
 * `content:42:en`), and lists (`content:list:*`); all of the kind where the event has no id. `lists`: its lists, whatever the
 * id. `all`: all of it. Where nothing is said: `id` for an event that begins with the kind's name and a dot, or has no dot;
 * `all` for any other, whose id is not that of the kind.
 */
export type EventReach = 'id' | 'lists' | 'all';

/** What all entries of a kind have in common. A key's kind is that of the call, or the first whose `keys` it matches. */
export interface KindPolicy extends EntryOptions {
  /** Globs of its keys. Default `<kind>:*`. */
  readonly keys?: readonly string[];
  readonly earlyRefresh?: FillOptions['earlyRefresh'];
  readonly timeouts?: FillOptions['timeouts'];
  /** Events that invalidate, or by their names what each of them reaches. In a list: see EventReach. */
  readonly invalidateOn?: readonly string[] | { readonly [event: string]: EventReach };
  /** Called after such an event for keys to be filled again; its fills are awaited and counted. */
  readonly populate?: (event: string, data: EventData) => Promise<void> | void;
}
