// Entries of the data cache as they are made, and as operators see them.

import type { Selector } from '../dependency/selector.ts';
import { hitNotes } from '../entry/hit-notes.ts';
import { type OwnedValue, readOwned } from '../entry/owned-value.ts';
import type { EntryNote } from '../entry/stored-response.ts';
import type { StoredValue } from '../entry/stored-value.ts';
import type { Store } from '../ports.ts';
import type { Invalidator, Stamp } from './invalidator.ts';
import type { ValueCache, ValueState, ValueTerms } from './value-contract.ts';
import type { Previous } from './value-flight.ts';

/** What is known of an entry besides its terms. */
export interface Filled {
  readonly key: string;
  readonly owned: OwnedValue;
  readonly validator: string | undefined;
  readonly fillMs: number;
  readonly now: number;
  readonly stamp: Stamp;
}

export function entryOf({ key, owned, validator, fillMs, now, stamp }: Filled, terms: ValueTerms): StoredValue {
  const { isPlain, surelyFreshUntilSeconds } = hitNotes(key, now, terms.ttlMs);
  return {
    kind: 'value',
    key,
    value: owned.value,
    isShared: owned.isShared,
    bytes: owned.bytes,
    hasRepeats: owned.hasRepeats === true,
    bornMs: now,
    lifetimeMs: terms.ttlMs,
    graceMs: terms.graceMs,
    fillMs,
    validator,
    tags: terms.tags,
    epoch: stamp.epoch,
    stamp: stamp.position,
    isPlain,
    surelyFreshUntilSeconds,
    checkedUpTo: stamp.position,
  };
}

/** What may be built upon: not what is outdated. */
export function previousOf(entry: StoredValue | undefined, invalidator: Invalidator): Previous | undefined {
  if (entry === undefined) return undefined;
  if (!invalidator.isCurrent(entry) && !invalidator.isExpired(entry)) return undefined;
  const { validator, tags } = entry;
  return { owned: entry, validator, tags, read: () => readOwned(entry) };
}

/** What the selector names in any tier, each key once, as the fastest has it. */
export async function* valueEntries(
  stores: readonly Store<StoredValue>[],
  selector: Selector,
  stateOf: (note: EntryNote) => ValueState,
): ReturnType<ValueCache['entries']> {
  const seen = new Set<string>();
  for (const [tier, store] of stores.entries()) {
    for await (const note of store.find(selector)) {
      if (seen.has(note.key)) continue;
      if (tier < stores.length - 1) seen.add(note.key);
      yield { ...note, state: stateOf(note), bytes: note.bodyBytes };
    }
  }
}
