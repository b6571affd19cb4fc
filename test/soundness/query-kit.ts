// Parts that random queries are made of, in the SQL that SQLite and PostgreSQL share.
//
// What a condition may say differs between them. So a kit makes the conditions of its database.

import type { Dice } from '../sim/dice.ts';
import { REFERENCE } from './schema.ts';

export interface Draft {
  readonly text: string;
  readonly isOrdered?: boolean;
  /** Tables that it reads and does not name. */
  readonly reads?: readonly string[];
}

/** What stands in a FROM clause under a name. */
export interface Named<C extends NamedColumn = NamedColumn> {
  readonly alias: string;
  readonly columns: readonly C[];
}

export interface NamedColumn {
  readonly name: string;
}

export interface KitTable {
  readonly name: string;
  readonly columns: readonly NamedColumn[];
  readonly key: readonly string[];
}

/** Conditions that both databases have. */
export type SharedCondition = 'key' | 'equality' | 'in' | 'range' | 'list';

export interface Kit {
  readonly dice: Dice;
  readonly schema: { readonly tables: readonly KitTable[]; readonly views: readonly Omit<KitTable, 'key'>[] };
  condition(kind: SharedCondition, named: Named): string;
  /** One that an analysis should understand. */
  any(named: Named): string;
}

export type Maker = (kit: Kit) => Draft | undefined;

export type NamedTable = Named & { readonly table: string; readonly key: readonly string[] };

export function namedOf({ name, columns, key }: KitTable, alias: string): NamedTable {
  return { alias, columns, table: name, key };
}

export function tableOf({ dice, schema }: Kit, alias = 'a'): NamedTable {
  return namedOf(dice.pick(schema.tables), alias);
}

export function keyed({ dice, schema }: Kit): NamedTable | undefined {
  const tables = schema.tables.filter(({ key }) => key.length > 0);
  return tables.length === 0 ? undefined : namedOf(dice.pick(tables), 'a');
}

export function pair(kit: Kit): [NamedTable, NamedTable] {
  const a = tableOf(kit);
  return [a, other(kit, a)];
}

export function other({ dice, schema }: Kit, { table }: NamedTable): NamedTable {
  return namedOf(dice.pick(schema.tables.filter(({ name }) => name !== table)), 'b');
}

export function viewOf({ dice, schema }: Kit): NamedTable | undefined {
  if (schema.views.length === 0) return undefined;
  const { name, columns } = dice.pick(schema.views);
  return { alias: 'v', columns, table: name, key: [] };
}

export function from({ table, alias }: NamedTable): string {
  return `${table} AS ${alias}`;
}

export function on(a: Named, b: Named): string {
  return `${b.alias}.${REFERENCE} = ${a.alias}.id`;
}

export function listOf({ dice }: Kit, { alias, columns }: Named): string {
  if (dice.chance(0.35)) return `${alias}.*`;
  const chosen = dice.some(columns, 0.5);
  return (chosen.length === 0 ? columns : chosen).map(({ name }) => `${alias}.${name}`).join(', ');
}

export function withKey(kit: Kit, named: NamedTable): string {
  return kit.dice.chance(0.5) ? `${named.alias}.*` : named.key.map((name) => `${named.alias}.${name}`).join(', ');
}

export function both(kit: Kit, a: Named, b: Named): string {
  return `${listOf(kit, a)}, ${listOf(kit, b)}`;
}

export function where(kit: Kit, named: Named, most: number): string {
  return Array.from({ length: kit.dice.between(1, most) }, () => kit.any(named)).join(' AND ');
}

export function count({ dice }: Kit): number {
  return dice.between(1, 6);
}

/** The rest of the key, for a total order after `id`. */
export function rest(named: NamedTable): string {
  return restOf(named, named.alias);
}

export function restOf({ key }: NamedTable, alias: string): string {
  return key
    .slice(1)
    .map((name) => `, ${alias}.${name}`)
    .join('');
}

export function windowed(kit: Kit, hasOffset: boolean): Draft | undefined {
  const { dice } = kit;
  const named = keyed(kit);
  if (named === undefined) return undefined;
  const column = `${named.alias}.${dice.pick(named.columns).name}`;
  const direction = dice.pick(['', ' DESC', ' ASC NULLS LAST', ' DESC NULLS FIRST']);
  const filter = dice.chance(0.6) ? ` WHERE ${where(kit, named, 2)}` : '';
  const list = dice.chance(0.8) ? `${named.alias}.*` : withKey(kit, named);
  const keys = named.key.map((name) => `${named.alias}.${name}`).join(', ');
  const limit = hasOffset ? `LIMIT ${count(kit)} OFFSET ${kit.dice.below(4)}` : `LIMIT ${count(kit)}`;
  return {
    text: `SELECT ${list} FROM ${from(named)}${filter} ORDER BY ${column}${direction}, ${keys} ${limit}`,
    isOrdered: true,
  };
}

export function outer(kit: Kit, join: string): Draft {
  const [a, b] = pair(kit);
  const { dice } = kit;
  const extra = dice.chance(0.4) ? ` AND ${kit.any(dice.pick([a, b]))}` : '';
  const filter = dice.chance(0.6) ? ` WHERE ${kit.any(dice.chance(0.7) ? a : b)}` : '';
  return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} ${join} ${from(b)} ON ${on(a, b)}${extra}${filter}` };
}

export function nested(kit: Kit, make: (a: NamedTable, b: NamedTable, inner: string) => string): Draft {
  const [a, b] = pair(kit);
  const inner = `${from(b)} WHERE ${kit.any(b)}`;
  const test = make(a, b, inner);
  const extra = kit.dice.chance(0.5) ? ` AND ${kit.any(a)}` : '';
  return { text: `SELECT ${listOf(kit, a)} FROM ${from(a)} WHERE ${test}${extra}` };
}

/** The third may be the first again. */
export function three(kit: Kit): [NamedTable, NamedTable, NamedTable] {
  const [a, b] = pair(kit);
  return [a, b, { ...tableOf(kit), alias: 'c' }];
}

export function maybeAnd(kit: Kit, among: readonly NamedTable[]): string {
  return kit.dice.chance(0.35) ? ` AND ${kit.any(kit.dice.pick(among))}` : '';
}

export function maybeWhere(kit: Kit, among: readonly NamedTable[]): string {
  return kit.dice.chance(0.5) ? ` WHERE ${kit.any(kit.dice.pick(among))}` : '';
}
