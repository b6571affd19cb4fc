// The tables of a query, read from Drizzle's own objects: those it reads, through joins, subqueries anywhere, set
// operations, WITH lists, views and relations, and those it writes.
//
// The one complication: once Drizzle has made SQL of a subquery, the alias of a table is written as two bare names. Such
// a name counts only where the same query names that table by an object; else the tables are unknown. What is unknown is
// never guessed: tables that a function or a trigger reads by itself cannot be seen.

import { Walk } from './walk.ts';

/** Names as Drizzle writes them: `schema.table`, or `table` where it is in no named schema. Sorted. */
export type TableSet =
  | { readonly kind: 'known'; readonly tables: readonly string[] }
  | { readonly kind: 'unknown'; readonly reason: string };

/** `control`: begins or ends a transaction, or a savepoint; `write`: may change something. */
export type Access = 'read' | 'write' | 'control';

export interface QueryTables {
  readonly access: Access;
  /** All that it names, those it writes among them; of views the view's own name and what it is made of. */
  readonly used: TableSet;
  /** Those it writes; of a read none. What cascades and triggers write besides is not among them. */
  readonly written: TableSet;
}

/**
 * Of a query builder, a relational query, a count, a view, or `sql`. Not of a prepared query, which no longer has its
 * objects: unknown, and a write.
 */
export function usedTables(query: unknown): QueryTables {
  const walk = new Walk();
  walk.statement(query);
  const { access, tables, written, unknown } = walk.result();
  const used: TableSet = unknown === undefined ? { kind: 'known', tables } : { kind: 'unknown', reason: unknown };
  if (access !== 'write') return { access, used, written: { kind: 'known', tables: [] } };
  return { access, used, written: written === undefined ? used : { kind: 'known', tables: written } };
}
