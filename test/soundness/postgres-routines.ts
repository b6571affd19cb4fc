// Functions, operators and casts of a world's own, and queries that call them; functions that give several rows for one.
//
// What such a function reads is not in the text of the query, so the query says it.

import type { Dice } from '../sim/dice.ts';
import type { PostgresSchema, PostgresTable } from './postgres-schema.ts';
import { type Draft, from, type Kit, keyed, listOf, type NamedTable, other, tableOf, where } from './query-kit.ts';

/** Of each world; they depend on their arguments alone, and are declared so. */
export const PURE_FUNCTIONS: ReadonlySet<string> = new Set(['parts', 'shortened']);

const PURE_DDL = [
  `CREATE FUNCTION parts(text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$ SELECT regexp_split_to_table(nullif($1, ''), 'b') $$`,
  'CREATE FUNCTION shortened(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT left($1, 1) $$',
];

/** What a world has under a name that may be the system's. */
export type OwnKind = 'function' | 'operator' | 'cast' | 'field';

export interface OwnRoutine {
  readonly kind: OwnKind;
  /** The table that it reads. */
  readonly reads: string;
  /** That whose rows have the field. */
  readonly table: string;
}

export function randomRoutine(dice: Dice, tables: readonly Pick<PostgresTable, 'name'>[]): OwnRoutine | undefined {
  if (dice.chance(0.5)) return undefined;
  const [one, another] = tables as [PostgresTable, PostgresTable];
  const kind = dice.weighted<OwnKind>({ function: 2, operator: 1, cast: 1.5, field: 1 });
  return dice.chance(0.5)
    ? { kind, table: one.name, reads: another.name }
    : { kind, table: another.name, reads: one.name };
}

/** After the tables. */
export function routineDdl(own: OwnRoutine | undefined): string[] {
  if (own === undefined) return PURE_DDL;
  const reading = (head: string) =>
    `CREATE FUNCTION ${head} LANGUAGE sql STABLE AS $$ SELECT count(*)::int FROM ${own.reads} $$`;
  const made: Readonly<Record<OwnKind, readonly string[]>> = {
    function: [reading('height(integer) RETURNS integer'), reading('family(integer) RETURNS integer')],
    operator: [
      reading('plus(mood, mood) RETURNS integer'),
      'CREATE OPERATOR + (LEFTARG = mood, RIGHTARG = mood, FUNCTION = plus)',
    ],
    cast: [reading('number(mood) RETURNS integer'), 'CREATE CAST (mood AS integer) WITH FUNCTION number(mood)'],
    field: [reading(`label(${own.table}) RETURNS integer`)],
  };
  return [...PURE_DDL, ...made[own.kind]];
}

const CALLS: Readonly<Record<OwnKind, readonly string[]>> = {
  function: ['height(3)', 'family(1)', 'height(family(2))'],
  operator: [`'ok'::mood + 'sad'::mood`],
  cast: [`'ok'::mood::integer`, `CAST('sad'::mood AS integer)`],
  field: ['a.label', '(a).label'],
};

function ownCall(kit: Kit): Draft | undefined {
  const { routine, tables } = kit.schema as PostgresSchema;
  if (routine === undefined) return undefined;
  const { name, columns, key } = tables.find((table) => table.name === routine.table) as PostgresTable;
  const named: NamedTable = { alias: 'a', columns, table: name, key };
  const moods = columns.filter(({ kind }) => kind === 'enum').map((column) => `a.${column.name}::integer`);
  const call = kit.dice.pick([...CALLS[routine.kind], ...(routine.kind === 'cast' ? [...moods, ...moods] : [])]);
  const list = listOf(kit, named);
  const text = kit.dice.pick<() => string>([
    () => `SELECT ${list}, ${call} FROM ${from(named)} WHERE ${where(kit, named, 1)}`,
    () => `SELECT ${list} FROM ${from(named)} WHERE ${call} > 20`,
    () => `SELECT x.n FROM (SELECT ${call} AS n FROM ${from(named)}) AS x`,
  ])();
  return { text, reads: [routine.reads] };
}

/** A call that gives several rows or none for a row of the table. */
function rowsFor({ dice }: Kit, { alias, columns }: NamedTable): string | undefined {
  const calls = (columns as PostgresTable['columns']).flatMap(({ name, kind }) => {
    const column = `${alias}.${name}`;
    if (kind === 'textArray' || kind === 'intArray') return [`unnest(${column})`];
    if (kind === 'jsonb')
      return [
        `jsonb_path_query(${column}, '$.*')`,
        `(jsonb_each(CASE jsonb_typeof(${column}) WHEN 'object' THEN ${column} END)).key`,
      ];
    if (kind === 'int4') return [`generate_series(1, ${column} % 3)`];
    if (kind !== 'text' && kind !== 'varchar') return [];
    const text = `${column}::text COLLATE "C"`;
    return [
      `regexp_matches(${text}, '[ab]', 'g')`,
      `string_to_table(nullif(${text}, ''), 'b')`,
      `parts(${text})`,
      `upper(unnest(regexp_match(${text}, 'a|1')))`,
    ];
  });
  return calls.length === 0 ? undefined : dice.pick(calls);
}

function setReturning(kit: Kit): Draft | undefined {
  const named = keyed(kit);
  const call = named && rowsFor(kit, named);
  if (named === undefined || call === undefined) return undefined;
  const keys = named.key.map((name) => `${named.alias}.${name}`).join(', ');
  const list = kit.dice.chance(0.5) ? `${named.alias}.*` : keys;
  const filter = () => (kit.dice.chance(0.5) ? ` WHERE ${where(kit, named, 1)}` : '');
  const rows = () => `SELECT ${list}, ${call} AS made FROM ${from(named)}${filter()}`;
  const any = kit.dice.pick(named.columns).name;
  const b = other(kit, named);
  const inner = `SELECT ${call} FROM ${from(named)} WHERE ${named.alias}.id = ${b.alias}.id`;
  const open = `${from(named)}, generate_series(1, 2) AS s`;
  return kit.dice.pick<() => Draft>([
    () => ({ text: rows() }),
    () => ({ text: `${rows()} ORDER BY ${keys} LIMIT 5`, isOrdered: true }),
    () => ({ text: `SELECT ${list} FROM ${from(named)}${filter()} ORDER BY ${keys}, ${call}`, isOrdered: true }),
    () => ({ text: `SELECT x.* FROM (${rows()}) AS x` }),
    () => ({ text: `WITH x AS (${rows()}) SELECT count(*) FROM x` }),
    () => ({ text: `SELECT ${listOf(kit, b)} FROM ${from(b)} WHERE EXISTS (${inner})` }),
    () => ({ text: `SELECT x.${any} FROM (SELECT * FROM ${open}${filter()}) AS x` }),
  ])();
}

/** Columns of a subselect whose names and places are those of a row. */
function spread(kit: Kit): Draft | undefined {
  const a = tableOf(kit);
  const b = other(kit, a);
  const names = [...a.columns.map((_, at) => `a${at}`), ...b.columns.map((_, at) => `b${at}`)].join(', ');
  const at = kit.dice.below(b.columns.length);
  const inner = `SELECT (a).*, ${b.alias}.* FROM ${from(a)}, ${from(b)} WHERE ${where(kit, a, 1)}`;
  return {
    text: `SELECT r.b${at} FROM (${inner}) AS r (${names}) WHERE r.a${kit.dice.below(a.columns.length)} IS NOT NULL`,
  };
}

export const ROUTINE_MAKERS = {
  'set returning': setReturning,
  'own routine': ownCall,
  'fields of a row': spread,
} as const;
