// The names by which an invalidation finds an entry.

import type { Subject } from '../ledger/invalidations.ts';
import type { Ledger, Stamped } from '../ledger/ledger.ts';
import { keyParts } from './key.ts';
import type { EntryNote } from './stored-response.ts';

/** An entry as the ledger sees it. */
export type LedgerEntry = Stamped & Pick<EntryNote, 'kind' | 'key'>;

export type EntryLedger<Holder = unknown> = Ledger<LedgerEntry, Holder>;

/** A value's only name is its key; it has no origin. */
export function subjectOf({ kind, key, tags }: Pick<EntryNote, 'kind' | 'key' | 'tags'>): Subject {
  if (kind === 'value') return { uri: key, origin: '', tags };
  const { uri, origin } = keyParts(key);
  return { uri, origin, tags };
}
