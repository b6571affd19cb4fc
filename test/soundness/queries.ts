// Random queries by feature: each feature is a shape of statement whose precision is told on its own.
//
// The one complication: a LIMIT without a total order lets the database choose, and then its answer may change for no
// reason that a dependency could know. So what is limited is ordered by a key, too.

import type { Dice } from '../sim/dice.ts';
import { anyCondition, type ConditionKind, condition, type Named, Parameters } from './conditions.ts';
import { REFERENCE, type Schema, type Table, type Value } from './schema.ts';

export interface Query {
  readonly feature: string;
  readonly text: string;
  readonly parameters: readonly Value[];
  /** False: rows may come in any order. */
  readonly isOrdered: boolean;
}

interface Draft {
  readonly text: string;
  readonly isOrdered?: boolean;
}

interface Kit {
  readonly dice: Dice;
  readonly schema: Schema;
  readonly parameters: Parameters;
}

type Maker = (kit: Kit) => Draft | undefined;

/** Undefined where the schema has nothing for the feature. */
export function randomQuery(dice: Dice, schema: Schema, feature: string = dice.pick(FEATURES)): Query | undefined {
  const parameters = new Parameters(dice);
  const draft = (MAKERS[feature] as Maker)({ dice, schema, parameters });
  if (draft === undefined) return undefined;
  return { feature, text: draft.text, parameters: parameters.values, isOrdered: draft.isOrdered === true };
}

const SIMPLE: { readonly [feature: string]: ConditionKind } = {
  'by key': 'key',
  equality: 'equality',
  'in list': 'in',
  range: 'range',
  between: 'between',
  prefix: 'prefix',
  null: 'null',
  or: 'or',
  not: 'not',
  'two columns': 'columns',
  expression: 'expression',
};

