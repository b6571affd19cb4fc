// Random queries of PostgreSQL by feature.
//
// Some answers are the server's to choose: which of two equal values a DISTINCT shows, in what order
// an aggregate adds. Those are asked of columns where it has no choice.

import type { Dice } from '../sim/dice.ts';
import { MOVING_MAKERS } from './moving-times.ts';
import {
  anyPostgresCondition,
  type PostgresConditionKind,
  PostgresParameters,
  postgresCondition,
} from './postgres-conditions.ts';
import { ROUTINE_MAKERS } from './postgres-routines.ts';
import { isExact, type PostgresColumn, type PostgresSchema } from './postgres-schema.ts';
import { kindOf } from './postgres-values.ts';
import type { Query } from './queries.ts';
import {
  both,
  count,
  type Draft,
  from,
  type Kit,
  keyed,
  listOf,
  type Named,
  type NamedTable,
  on,
  other,
  pair,
  restOf,
  tableOf,
  where,
} from './query-kit.ts';
import { REFERENCE } from './schema.ts';
import { SHARED_MAKERS } from './shared-queries.ts';

interface PostgresKit extends Kit {
  readonly parameters: PostgresParameters;
}

type Maker = (kit: PostgresKit) => Draft | undefined;

/** Undefined where the schema has nothing for the feature. */
export function randomPostgresQuery(
  dice: Dice,
  schema: PostgresSchema,
  feature: string = dice.pick(POSTGRES_FEATURES),
): Query | undefined {
  const parameters = new PostgresParameters(dice);
  // What the kit gives as named has columns of the schema that it was given.
  const kit: PostgresKit = {
    dice,
    schema,
    parameters,
    condition: (kind, named) => postgresCondition(kind, [dice, parameters], named as Named<PostgresColumn>),
    any: (named) => anyPostgresCondition([dice, parameters], named as Named<PostgresColumn>),
  };
  const simple = SIMPLE[feature];
  const draft = simple === undefined ? (MAKERS[feature] as Maker)(kit) : simpleQuery(kit, simple);
  if (draft === undefined) return undefined;
  return {
    feature,
    text: limited(kit, draft.text),
    parameters: parameters.values,
    isOrdered: draft.isOrdered === true,
    reads: draft.reads,
  };
}

const SIMPLE: { readonly [feature: string]: PostgresConditionKind } = {
  'by key': 'key',
  equality: 'equality',
  'in list': 'in',
  range: 'range',
  between: 'between',
  prefix: 'prefix',
  'list parameter': 'list',
  'optional filter': 'optional',
  null: 'null',
  flag: 'flag',
  or: 'or',
  not: 'not',
  'two columns': 'columns',
  'row value': 'row',
  expression: 'expression',
};

function simpleQuery(kit: PostgresKit, kind: PostgresConditionKind): Draft {
  const named = tableOf(kit) as Named as NamedTable & Named<PostgresColumn>;
  const filter = postgresCondition(kind, [kit.dice, kit.parameters], named);
  return { text: `SELECT ${listOf(kit, named)} FROM ${from(named)} WHERE ${filter}` };
}

/** A LIMIT in its other notations. */
function limited({ dice, parameters }: PostgresKit, text: string): string {
  const found = /LIMIT (\d+)$/.exec(text);
  if (found === null) return text;
  const before = text.slice(0, found.index);
  return dice.pick([
    () => text,
    () => text,
    () => `${before}LIMIT ${parameters.given(Number(found[1]))}`,
    () => `${before}LIMIT ${parameters.given(found[1])}::int`,
    () => `${before}FETCH FIRST ${found[1]} ROWS ONLY`,
    () => `${before}FETCH FIRST ${found[1]} ROWS WITH TIES`,
  ])();
}

/** A column of which two values that are equal are shown the same. */
function exactOf({ dice }: Kit, { alias, columns }: NamedTable, family?: string): string {
  const exact = (columns as readonly PostgresColumn[]).filter(isExact);
  const fitting = exact.filter(({ kind }) => family === undefined || kindOf(kind).family === family);
  return `${alias}.${(fitting.length === 0 ? columns[0] : dice.pick(fitting))?.name}`;
}

