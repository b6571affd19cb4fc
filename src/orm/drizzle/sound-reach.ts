// The names under which a write is told to the cache besides those of Drizzle's own reads: programs store what they read
// by themselves under names of tables, too.
//
// The one complication: programs name tables as they like, as Drizzle has them, with a schema or without, and name the
// table they read. So all spellings are told, and what foreign keys and views make of a write is told by name.

import type { Causes } from './sound-foreign-keys.ts';
import type { Views } from './sound-views.ts';

/** Every entry of the database is stored under this name too. */
export const EVERYTHING = '*';

interface Reach {
  /** By name: its spellings. */
  readonly known: ReadonlyMap<string, ReadonlySet<string>>;
  /** Known by name alone. */
  readonly others: ReadonlySet<string>;
  readonly views: Pick<Views, 'names' | 'below'>;
  readonly causes: Pick<Causes, 'childrenOf'>;
}

/** Tables and views whose rows may be others after a write under these names. */
export function namesOutside(names: readonly string[], { known, others, views, causes }: Reach): readonly string[] {
  const changed = new Set(names.filter((name) => name !== EVERYTHING && (known.has(name) || !name.includes('/'))));
  if (names.includes(EVERYTHING)) for (const name of [...known.keys(), ...others]) changed.add(name);
  addChildren(changed, names, causes);
  for (const name of views.names) {
    if (views.below(name)?.some((table) => changed.has(table)) !== false) changed.add(name);
  }
  return [...new Set([...changed].flatMap((name) => [name, ...(known.get(name) ?? [])]))];
}

/** Tables that foreign keys change with those, and what theirs change in turn. */
function addChildren(changed: Set<string>, names: readonly string[], causes: Reach['causes']): void {
  // A set that grows while it is gone through.
  const open = new Set(names.filter((name) => name.includes('/')));
  for (const cause of open) {
    for (const child of causes.childrenOf(cause)) {
      changed.add(child);
      open.add(`${child}/delete`).add(`${child}/update`);
    }
  }
}
