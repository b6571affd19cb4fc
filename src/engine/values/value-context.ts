// What the parts of a data cache share: its ports, ledger, log and tiers, and its state. With it the entries: as they are made,
// in which tiers they stand, until when they are fresh or in grace, how many of them a removal finds, and as operators see them.

import { type EntryLedger, type LedgerEntry, subjectOf } from '../../entry/key.ts';
import { ownText, ownTexts } from '../../entry/own-text.ts';
import { type OwnedValue, ownValue } from '../../entry/owned-value.ts';
import type { EntryNote } from '../../entry/stored-response.ts';
import { hitNotes, type StoredValue } from '../../entry/stored-value.ts';
import { Ledger, type Stamp } from '../../ledger/ledger.ts';
import type { Position } from '../../ledger/log.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Clock, Eventually, Random, Store, Tasks } from '../../ports.ts';
import { UnderWay } from '../eventually.ts';
import { safeFault } from '../guarded.ts';
import { Invalidator, localHistory } from '../invalidator.ts';
import { TierLoop, wasReadNoEarlier } from '../tiers/tier-loop.ts';
import type { FillTerms, ValueCache, ValueCacheParts, ValueJudge, ValueState, ValueTerms } from './value-contract.ts';
import type { ValueFlight } from './value-flight.ts';
import { ValueTally } from './value-tally.ts';

/** 512 KB. Two names that share a bucket are invalidated together, which costs a fill. */
const MEMORY_BUCKETS = 2 ** 16;
/** Largest part of the idle time by which a slower tier may be behind. */
const BEHIND_PART = 0.25;

export class ValueContext {
  readonly clock: Clock;
  /** The time, as far as a hit needs it; see `hitNotes`. */
  readonly #roughNow: () => number;
  readonly tasks: Tasks;
  readonly random: Random;
  readonly own: (value: unknown) => OwnedValue;
  readonly fault: (error: unknown) => void;
  readonly ledger: EntryLedger<ValueFlight>;
  readonly judge: ValueJudge;
  readonly invalidator: Invalidator;
  readonly tally: ValueTally;
  readonly underWay = new UnderWay();
  readonly loop: TierLoop<StoredValue>;
  /** Undefined where there is none, and once the cache is closing. */
  memory: Store<StoredValue> | undefined;
  /** Where values also are: in tiers that may fail or take a value late, or in caches that go by the same log. */
  readonly elsewhere: 'tiers' | 'caches' | 'nowhere';
  state: 'open' | 'closing' | 'closed' = 'open';

  constructor(parts: ValueCacheParts) {
    const { stores, names, clock, tasks, random, limits = [] } = parts;
    const { invalidations, log } = parts.history ?? localHistory({ epoch: parts.epoch, buckets: MEMORY_BUCKETS });
    const fault = safeFault(parts.fault, tasks);
    const tally = new ValueTally(names, parts.watch);
    const ledger = new Ledger<LedgerEntry, ValueFlight>(invalidations, subjectOf);
    const followers = new Set<() => void>();
    log.follow((position, event) => {
      ledger.apply(position, event);
      if (event.kind === 'invalidate' || event.kind === 'begin') for (const follower of followers) follower();
    });
    this.judge = {
      arrive: () => ledger.arrive(),
      isCurrent: (entry) => ledger.isCurrent(entry),
      isExpired: (entry) => ledger.isExpired(entry),
      follow: (listener) => {
        const own = () => listener();
        followers.add(own);
        return () => void followers.delete(own);
      },
    };
    const nameOf = (store: Store<StoredValue>) => names[stores.indexOf(store)] as string;
    this.clock = clock;
    this.#roughNow = parts.roughNow ?? (() => clock.now());
    this.tasks = tasks;
    this.random = random;
    this.own = parts.own ?? ((value) => ownValue(value));
    this.fault = fault;
    this.ledger = ledger;
    this.invalidator = new Invalidator(log, random, fault);
    this.tally = tally;
    this.memory = parts.hasMemory ? stores[0] : undefined;
    const hasSlower = stores.length > (parts.hasMemory ? 1 : 0);
    this.elsewhere = hasSlower ? 'tiers' : parts.isShared === true ? 'caches' : 'nowhere';
    this.loop = new TierLoop({
      ...{ stores, clock, tasks, limits, isNoOlder: wasReadNoEarlier },
      paused: (store, isPaused) => tally.tierPaused(nameOf(store), isPaused),
      fault: (error, store) => {
        if (store !== undefined) tally.tierFault(nameOf(store), error);
        fault(error);
      },
      found: (entry, at) => tally.found(entry, at),
      isCurrent: (entry) => ledger.isCurrent(entry),
    });
  }

