// Entries of the data cache: as they are made, until when they are fresh or in grace, which of them a removal finds, and as
// operators see them.

import { type EntryLedger, subjectOf } from '../../entry/key.ts';
import { ownText, ownTexts } from '../../entry/own-text.ts';
import { type OwnedValue, readOwned } from '../../entry/owned-value.ts';
import type { EntryNote } from '../../entry/stored-response.ts';
import { hitNotes, type StoredValue } from '../../entry/stored-value.ts';
import type { Stamp } from '../../ledger/ledger.ts';
import type { Position } from '../../ledger/log.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Random } from '../../ports.ts';
import type { TierLoop } from '../tiers/tier-loop.ts';
import type { FillTerms, ValueCache, ValueState, ValueTerms } from './value-contract.ts';
import type { Previous } from './value-flight.ts';
import type { ValueSteps } from './value-steps.ts';

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

/** Largest part of the idle time by which a slower tier may be behind. */
const BEHIND_PART = 0.25;

/** A call counts as a use of the entry: it moves the end of an entry with sliding expiry. */
export function isFresh(steps: ValueSteps, entry: StoredValue): boolean {
  if (!steps.ledger.isCurrent(entry)) return false;
  if (steps.roughNow() < entry.surelyFreshUntilSeconds * 1000) return true;
  const ageMs = steps.clock.now() - entry.bornMs;
  if (ageMs >= entry.lifetimeMs) return false;
  if (entry.sliding !== undefined) slide(steps, entry, ageMs);
  return true;
}

/**
 * A record in a slower tier has the lifetime of the moment at which it was put. Putting it again at each use would cost more
 * than the cache saves, so the cache puts it again once the lifetime lags by a part of the idle time. The record keeps its
 * stamp: an invalidation of the entry outdates a record that arrives later, too. A fill supersedes the entry for that reason.
 */
function slide({ hasSlower, atHand, keep }: ValueSteps, entry: StoredValue, ageMs: number): void {
  const { idleMs, limitMs, toldMs } = entry.sliding as NonNullable<StoredValue['sliding']>;
  const lifetimeMs = Math.min(ageMs + idleMs, limitMs);
  // A clock that was set back takes nothing off.
  if (lifetimeMs <= entry.lifetimeMs) return;
  entry.lifetimeMs = lifetimeMs;
  if (!hasSlower || lifetimeMs - toldMs < idleMs * BEHIND_PART) return;
  const there = atHand(entry.key);
  // Something has taken its place while a slower tier was asked.
  if (there !== undefined && there !== entry) return;
  void keep(entry, false);
}

/** Stale, and of use where its fill fails or takes long. */
export function isInGrace({ clock }: ValueSteps, { bornMs, lifetimeMs, graceMs }: StoredValue): boolean {
  return graceMs > 0 && clock.now() - bornMs < lifetimeMs + graceMs;
}

export function isDueEarly(
  { bornMs, lifetimeMs: untilMs, fillMs, sliding }: StoredValue,
  early: FillTerms['earlyRefresh'],
  { clock, random }: ValueSteps,
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
export function previousOf(entry: StoredValue | undefined, ledger: EntryLedger): Previous | undefined {
  if (entry === undefined) return undefined;
  if (!ledger.isCurrent(entry) && !ledger.isExpired(entry)) return undefined;
  const { validator, tags } = entry;
  return { owned: entry, validator, tags, read: () => readOwned(entry) };
}

/** A removed key that slower tiers are asked about: by the time they answer, its invalidation has outdated all of it. */
interface Sought {
  readonly key: string;
  /** Tags that are invalidated with it. */
  readonly tags: readonly string[];
  /** Position of the last invalidation that named it, or one of them. */
  readonly last: number;
}

/**
 * How many of the keys memory has, and which of the others a slower tier may have. Before they are invalidated. `also`: what
 * is to be invalidated with a key.
 */
export function sought(
  { ledger, hasSlower, atHand }: ValueSteps,
  keys: readonly string[],
  also: (key: string) => readonly Selector[],
): { readonly there: number; readonly unsure: readonly Sought[] } {
  const rest = keys.filter((key) => {
    const entry = atHand(key);
    return entry === undefined || entry instanceof Promise || !ledger.isCurrent(entry);
  });
  const noted = (uri: string): Sought => {
    const tags = also(uri).flatMap((selector) => (selector.kind === 'tag' ? [selector.tag] : []));
    return { key: uri, tags, last: ledger.lastAffecting({ uri, origin: '', tags }) };
  };
  return { there: keys.length - rest.length, unsure: hasSlower ? rest.map(noted) : [] };
}

/** How many of them slower tiers had, not outdated. */
export async function countBelow({ find, ledger }: ValueSteps, unsure: readonly Sought[]): Promise<number> {
  const wasCurrent = async ({ key, tags: removed, last }: Sought) => {
    const entry = await find(key);
    if (entry === undefined || last > entry.stamp) return false;
    const stamp = { epoch: entry.epoch, position: entry.stamp };
    const tags = entry.tags.filter((tag) => !removed.includes(tag));
    return !ledger.isAffectedSince(stamp, { uri: '', origin: '', tags });
  };
  const found = await Promise.all(unsure.map(wasCurrent));
  return found.filter((wasThere) => wasThere).length;
}

export function stateOf(note: EntryNote, ledger: EntryLedger, now: number): ValueState {
  const { epoch, stamp, bornMs, lifetimeMs } = note;
  if (ledger.isAffectedSince({ epoch, position: stamp }, subjectOf(note)))
    return ledger.isExpired(note) ? 'expired' : 'outdated';
  return now - bornMs < lifetimeMs ? 'fresh' : 'stale';
}

/** Each key once, as the fastest tier has it. */
export async function* valueEntries(
  found: ReturnType<TierLoop<StoredValue>['find']>,
  stateOf: (note: EntryNote) => ValueState,
): ReturnType<ValueCache['entries']> {
  const seen = new Set<string>();
  for await (const { notes, isOfLast } of found) {
    for (const note of notes) {
      if (seen.has(note.key)) continue;
      if (!isOfLast) seen.add(note.key);
      yield { ...note, state: stateOf(note), bytes: note.bodyBytes };
    }
  }
}
