// The loop over N stores, fastest first, for whatever they hold. `put` is called from here alone.
//
// The one complication: the first tier answers at once and the others may not, and a hit in memory must not cost a
// promise. So a look-up returns the entry itself as long as every store asked so far did, and a promise from then on.

import type { Selector } from '../dependency/selector.ts';
import type { EntryNote } from '../entry/stored-response.ts';
import type { Eventually, Store, Tasks } from '../ports.ts';
import { Patience } from './patience.ts';

export interface LoopParts<E> {
  /** Fastest first. */
  readonly stores: readonly Store<E>[];
  readonly tasks: Tasks;
  /** Told when a store fails, which costs a miss and nothing more. */
  readonly fault: (error: unknown, store?: Store<E>) => void;
  /**
   * True: no invalidation affects the entry, which may be copied to faster tiers. It keeps its stamp, so it never looks
   * newer than its read.
   */
  readonly isCurrent: (entry: E) => boolean;
  /** True: the entry was not read before the other. One that was is no better, though no invalidation names it. */
  readonly isNoOlder: (entry: E, other: E) => boolean;
}

export class TierLoop<E> {
  readonly #parts: LoopParts<E>;
  readonly #patience: Patience<Store<E>>;
  /** Where there is but one. */
  readonly #only: Store<E> | undefined;

  constructor(parts: LoopParts<E>) {
    this.#parts = parts;
    this.#only = parts.stores.length === 1 ? parts.stores[0] : undefined;
    this.#patience = new Patience(parts.tasks, parts.fault);
  }

  get stores(): readonly Store<E>[] {
    return this.#parts.stores;
  }

  /**
   * What is stored under the key: from the fastest tier that has it current, else from the fastest that has it. The
   * reader validates it.
   */
  get(key: string): Eventually<E | undefined> {
    const only = this.#only;
    if (only === undefined) return this.#getFromSeveral(key);
    return this.#ask(only, key);
  }

  #getFromSeveral(key: string): Eventually<E | undefined> {
    const { stores } = this.#parts;
    let outdated: E | undefined;
    for (let tier = 0; tier < stores.length; tier++) {
      const found = this.#ask(stores[tier] as Store<E>, key);
      if (found instanceof Promise) return this.#getSlowly(key, { tier, found, outdated });
      if (found === undefined) continue;
      if (this.#isBetter(found, outdated)) {
        if (tier > 0) this.putAll(found, tier);
        return found;
      }
      // Another process may have filled it on the disk that they share.
      outdated ??= found;
    }
    return outdated;
  }

  /** Puts into the first `count` tiers, by default all; a promise where one takes time, which does not reject. */
  putAll(entry: E, count = this.#parts.stores.length): Eventually<void> {
    let puts: Promise<unknown>[] | undefined;
    for (let tier = 0; tier < count; tier++) {
      const store = this.#parts.stores[tier] as Store<E>;
      try {
        const put = store.put(entry);
        if (!(put instanceof Promise)) continue;
        puts ??= [];
        puts.push(this.#answer(store, put));
      } catch (error) {
        this.#parts.fault(error, store);
      }
    }
    return puts === undefined ? undefined : Promise.all(puts).then(() => undefined);
  }

  /** Removes single entries from every tier; how many the fullest had. Does not reject. */
  async delete(keys: readonly string[]): Promise<number> {
    let most = 0;
    for (const store of this.#parts.stores) {
      try {
        const deleted = store.delete(keys);
        const count = deleted instanceof Promise ? await this.#answer(store, deleted) : deleted;
        most = Math.max(most, count ?? 0);
      } catch (error) {
        this.#parts.fault(error, store);
      }
    }
    return most;
  }

  /** Removes what the selector names from every tier; how many of what counts the fullest had. */
  async purge(selector: Selector, counts: (note: EntryNote) => boolean): Promise<number> {
    let most = 0;
    for (const store of this.#parts.stores) {
      let removed = 0;
      for await (const notes of portions(store.find(selector))) {
        await store.delete(notes.map(({ key }) => key));
        removed += notes.filter(counts).length;
      }
      most = Math.max(most, removed);
    }
    return most;
  }

  #ask(store: Store<E>, key: string): Eventually<E | undefined> {
    if (this.#patience.isOutWith(store)) return undefined;
    try {
      const found = store.get(key);
      return found instanceof Promise ? this.#answer(store, found) : found;
    } catch (error) {
      this.#parts.fault(error, store);
      return undefined;
    }
  }

  /** What the store answers in time; undefined, too, when it fails. */
  async #answer<T>(store: Store<E>, answer: Promise<T>): Promise<T | undefined> {
    try {
      return await this.#patience.wait(store, answer);
    } catch (error) {
      this.#parts.fault(error, store);
      return undefined;
    }
  }

  async #getSlowly(key: string, asked: Asked<E>): Promise<E | undefined> {
    const { stores } = this.#parts;
    let { tier, outdated } = asked;
    let found = await asked.found;
    while (found === undefined || !this.#isBetter(found, outdated)) {
      outdated ??= found;
      if (++tier === stores.length) return this.#newerAbove(stores.length - 1, key) ?? outdated;
      found = await this.#ask(stores[tier] as Store<E>, key);
    }
    const newer = this.#newerAbove(tier, key);
    if (newer !== undefined) return newer;
    this.putAll(found, tier);
    return found;
  }

  #isBetter(found: E, outdated: E | undefined): boolean {
    const { isCurrent, isNoOlder } = this.#parts;
    return isCurrent(found) && (outdated === undefined || isNoOlder(found, outdated));
  }

  /** A fill has ended meanwhile: what it stored is newer than what was read. */
  #newerAbove(tier: number, key: string): E | undefined {
    for (let above = 0; above < tier; above++) {
      const newer = (this.#parts.stores[above] as Store<E>).get(key);
      if (newer instanceof Promise) newer.catch(this.#parts.fault);
      else if (newer !== undefined && this.#parts.isCurrent(newer)) return newer;
    }
    return undefined;
  }
}

interface Read {
  readonly epoch: string;
  readonly stamp: number;
  readonly bornMs: number;
}

/** As far as can be told: positions of two epochs are not to be compared. */
export function wasReadNoEarlier(one: Read, other: Read): boolean {
  if (one.epoch !== other.epoch) return true;
  return one.stamp > other.stamp || (one.stamp === other.stamp && one.bornMs >= other.bornMs);
}

interface Asked<E> {
  readonly tier: number;
  readonly found: Promise<E | undefined>;
  /** What a faster tier has. */
  readonly outdated: E | undefined;
}

const PORTION = 1000;

/** What an iteration gives, some at a time; all at once where the store gives it at once, and may change after that. */
async function* portions(found: Iterable<EntryNote> | AsyncIterable<EntryNote>): AsyncIterable<EntryNote[]> {
  if (Symbol.iterator in found) return yield [...found];
  let portion: EntryNote[] = [];
  for await (const entry of found) {
    if (portion.push(entry) < PORTION) continue;
    yield portion;
    portion = [];
  }
  yield portion;
}

/** Everything an iteration gives; at once where the store does, for each await of a stored million costs. */
export async function allOf(found: Iterable<EntryNote> | AsyncIterable<EntryNote>): Promise<EntryNote[]> {
  if (Symbol.iterator in found) return [...found];
  const entries: EntryNote[] = [];
  for await (const entry of found) entries.push(entry);
  return entries;
}
