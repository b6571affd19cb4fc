// Random queries of SQLite by feature: each feature is a shape of statement whose precision is told on its own.

import type { Dice } from '../sim/dice.ts';
import { anyCondition, type ConditionKind, condition, Parameters } from './conditions.ts';
import {
  both,
  count,
  type Draft,
  from,
  type Kit,
  listOf,
  type Maker,
  type Named,
  pair,
  tableOf,
  where,
} from './query-kit.ts';
import { type Column, REFERENCE, type Schema, type Value } from './schema.ts';
import { SHARED_MAKERS } from './shared-queries.ts';

export interface SqliteQuery extends Query {
  readonly parameters: readonly Value[];
}

export interface Query {
  readonly feature: string;
  readonly text: string;
  readonly parameters: readonly unknown[];
  /** False: rows may come in any order. */
  readonly isOrdered: boolean;
  /** Tables that it reads and does not name. */
  readonly reads?: readonly string[] | undefined;
}

/** Undefined where the schema has nothing for the feature. */
export function randomQuery(
  dice: Dice,
  schema: Schema,
  feature: string = dice.pick(FEATURES),
): SqliteQuery | undefined {
  const parameters = new Parameters(dice);
  // What the kit gives as named has columns of the schema that it was given.
  const kit: Kit = {
    dice,
    schema,
    condition: (kind, named) => condition(dice, kind, named as Named<Column>, parameters),
    any: (named) => anyCondition(dice, named as Named<Column>, parameters),
  };
  const simple = SIMPLE[feature];
  const draft = simple === undefined ? (MAKERS[feature] as Maker)(kit) : simpleQuery(kit, simple, parameters);
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

function simpleQuery(kit: Kit, kind: ConditionKind, parameters: Parameters): Draft {
  const named = tableOf(kit);
  const filter = condition(kit.dice, kind, named as Named as Named<Column>, parameters);
  return { text: `SELECT ${listOf(kit, named)} FROM ${from(named)} WHERE ${filter}` };
}

const MAKERS: { readonly [feature: string]: Maker } = {
  ...SHARED_MAKERS,
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
  'join of any columns': (kit) => {
    const [a, b] = pair(kit);
    const [left, right] = [kit.dice.pick(a.columns), kit.dice.pick(b.columns)];
    const operator = kit.dice.weighted({ '=': 5, '<': 1, '>=': 1, '<>': 1 });
    const join = `${a.alias}.${left.name} ${operator} ${b.alias}.${right.name}`;
    const kind = kit.dice.pick(['equality', 'range', 'in', 'list'] as const);
    const extra = kit.condition(kind, { ...a, columns: [left] });
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} JOIN ${from(b)} ON ${join} WHERE ${extra}` };
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
  'filter over a compound': (kit) => {
    const [a, b] = pair(kit);
    const [left, right] = [kit.dice.pick(a.columns), kit.dice.pick(b.columns)];
    const operator = kit.dice.pick(['UNION', 'UNION ALL', 'UNION ALL', 'INTERSECT', 'EXCEPT']);
    const sides = [
      `SELECT ${a.alias}.id AS id, ${a.alias}.${left.name} AS v FROM ${from(a)}`,
      `SELECT ${b.alias}.id, ${b.alias}.${right.name} FROM ${from(b)}`,
    ];
    const d = { ...a, alias: 'd', columns: [a.columns[0] as Column, { ...left, name: 'v' }] };
    return { text: `SELECT d.id, d.v FROM (${sides.join(` ${operator} `)}) AS d WHERE ${where(kit, d, 2)}` };
  },
  'window function': (kit) => {
    const named = tableOf(kit);
    const column = `${named.alias}.${kit.dice.pick(named.columns).name}`;
    return {
      text: `SELECT ${column}, count(*) OVER (PARTITION BY ${column}) FROM ${from(named)} WHERE ${where(kit, named, 1)}`,
    };
  },
};

export const FEATURES: readonly string[] = [...Object.keys(SIMPLE), ...Object.keys(MAKERS)];
