// The data cache: values under keys, by the fill protocol of the gate (docs/architecture.md).
//
// A hit must cost no promise and next to no time, so what is in the first tier is judged and given
// at once; only a miss, a slow tier and a fill go on with promises.

import { readOwned } from '../../entry/owned-value.ts';
import { hasTags, type StoredValue } from '../../entry/stored-value.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Eventually } from '../../ports.ts';
import { after, allAtOnce } from '../eventually.ts';
import { SourceLeases } from '../source-leases.ts';
import { ValueContext } from './value-context.ts';
import type {
  FillTerms,
  ManyFill,
  SetTerms,
  ValueCache,
  ValueCacheParts,
  ValueFigures,
  ValueFill,
  ValueJudge,
  ValueToSet,
} from './value-contract.ts';
import { ValueFills } from './value-fills.ts';
import type { AskedFill } from './value-flight.ts';
import { storePut, taken } from './value-storing.ts';

export function createValueCache(parts: ValueCacheParts): ValueCache {
  return new TieredValueCache(parts);
}

class TieredValueCache implements ValueCache {
  readonly judge: ValueJudge;
  readonly figures: ValueFigures;
  readonly #context: ValueContext;
  readonly #fills: ValueFills;
  #sources: SourceLeases | undefined;

  constructor(parts: ValueCacheParts) {
    this.#context = new ValueContext(parts);
    this.judge = this.#context.judge;
    this.#fills = new ValueFills(this.#context, (asked) => this.#answer(asked), parts.endingRequests);
    const { tally } = this.#context;
    this.figures = {
      stats: () => tally.stats(this.#fills.inFlight),
      countIn: (prefix) => tally.countIn(prefix),
      asksAgain: (keys) => tally.asksAgain(keys),
    };
  }

  hit(key: string, tags?: readonly string[]): unknown {
    const entry = this.#context.memory?.get(key) as StoredValue | undefined; // A promise is not plain either.
    if (entry === undefined || !entry.isPlain || !this.#context.isFresh(entry)) return undefined;
    if (tags !== undefined && !hasTags(entry.tags, tags)) return undefined;
    this.#context.tally.hit(key, entry);
    return readOwned(entry);
  }

  get(key: string, stale = false): Eventually<unknown> {
    return after(this.#context.find(key), (entry) => {
      const isStale = stale && entry !== undefined && !this.#context.isFresh(entry);
      return isStale && this.#fills.isInGrace(entry) ? this.#fills.stale(entry) : this.#fresh(key, entry);
    });
  }

  #fresh(key: string, entry: StoredValue | undefined): unknown {
    if (entry === undefined || !this.#context.isFresh(entry)) {
      this.#context.tally.count('miss', key);
      return undefined;
    }
    this.#context.tally.hit(key, entry);
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
        return after(
          after(this.#context.find(key), (entry) => this.#named(entry, fill)),
          given,
        );
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
    if (entry === undefined || !this.#context.isFresh(entry)) return undefined;
    const named = taken(this.#context, entry, asked);
    if (named === entry || named instanceof Promise) return named;
    // The entry in memory may have expired by another of its tags meanwhile.
    return named !== undefined && this.#context.isFresh(named) ? named : undefined;
  }

  set(key: string, value: unknown, terms: SetTerms): Eventually<boolean> {
    const owned = this.#context.own(value);
    return this.#context.state === 'open' && storePut(this.#context, { key, owned }, terms);
  }

  setMany(entries: readonly ValueToSet[]): Eventually<boolean>[] {
    const owned = entries.map(({ key, value, terms }) => ({ key, owned: this.#context.own(value), terms }));
    return owned.map(({ terms, ...given }) => this.#context.state === 'open' && storePut(this.#context, given, terms));
  }

  getOrSet(key: string, fill: ValueFill, terms: FillTerms): Eventually<unknown> {
    return terms.refresh ? this.#fills.fill({ key, fill, terms }, undefined) : this.#answer({ key, fill, terms });
  }

  #answer(asked: AskedFill): Eventually<unknown> {
    const found = this.#context.find(asked.key);
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
    return { ...asked, askedMs: asked.askedMs ?? this.#context.clock.monotonic() };
  }

  #hit(asked: AskedFill, entry: StoredValue): unknown {
    this.#context.tally.hit(asked.key, entry);
    if (asked.terms.earlyRefresh !== undefined) this.#fills.refreshEarly(asked, entry);
    return readOwned(entry);
  }

  async remove(keys: readonly string[], also: (key: string) => readonly Selector[] = () => []): Promise<number> {
    const { ledger, memory, elsewhere, loop, underWay } = this.#context;
    for (const key of keys) ledger.fills.replace(key);
    const sought = this.#context.sought(keys, also);
    const named = keys.flatMap((uri): Selector[] => [{ kind: 'url', uri }, ...also(uri)]);
    const invalidated = this.invalidate(named, false);
    memory?.delete(keys);
    const { turn } = ledger.fills;
    const counted = sought.count();
    await invalidated;
    const found = await counted;
    // Values that were put in since the call stay.
    const rest = elsewhere === 'tiers' ? keys.filter((key) => !ledger.fills.wasReplacedSince(key, turn)) : [];
    if (rest.length > 0 && this.#context.state !== 'closed') await underWay.track(loop.delete(rest));
    return found;
  }

  async expire(key: string, also: readonly Selector[] = []): Promise<boolean> {
    const sought = this.#context.sought([key], () => also);
    await this.invalidate([{ kind: 'url', uri: key }, ...also], true);
    return (await sought.count()) > 0;
  }

  async invalidate(selectors: readonly Selector[], soft: boolean): Promise<void> {
    this.#context.tally.invalidated(selectors, soft);
    const appended = selectors.map((selector) => this.#context.invalidator.invalidate(selector, { soft }));
    await this.#context.underWay.track(Promise.all(appended));
  }

  sources(): SourceLeases {
    this.#sources ??= new SourceLeases({
      clock: this.#context.clock,
      invalidate: (selectors) => this.invalidate(selectors, false),
    });
    this.#context.ledger.sources = this.#sources;
    return this.#sources;
  }

  async purge(selector: Selector): Promise<number> {
    return this.#context.state === 'closed' ? 0 : this.#context.loop.purge(selector, () => true);
  }

  async close(enough: Promise<unknown> = new Promise(() => {})): Promise<void> {
    this.#context.state = 'closing';
    this.#context.memory = undefined;
    await this.#fills.close(enough);
    await Promise.race([this.#context.underWay.idle(), enough]);
    this.#context.state = 'closed';
  }

  isFilling(key: string): boolean {
    return this.#fills.isUnderWay(key);
  }

  entries(selector: Selector): ReturnType<ValueCache['entries']> {
    return this.#context.list(selector);
  }
}