const MAKERS: { readonly [feature: string]: Maker } = {
  ...Object.fromEntries(Object.entries(SIMPLE).map(([feature, kind]) => [feature, simple(kind)])),
  conjunction: (kit) => {
    const named = tableOf(kit);
    return { text: `SELECT ${listOf(kit, named)} FROM ${from(named)} WHERE ${where(kit, named, 3)}` };
  },
  'order and limit': (kit) => windowed(kit, false),
  offset: (kit) => windowed(kit, true),
  'keyset paging': (kit) => {
    const named = keyed(kit);
    if (named === undefined) return undefined;
    const after = condition(kit.dice, 'range', { ...named, columns: named.columns.slice(0, 1) }, kit.parameters);
    const key = `${named.alias}.id`;
    return {
      text: `SELECT ${withKey(kit, named)} FROM ${from(named)} WHERE ${after} ORDER BY ${key}${rest(named)} LIMIT ${count(kit)}`,
      isOrdered: true,
    };
  },
  count: (kit) => {
    const named = tableOf(kit);
    return { text: `SELECT count(*) FROM ${from(named)} WHERE ${where(kit, named, 2)}` };
  },
  aggregate: (kit) => {
    const named = tableOf(kit);
    const column = kit.dice.pick(named.columns).name;
    const call = kit.dice.pick(['min', 'max', 'count', 'sum', 'total', 'distinct']);
    const made = call === 'distinct' ? `count(DISTINCT ${column})` : `${call}(${column})`;
    return { text: `SELECT ${made} FROM ${from(named)} WHERE ${where(kit, named, 1)}` };
  },
  distinct: (kit) => {
    const named = tableOf(kit);
    return { text: `SELECT DISTINCT ${listOf(kit, named)} FROM ${from(named)} WHERE ${where(kit, named, 1)}` };
  },
  'group by': (kit) => {
    const named = tableOf(kit);
    const column = `${named.alias}.${kit.dice.pick(named.columns).name}`;
    const having = kit.dice.chance(0.3) ? ` HAVING count(*) > ${count(kit)}` : '';
    return {
      text: `SELECT min(${column}), count(*) FROM ${from(named)} WHERE ${where(kit, named, 1)} GROUP BY ${column}${having}`,
    };
  },
  'key join': (kit) => {
    const [a, b] = pair(kit);
    const key = condition(kit.dice, 'key', a, kit.parameters);
    const extra = kit.dice.chance(0.3) ? ` AND ${anyCondition(kit.dice, b, kit.parameters)}` : '';
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} JOIN ${from(b)} ON ${on(a, b)} WHERE ${key}${extra}` };
  },
  'inner join': (kit) => {
    const [a, b] = pair(kit);
    const extra = anyCondition(kit.dice, kit.dice.pick([a, b]), kit.parameters);
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)}, ${from(b)} WHERE ${on(a, b)} AND ${extra}` };
  },
  'self join': (kit) => {
    const a = tableOf(kit, 'x');
    const b = { ...a, alias: 'y' };
    const extra = anyCondition(kit.dice, a, kit.parameters);
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} JOIN ${from(b)} ON ${on(a, b)} WHERE ${extra}` };
  },
  'left join': (kit) => outer(kit, 'LEFT JOIN'),
  'right join': (kit) => outer(kit, 'RIGHT JOIN'),
  'full join': (kit) => outer(kit, 'FULL JOIN'),
  'anti join': (kit) => {
    const [a, b] = pair(kit);
    const extra = anyCondition(kit.dice, a, kit.parameters);
    const text = `SELECT ${listOf(kit, a)} FROM ${from(a)} LEFT JOIN ${from(b)} ON ${on(a, b)}`;
    return { text: `${text} WHERE ${b.alias}.id IS NULL AND ${extra}` };
  },
  'left join of a window': (kit) => {
    const a = keyed(kit);
    if (a === undefined) return undefined;
    const b = other(kit, a);
    const text = `SELECT ${withKey(kit, a)}, ${b.alias}.* FROM ${from(a)} LEFT JOIN ${from(b)} ON ${on(a, b)}`;
    const order = `${a.alias}.id${rest(a)}, ${b.columns.map(({ name }) => `${b.alias}.${name}`).join(', ')}`;
    return { text: `${text} ORDER BY ${order} LIMIT ${count(kit)}`, isOrdered: true };
  },
  'list of a window': (kit) => {
    const a = keyed(kit);
    if (a === undefined) return undefined;
    const b = other(kit, a);
    const page = `SELECT * FROM ${a.table} ORDER BY id${restOf(a, a.table)} LIMIT ${count(kit)}`;
    return { text: `SELECT ${both(kit, a, b)} FROM (${page}) AS ${a.alias} LEFT JOIN ${from(b)} ON ${on(a, b)}` };
  },
  'in subquery': (kit) =>
    nested(kit, (a, b, inner) => `${a.alias}.id IN (SELECT ${b.alias}.${REFERENCE} FROM ${inner})`),
  'not in subquery': (kit) =>
    nested(kit, (a, b, inner) => `${a.alias}.id NOT IN (SELECT ${b.alias}.${REFERENCE} FROM ${inner})`),
  exists: (kit) => nested(kit, (a, b, inner) => `EXISTS (SELECT 1 FROM ${inner} AND ${on(a, b)})`),
  'not exists': (kit) => nested(kit, (a, b, inner) => `NOT EXISTS (SELECT 1 FROM ${inner} AND ${on(a, b)})`),
  'scalar subquery': (kit) => {
    const [a, b] = pair(kit);
    const call = kit.dice.pick(['count(*)', `max(${b.alias}.id)`]);
    const scalar = `(SELECT ${call} FROM ${from(b)} WHERE ${on(a, b)})`;
    return { text: `SELECT ${listOf(kit, a)}, ${scalar} FROM ${from(a)} WHERE ${where(kit, a, 1)}` };
  },
  derived: (kit) => {
    const a = tableOf(kit);
    const inner = `SELECT * FROM ${from(a)} WHERE ${where(kit, a, 1)}`;
    const named = { ...a, alias: 'd' };
    return { text: `SELECT ${listOf(kit, named)} FROM (${inner}) AS d WHERE ${where(kit, named, 1)}` };
  },
  'common table': (kit) => {
    const [a, b] = pair(kit);
    const inner = `SELECT * FROM ${from(a)} WHERE ${where(kit, a, 1)}`;
    const named = { ...a, alias: 'w' };
    return { text: `WITH w AS (${inner}) SELECT ${both(kit, named, b)} FROM w JOIN ${from(b)} ON ${on(named, b)}` };
  },
  'recursive common table': (kit) => {
    const a = tableOf(kit);
    const step = `SELECT ${a.alias}.${REFERENCE} FROM ${from(a)} JOIN w ON ${a.alias}.id = w.id`;
    return { text: `WITH RECURSIVE w(id) AS (SELECT ${kit.dice.below(8)} UNION ${step}) SELECT id FROM w` };
  },
  compound: (kit) => {
    const [a, b] = pair(kit);
    const operator = kit.dice.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT']);
    const right = `SELECT ${b.alias}.id, ${b.alias}.${REFERENCE} FROM ${from(b)} WHERE ${where(kit, b, 1)}`;
    const left = `SELECT ${a.alias}.id, ${a.alias}.${REFERENCE} FROM ${from(a)} WHERE ${where(kit, a, 1)}`;
    // The parameters are placed in the order of the text, so the right side, made first, stands first.
    return { text: `${right} ${operator} ${left}` };
  },
  view: (kit) => {
    const named = viewOf(kit);
    if (named === undefined) return undefined;
    return { text: `SELECT * FROM ${from(named)} WHERE ${anyCondition(kit.dice, named, kit.parameters)}` };
  },
  'window function': (kit) => {
    const named = tableOf(kit);
    const column = `${named.alias}.${kit.dice.pick(named.columns).name}`;
    return {
      text: `SELECT ${column}, count(*) OVER (PARTITION BY ${column}) FROM ${from(named)} WHERE ${where(kit, named, 1)}`,
    };
  },
};

export const FEATURES: readonly string[] = Object.keys(MAKERS);

type NamedTable = Named & { readonly table: string; readonly key: readonly string[] };

function simple(kind: ConditionKind): Maker {
  return (kit) => {
    const named = tableOf(kit);
    return {
      text: `SELECT ${listOf(kit, named)} FROM ${from(named)} WHERE ${condition(kit.dice, kind, named, kit.parameters)}`,
    };
  };
}

function namedOf({ name, columns, key }: Table, alias: string): NamedTable {
  return { alias, columns, table: name, key };
}

function tableOf({ dice, schema }: Kit, alias = 'a'): NamedTable {
  return namedOf(dice.pick(schema.tables), alias);
}

function keyed({ dice, schema }: Kit): NamedTable | undefined {
  const tables = schema.tables.filter(({ key }) => key.length > 0);
  return tables.length === 0 ? undefined : namedOf(dice.pick(tables), 'a');
}

function pair(kit: Kit): [NamedTable, NamedTable] {
  const a = tableOf(kit);
  return [a, other(kit, a)];
}

function other({ dice, schema }: Kit, { table }: NamedTable): NamedTable {
  return namedOf(dice.pick(schema.tables.filter(({ name }) => name !== table)), 'b');
}

function viewOf({ dice, schema }: Kit): NamedTable | undefined {
  if (schema.views.length === 0) return undefined;
  const { name, columns } = dice.pick(schema.views);
  return { alias: 'v', columns, table: name, key: [] };
}

function from({ table, alias }: NamedTable): string {
  return `${table} AS ${alias}`;
}

function on(a: Named, b: Named): string {
  return `${b.alias}.${REFERENCE} = ${a.alias}.id`;
}

function listOf({ dice }: Kit, { alias, columns }: Named): string {
  if (dice.chance(0.35)) return `${alias}.*`;
  const chosen = dice.some(columns, 0.5);
  return (chosen.length === 0 ? columns : chosen).map(({ name }) => `${alias}.${name}`).join(', ');
}

function withKey(kit: Kit, named: NamedTable): string {
  return kit.dice.chance(0.5) ? `${named.alias}.*` : named.key.map((name) => `${named.alias}.${name}`).join(', ');
}

function both(kit: Kit, a: Named, b: Named): string {
  return `${listOf(kit, a)}, ${listOf(kit, b)}`;
}

function where({ dice, parameters }: Kit, named: Named, most: number): string {
  return Array.from({ length: dice.between(1, most) }, () => anyCondition(dice, named, parameters)).join(' AND ');
}

function count({ dice }: Kit): number {
  return dice.between(1, 6);
}

/** The rest of the key, for a total order after `id`. */
function rest(named: NamedTable): string {
  return restOf(named, named.alias);
}

function restOf({ key }: NamedTable, alias: string): string {
  return key
    .slice(1)
    .map((name) => `, ${alias}.${name}`)
    .join('');
}

function windowed(kit: Kit, hasOffset: boolean): Draft | undefined {
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

function outer(kit: Kit, join: string): Draft {
  const [a, b] = pair(kit);
  const { dice, parameters } = kit;
  const extra = dice.chance(0.4) ? ` AND ${anyCondition(dice, dice.pick([a, b]), parameters)}` : '';
  const filter = dice.chance(0.6) ? ` WHERE ${anyCondition(dice, dice.chance(0.7) ? a : b, parameters)}` : '';
  return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} ${join} ${from(b)} ON ${on(a, b)}${extra}${filter}` };
}

function nested(kit: Kit, make: (a: NamedTable, b: NamedTable, inner: string) => string): Draft {
  const [a, b] = pair(kit);
  const inner = `${from(b)} WHERE ${anyCondition(kit.dice, b, kit.parameters)}`;
  const test = make(a, b, inner);
  const extra = kit.dice.chance(0.5) ? ` AND ${anyCondition(kit.dice, a, kit.parameters)}` : '';
  return { text: `SELECT ${listOf(kit, a)} FROM ${from(a)} WHERE ${test}${extra}` };
}
