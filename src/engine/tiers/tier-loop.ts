// The loop over N stores, fastest first, for whatever they hold. `put` is called from here alone.
//
// The first tier answers at once and the others may not, and a hit in memory must not cost a
// promise. So a look-up returns the entry itself as long as every store asked so far did, and a promise from then on.

import type { EntryNote, StoredResponse } from '../../entry/stored-response.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Clock, Eventually, Store, Tasks } from '../../ports.ts';
import { DEFAULT_LIMITS, MissedKeys, TierBreaker, type TierLimits } from './tier-breaker.ts';

export interface LoopParts<E> {
  /** Fastest first. */
  readonly stores: readonly Store<E>[];
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly tasks: Tasks;
  /**
   * Limits by store, where they can be set: then a paused store is told of nothing either, and one call tries
   * it afterwards. Default: none is asked while it is paused, and that is all.
   */
  readonly limits?: readonly (TierLimits | undefined)[];
  /** Told when a store is paused, and when it is asked again. */
  readonly paused?: (store: Store<E>, isPaused: boolean) => void;
  /** Told which store has an entry, by its place. */
  readonly found?: (entry: E, at: number) => void;
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

interface Tier<E> {
  readonly store: Store<E>;
  readonly breaker: TierBreaker;
  /** Undefined: it is told of everything, paused or not. */
  readonly missed: MissedKeys | undefined;
}

export class TierLoop<E extends { readonly key: string }> {
  readonly #parts: LoopParts<E>;
  readonly #tiers: readonly Tier<E>[];
  /** Where there is but one. */
  readonly #only: Tier<E> | undefined;

  constructor(parts: LoopParts<E>) {
    this.#parts = parts;
    this.#tiers = parts.stores.map((store, at) => tierOf(store, parts, parts.limits?.[at]));
    this.#only = this.#tiers.length === 1 ? this.#tiers[0] : undefined;
  }

  /**
   * The entry under the key: from the fastest tier that has it current, else from the fastest that has it. The
   * reader validates it.
   */
  get(key: string): Eventually<E | undefined> {
    const only = this.#only;
    return only === undefined ? this.#getFromSeveral(key) : this.#ask(only, key);
  }

  /** The entry of the fastest tier alone. */
  getFirst(key: string): Eventually<E | undefined> {
    const [first] = this.#tiers;
    return first && this.#ask(first, key);
  }

  #getFromSeveral(key: string): Eventually<E | undefined> {
    const tiers = this.#tiers;
    let outdated: E | undefined;
    for (let tier = 0; tier < tiers.length; tier++) {
      const found = this.#ask(tiers[tier] as Tier<E>, key);
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

  /**
   * Puts into the first `count` tiers, by default all; a promise where one takes time, which does not reject. False: all of
   * them say that they have declined it.
   */
  putAll(entry: E, count = this.#tiers.length): Eventually<boolean> {
    let puts: Promise<unknown>[] | undefined;
    let isTaken = false;
    for (let at = 0; at < count; at++) {
      const tier = this.#tiers[at] as Tier<E>;
      const put = this.#change(tier, [entry.key], () => tier.store.put(entry));
      if (!(put instanceof Promise)) {
        isTaken ||= put !== false;
        continue;
      }
      puts ??= [];
      puts.push(put);
    }
    return puts === undefined ? isTaken : Promise.all(puts).then((all) => isTaken || all.some((put) => put !== false));
  }

  /** Removes single entries from every tier; how many the fullest had. Does not reject. */
  async delete(keys: readonly string[]): Promise<number> {
    let most = 0;
    for (const tier of this.#tiers) {
      const deleted = this.#change(tier, keys, () => tier.store.delete(keys));
      most = Math.max(most, (deleted instanceof Promise ? await deleted : deleted) ?? 0);
    }
    return most;
  }

  /** Removes what the selector names from every tier; how many of what counts the fullest had. */
  async purge(selector: Selector, counts: (note: EntryNote) => boolean): Promise<number> {
    let most = 0;
    for (const tier of this.#tiers) {
      let removed = 0;
      for await (const notes of this.#foundIn(tier, selector)) {
        const keys = notes.map(({ key }) => key);
        const remove = () => tier.store.delete(keys);
        await (tier.missed === undefined ? remove() : this.#change(tier, keys, remove));
        removed += notes.filter(counts).length;
      }
      most = Math.max(most, removed);
    }
    return most;
  }

  /**
   * The selected entries, some at a time, tier by tier. Where limits can be set, a tier that fails or takes too long tells no
   * more.
   */
  async *find(selector: Selector): AsyncIterable<{ readonly notes: readonly EntryNote[]; readonly isOfLast: boolean }> {
    for (const tier of this.#tiers) {
      const isOfLast = tier === this.#tiers.at(-1);
      for await (const notes of this.#foundIn(tier, selector)) yield { notes, isOfLast };
    }
  }

  async *#foundIn(tier: Tier<E>, selector: Selector): AsyncIterable<readonly EntryNote[]> {
    const { store, breaker, missed } = tier;
    if (missed === undefined) return yield* portions(store.find(selector));
    if (!breaker.admits()) return;
    try {
      const found = store.find(selector);
      const isAtOnce = Symbol.iterator in found;
      yield* portions(isAtOnce ? found : breaker.inTime(found));
      if (isAtOnce) breaker.answered();
    } catch (error) {
      this.#failed(tier, error);
    }
  }

  #ask(tier: Tier<E>, key: string): Eventually<E | undefined> {
    const { store, breaker, missed } = tier;
    if (missed?.has(key) === true || !(breaker.isQuiet || breaker.admits())) return undefined;
    try {
      const found = store.get(key);
      if (found instanceof Promise) return this.#answer(tier, found).then((entry) => this.#told(tier, entry));
      if (!breaker.isQuiet) breaker.answered();
      return this.#told(tier, found);
    } catch (error) {
      this.#failed(tier, error);
      return undefined;
    }
  }

  #told(tier: Tier<E>, entry: E | undefined): E | undefined {
    if (entry !== undefined) this.#parts.found?.(entry, this.#tiers.indexOf(tier));
    return entry;
  }

