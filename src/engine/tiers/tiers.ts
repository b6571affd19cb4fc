// The tiers of a gate (tier-loop.ts). `store` is the only way into any of them.
//
// A list of variants stands under the plain key, in every tier, and changes with each new one; what is not in the list any
// more would never be found again, so it is removed.

import { type EntryLedger, keyParts, withCoded } from '../../entry/key.ts';
import type { Entry, EntryNote, StoredResponse, VariantList } from '../../entry/stored-response.ts';
import { TidegateError } from '../../errors.ts';
import type { Fill, LedgerRefusal, Stamp } from '../../ledger/ledger.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Clock, Eventually, Store, Tasks } from '../../ports.ts';
import { TierLoop, wasReadNoEarlier } from './tier-loop.ts';
import { VariantLists } from './variant-lists.ts';

export interface TiersParts {
  /** Fastest first. */
  readonly stores: readonly Store[];
  /** Names for operators, in the same order. */
  readonly names: readonly string[];
  readonly ledger: EntryLedger;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly tasks: Tasks;
  /** False: nothing waits for what another request has begun, which may never end. */
  readonly joins: boolean;
  /** Entries of a slow tier that are counted at once. 0: each question to such a tier is paid for. */
  readonly mostCounted: number;
  /** Told when a store fails to take an entry in, which costs a miss and nothing more. */
  readonly fault: (error: unknown) => void;
}

export class Tiers {
  readonly #loop: TierLoop<Entry>;
  readonly #parts: TiersParts;
  /** Places of the slower tiers that have given an entry, until it answers a request. */
  readonly #givenBy = new WeakMap<Entry, number>();
  readonly variants = new VariantLists();
  /** Changes of lists of variants that wait for a slow tier, by key. */
  readonly #listChanges = new Map<string, Promise<void>>();

