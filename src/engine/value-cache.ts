// The data cache: values under keys, by the fill protocol of the gate (docs/architecture.md).
//
// The one complication: a hit must cost no promise and next to no time, so what is in the first tier is judged and given
// at once; only a miss, a slow tier and a fill go on with promises.

import { Invalidations } from '../dependency/invalidations.ts';
import type { Selector } from '../dependency/selector.ts';
import { type OwnedValue, ownValue, readOwned } from '../entry/owned-value.ts';
import type { StoredValue } from '../entry/stored-value.ts';
import type { Clock, Eventually, InvalidationLog, Random, Store, Tasks } from '../ports.ts';
import { Invalidator } from './invalidator.ts';
import { createLocalLog } from './local-log.ts';
import { SetOrder } from './set-order.ts';
import { TierLoop, wasReadNoEarlier } from './tier-loop.ts';
import type {
  FillTerms,
  ReadTicket,
  SetTerms,
  ValueCache,
  ValueFill,
  ValueState,
  ValueStats,
  ValueTerms,
  ValueWatch,
} from './value-contract.ts';
import { entryOf, type Filled, valueEntries } from './value-entries.ts';
import { type AskedFill, ValueFills } from './value-fills.ts';
import { ValueTally } from './value-tally.ts';

export interface ValueCacheParts {
  /** Fastest first. */
  readonly stores: readonly Store<StoredValue>[];
  /** What operators call them, in the same order. */
  readonly names: readonly string[];
  /** True: the first of them is the memory of this process. */
  readonly hasMemory: boolean;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  /** Where invalidations are kept beyond this process's end. Default: nowhere. */
  readonly history?: { readonly invalidations: Invalidations; readonly log: InvalidationLog };
  /** Identity of the log where there is no history; unlike that of any other process. */
  readonly epoch: string;
  /** The cache's own copy of a value. Throws E_VALUE. Default `ownValue`. */
  readonly own?: (value: unknown) => OwnedValue;
  /** Hears of all that happens. Default: nobody. */
  readonly watch?: ValueWatch;
  /** Told what nobody waits for. */
  readonly fault: (error: unknown) => void;
}

export function createValueCache(parts: ValueCacheParts): ValueCache {
  return new TieredValueCache(parts);
}

class TieredValueCache implements ValueCache {
  readonly #clock: Clock;
  readonly #invalidator: Invalidator;
  readonly #loop: TierLoop<StoredValue>;
  readonly #memory: Store<StoredValue> | undefined;
  readonly #tally: ValueTally;
  readonly #fills: ValueFills;
  readonly #sets = new SetOrder();
  readonly #hasSlower: boolean;
  readonly #own: (value: unknown) => OwnedValue;