  /** Undefined: it failed, took too long, or was not told. Does not throw. */
  #change<T>(tier: Tier<E>, keys: readonly string[], work: () => Eventually<T>): Eventually<T | undefined> {
    const { missed, breaker } = tier;
    if (missed !== undefined && !breaker.admits()) {
      missed.add(keys);
      return undefined;
    }
    const caughtUp = missed?.change(keys);
    try {
      const done = work();
      if (done instanceof Promise) {
        if (caughtUp !== undefined) void done.then(caughtUp, () => {});
        return this.#answer(tier, done);
      }
      if (!breaker.isQuiet) breaker.answered();
      caughtUp?.();
      return done;
    } catch (error) {
      this.#failed(tier, error);
      return undefined;
    }
  }

  /** The store's answer; undefined when it fails or takes too long. */
  async #answer<T>(tier: Tier<E>, answer: Promise<T>): Promise<T | undefined> {
    try {
      return await tier.breaker.wait(answer);
    } catch (error) {
      this.#failed(tier, error);
      return undefined;
    }
  }

  #failed({ store, breaker }: Tier<E>, error: unknown): void {
    this.#parts.fault(error, store);
    breaker.failed();
  }

  /** `outdated`: the entry of a faster tier. */
  async #getSlowly(
    key: string,
    asked: { readonly tier: number; readonly found: Promise<E | undefined>; readonly outdated: E | undefined },
  ): Promise<E | undefined> {
    const tiers = this.#tiers;
    let { tier, outdated } = asked;
    let found = await asked.found;
    while (found === undefined || !this.#isBetter(found, outdated)) {
      outdated ??= found;
      if (++tier === tiers.length) return this.#newerAbove(tiers.length - 1, key) ?? outdated;
      found = await this.#ask(tiers[tier] as Tier<E>, key);
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
      const { store, breaker, missed } = this.#tiers[above] as Tier<E>;
      if (breaker.isPaused || missed?.has(key) === true) continue;
      const newer = store.get(key);
      if (newer instanceof Promise) newer.catch(this.#parts.fault);
      else if (newer !== undefined && this.#parts.isCurrent(newer)) return newer;
    }
    return undefined;
  }
}

function tierOf<E>(store: Store<E>, parts: LoopParts<E>, limits: TierLimits | undefined): Tier<E> {
  const { clock, tasks, fault, paused } = parts;
  const isLimited = parts.limits !== undefined;
  const breaker = new TierBreaker({
    ...{ limits: limits ?? DEFAULT_LIMITS, clock, tasks, oneTries: isLimited },
    fault: (error) => fault(error, store),
    paused: (isPaused) => paused?.(store, isPaused),
  });
  return { store, breaker, missed: isLimited ? new MissedKeys() : undefined };
}

const PORTION = 1000;

/** Cuts an iteration into portions; one portion where the store answers at once, since it may change afterwards. */
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

type Read = Pick<StoredResponse, 'epoch' | 'stamp' | 'bornMs'>;

/** As far as can be told: positions of two epochs are not to be compared. */
export function wasReadNoEarlier(one: Read, other: Read): boolean {
  if (one.epoch !== other.epoch) return true;
  return one.stamp > other.stamp || (one.stamp === other.stamp && one.bornMs >= other.bornMs);
}