  /** The entry in any tier, current if one has it so. */
  find(key: string): Eventually<StoredValue | undefined> {
    if (this.state !== 'open') return undefined;
    const found = this.loop.get(key);
    return found instanceof Promise ? this.underWay.track(found) : found;
  }

  /** False: no tier took it, as far as that is known at once. */
  keep(entry: StoredValue, memoryOnly: boolean): Eventually<boolean> {
    if (this.state === 'closed') return false;
    if (entry.sliding !== undefined) entry.sliding.toldMs = memoryOnly ? Number.POSITIVE_INFINITY : entry.lifetimeMs;
    if (!memoryOnly) return this.underWay.track(this.loop.putAll(entry));
    // A slower tier has an older value.
    if (this.elsewhere === 'tiers') this.drop(entry.key);
    return this.memory !== undefined && this.loop.putAll(entry, 1);
  }

  /** Removes what is there: something newer is known, and not to be stored. */
  drop(key: string): void {
    if (this.state !== 'closed') void this.underWay.track(this.loop.delete([key]));
  }

  /** A call counts as a use of the entry: it moves the end of an entry with sliding expiry. */
  isFresh(entry: StoredValue): boolean {
    if (!this.ledger.isCurrent(entry)) return false;
    if (this.#roughNow() < entry.surelyFreshUntilSeconds * 1000) return true;
    const ageMs = this.clock.now() - entry.bornMs;
    if (ageMs >= entry.lifetimeMs) return false;
    if (entry.sliding !== undefined) this.#slide(entry, entry.sliding, ageMs);
    return true;
  }

  /**
   * A record in a slower tier has the lifetime of the moment at which it was put. Putting it again at each use would cost more
   * than the cache saves, so the cache puts it again once the lifetime lags by a part of the idle time. The record keeps its
   * stamp: an invalidation of the entry outdates a record that arrives later, too. A fill supersedes the entry for that reason.
   */
  #slide(entry: StoredValue, { idleMs, limitMs, toldMs }: NonNullable<StoredValue['sliding']>, ageMs: number): void {
    const lifetimeMs = Math.min(ageMs + idleMs, limitMs);
    // A clock that was set back takes nothing off.
    if (lifetimeMs <= entry.lifetimeMs) return;
    entry.lifetimeMs = lifetimeMs;
    if (this.elsewhere !== 'tiers' || lifetimeMs - toldMs < idleMs * BEHIND_PART) return;
    const there = this.memory?.get(entry.key);
    // Unless something has taken its place while a slower tier was asked.
    if (there === undefined || there === entry) void this.keep(entry, false);
  }

  /** Stale, and of use where its fill fails or takes long. */
  isInGrace({ bornMs, lifetimeMs, graceMs }: StoredValue): boolean {
    return graceMs > 0 && this.clock.now() - bornMs < lifetimeMs + graceMs;
  }

  /**
   * Keys that are about to be invalidated. `count`, to be called thereafter: how many of them were there, not outdated. By the
   * time slower tiers answer, the invalidation has outdated all that they have. `also`: what is invalidated with a key.
   */
  sought(keys: readonly string[], also: (key: string) => readonly Selector[]): Sought {
    const { ledger, memory, elsewhere } = this;
    const rest = keys.filter((key) => {
      const entry = memory?.get(key);
      return entry === undefined || entry instanceof Promise || !ledger.isCurrent(entry);
    });
    const asked = (elsewhere === 'tiers' ? rest : []).map((uri) => {
      const removed = also(uri).flatMap((selector) => (selector.kind === 'tag' ? [selector.tag] : []));
      return { key: uri, removed, last: ledger.lastAffecting({ uri, origin: '', tags: removed }) };
    });
    const wasCurrent = async ({ key, removed, last }: (typeof asked)[number]) => {
      const entry = await this.find(key);
      if (entry === undefined || last > entry.stamp) return false;
      const stamp = { epoch: entry.epoch, position: entry.stamp };
      const tags = entry.tags.filter((tag) => !removed.includes(tag));
      return !ledger.isAffectedSince(stamp, { uri: '', origin: '', tags });
    };
    return {
      count: async () => {
        const found = await Promise.all(asked.map(wasCurrent));
        return keys.length - rest.length + found.filter((wasThere) => wasThere).length;
      },
    };
  }