const MAKERS: { readonly [feature: string]: Maker } = {
  ...{ ...SHARED_MAKERS, ...ROUTINE_MAKERS, ...MOVING_MAKERS },
  aggregate: (kit) => {
    const named = tableOf(kit);
    const column = exactOf(kit, named);
    const number = exactOf(kit, named, 'number');
    const call = kit.dice.pick([
      `min(${column})`,
      `max(${column})`,
      `count(${column})`,
      `count(DISTINCT ${column})`,
      `sum(${number})`,
      `avg(${number})`,
      `array_agg(${column} ORDER BY ${column})`,
      `string_agg(${column}::text, ',' ORDER BY ${column})`,
      `bool_or(${exactOf(kit, named, 'boolean')} IS NULL)`,
    ]);
    return { text: `SELECT ${call} FROM ${from(named)} WHERE ${where(kit, named, 1)}` };
  },
  filter: (kit) => {
    const named = tableOf(kit);
    const group = exactOf(kit, named);
    const list = `count(*) FILTER (WHERE ${kit.any(named)}), count(*)`;
    const grouped = kit.dice.chance(0.5) ? ` GROUP BY ${group}` : '';
    return {
      text: `SELECT ${grouped === '' ? '' : `${group}, `}${list} FROM ${from(named)} WHERE ${where(kit, named, 1)}${grouped}`,
    };
  },
  distinct: (kit) => {
    const named = tableOf(kit);
    return {
      text: `SELECT DISTINCT ${exactOf(kit, named)}, ${exactOf(kit, named)} FROM ${from(named)} WHERE ${where(kit, named, 1)}`,
    };
  },
  'distinct on': (kit) => {
    const named = keyed(kit);
    if (named === undefined) return undefined;
    const column = exactOf(kit, named);
    const keys = named.key.map((name) => `${named.alias}.${name}`).join(', ');
    const text = `SELECT DISTINCT ON (${column}) ${listOf(kit, named)} FROM ${from(named)} WHERE ${where(kit, named, 1)}`;
    const limit = kit.dice.chance(0.3) ? ` LIMIT ${count(kit)}` : '';
    return {
      text: `${text} ORDER BY ${column}${kit.dice.pick(['', ' DESC', ' NULLS FIRST'])}, ${keys}${limit}`,
      isOrdered: true,
    };
  },
  'group by': (kit) => {
    const named = tableOf(kit);
    const column = exactOf(kit, named);
    const other = exactOf(kit, named);
    const havings = [`count(*) > ${count(kit)}`, `max(${other}) IS NOT NULL`, `count(${other}) = 1`];
    const having = kit.dice.chance(0.4) ? ` HAVING ${kit.dice.pick(havings)}` : '';
    const group = kit.dice.weighted({ plain: 6, ROLLUP: 1, CUBE: 0.5 });
    const by = group === 'plain' ? column : `${group} (${column})`;
    return {
      text: `SELECT ${column}, count(*) FROM ${from(named)} WHERE ${where(kit, named, 1)} GROUP BY ${by}${having}`,
    };
  },
  'group join': (kit) => {
    const [a, b] = pair(kit);
    const text = `SELECT ${a.alias}.id, count(${b.alias}.${REFERENCE}) FROM ${from(a)} LEFT JOIN ${from(b)} ON ${on(a, b)}`;
    const isFit = (a.columns as readonly PostgresColumn[]).some((column) => column.name === 'id' && isExact(column));
    return isFit ? { text: `${text} WHERE ${kit.any(a)} GROUP BY ${a.alias}.id` } : undefined;
  },
  'join of any columns': (kit) => {
    const [a, b] = pair(kit);
    const left = kit.dice.pick(a.columns as readonly PostgresColumn[]);
    const { family } = kindOf(left.kind);
    const right = (b.columns as readonly PostgresColumn[]).find(
      ({ kind, name }) => name !== 'id' && (family === 'other' ? kind === left.kind : kindOf(kind).family === family),
    );
    if (right === undefined) return undefined;
    const operator = kit.dice.weighted({ '=': 5, '<': 1, '>=': 1, '<>': 1 });
    const kind = kit.dice.pick(['equality', 'range', 'in', 'list'] as const);
    const extra = kit.condition(kind, { ...a, columns: [left] });
    const join = `${a.alias}.${left.name} ${operator} ${b.alias}.${right.name}`;
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} JOIN ${from(b)} ON ${join} WHERE ${extra}` };
  },
  'join using': (kit) => {
    const [a, b] = pair(kit);
    const kind = kit.dice.pick(['JOIN', 'LEFT JOIN']);
    return {
      text: `SELECT ${listOf(kit, a)}, ${listOf(kit, b)} FROM ${from(a)} ${kind} ${from(b)} USING (${REFERENCE}) WHERE ${kit.any(a)}`,
    };
  },
  'join of a list': (kit) => {
    const named = tableOf(kit);
    const id = named.columns[0] as PostgresColumn;
    const values = Array.from({ length: 3 }, () => kit.dice.below(8));
    if (kindOf(id.kind).family !== 'number') return undefined;
    const list = kit.dice.chance(0.5)
      ? `unnest(${kit.parameters.given(values)}::int[])`
      : `(VALUES ${values.map((value) => `(${value})`).join(', ')})`;
    return {
      text: `SELECT ${listOf(kit, named)} FROM ${list} AS l (x) JOIN ${from(named)} ON ${named.alias}.id = l.x`,
    };
  },
  lateral: (kit) => {
    const a = keyed(kit);
    if (a === undefined) return undefined;
    const b = other(kit, a);
    const order = b.key.length > 0 ? ` ORDER BY ${b.alias}.id${restOf(b, b.alias)} LIMIT ${count(kit)}` : '';
    const inner = `SELECT * FROM ${from(b)} WHERE ${on(a, b)} AND ${kit.any(b)}${order}`;
    const join = kit.dice.pick([`CROSS JOIN LATERAL (${inner}) AS l`, `LEFT JOIN LATERAL (${inner}) AS l ON true`]);
    return { text: `SELECT ${listOf(kit, a)}, l.* FROM ${from(a)} ${join} WHERE ${kit.any(a)}` };
  },
  'common table': (kit) => {
    const [a, b] = pair(kit);
    const inner = `SELECT * FROM ${from(a)} WHERE ${where(kit, a, 1)}`;
    const named = { ...a, alias: 'w' };
    const start = `WITH w AS${kit.dice.pick(['', '', ' MATERIALIZED', ' NOT MATERIALIZED'])} (${inner})`;
    return { text: `${start} SELECT ${both(kit, named, b)} FROM w JOIN ${from(b)} ON ${on(named, b)}` };
  },
  'recursive common table': (kit) => {
    const a = tableOf(kit);
    const start = `SELECT ${a.alias}.id FROM ${from(a)} WHERE ${kit.condition('key', a)}`;
    const step = `SELECT ${a.alias}.id FROM ${from(a)} JOIN w ON ${a.alias}.${REFERENCE} = w.id`;
    return { text: `WITH RECURSIVE w(id) AS (${start} UNION ${step}) SELECT id FROM w` };
  },
  compound: (kit) => {
    const [a, b] = pair(kit);
    const operator = kit.dice.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'INTERSECT ALL', 'EXCEPT ALL']);
    const side = (named: NamedTable) =>
      `SELECT ${named.alias}.id::text, ${named.alias}.${REFERENCE}::text COLLATE "C" FROM ${from(named)} WHERE ${where(kit, named, 1)}`;
    return { text: `${side(a)} ${operator} ${side(b)}` };
  },
  'window function': (kit) => {
    const named = keyed(kit);
    if (named === undefined) return undefined;
    const column = exactOf(kit, named);
    const keys = named.key.map((name) => `${named.alias}.${name}`).join(', ');
    const call = kit.dice.pick([
      `count(*) OVER (PARTITION BY ${column})`,
      `rank() OVER (ORDER BY ${column})`,
      `row_number() OVER (PARTITION BY ${column} ORDER BY ${keys})`,
      `lag(${column}) OVER (ORDER BY ${keys})`,
    ]);
    return { text: `SELECT ${column}, ${call} FROM ${from(named)} WHERE ${where(kit, named, 1)}` };
  },
  'first of each': (kit) => {
    const named = keyed(kit);
    if (named === undefined) return undefined;
    const column = exactOf(kit, named);
    const keys = named.key.map((name) => `${named.alias}.${name}`).join(', ');
    const inner = `SELECT ${named.alias}.*, row_number() OVER (PARTITION BY ${column} ORDER BY ${keys}) AS n FROM ${from(named)}`;
    return { text: `SELECT * FROM (${inner} WHERE ${where(kit, named, 1)}) AS r WHERE n <= ${count(kit)}` };
  },
  'json and arrays': (kit) => {
    const named = tableOf(kit);
    const of = (kind: string) =>
      (named.columns as readonly PostgresColumn[]).find((column) => column.kind === kind)?.name;
    const [json, numbers, texts] = ['jsonb', 'intArray', 'textArray'].map(of);
    const tests = [
      ...(json === undefined ? [] : [`${json} ->> 'a' = '1'`, `${json} @> '{"a": 1}'`, `${json} ? 'b'`]),
      ...(numbers === undefined ? [] : [`2 = ANY(${numbers})`, `${numbers}[1] = 1`, `cardinality(${numbers}) > 1`]),
      ...(texts === undefined ? [] : [`${texts} && ARRAY['a']`, `'b' = ANY(${texts})`]),
    ];
    if (tests.length === 0) return undefined;
    return { text: `SELECT ${listOf(kit, named)} FROM ${from(named)} WHERE ${kit.dice.pick(tests)}` };
  },
  'all of': (kit) => {
    const [a, b] = pair(kit);
    const operator = kit.dice.pick(['> ALL', '<> ALL', '= SOME', '< ANY']);
    const inner = `SELECT ${b.alias}.${REFERENCE} FROM ${from(b)} WHERE ${kit.any(b)}`;
    return { text: `SELECT ${listOf(kit, a)} FROM ${from(a)} WHERE ${a.alias}.id ${operator} (${inner})` };
  },
  'array of rows': (kit) => {
    const [a, b] = pair(kit);
    const inner = `SELECT ${exactOf(kit, b)} FROM ${from(b)} WHERE ${on(a, b)} ORDER BY 1`;
    return { text: `SELECT ${listOf(kit, a)}, ARRAY(${inner}) FROM ${from(a)} WHERE ${where(kit, a, 1)}` };
  },
  'renamed columns': (kit) => {
    const named = tableOf(kit);
    const columns = named.columns.slice(0, 2).map((column, at) => ({ ...column, name: ['x', 'y'][at] as string }));
    return {
      text: `SELECT x, y FROM ${named.table} AS r (x, y) WHERE ${kit.any({ alias: 'r', columns })}`,
    };
  },
};

export const POSTGRES_FEATURES: readonly string[] = [...Object.keys(SIMPLE), ...Object.keys(MAKERS)];
