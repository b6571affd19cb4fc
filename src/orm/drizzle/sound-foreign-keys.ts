// Foreign keys of a table of Drizzle, as its columns and its own configuration declare them.

import type { Fields } from './entities.ts';

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
  return [...keys, ...parts.filter(isForeignKey)];
}

function isForeignKey(part: unknown): part is ForeignKey {
  return typeof part === 'object' && part !== null && 'reference' in part && typeof part.reference === 'function';
}
