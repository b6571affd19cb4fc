// What the engine offers for values: the data cache without the programs' interface. Keys are whole, times are in ms, tags
// are all of an entry's tags, those of its tables and namespaces among them. Types only.

import type { LedgerEntry } from '../../entry/key.ts';
import type { OwnedValue } from '../../entry/owned-value.ts';
import type { EntryNote } from '../../entry/stored-response.ts';
import type { StoredValue } from '../../entry/stored-value.ts';
import type { Stamp } from '../../ledger/ledger.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Cancel, Clock, Eventually, Random, Store, Tasks } from '../../ports.ts';
import type { History } from '../invalidator.ts';
import type { SourceLeases } from '../source-leases.ts';
import type { TierLimits } from '../tiers/tier-breaker.ts';

/** AbortSignal where the platform's types have one: the main entry is to compile without any platform's types. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer Known } }
  ? Known
  : { readonly aborted: boolean; readonly reason: unknown };

export interface ValueTerms {
  /** Infinity: until it is invalidated; 0: not stored. */
  readonly ttlMs: number;
  /** It ends so long after its last use, within its ttl; Infinity: whether it is used or not says nothing. */
  readonly slidingMs: number;
  /** At random, up to that part of the ttl is left off: 0 to 1. */
  readonly jitter: number;
  readonly graceMs: number;
  readonly tags: readonly string[];
  /** True: in the first tier alone. */
  readonly memoryOnly: boolean;
}

export interface FillTerms extends ValueTerms {
  /** The ttl of `null`. */
  readonly nullTtlMs: number;
  /** A stale value in grace is given when the fill takes longer; Infinity: none is given early. */
  readonly softMs: number;
  /** The fill is given up; who joined one waits no longer than this either. Infinity: never. */
  readonly hardMs: number;
  readonly earlyRefresh: number | 'probabilistic' | undefined;
  /** After a fill that failed, so long none is begun while a value in grace is there. */
  readonly graceBackoffMs: number;
  /** True: what is stored is not looked at, and no fill joined. */
  readonly refresh: boolean;
  readonly signal: Signal | undefined;
}

/** The context of a fill; its setters change the terms of this one result. */
export interface ValueFillContext {
  readonly key: string;
  readonly signal: Signal;
  readonly previous: { readonly value: unknown; readonly validator: string | undefined } | undefined;
  change(terms: Partial<ValueTerms>): void;
  /** The terms of the options, with the changes so far. */
  readonly terms: ValueTerms;
  setValidator(validator: string): void;
  notModified(): unknown;
  skip(value: unknown): unknown;
}

export type ValueFill = ((context: ValueFillContext) => unknown) | NamedFill;

/** A fill whose entry has tags that its terms do not have, since they depend on the key. */
export interface NamedFill {
  run(context: ValueFillContext): unknown;
  /** All of them, those of the terms included. */
  tags(): readonly string[];
  /** Told before anything is stored with them that another's fill read. */
  noted(): void;
  /** One object for all callers that name a key by equal tags; undefined: for this one alone. */
  readonly naming: object | undefined;
}

export interface ValueCache {
  /**
   * The value when memory has it fresh, under a key that is as the program wrote it, and with these tags; counts as a hit or
   * not at all.
   */
  hit(key: string, tags?: readonly string[]): unknown;
  /** The value when it is there and fresh, or, if `stale` says so, in grace; undefined is never stored. */
  get(key: string, stale?: boolean): Eventually<unknown>;
  /**
   * In their order, where all is at hand at once; else a promise. `asked`: how that one is filled, by which it is named, and
   * refreshed early if it is due.
   */
  getMany(keys: readonly string[], asked?: (at: number) => ManyFill): Eventually<readonly unknown[]>;
  /** False: an invalidation overtook it, or no tier took it, as far as that is known at once. Throws E_VALUE. */
  set(key: string, value: unknown, options: SetTerms): Eventually<boolean>;
  /** In the order given. Throws E_VALUE, and then puts in nothing. */
  setMany(entries: readonly ValueToSet[]): Eventually<boolean>[];
  getOrSet(key: string, fill: ValueFill, terms: FillTerms): Eventually<unknown>;
  /**
   * Invalidates the keys and removes them; how many were there and not outdated. `also`: what is invalidated with a key, and
   * stays where it is.
   */
  remove(keys: readonly string[], also?: (key: string) => readonly Selector[]): Promise<number>;
  /** Makes the key stale, and what `also` names; whether it was there and not outdated. */
  expire(key: string, also?: readonly Selector[]): Promise<boolean>;
  /** In force, and durable where there is a log, once it resolves. `soft`: expired, not outdated. */
  invalidate(selectors: readonly Selector[], soft: boolean): Promise<void>;
  /** Leases of the sources whose trackers report changes. After the first call, reads of other sources are not stored. */
  sources(): SourceLeases;
  /** Removes from every tier what the selector names. */
  purge(selector: Selector): Promise<number>;
  /** For those who keep values of their own. */
  readonly judge: ValueJudge;
  /** True: who asks for it now may join a fill. */
  isFilling(key: string): boolean;
  entries(selector: Selector): AsyncIterable<EntryNote & { readonly state: ValueState; readonly bytes: number }>;
  readonly figures: ValueFigures;
  /**
   * From the call on nothing is found or put in. Resolves once fills and stores under way have ended; then nothing is
   * stored any more. A fill without a limit is told by its signal to end, and waited for 5 s. Nothing is waited for after
   * `enough` resolves.
   */
  close(enough?: Promise<unknown>): Promise<void>;
}

