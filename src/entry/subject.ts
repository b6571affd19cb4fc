// The names by which an invalidation finds an entry.

import type { Subject } from '../ledger/invalidations.ts';
import type { Ledger, Stamped } from '../ledger/ledger.ts';
import { keyParts } from './key.ts';
import type { EntryNote } from './stored-response.ts';

/** An entry as the ledger sees it. */
export type LedgerEntry = Stamped & Pick<EntryNote, 'kind' | 'key'>;

export type EntryLedger<Holder = unknown> = Ledger<LedgerEntry, Holder>;

/** A value has no name but its key: invalidations by URI reach it, those by origin do not. */
export function valueSubject(key: string, tags: readonly string[]): Subject {
  return { uri: key, origin: '', tags };
}

/** The names by which an invalidation finds the entry. */
export function subjectOf({ kind, key, tags }: Pick<EntryNote, 'kind' | 'key' | 'tags'>): Subject {
  if (kind === 'value') return valueSubject(key, tags);
  const { uri, origin } = keyParts(key);
  return { uri, origin, tags };
}