  constructor(parts: ValueCacheParts) {
    const { stores, names, clock, tasks, random, own = ownDefault, fault } = parts;
    const history = parts.history ?? newHistory(parts.epoch);
    this.#clock = clock;
    this.#memory = parts.hasMemory ? stores[0] : undefined;
    this.#hasSlower = stores.length > (parts.hasMemory ? 1 : 0);
    this.#own = own;
    this.#tally = new ValueTally(names, parts.watch);
    this.#invalidator = new Invalidator({ ...history, random, fault });
    const tierFault = (error: unknown, store?: Store<StoredValue>) => {
      if (store !== undefined) this.#tally.tierFault(names[stores.indexOf(store)] as string, error);
      fault(error);
    };
    const isCurrent = (entry: StoredValue) => this.#invalidator.isCurrent(entry);
    this.#loop = new TierLoop({ stores, tasks, fault: tierFault, isCurrent, isNoOlder: wasReadNoEarlier });
    this.#fills = new ValueFills({
      ...{ clock, tasks, random, own, fault, invalidator: this.#invalidator, tally: this.#tally },
      find: (key) => this.#loop.get(key),
      drop: (key) => this.#drop(key),
      keep: (entry, memoryOnly) => this.#keep(entry, memoryOnly),
    });
  }

  hit(key: string): unknown {
    const entry = this.#memory?.get(key);
    if (entry === undefined || entry instanceof Promise || !entry.isPlain || !this.#isFresh(entry)) return undefined;
    this.#tally.hit(key);
    return readOwned(entry);
  }

  get(key: string): Eventually<unknown> {
    const found = this.#loop.get(key);
    return found instanceof Promise ? found.then((entry) => this.#fresh(key, entry)) : this.#fresh(key, found);
  }

  #fresh(key: string, entry: StoredValue | undefined): unknown {
    if (entry === undefined || !this.#isFresh(entry)) {
      this.#tally.miss(key);
      return undefined;
    }
    this.#tally.hit(key);
    return readOwned(entry);
  }

  #isFresh(entry: StoredValue): boolean {
    if (!this.#invalidator.isCurrent(entry)) return false;
    const now = this.#clock.now();
    return now < entry.surelyFreshUntilSeconds * 1000 || now - entry.bornMs < entry.lifetimeMs;
  }

  getMany(keys: readonly string[]): Eventually<readonly unknown[]> {
    const found = keys.map((key) => this.get(key));
    return found.some((one) => one instanceof Promise) ? Promise.all(found) : found;
  }

  set(key: string, value: unknown, { stamp, validator, ...terms }: SetTerms): Eventually<boolean> {
    const owned = this.#own(value);
    const begun = stamp ?? this.stamp();
    const what = { uri: key, origin: '', tags: terms.tags };
    if (this.#sets.isOvertaken(key, begun.turn) || this.#invalidator.refusal(begun, what) !== undefined) {
      this.#tally.set(key, 'refused');
      return false;
    }
    // What was read before this was put in must not take its place.
    this.#fills.overtake(key);
    this.#sets.note(key);
    const filled = { key, owned, validator, fillMs: 0, now: this.#clock.now() };
    if (this.#hasSlower) return this.#setEverywhere({ ...filled, stamp: begun }, terms);
    this.#tally.set(key, terms.ttlMs === 0 ? 'not-stored' : 'stored');
    if (terms.ttlMs === 0) {
      this.#drop(key);
      return false;
    }
    this.#keep(entryOf({ ...filled, stamp: begun }, terms), terms.memoryOnly);
    return true;
  }

  /**
   * A slower tier may fail to take it, or take an older value later; so that no older one is ever given again, all that
   * are there are outdated first.
   */
  async #setEverywhere(filled: Filled, terms: ValueTerms): Promise<boolean> {
    const { key, stamp } = filled;
    const before = this.#invalidator.applied;
    const position = await this.#invalidator.supersede(key);
    // Where the log takes time, others may have had their turn, and so may a later value.
    const isNext = position === before + 1;
    const what = { uri: key, origin: '', tags: terms.tags };
    const isOverdue = !isNext || this.#invalidator.isAffectedSince({ ...stamp, position }, what);
    const result = isOverdue ? 'refused' : terms.ttlMs === 0 ? 'not-stored' : 'stored';
    this.#tally.set(key, result);
    if (result !== 'stored') return false;
    await this.#keep(entryOf({ ...filled, stamp: { ...stamp, position } }, terms), terms.memoryOnly);
    return true;
  }

  getOrSet(key: string, fill: ValueFill, terms: FillTerms): Eventually<unknown> {
    if (terms.refresh) return this.#fills.fill({ key, fill, terms }, undefined);
    const found = this.#loop.get(key);
    if (found instanceof Promise) return found.then((entry) => this.#freshOrFilled({ key, fill, terms }, entry));
    return this.#freshOrFilled({ key, fill, terms }, found);
  }

  #freshOrFilled(asked: AskedFill, entry: StoredValue | undefined): Eventually<unknown> {
    if (entry === undefined || !this.#isFresh(entry)) return this.#fills.fill(asked, entry);
    this.#tally.hit(asked.key);
    if (asked.terms.earlyRefresh !== undefined) this.#fills.refreshEarly(asked, entry);
    return readOwned(entry);
  }

  async remove(keys: readonly string[]): Promise<number> {
    for (const key of keys) this.#fills.overtake(key);
    await this.invalidate(
      keys.map((uri) => ({ kind: 'url', uri })),
      false,
    );
    return this.#loop.delete(keys);
  }

  async invalidate(selectors: readonly Selector[], soft: boolean): Promise<void> {
    this.#tally.invalidated(selectors, soft);
    const appended = selectors.map((selector) => this.#invalidator.invalidate(selector, soft));
    await Promise.all(appended);
  }

  purge(selector: Selector): Promise<number> {
    return this.#loop.purge(selector, () => true);
  }

  stamp(): ReadTicket {
    return { ...this.#invalidator.stamp(), turn: this.#sets.turn };
  }

  entries(selector: Selector): ReturnType<ValueCache['entries']> {
    return valueEntries(this.#loop.stores, selector, (note): ValueState => {
      const { epoch, stamp, bornMs, lifetimeMs } = note;
      if (this.#invalidator.isOutdated(note))
        return this.#invalidator.isExpired({ ...note, epoch, stamp }) ? 'expired' : 'outdated';
      return this.#clock.now() - bornMs < lifetimeMs ? 'fresh' : 'stale';
    });
  }

  stats(): ValueStats {
    return this.#tally.stats(this.#fills.inFlight);
  }

  #keep(entry: StoredValue, memoryOnly: boolean): Eventually<void> {
    if (!memoryOnly) return this.#loop.putAll(entry);
    // What a slower tier has of it is older.
    if (this.#hasSlower) this.#drop(entry.key);
    return this.#memory === undefined ? undefined : this.#loop.putAll(entry, 1);
  }

  #drop(key: string): void {
    void this.#loop.delete([key]);
  }
}

function ownDefault(value: unknown): OwnedValue {
  return ownValue(value);
}

function newHistory(epoch: string): { invalidations: Invalidations; log: InvalidationLog } {
  const invalidations = new Invalidations({ epoch, buckets: MEMORY_BUCKETS });
  return { invalidations, log: createLocalLog(invalidations.applied) };
}

/** 512 KB. Two names that share a bucket are invalidated together, which costs a fill. */
const MEMORY_BUCKETS = 2 ** 16;