export interface ValueFigures {
  stats(): ValueStats;
  /** What is asked for under keys with this beginning, up to its one colon, is counted apart as well. */
  countIn(prefix: string): void;
  /** The caller missed these keys, and asks for each once more: it is one miss. */
  asksAgain(keys: readonly string[]): void;
}

/** Judges values that stand outside the tiers as if they were entries. */
export interface ValueJudge {
  /** Taken before a value is read. */
  arrive(): Stamp & { readonly turn: number };
  isCurrent(entry: LedgerEntry & { checkedUpTo: number }): boolean;
  /** Of what is not current: soft invalidations alone affect it. */
  isExpired(entry: LedgerEntry): boolean;
  /** Calls the listener for each invalidation once it is in force, until it is cancelled. The listener must not throw. */
  follow(listener: () => void): Cancel;
}

/** How a key would be filled. */
export interface ManyFill {
  readonly fill: ValueFill;
  readonly terms: FillTerms;
}

export interface SetTerms extends ValueTerms {
  /** Taken before the value was read; undefined: now. */
  readonly stamp: (Stamp & { readonly turn: number }) | undefined;
  readonly validator: string | undefined;
}

export interface ValueToSet {
  readonly key: string;
  readonly value: unknown;
  readonly terms: SetTerms;
}

/** `stale`: past its ttl; `expired`: by a soft invalidation; `outdated`: by any other. */
export type ValueState = 'fresh' | 'stale' | 'expired' | 'outdated';

/** What came of values asked for. */
export interface AskedStats {
  readonly hits: number;
  readonly misses: number;
  /** Values given after their ttl, in grace. */
  readonly stale: number;
  /** Callers that waited for a fill another had begun. */
  readonly collapsed: number;
}

export interface ValueStats extends AskedStats {
  /** The same of the first 200 namespaces by name, each with those within it. */
  readonly namespaces: { readonly [name: string]: AskedStats };
  readonly fills: number;
  readonly fillFailures: number;
  /** Fills that were not stored because an invalidation overtook them. */
  readonly refusedStores: number;
  readonly sets: number;
  /** Calls that invalidate, however much each names. */
  readonly invalidations: number;
  readonly fillsInFlight: number;
  /** By tier: answers that failed or took too long, which counted as misses. */
  readonly tierFaults: { readonly [tier: string]: number };
  /** By tier: whether it is left alone now, because it failed or took too long. */
  readonly tierPaused: { readonly [tier: string]: boolean };
}

/** How a fill ended: `refused` and `overtaken` are answers given and not stored, since something newer had come. */
export type FillResult = 'stored' | 'refused' | 'overtaken' | 'skipped' | 'not-stored' | 'failed';

/** Observes the events of a cache as they happen. Keys are whole. */
export type ValueEvent =
  /** `tier`: that which had it. */
  | { readonly kind: 'hit'; readonly key: string; readonly tier: string }
  | { readonly kind: 'miss' | 'stale' | 'collapsed'; readonly key: string }
  /** It left a tier that had no more room. */
  | { readonly kind: 'evict'; readonly key: string; readonly tier: string }
  | {
      readonly kind: 'fill';
      readonly key: string;
      readonly result: FillResult;
      readonly durationMs: number;
      readonly error: unknown;
    }
  | { readonly kind: 'set'; readonly key: string; readonly stored: boolean }
  | { readonly kind: 'invalidate'; readonly selectors: readonly Selector[]; readonly soft: boolean }
  | { readonly kind: 'tier-fault'; readonly tier: string; readonly error: unknown }
  /** It is left alone from now on; and it is asked by all again. */
  | { readonly kind: 'tier-paused' | 'tier-resumed'; readonly tier: string };

/** Hears of it, while it is on: nothing is made for nobody. */
export interface ValueWatch {
  readonly isOn: boolean;
  told(event: ValueEvent): void;
}

export interface ValueCacheParts {
  /** Fastest first. */
  readonly stores: readonly Store<StoredValue>[];
  /** Names for operators, in the same order. */
  readonly names: readonly string[];
  /** How long each is waited for, and when it is left alone; undefined: as by default. */
  readonly limits?: readonly (TierLimits | undefined)[];
  /** True: the first of them is the memory of this process. */
  readonly hasMemory: boolean;
  readonly clock: Clock;
  /** The time, perhaps as it was up to a turn of the event loop ago, and cheap; see `hitNotes`. Default: that of the clock. */
  readonly roughNow?: (() => number) | undefined;
  readonly tasks: Tasks;
  readonly random: Random;
  /** Where invalidations are kept beyond this process's end. Default: nowhere. */
  readonly history?: History;
  /** True: caches elsewhere go by the same log, and have values of the same keys. */
  readonly isShared?: boolean;
  /** Identity of the log where there is no history; unlike that of any other process. A function: made at the first use. */
  readonly epoch: string | (() => string);
  /** The cache's own copy of a value. Throws E_VALUE. Default `ownValue`. */
  readonly own?: (value: unknown) => OwnedValue;
  /** Given where a fill ends with the request that began it, as on Workers; see FlightWatch. */
  readonly endingRequests?: { readonly handsOver: boolean };
  /** Hears of all that happens. Default: nobody. */
  readonly watch?: ValueWatch;
  /** Told what nobody waits for. */
  readonly fault: (error: unknown) => void;
}
