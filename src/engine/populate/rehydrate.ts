// After an invalidation, hands the outdated entries that clients had asked for to a populator, before anyone asks again.
//
// A fill must be paid for by a use. Uses are counted since the last fill, so an entry that is filled again and then used by
// nobody is not filled a third time.

import { codingOf } from '../../entry/key.ts';
import type { EntryNote } from '../../entry/stored-response.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Context } from '../context.ts';
import type { Rehydration } from '../contract.ts';

/** To be called when the invalidations of a write are in force, and nothing keeps their entries from being stored. */
export function rehydrate(
  context: Pick<Context, 'rehydrator'> & { readonly tiers: Pick<Context['tiers'], 'held'> },
  selectors: readonly Selector[],
): void {
  const { rehydrator, tiers } = context;
  if (rehydrator === undefined || rehydrator.maxEntries() === 0) return;
  if (selectors.length === 1) return rehydrateFound(context, tiers.held(selectors[0] as Selector));
  // One may be named by several of them.
  const byKey = new Map<string, EntryNote>();
  for (const selector of selectors) for (const entry of tiers.held(selector)) byKey.set(entry.key, entry);
  rehydrateFound(context, [...byKey.values()]);
}

/** Like `rehydrate`, when the invalidated entries of the fastest tier are at hand already. */
export function rehydrateFound({ rehydrator }: Pick<Context, 'rehydrator'>, found: readonly EntryNote[]): void {
  const most = rehydrator?.maxEntries() ?? 0;
  if (rehydrator === undefined || most === 0 || found.length === 0) return;
  const used = mostUsed(found, rehydrator.usesOf, most);
  if (used.length > 0) rehydrator.fill(used);
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
