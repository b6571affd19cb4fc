// Random conditions on the columns of one table: those that an analysis should understand, and those that it need not.

import type { Dice } from '../sim/dice.ts';
import type { Named as NamedOf } from './query-kit.ts';
import { type Column, randomKeyValue, randomValue, type Value } from './schema.ts';

type Named = NamedOf<Column>;

/** Collects a statement's parameters while its text is made; some values are written out instead. */
export class Parameters {
  readonly values: Value[] = [];
  readonly #dice: Dice;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  place(value: Value): string {
    if (this.#dice.chance(0.25)) {
      const literal = literalOf(value);
      if (literal !== undefined) return literal;
    }
    return this.given(value);
  }

  /** As a parameter, always. */
  given(value: Value): string {
    this.values.push(value);
    return '?';
  }
}

function literalOf(value: Value): string | undefined {
  if (value === null) return 'NULL';
  // A text ends at its first zero character.
  if (typeof value === 'string') return value.includes('\0') ? undefined : `'${value.replaceAll("'", "''")}'`;
  if (typeof value === 'bigint') return value === -(2n ** 63n) ? undefined : String(value);
  return typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0) ? String(value) : undefined;
}

export type ConditionKind = keyof typeof MAKERS;

export function condition(dice: Dice, kind: ConditionKind, named: Named, parameters: Parameters): string {
  return MAKERS[kind](dice, named, parameters);
}

/** Any that an analysis should understand. */
export function anyCondition(dice: Dice, named: Named, parameters: Parameters): string {
  const kind = dice.weighted({
    key: 2,
    equality: 4,
    in: 2,
    range: 3,
    between: 1,
    prefix: 1,
    null: 1,
    or: 1,
    not: 1,
    list: 1,
    optional: 1,
  });
  return condition(dice, kind, named, parameters);
}

const COMPARISONS = ['<', '<=', '>', '>='];

