// The data cache: values under keys, by the fill protocol of the gate (docs/architecture.md).
//
// A hit must cost no promise and next to no time, so what is in the first tier is judged and given
// at once; only a miss, a slow tier and a fill go on with promises.

import { type EntryLedger, type LedgerEntry, subjectOf } from '../../entry/key.ts';
import { ownValue, readOwned } from '../../entry/owned-value.ts';
import { hasTags, type StoredValue } from '../../entry/stored-value.ts';
import { type Arrival, Ledger } from '../../ledger/ledger.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Eventually, Store } from '../../ports.ts';
import { after, allAtOnce, UnderWay } from '../eventually.ts';
import { safeFault } from '../guarded.ts';
import { Invalidator, localHistory } from '../invalidator.ts';
import { SourceLeases } from '../source-leases.ts';
import { TierLoop, wasReadNoEarlier } from '../tiers/tier-loop.ts';
import type {
  FillTerms,
  ManyFill,
  SetTerms,
  ValueCache,
  ValueCacheParts,
  ValueFill,
  ValueStats,
  ValueToSet,
} from './value-contract.ts';
import { countBelow, isFresh, sought, stateOf, valueEntries } from './value-entries.ts';
import { ValueFills } from './value-fills.ts';
import type { AskedFill, ValueFlight } from './value-flight.ts';
import type { ValueSteps } from './value-steps.ts';
import { storePut, taken } from './value-storing.ts';
import { ValueTally } from './value-tally.ts';

/** 512 KB. Two names that share a bucket are invalidated together, which costs a fill. */
const MEMORY_BUCKETS = 2 ** 16;

export function createValueCache(parts: ValueCacheParts): ValueCache {
  return new TieredValueCache(parts);
}

