// Foreign keys: as the columns and the configuration of a Drizzle table declare them, and as the database says; and what they
// write. A read of the table that has one is stored under the name `parent/delete`, and a delete from the parent invalidates
// that: the one who reads knows of the foreign key, the one who deletes need not.

import type { Fields } from '../entities.ts';

const INLINE_KEYS = [Symbol.for('drizzle:PgInlineForeignKeys'), Symbol.for('drizzle:SQLiteInlineForeignKeys')];
const EXTRA_CONFIG = Symbol.for('drizzle:ExtraConfigBuilder');
const EXTRA_COLUMNS = Symbol.for('drizzle:ExtraConfigColumns');

/** A foreign key, or what builds one: its `onDelete` is a method. */
export interface ForeignKey {
  reference(): { readonly foreignTable: object };
  readonly onDelete?: unknown;
  readonly onUpdate?: unknown;
  readonly _onDelete?: unknown;
  readonly _onUpdate?: unknown;
}

/** True: it writes rows of its table. */
export function acts(action: unknown): boolean {
  return typeof action === 'string' && !/^(?:no action|restrict)$/i.test(action);
}

export function foreignKeysOf(table: object): ForeignKey[] {
  const fields = table as Fields;
  const keys = INLINE_KEYS.flatMap((symbol) => (fields[symbol] as readonly ForeignKey[] | undefined) ?? []);
  const build = fields[EXTRA_CONFIG];
  if (typeof build !== 'function') return keys;
  const extra: unknown = build(fields[EXTRA_COLUMNS]);
  const parts: readonly unknown[] = Array.isArray(extra) ? extra.flat() : Object.values(extra ?? {});
  return [...keys, ...parts.filter((part) => typeof (part as Fields | null)?.reference === 'function')] as ForeignKey[];
}

/** Those of PostgreSQL. `deletes`, `updates`: of the parent, which write rows of the child. */
export const POSTGRES_KEYS = `SELECT c.relname AS child, p.relname AS parent, k.confdeltype IN ('c', 'n', 'd') AS deletes,
  k.confupdtype IN ('c', 'n', 'd') AS updates
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
  WHERE k.contype = 'f'`;

/** What foreign keys write, by the tables that have them. */
export class Causes {
  readonly #ofTable = new Map<string, Set<string>>();
  readonly #children = new Map<string, Set<string>>();

  /** `cause`: such as `parent/delete`. */
  add(child: string, cause: string): void {
    this.#ofTable.set(child, (this.#ofTable.get(child) ?? new Set()).add(cause));
    this.#children.set(cause, (this.#children.get(cause) ?? new Set()).add(child));
  }

  childrenOf(cause: string): Iterable<string> {
    return this.#children.get(cause) ?? [];
  }

  /** Tables that foreign keys change with these causes, and what theirs change in turn. */
  below(causes: readonly string[]): ReadonlySet<string> {
    const children = new Set<string>();
    // A set that grows while it is gone through.
    const open = new Set(causes);
    for (const cause of open) {
      for (const child of this.childrenOf(cause)) {
        children.add(child);
        open.add(`${child}/delete`).add(`${child}/update`);
      }
    }
    return children;
  }

  /** Of the table, and of those whose foreign keys write what writes it. */
  of(table: string): ReadonlySet<string> {
    // A set that grows while it is gone through.
    const found = new Set(this.#ofTable.get(table));
    for (const cause of found) {
      for (const above of this.#ofTable.get(cause.slice(0, cause.lastIndexOf('/'))) ?? []) found.add(above);
    }
    return found;
  }
}

/**
 * Tables whose write comes back to them by foreign keys, in steps that grow as the number of keys does: the strongly
 * connected components of the keys, by Kosaraju's way.
 */
export function tablesOnCycles(keys: readonly { readonly child: string; readonly parent: string }[]): Set<string> {
  const childrenOf = Map.groupBy(keys, ({ parent }) => parent);
  const parentsOf = Map.groupBy(keys, ({ child }) => child);
  const seen = new Set<string>();
  // Each after all that its write reaches, but for those that reach it.
  const left = new Set<string>();
  for (const root of childrenOf.keys()) {
    const open = [root];
    for (let table = open.at(-1); table !== undefined; table = open.at(-1)) {
      const isNew = !seen.has(table);
      seen.add(table);
      if (!isNew) left.add(open.pop() as string);
      else for (const { child } of childrenOf.get(table) ?? []) if (!seen.has(child)) open.push(child);
    }
  }
  const placed = new Set<string>();
  const found = new Set<string>();
  for (const root of [...left].reverse()) {
    if (placed.has(root)) continue;
    // A set that grows while it is gone through.
    const component = new Set([root]);
    for (const table of component) {
      for (const { parent } of parentsOf.get(table) ?? []) if (!placed.has(parent)) component.add(parent);
    }
    const isOnCycle = component.size > 1 || parentsOf.get(root)?.some(({ parent }) => parent === root) === true;
    for (const table of component) {
      placed.add(table);
      if (isOnCycle) found.add(table);
    }
  }
  return found;
}
