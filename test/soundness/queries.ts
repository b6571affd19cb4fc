// Random queries by feature: each feature is a shape of statement whose precision is told on its own.
//
// The one complication: a LIMIT without a total order lets the database choose, and then its answer may change for no
// reason that a dependency could know. So what is limited is ordered by a key, too.

import type { Dice } from '../sim/dice.ts';
import { anyCondition, type ConditionKind, condition, Parameters } from './conditions.ts';
import {
  both,
  count,
  from,
  keyed,
  listOf,
  type Maker,
  maybeAnd,
  maybeWhere,
  nested,
  on,
  other,
  outer,
  pair,
  rest,
  restOf,
  simple,
  tableOf,
  three,
  viewOf,
  where,
  windowed,
  withKey,
} from './query-kit.ts';
import { REFERENCE, type Schema, type Value } from './schema.ts';

export interface Query {
  readonly feature: string;
  readonly text: string;
  readonly parameters: readonly Value[];
  /** False: rows may come in any order. */
  readonly isOrdered: boolean;
}

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
  'list parameter': 'list',
  'optional filter': 'optional',
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
    const filter = where(kit, named, 1);
    const other = `${named.alias}.${kit.dice.pick(named.columns).name}`;
    const having = kit.dice.chance(0.4)
      ? kit.dice.pick([` HAVING count(*) > ${count(kit)}`, ` HAVING max(${other}) > 3`, ` HAVING count(${other}) = 1`])
      : '';
    return {
      text: `SELECT ${kit.dice.chance(0.5) ? `min(${column}), ` : ''}count(*) FROM ${from(named)} WHERE ${filter} GROUP BY ${column}${having}`,
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
  'join of any columns': (kit) => {
    const [a, b] = pair(kit);
    const [left, right] = [kit.dice.pick(a.columns), kit.dice.pick(b.columns)];
    const operator = kit.dice.weighted({ '=': 5, '<': 1, '>=': 1, '<>': 1 });
    const join = `${a.alias}.${left.name} ${operator} ${b.alias}.${right.name}`;
    const kind = kit.dice.pick(['equality', 'range', 'in', 'list'] as const);
    const extra = condition(kit.dice, kind, { ...a, columns: [left] }, kit.parameters);
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} JOIN ${from(b)} ON ${join} WHERE ${extra}` };
  },
  'self join': (kit) => {
    const a = tableOf(kit, 'x');
    const b = { ...a, alias: 'y' };
    const extra = anyCondition(kit.dice, a, kit.parameters);
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} JOIN ${from(b)} ON ${on(a, b)} WHERE ${extra}` };
  },
  'left join': (kit) => outer(kit, 'LEFT JOIN'),
  'chain of left joins': (kit) => {
    const [a, b, c] = three(kit);
    const text = `SELECT ${both(kit, a, b)}, ${listOf(kit, c)} FROM ${from(a)} LEFT JOIN ${from(b)} ON ${on(a, b)}`;
    const chained = `${text} LEFT JOIN ${from(c)} ON ${on(kit.dice.chance(0.8) ? b : a, c)}`;
    return { text: `${chained}${maybeAnd(kit, [b, c])}${maybeWhere(kit, [a, a, b, c])}` };
  },
  'nested left join': (kit) => {
    const [a, b, c] = three(kit);
    const inner = `${from(b)} LEFT JOIN ${from(c)} ON ${on(b, c)}${maybeAnd(kit, [b, c])}`;
    const text = `SELECT ${both(kit, a, b)}, ${listOf(kit, c)} FROM ${from(a)} LEFT JOIN (${inner}) ON ${on(a, b)}`;
    return {
      text: `${text}${kit.dice.chance(0.2) ? ` AND ${c.alias}.ref IS NULL` : maybeAnd(kit, [b, b, c])}${maybeWhere(kit, [a, a, a, b, c])}`,
    };
  },
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
    const c = { ...tableOf(kit), alias: 'c' };
    const isChain = kit.dice.chance(0.3);
    const chained = isChain ? ` LEFT JOIN ${from(c)} ON ${on(b, c)}` : '';
    const list = `${withKey(kit, a)}, ${b.alias}.*${isChain ? ', c.*' : ''}`;
    const text = `SELECT ${list} FROM ${from(a)} LEFT JOIN ${from(b)} ON ${on(a, b)}${chained}`;
    const sides = isChain ? (kit.dice.chance(0.5) ? [b, c] : [c, b]) : [b];
    const order = sides.flatMap(({ alias, columns }) => columns.map(({ name }) => `${alias}.${name}`));
    const keys = [`${a.alias}.id${rest(a)}`];
    const terms = kit.dice.chance(0.8) ? [...keys, ...order] : [...order, ...keys];
    return { text: `${text} ORDER BY ${terms.join(', ')} LIMIT ${count(kit)}`, isOrdered: true };
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
  'in subquery of a key': (kit) => {
    const [a, b] = pair(kit);
    const kind = kit.dice.pick(['key', 'in', 'list'] as const);
    const key = condition(kit.dice, kind, { ...a, columns: a.columns.slice(0, 1) }, kit.parameters);
    const inner = `${from(b)} WHERE ${anyCondition(kit.dice, b, kit.parameters)}`;
    const column = kit.dice.chance(0.8) ? REFERENCE : 'id';
    const test = `${a.alias}.id ${kit.dice.pick(['IN', 'IN', 'NOT IN'])} (SELECT ${b.alias}.${column} FROM ${inner})`;
    const whole = kit.dice.chance(0.2) ? `(${test} OR ${anyCondition(kit.dice, a, kit.parameters)})` : test;
    return {
      text: `SELECT ${listOf(kit, a)} FROM ${from(a)} WHERE ${key} AND ${kit.dice.chance(0.1) ? 'NOT ' : ''}${whole}`,
    };
  },
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