class TieredValueCache implements ValueCache {
  readonly #ledger: EntryLedger<ValueFlight>;
  #sources: SourceLeases | undefined;
  readonly #loop: TierLoop<StoredValue>;
  /** Undefined once it is closed. */
  #memory: Store<StoredValue> | undefined;
  readonly #tally: ValueTally;
  readonly #fills: ValueFills;
  readonly #steps: ValueSteps;
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(parts: ValueCacheParts) {
    const { stores, names, clock, tasks, random, own = (value) => ownValue(value) } = parts;
    const fault = safeFault(parts.fault, tasks);
    const history = parts.history ?? localHistory({ epoch: parts.epoch, buckets: MEMORY_BUCKETS });
    this.#memory = parts.hasMemory ? stores[0] : undefined;
    this.#tally = new ValueTally(names, parts.watch);
    const ledger = new Ledger<LedgerEntry, ValueFlight>(history.invalidations, subjectOf);
    history.log.follow((position, change) => ledger.apply(position, change));
    this.#ledger = ledger;
    const invalidator = new Invalidator(history.log, random, fault);
    const nameOf = (store: Store<StoredValue>) => names[stores.indexOf(store)] as string;
    this.#loop = new TierLoop({
      ...{ stores, clock, tasks, limits: parts.limits ?? [] },
      paused: (store, isPaused) => this.#tally.tierPaused(nameOf(store), isPaused),
      fault: (error, store) => {
        if (store !== undefined) this.#tally.tierFault(nameOf(store), error);
        fault(error);
      },
      found: (entry, at) => this.#tally.found(entry, at),
      isCurrent: (entry) => ledger.isCurrent(entry),
      isNoOlder: wasReadNoEarlier,
    });
    this.#steps = {
      roughNow: parts.roughNow ?? (() => clock.now()),
      ...{ clock, tasks, random, own, fault, ledger, invalidator, tally: this.#tally },
      ...{ underWay: new UnderWay(), hasSlower: stores.length > (parts.hasMemory ? 1 : 0) },
      atHand: (key) => this.#memory?.get(key),
      find: (key) => this.#find(key),
      drop: (key) => this.#drop(key),
      keep: (entry, memoryOnly) => this.#keep(entry, memoryOnly),
    };
    this.#fills = new ValueFills(this.#steps, (asked) => this.#answer(asked), parts.endingRequests);
  }

  hit(key: string, tags?: readonly string[]): unknown {
    const entry = this.#memory?.get(key) as StoredValue | undefined; // A promise is not plain either.
    if (entry === undefined || !entry.isPlain || !isFresh(this.#steps, entry)) return undefined;
    if (tags !== undefined && !hasTags(entry.tags, tags)) return undefined;
    this.#tally.hit(key, entry);
    return readOwned(entry);
  }

  get(key: string, stale = false): Eventually<unknown> {
    return after(this.#find(key), (entry) => {
      const isStale = stale && entry !== undefined && !isFresh(this.#steps, entry);
      return (isStale ? this.#fills.inGrace(entry) : undefined) ?? this.#fresh(key, entry);
    });
  }

  #find(key: string): Eventually<StoredValue | undefined> {
    if (this.#state !== 'open') return undefined;
    const found = this.#loop.get(key);
    return found instanceof Promise ? this.#steps.underWay.track(found) : found;
  }

  #fresh(key: string, entry: StoredValue | undefined): unknown {
    if (entry === undefined || !isFresh(this.#steps, entry)) {
      this.#tally.miss(key);
      return undefined;
    }
    this.#tally.hit(key, entry);
    return readOwned(entry);
  }

  getMany(keys: readonly string[], asked?: (at: number) => ManyFill): Eventually<readonly unknown[]> {
    if (asked === undefined) return allAtOnce(keys.map((key) => this.get(key)));
    const fresh: { readonly fill: AskedFill; readonly entry: StoredValue }[] = [];
    const values = allAtOnce(
      keys.map((key, at) => {
        const fill = { key, ...asked(at) };
        const given = (entry: StoredValue | undefined) => {
          if (entry !== undefined) fresh.push({ fill, entry });
          return this.#fresh(key, entry);
        };
        const named = after(this.#find(key), (entry) => this.#named(entry, fill));
        return after(named, given);
      }),
    );
    // Not before the last look-up has ended: they are filled together, and their time counts from here.
    return after(values, (all) => {
      for (const { fill, entry } of fresh) this.#fills.refreshEarly(fill, entry);
      return all;
    });
  }

  /** The fresh entry, with the tags of its caller added. */
  #named(entry: StoredValue | undefined, asked: AskedFill): Eventually<StoredValue | undefined> {
    if (entry === undefined || !isFresh(this.#steps, entry)) return undefined;
    const named = taken(this.#steps, entry, asked);
    if (named === entry || named instanceof Promise) return named;
    // The entry in memory may have expired by another of its tags meanwhile.
    return named !== undefined && isFresh(this.#steps, named) ? named : undefined;
  }

  set(key: string, value: unknown, terms: SetTerms): Eventually<boolean> {
    const owned = this.#steps.own(value);
    return this.#state === 'open' && storePut(this.#steps, { key, owned }, terms);
  }

  setMany(entries: readonly ValueToSet[]): Eventually<boolean>[] {
    const owned = entries.map(({ key, value, terms }) => ({ key, owned: this.#steps.own(value), terms }));
    return owned.map(({ terms, ...given }) => this.#state === 'open' && storePut(this.#steps, given, terms));
  }

  getOrSet(key: string, fill: ValueFill, terms: FillTerms): Eventually<unknown> {
    if (terms.refresh) return this.#fills.fill({ key, fill, terms }, undefined);
    return this.#answer({ key, fill, terms });
  }

  #answer(asked: AskedFill): Eventually<unknown> {
    const found = this.#find(asked.key);
    if (!(found instanceof Promise)) return this.#freshOrFilled(asked, found);
    const since = this.#since(asked);
    return found.then((entry) => this.#freshOrFilled(since, entry));
  }

  #freshOrFilled(asked: AskedFill, entry: StoredValue | undefined): Eventually<unknown> {
    const named = this.#named(entry, asked);
    if (!(named instanceof Promise))
      return named === undefined ? this.#fills.fill(asked, entry) : this.#hit(asked, named);
    const since = this.#since(asked);
    return named.then((one) => (one === undefined ? this.#fills.fill(since, entry) : this.#hit(asked, one)));
  }

  /** Its time counts from now, though its fill may begin later. */
  #since(asked: AskedFill): AskedFill {
    return { ...asked, askedMs: asked.askedMs ?? this.#steps.clock.monotonic() };
  }

  #hit(asked: AskedFill, entry: StoredValue): unknown {
    this.#tally.hit(asked.key, entry);
    if (asked.terms.earlyRefresh !== undefined) this.#fills.refreshEarly(asked, entry);
    return readOwned(entry);
  }

  async remove(keys: readonly string[], also: (key: string) => readonly Selector[] = () => []): Promise<number> {
    for (const key of keys) this.#ledger.fills.replace(key);
    const { there, unsure } = sought(this.#steps, keys, also);
    const named = keys.flatMap((uri): Selector[] => [{ kind: 'url', uri }, ...also(uri)]);
    const invalidated = this.invalidate(named, false);
    this.#memory?.delete(keys);
    const { turn } = this.#ledger.fills;
    const below = countBelow(this.#steps, unsure);
    await invalidated;
    const found = await below;
    // Values that were put in since the call stay.
    const rest = this.#steps.hasSlower ? keys.filter((key) => !this.#ledger.fills.wasReplacedSince(key, turn)) : [];
    if (rest.length > 0 && this.#state !== 'closed') await this.#steps.underWay.track(this.#loop.delete(rest));
    return there + found;
  }

  async expire(key: string, also: readonly Selector[] = []): Promise<boolean> {
    const { there, unsure } = sought(this.#steps, [key], () => also);
    await this.invalidate([{ kind: 'url', uri: key }, ...also], true);
    return there + (await countBelow(this.#steps, unsure)) > 0;
  }

  async invalidate(selectors: readonly Selector[], soft: boolean): Promise<void> {
    this.#tally.invalidated(selectors, soft);
    const appended = selectors.map((selector) => this.#steps.invalidator.invalidate(selector, soft));
    await this.#steps.underWay.track(Promise.all(appended));
  }

  sources(): SourceLeases {
    this.#sources ??= new SourceLeases({
      clock: this.#steps.clock,
      invalidate: (one) => this.invalidate([one], false),
    });
    this.#ledger.sources = this.#sources;
    return this.#sources;
  }

  async purge(selector: Selector): Promise<number> {
    return this.#state === 'closed' ? 0 : this.#loop.purge(selector, () => true);
  }

  async close(enough: Promise<unknown> = new Promise(() => {})): Promise<void> {
    this.#state = 'closing';
    this.#memory = undefined;
    await this.#fills.close(enough);
    await Promise.race([this.#steps.underWay.idle(), enough]);
    this.#state = 'closed';
  }

  stamp(): Arrival {
    return this.#ledger.arrive();
  }

  isFilling(key: string): boolean {
    return this.#fills.isUnderWay(key);
  }

  async *entries(selector: Selector): ReturnType<ValueCache['entries']> {
    if (this.#state !== 'open') return;
    yield* valueEntries(this.#loop.find(selector), (note) => stateOf(note, this.#ledger, this.#steps.clock.now()));
  }

  stats(): ValueStats {
    return this.#tally.stats(this.#fills.inFlight);
  }

  #keep(entry: StoredValue, memoryOnly: boolean): Eventually<boolean> {
    if (this.#state === 'closed') return false;
    if (entry.sliding !== undefined) entry.sliding.toldMs = memoryOnly ? Number.POSITIVE_INFINITY : entry.lifetimeMs;
    if (!memoryOnly) return this.#steps.underWay.track(this.#loop.putAll(entry));
    // A slower tier has an older value.
    if (this.#steps.hasSlower) this.#drop(entry.key);
    return this.#memory !== undefined && this.#loop.putAll(entry, 1);
  }

  #drop(key: string): void {
    if (this.#state !== 'closed') void this.#steps.underWay.track(this.#loop.delete([key]));
  }
}