  /** Each key once, as the fastest tier has it. */
  async *list(selector: Selector): ReturnType<ValueCache['entries']> {
    if (this.state !== 'open') return;
    const seen = new Set<string>();
    for await (const { notes, isOfLast } of this.loop.find(selector)) {
      for (const note of notes) {
        if (seen.has(note.key)) continue;
        if (!isOfLast) seen.add(note.key);
        yield { ...note, state: this.#stateOf(note), bytes: note.bodyBytes };
      }
    }
  }

  #stateOf(note: EntryNote): ValueState {
    const { epoch, stamp, bornMs, lifetimeMs } = note;
    if (this.ledger.isAffectedSince({ epoch, position: stamp }, subjectOf(note)))
      return this.ledger.isExpired(note) ? 'expired' : 'outdated';
    return this.clock.now() - bornMs < lifetimeMs ? 'fresh' : 'stale';
  }
}

interface Sought {
  readonly count: () => Promise<number>;
}

/** Inputs of an entry besides its terms. */
export interface Filled {
  readonly key: string;
  readonly owned: OwnedValue;
  readonly validator: string | undefined;
  readonly fillMs: number;
  readonly now: number;
  readonly stamp: Stamp;
  readonly readAt: Position;
}

export function entryOf(filled: Filled, terms: ValueTerms, random: Random): StoredValue {
  const { key, owned, validator, fillMs, now, stamp, readAt } = filled;
  const { ttlMs, slidingMs, jitter } = terms;
  const limitMs = jitter === 0 ? ttlMs : ttlMs * (1 - jitter * random());
  const lifetimeMs = Math.min(slidingMs, limitMs);
  const sliding = slidingMs < limitMs ? { idleMs: slidingMs, limitMs, toldMs: lifetimeMs } : undefined;
  const { isPlain, surelyFreshUntilSeconds } = hitNotes({ key, bornMs: now, lifetimeMs, sliding });
  return {
    kind: 'value',
    // All that a hit looks at stands together, in as few lines of the processor's cache as can be.
    isPlain,
    surelyFreshUntilSeconds,
    epoch: stamp.epoch,
    checkedUpTo: stamp.position,
    value: owned.value,
    copy: owned.copy,
    key: ownText(key),
    bytes: owned.bytes,
    bornMs: now,
    lifetimeMs,
    graceMs: terms.graceMs,
    fillMs,
    validator: validator && ownText(validator),
    tags: ownTexts(terms.tags),
    stamp: stamp.position,
    readAt,
    sliding,
    namedBy: undefined,
  };
}

export function isDueEarly(
  { bornMs, lifetimeMs: untilMs, fillMs, sliding }: StoredValue,
  early: FillTerms['earlyRefresh'],
  { clock, random }: ValueContext,
): boolean {
  // One that ends for want of use has nobody to be filled for.
  const lifetimeMs = sliding?.limitMs ?? untilMs;
  if (early === undefined || lifetimeMs === Number.POSITIVE_INFINITY) return false;
  const ageMs = clock.now() - bornMs;
  // XFetch with beta 1 (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015).
  if (early === 'probabilistic') return ageMs - fillMs * Math.log(1 - random()) >= lifetimeMs;
  return ageMs >= early * lifetimeMs;
}

/** The stored value that a fill may build upon; never an outdated one. */
export function previousOf(entry: StoredValue | undefined, ledger: EntryLedger): StoredValue | undefined {
  const mayBeKept = entry !== undefined && (ledger.isCurrent(entry) || ledger.isExpired(entry));
  return mayBeKept ? entry : undefined;
}
