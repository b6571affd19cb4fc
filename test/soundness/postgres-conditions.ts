// Random conditions on the columns of one table, in PostgreSQL's SQL.
//
// The server takes no operator between just any types. So values are of the column's kind, or of one
// of its family; what it refuses all the same is asked no more.

import type { Dice } from '../sim/dice.ts';
import type { PostgresColumn } from './postgres-schema.ts';
import { randomPostgresKey, randomPostgresValue } from './postgres-schema.ts';
import { givenOf, type Kind, kindOf, literalOf } from './postgres-values.ts';
import type { Named as NamedOf } from './query-kit.ts';

type Named = NamedOf<PostgresColumn>;

/** Collects a statement's parameters while its text is made; some values are written out instead. */
export class PostgresParameters {
  readonly values: unknown[] = [];
  readonly #dice: Dice;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  place(kind: Kind, text: string | null): string {
    if (this.#dice.chance(0.25)) return literalOf(this.#dice, kind, text);
    const given = this.given(givenOf(this.#dice, kind, text));
    return this.#dice.chance(0.15) ? `${given}::${kindOf(kind).type}` : given;
  }

  /** As a parameter, always. */
  given(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

export type PostgresConditionKind = keyof typeof MAKERS;

export function postgresCondition(
  kind: PostgresConditionKind,
  [dice, parameters]: readonly [Dice, PostgresParameters],
  named: Named,
): string {
  return MAKERS[kind](dice, named, parameters);
}

/** Any that an analysis should understand. */
export function anyPostgresCondition([dice, parameters]: readonly [Dice, PostgresParameters], named: Named): string {
  return MAKERS[dice.weighted(WEIGHTS)](dice, named, parameters);
}

const WEIGHTS = {
  key: 2,
  equality: 4,
  in: 2,
  range: 3,
  between: 1,
  prefix: 1,
  null: 1,
  or: 1,
  not: 1,
  list: 2,
  optional: 1,
  flag: 0.5,
};
const COMPARISONS = ['<', '<=', '>', '>='];

const MAKERS = {
  key: (dice: Dice, { alias, columns }: Named, parameters: PostgresParameters): string => {
    const id = columns.find(({ name }) => name === 'id') ?? (columns[0] as PostgresColumn);
    return `${alias}.${id.name} = ${parameters.place(id.kind, randomPostgresKey(dice, id))}`;
  },
  equality: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    const [text, column] = pick(dice, named);
    return `${text} ${dice.chance(0.92) ? '=' : 'IS NOT DISTINCT FROM'} ${valued(dice, column, parameters)}`;
  },
  in: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    const [text, column] = pick(dice, named);
    const values = Array.from({ length: dice.between(1, 4) }, () => valued(dice, column, parameters));
    const list = values.join(', ');
    if (dice.chance(0.15)) return `${text} = ANY(ARRAY[${list}])`;
    return `${text}${dice.chance(0.15) ? ' NOT' : ''} IN (${list})`;
  },
  range: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    const [text, column] = pick(dice, named);
    const comparison = dice.pick(COMPARISONS);
    const operand = valued(dice, column, parameters);
    return dice.chance(0.85) ? `${text} ${comparison} ${operand}` : `${operand} ${comparison} ${text}`;
  },
  between: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    const [text, column] = pick(dice, named);
    const symmetric = dice.chance(0.1) ? ' SYMMETRIC' : '';
    const low = valued(dice, column, parameters);
    return `${text}${dice.chance(0.1) ? ' NOT' : ''} BETWEEN${symmetric} ${low} AND ${valued(dice, column, parameters)}`;
  },
  prefix: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    const [text] = pick(dice, named, ({ kind }) => kindOf(kind).family === 'text');
    const pattern = dice.pick(['a%', 'ab%', '%', 'A_', '%b', 'a\\%', '1%', '', 'é%', 'ax%', 'b  ', "o'k\\\\"]);
    const operator = dice.weighted({ LIKE: 7, ILIKE: 3, 'NOT LIKE': 1, 'NOT ILIKE': 0.5 });
    const escaping = dice.chance(0.1) ? ` ESCAPE '${dice.pick(['!', '\\', ''])}'` : '';
    return `${text} ${operator} ${parameters.place('text', pattern)}${escaping}`;
  },
  list: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    const [text, column] = pick(dice, named, ({ kind }) => kindOf(kind).family !== 'other');
    const values = Array.from({ length: dice.between(0, 4) }, () =>
      givenOf(dice, column.kind, randomPostgresValue(dice, column)),
    );
    const list = parameters.given(dice.chance(0.04) ? null : values);
    const cast = dice.chance(0.3) ? `::${kindOf(column.kind).type}[]` : '';
    return dice.chance(0.8) ? `${text} = ANY(${list}${cast})` : `${text} <> ALL(${list}${cast})`;
  },
  optional: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    const [text, column] = pick(dice, named);
    const { type } = kindOf(column.kind);
    const value = dice.chance(0.4) ? null : randomPostgresValue(dice, { ...column, isNotNull: true });
    const given = parameters.given(givenOf(dice, column.kind, value));
    const comparison = dice.weighted({ '=': 6, '>': 1, 'IS DISTINCT FROM': 1, '<>': 1 });
    const filter = `${text} ${comparison} ${given}`;
    const test = `${given}::${type} IS NULL`;
    return dice.pick([`(${test} OR ${filter})`, `(${test} OR ${filter})`, `NOT (${test} AND ${filter})`]);
  },
  null: (dice: Dice, named: Named): string => {
    const [text] = pick(dice, named);
    return `${text} IS ${dice.chance(0.4) ? 'NOT ' : ''}NULL`;
  },
  flag: (dice: Dice, named: Named): string => {
    const [text, column] = pick(dice, named, ({ kind }) => kind === 'boolean');
    if (column.kind !== 'boolean') return `${text} IS NOT NULL`;
    return dice.pick([text, `NOT ${text}`, `${text} IS TRUE`, `${text} IS NOT TRUE`, `${text} IS UNKNOWN`]);
  },
  or: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    const kinds = ['equality', 'range', 'null', 'in', 'list', 'optional'] as const;
    const parts = Array.from({ length: dice.between(2, 3) }, () => MAKERS[dice.pick(kinds)](dice, named, parameters));
    return `(${parts.join(dice.chance(0.85) ? ' OR ' : ' AND ')})`;
  },
  not: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    if (dice.chance(0.3)) {
      const [text, column] = pick(dice, named);
      return `${text} ${dice.pick(['<>', '<>', '!=', 'IS DISTINCT FROM'])} ${valued(dice, column, parameters)}`;
    }
    const kinds = ['equality', 'or', 'range', 'prefix', 'list', 'optional', 'flag'] as const;
    return `NOT (${MAKERS[dice.pick(kinds)](dice, named, parameters)})`;
  },
  columns: (dice: Dice, named: Named): string => {
    const [left, column] = pick(dice, named);
    const { family } = kindOf(column.kind);
    const [right] = pick(dice, named, ({ kind }) =>
      family === 'other' ? kind === column.kind : kindOf(kind).family === family,
    );
    return `${left} ${dice.pick(['=', '<>', '<', '>='])} ${right}`;
  },
  /** Of two columns and more: as keyset paging does. */
  row: (dice: Dice, { alias, columns }: Named, parameters: PostgresParameters): string => {
    const two = columns.slice(0, 2);
    const values = two.map((column) => valued(dice, column, parameters));
    const names = two.map(({ name }) => `${alias}.${name}`).join(', ');
    return `(${names}) ${dice.pick(['>', '<', '>=', '=', '<>'])} (${values.join(', ')})`;
  },
  expression: (dice: Dice, named: Named, parameters: PostgresParameters): string => {
    const [text, column] = pick(dice, named);
    const { family } = kindOf(column.kind);
    return dice.pick(EXPRESSIONS[family])(text, () => valued(dice, column, parameters), column);
  },
} satisfies Record<string, (dice: Dice, named: Named, parameters: PostgresParameters) => string>;