  constructor(parts: TiersParts) {
    const { stores, ledger, clock, tasks, fault } = parts;
    const isCurrent = (entry: Entry) => entry.kind === 'variants' || ledger.isCurrent(entry);
    const found = (entry: Entry, at: number) => void (at > 0 && this.#givenBy.set(entry, at));
    const told = stores.length > 1 ? { found } : {};
    this.#loop = new TierLoop({ stores, clock, tasks, fault, isCurrent, isNoOlder, ...told });
    this.#parts = parts;
  }

  /** The entry under the key, from the fastest tier that has it. The reader validates it. */
  get(key: string): Eventually<Entry | undefined> {
    return this.#loop.get(key);
  }

  get names(): readonly string[] {
    return this.#parts.names;
  }

  /** The place of the tier that gave the entry for this one use: from then on the fastest one has it. */
  givenBy(entry: Entry): number {
    if (this.#parts.stores.length === 1) return 0;
    const at = this.#givenBy.get(entry);
    if (at === undefined) return 0;
    this.#givenBy.delete(entry);
    return at;
  }

  /**
   * Stores the result of a fill in every tier, or what was made of one under its stamp, unless the ledger refuses it.
   * `key`: the plain cache key; `names`: the selecting header fields of the response.
   */
  store(
    by: Fill | Stamp,
    { entry, key, names }: { readonly entry: StoredResponse; readonly key: string; readonly names: readonly string[] },
  ): LedgerRefusal | undefined {
    const { uri, origin } = keyParts(key);
    const refusal = this.#parts.ledger.judge(by, { uri, origin, tags: entry.tags }, entry.key);
    if (refusal !== undefined) return refusal;
    if (names.length > 0) this.#list(key, { names, variant: entry.key });
    else this.#unlist(key);
    if ('overtakenIn' in by) this.#parts.ledger.fills.settle(by, entry.key);
    this.#loop.putAll(entry);
    return undefined;
  }

  /** Removes what the selector names from every tier; returns how many stored responses the fullest tier had. */
  purge(selector: Selector): Promise<number> {
    return this.#loop.purge(selector, ({ kind }) => kind === 'response');
  }

  /**
   * How many stored responses the selector names; `more`: others may be in a slow tier. `held`: those of the fastest tier.
   */
  async count(
    selector: Selector,
    held: readonly EntryNote[],
  ): Promise<{ readonly count: number; readonly more: boolean }> {
    const { mostCounted, stores } = this.#parts;
    const keys = new Set<string>();
    const note = ({ kind, key }: EntryNote) => void (kind === 'response' && keys.add(key));
    for (const entry of held) note(entry);
    if (mostCounted === 0) return { count: keys.size, more: stores.length > 1 };
    for (const [tier, store] of stores.entries()) {
      const found = store.find(selector);
      if (tier === 0 && Symbol.iterator in found) continue;
      let left = mostCounted;
      for await (const entry of found) {
        if (left-- === 0) return { count: keys.size, more: true };
        note(entry);
      }
    }
    return { count: keys.size, more: false };
  }

  /** The stored responses the selector names, each key once; with the name of a tier, those of that one. */
  async find(selector: Selector, tier?: string): Promise<EntryNote[]> {
    const byKey = new Map<string, EntryNote>();
    for (const store of tier === undefined ? this.#parts.stores : [this.#named(tier)]) {
      const note = (entry: EntryNote) =>
        void (entry.kind === 'response' && !byKey.has(entry.key) && byKey.set(entry.key, entry));
      const found = store.find(selector);
      // At once where the store does: each await of a stored million costs.
      if (Symbol.iterator in found) for (const entry of found) note(entry);
      else for await (const entry of found) note(entry);
    }
    return [...byKey.values()];
  }

  /** The selected entries of the fastest tier, where it answers at once. Does not count as use. */
  held(selector: Selector): readonly EntryNote[] {
    const found = this.#parts.stores[0]?.find(selector) ?? [];
    return Symbol.iterator in found ? [...found] : [];
  }

  /** How many stored responses of the fastest tier URLs and tags name, up to `most` in all: whoever invalidates them waits. */
  countHeld(selectors: readonly Selector[], most: number): number {
    let count = 0;
    for (const selector of selectors) {
      if (selector.kind !== 'url' && selector.kind !== 'tag') continue;
      const found = this.#parts.stores[0]?.find(selector) ?? [];
      if (!(Symbol.iterator in found)) continue;
      for (const { kind } of found) if (kind === 'response' && ++count === most) return count;
    }
    return count;
  }

  #named(tier: string): Store {
    const store = this.#parts.stores[this.#parts.names.indexOf(tier)];
    if (store !== undefined) return store;
    throw new TidegateError('E_SELECTOR', `expected one of ${this.#parts.names.join(', ')} as tier, got ${tier}`);
  }

  /** Removes single entries from every tier. */
  remove(keys: readonly string[]): void {
    void this.#loop.delete(keys);
  }

  /** Notes the variant in the list that stands under the plain key. */
  #list(key: string, add: { names: readonly string[]; variant: string }): void {
    this.#withList(key, (old) => {
      const list = this.variants.with(old, { key, ...add });
      const dropped = old?.variantKeys.filter((variant) => !list.variantKeys.includes(variant)) ?? [];
      // What was made of a variant would never be found again either.
      if (dropped.length > 0) this.remove(dropped.flatMap(withCoded));
      this.#loop.putAll(list);
    });
  }

  /** A response without Vary takes the place of the list; the variants would never be found again. */
  #unlist(key: string): void {
    this.#withList(key, (old) => {
      if (old !== undefined) this.remove(old.variantKeys.flatMap(withCoded));
    });
  }

  /**
   * Hands over the list under a key, at once where a tier answers at once. Changes of one list wait for each other, where they
   * may; otherwise two at once may lose a variant, which is a miss. Where questions are paid for, the fastest tier knows
   * enough: the request that began the fill has copied there what a slower tier had.
   */
  #withList(key: string, change: (list: VariantList | undefined) => void): void {
    const { joins, mostCounted } = this.#parts;
    const listed = () => (mostCounted === 0 ? this.#loop.getFirst(key) : this.get(key));
    const before = joins ? this.#listChanges.get(key) : undefined;
    const found = before === undefined ? listed() : before.then(listed);
    if (!(found instanceof Promise)) return change(asList(found));
    const changed = found
      .then((later) => change(asList(later)))
      .catch(this.#parts.fault)
      .finally(() => this.#listChanges.get(key) === changed && this.#listChanges.delete(key));
    this.#listChanges.set(key, changed);
  }
}

function isNoOlder(entry: Entry, other: Entry): boolean {
  return entry.kind !== 'response' || other.kind !== 'response' || wasReadNoEarlier(entry, other);
}

function asList(entry: Entry | undefined): VariantList | undefined {
  return entry?.kind === 'variants' ? entry : undefined;
}
