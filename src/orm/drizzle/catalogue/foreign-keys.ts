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

  /** `cause`: such as `parent/delete`. */
  add(child: string, cause: string): void {
    this.#ofTable.set(child, (this.#ofTable.get(child) ?? new Set()).add(cause));
  }

  childrenOf(cause: string): readonly string[] {
    return [...this.#ofTable].filter(([, causes]) => causes.has(cause)).map(([child]) => child);
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
