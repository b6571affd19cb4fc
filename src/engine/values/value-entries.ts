// Entries of the data cache as they are made, and as operators see them.

import { type EntryLedger, subjectOf } from '../../entry/key.ts';
import { ownText, ownTexts } from '../../entry/own-text.ts';
import { type OwnedValue, readOwned } from '../../entry/owned-value.ts';
import type { EntryNote } from '../../entry/stored-response.ts';
import { hitNotes, type StoredValue } from '../../entry/stored-value.ts';
import type { Stamp } from '../../ledger/fills.ts';
import type { Position } from '../../ledger/log.ts';
import type { Random } from '../../ports.ts';
import type { TierLoop } from '../tiers/tier-loop.ts';
import type { ValueCache, ValueState, ValueTerms } from './value-contract.ts';
import type { Previous } from './value-flight.ts';

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

/** The stored value that a fill may build upon; never an outdated one. */
export function previousOf(entry: StoredValue | undefined, ledger: EntryLedger): Previous | undefined {
  if (entry === undefined) return undefined;
  if (!ledger.isCurrent(entry) && !ledger.isExpired(entry)) return undefined;
  const { validator, tags } = entry;
  return { owned: entry, validator, tags, read: () => readOwned(entry) };
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