type ExpressionOf = (text: string, value: () => string, column: PostgresColumn) => string;

const ANY: readonly ExpressionOf[] = [
  (text, value, { kind }) => `coalesce(${text}, ${value()}::${kindOf(kind).type}) = ${value()}`,
  (text, value) => `CASE WHEN ${text} = ${value()} THEN true ELSE false END`,
  (text, value) => `nullif(${text}, ${value()}) IS NULL`,
  (text, value) => `${text} > ANY(ARRAY[${value()}])`,
];

const EXPRESSIONS: Readonly<Record<Family, readonly ExpressionOf[]>> = {
  number: [
    ...ANY,
    (text) => `${text}::int = 2`,
    (text, value) => `${text} * 1 = ${value()}`,
    (text) => `${text}::text LIKE '1%'`,
    (text) => `${text} = 1.5`,
    (text) => `${text} < 2.5::numeric`,
    (text) => `greatest(${text}, 3) = 3`,
  ],
  text: [
    ...ANY,
    (text, value) => `lower(${text}) = ${value()}`,
    (text) => `length(${text}) > 2`,
    (text) => `${text} ~ '^a'`,
    (text) => `${text} ~* 'B'`,
    (text) => `${text} SIMILAR TO '(a|b)%'`,
    (text, value) => `${text} COLLATE "C" < ${value()}`,
    (text, value) => `${text} = ${value()} COLLATE "und-x-icu"`,
    (text) => `${text} LIKE ANY (ARRAY['a%', 'b%'])`,
    (text) => `${text}::text = 'a '`,
    (text) => `${text} = 'a '::char(3)`,
    (text) => `${text} = 'abcdef'::varchar(3)`,
    (text) => `starts_with(${text}, 'a')`,
    (text) => `${text} || 'x' = 'ax'`,
  ],
  time: [
    ...ANY,
    (text) => `extract(year FROM ${text}) = 2024`,
    (text) => `${text}::date = '2024-01-01'`,
    (text) => `date_trunc('day', ${text}) = '2024-01-01'`,
    (text) => `${text} < '2024-01-01 00:30:00'::timestamp`,
    (text) => `${text} >= '2024-01-01 00:30:00+01'::timestamptz`,
    (text) => `${text} >= '2024-01-01'::date`,
  ],
  boolean: [...ANY, (text) => `${text}::int = 1`, (text) => `${text} AND NOT coalesce(${text}, true)`],
  uuid: [...ANY, (text) => `${text}::text LIKE '00000001%'`],
  bytes: [...ANY, (text) => `length(${text}) > 1`],
  other: [...ANY, (text) => `${text}::text LIKE '%a%'`, (text) => `${text} IS NOT NULL AND ${text}::text <> '2'`],
};

type Family = ReturnType<typeof kindOf>['family'];

/** A column's name and itself. */
function pick(
  dice: Dice,
  { alias, columns }: Named,
  fits: (column: PostgresColumn) => boolean = () => true,
): [string, PostgresColumn] {
  const fitting = columns.filter(fits);
  const column = dice.pick(fitting.length === 0 ? columns : fitting);
  return [`${alias}.${column.name}`, column];
}

/** A value for the column; of a number, at times one that is written as of another type. */
function valued(dice: Dice, column: PostgresColumn, parameters: PostgresParameters): string {
  const isNumber = kindOf(column.kind).family === 'number';
  const kind: Kind =
    isNumber && dice.chance(0.08) ? dice.pick(['int4', 'int8', 'numeric', 'float8', 'scaled']) : column.kind;
  return parameters.place(kind, randomPostgresValue(dice, { kind, isNotNull: !dice.chance(0.05) }));
}
