// After an invalidation, hands the outdated entries that clients had asked for to a populator, before anyone asks again.
//
// A fill must be paid for by a use. Uses are counted since the last fill, so an entry that is filled again and then used by
// nobody is not filled a third time.

import { codingOf } from '../../entry/key.ts';
import type { EntryNote } from '../../entry/stored-response.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Tiers } from '../tiers/tiers.ts';

/** An entry to be filled again. */
export interface Rehydration {
  /** Cache key, with the selecting header fields' values. */
  readonly key: string;
  /** How often it was got since it was filled, up to 255. */
  readonly uses: number;
}

export interface RehydratorParts {
  /** How often the entry was got since it was filled; 0 when that is not known. */
  readonly usesOf: (key: string) => number;
  /** Entries filled again for one invalidation at most. 0: none. */
  readonly maxEntries: () => number;
  readonly fill: (entries: readonly Rehydration[]) => void;
}

export class Rehydrator {
  readonly #parts: RehydratorParts;

  constructor(parts: RehydratorParts) {
    this.#parts = parts;
  }

  /** To be called when the invalidations of a write are in force, and nothing keeps their entries from being stored. */
  invalidated(selectors: readonly Selector[], tiers: Pick<Tiers, 'held'>): void {
    if (this.#parts.maxEntries() === 0) return;
    if (selectors.length === 1) return this.found(tiers.held(selectors[0] as Selector));
    // One may be named by several of them.
    const byKey = new Map<string, EntryNote>();
    for (const selector of selectors) for (const entry of tiers.held(selector)) byKey.set(entry.key, entry);
    this.found([...byKey.values()]);
  }

  /** Like `invalidated`, when the invalidated entries of the fastest tier are at hand already. */
  found(entries: readonly EntryNote[]): void {
    const { usesOf, maxEntries, fill } = this.#parts;
    const most = maxEntries();
    if (most === 0 || entries.length === 0) return;
    const used = mostUsed(entries, usesOf, most);
    if (used.length > 0) fill(used);
  }
}

/** Counts first and picks then: to sort the entries of a large invalidation would hold up everything else. */
function mostUsed(found: readonly EntryNote[], usesOf: (key: string) => number, most: number): Rehydration[] {
  // Not a list, and not made from another entry, with which it comes back.
  const isFilled = ({ kind, key }: EntryNote) => kind === 'response' && codingOf(key) === undefined;
  const uses = Uint8Array.from(found, (entry) => (isFilled(entry) ? usesOf(entry.key) : 0));
  const having = new Uint32Array(MOST_USES + 1);
  for (const count of uses) having[count]!++;
  let above = 0;
  let least = MOST_USES;
  for (; least > 1 && above + having[least]! < most; least--) above += having[least]!;
  let equals = most - above;
  const picked: Rehydration[] = [];
  for (const [at, { key }] of found.entries()) {
    const count = uses[at]!;
    if (count > least || (count === least && equals-- > 0)) picked.push({ key, uses: count });
  }
  return picked.sort((one, other) => other.uses - one.uses);
}

/** Uses are counted up to here. */
const MOST_USES = 255;