const MAKERS = {
  key: (dice: Dice, { alias, columns }: Named, parameters: Parameters): string => {
    const id = columns.find(({ name }) => name === 'id') ?? (columns[0] as Column);
    return `${alias}.${id.name} = ${parameters.place(randomKeyValue(dice, id))}`;
  },
  equality: (dice: Dice, named: Named, parameters: Parameters): string => {
    const [text, column] = pick(dice, named);
    return `${text} ${dice.chance(0.9) ? '=' : 'IS'} ${parameters.place(some(dice, column))}`;
  },
  in: (dice: Dice, named: Named, parameters: Parameters): string => {
    const [text, column] = pick(dice, named);
    const values = Array.from({ length: dice.between(1, 4) }, () => parameters.place(randomValue(dice, column)));
    return `${text}${dice.chance(0.15) ? ' NOT' : ''} IN (${values.join(', ')})`;
  },
  range: (dice: Dice, named: Named, parameters: Parameters): string => {
    const [text, column] = pick(dice, named);
    const comparison = dice.pick(COMPARISONS);
    const operand = parameters.place(some(dice, column));
    return dice.chance(0.85) ? `${text} ${comparison} ${operand}` : `${operand} ${comparison} ${text}`;
  },
  between: (dice: Dice, named: Named, parameters: Parameters): string => {
    const [text, column] = pick(dice, named);
    const low = parameters.place(some(dice, column));
    return `${text}${dice.chance(0.1) ? ' NOT' : ''} BETWEEN ${low} AND ${parameters.place(some(dice, column))}`;
  },
  prefix: (dice: Dice, named: Named, parameters: Parameters): string => {
    const [text] = pick(dice, named, ({ kind }) => kind === 'text');
    const pattern = dice.pick(['a%', 'ab%', '%', 'A_', '%b', 'a\\%', '1%', '', 'é%']);
    const operator = dice.weighted({ LIKE: 8, 'NOT LIKE': 1, GLOB: 1 });
    const escaping = operator === 'LIKE' && dice.chance(0.1) ? " ESCAPE '\\'" : '';
    return `${text} ${operator} ${parameters.place(pattern)}${escaping}`;
  },
  list: (dice: Dice, named: Named, parameters: Parameters): string => {
    const [text, column] = pick(dice, named, ({ kind }) => kind !== 'blob');
    const values = Array.from({ length: dice.between(0, 4) }, () => jsonValue(randomValue(dice, column)));
    const json = dice.chance(0.04) ? null : JSON.stringify(values);
    const not = dice.chance(0.2) ? ' NOT' : '';
    return `${text}${not} IN (SELECT value FROM json_each(${parameters.given(json)}))`;
  },
  optional: (dice: Dice, named: Named, parameters: Parameters): string => {
    const [text, column] = pick(dice, named);
    const value = dice.chance(0.4) ? null : some(dice, column);
    const other = dice.chance(0.9) ? value : some(dice, column);
    const test = dice.pick(['? IS NULL', '? IS NULL', '? = 1', "? IS NOT 'a'", 'NOT ? <> 2', '? IS 1', '?']);
    parameters.given(value);
    const comparison = dice.weighted({ '=': 6, '>': 1, IS: 1, 'IS NOT': 1, '<>': 1 });
    const filter = `${text} ${comparison} ${parameters.given(other)}`;
    return dice.pick([
      `(${test} OR ${filter})`,
      `(${test} OR ${filter})`,
      `${test} AND ${filter}`,
      `NOT (${test} AND ${filter})`,
    ]);
  },
  null: (dice: Dice, named: Named): string => {
    const [text] = pick(dice, named);
    return `${text} IS ${dice.chance(0.4) ? 'NOT ' : ''}NULL`;
  },
  or: (dice: Dice, named: Named, parameters: Parameters): string => {
    const parts = Array.from({ length: dice.between(2, 3) }, () =>
      condition(dice, dice.pick(['equality', 'range', 'null', 'in', 'list', 'optional']), named, parameters),
    );
    return `(${parts.join(dice.chance(0.85) ? ' OR ' : ' AND ')})`;
  },
  not: (dice: Dice, named: Named, parameters: Parameters): string => {
    if (dice.chance(0.3)) {
      const [text, column] = pick(dice, named);
      return `${text} <> ${parameters.place(some(dice, column))}`;
    }
    return `NOT (${condition(dice, dice.pick(['equality', 'or', 'range', 'prefix', 'list', 'optional']), named, parameters)})`;
  },
  columns: (dice: Dice, named: Named): string => {
    const [left] = pick(dice, named);
    const [right] = pick(dice, named);
    return `${left} ${dice.pick(['=', '<>', '<', '>='])} ${right}`;
  },
  expression: (dice: Dice, named: Named, parameters: Parameters): string => {
    const [text, column] = pick(dice, named);
    const value = () => parameters.place(some(dice, column));
    return dice.pick([
      () => `lower(${text}) = ${value()}`,
      () => `${text} + 1 = ${parameters.place(dice.below(8))}`,
      () => `coalesce(${text}, 3) = ${value()}`,
      () => `CAST(${text} AS TEXT) = ${parameters.place(String(dice.below(8)))}`,
      () => `${text} = ${value()} COLLATE NOCASE`,
      () => `length(${text}) > ${parameters.place(dice.below(3))}`,
      () => `CASE WHEN ${text} = ${value()} THEN 1 ELSE 0 END`,
      () => `${text} IS DISTINCT FROM ${value()}`,
      () => text,
      () => `(${text}, 1) = (${value()}, 1)`,
    ])();
  },
} satisfies Record<string, (dice: Dice, named: Named, parameters: Parameters) => string>;

function jsonValue(value: Value): null | number | string | boolean {
  if (value instanceof Uint8Array) return true;
  return typeof value === 'bigint' ? Number(value) : value;
}

function pick(dice: Dice, { alias, columns }: Named, fits: (column: Column) => boolean = () => true): [string, Column] {
  const fitting = columns.filter(fits);
  const column = dice.pick(fitting.length === 0 ? columns : fitting);
  return [`${alias}.${column.name}`, column];
}

function some(dice: Dice, column: Column): Value {
  return randomValue(dice, { ...column, isNotNull: !dice.chance(0.05) });
}
