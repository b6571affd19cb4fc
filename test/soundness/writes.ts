// Random writes: single rows by key, many rows by a condition, replacements, and several statements as one transaction.

import type { Dice } from '../sim/dice.ts';
import {
  type Column,
  isKeyColumn,
  randomKeyValue,
  randomValue,
  type Schema,
  type Table,
  type Value,
} from './schema.ts';

export interface Write {
  readonly text: string;
  readonly parameters: readonly Value[];
}

/** One transaction. A statement of it may fail, by a constraint; the others count. */
export function randomTransaction(dice: Dice, schema: Schema): Write[] {
  const count = dice.chance(0.12) ? dice.between(2, 4) : 1;
  return Array.from({ length: count }, () => randomWrite(dice, dice.pick(schema.tables)));
}

export function randomWrite(dice: Dice, table: Table): Write {
  switch (dice.weighted({ insert: 5, update: 6, updateMany: 1, delete: 3, deleteMany: 0.4, replace: 1 })) {
    case 'insert':
      return insert(dice, table, 'INSERT OR IGNORE');
    case 'replace':
      return insert(dice, table, 'INSERT OR REPLACE');
    case 'update':
      return update(dice, table, oneRow(dice, table));
    case 'updateMany':
      return update(dice, table, condition(dice, table));
    case 'delete':
      return remove(table, oneRow(dice, table));
    default:
      return remove(table, condition(dice, table));
  }
}

function insert(dice: Dice, { name, columns, ...table }: Table, verb: string): Write {
  const whole = { name, columns, ...table };
  const parameters = columns.map((column) => valueFor(dice, whole, column));
  const names = columns.map((column) => column.name).join(', ');
  return { text: `${verb} INTO ${name} (${names}) VALUES (${columns.map(() => '?').join(', ')})`, parameters };
}

function update(dice: Dice, table: Table, where: Write): Write {
  const others = table.columns.filter((column) => !isKeyColumn(table, column) || dice.chance(0.1));
  const changed = dice.some(others, 0.35);
  const columns = changed.length === 0 ? [dice.pick(others)] : changed;
  const set = columns.map(({ name }) => `${name} = ?`).join(', ');
  const values = columns.map((column) => valueFor(dice, table, column));
  return {
    text: `UPDATE OR IGNORE ${table.name} SET ${set} WHERE ${where.text}`,
    parameters: [...values, ...where.parameters],
  };
}

function remove({ name }: Table, where: Write): Write {
  return { text: `DELETE FROM ${name} WHERE ${where.text}`, parameters: where.parameters };
}

function valueFor(dice: Dice, table: Table, column: Column): Value {
  return isKeyColumn(table, column) ? randomKeyValue(dice, column) : randomValue(dice, column);
}

function oneRow(dice: Dice, table: Table): Write {
  const names = table.key.length === 0 ? ['id'] : table.key;
  const columns = names.map((name) => table.columns.find((column) => column.name === name) as Column);
  return {
    text: names.map((name) => `${name} = ?`).join(' AND '),
    parameters: columns.map((column) => randomKeyValue(dice, column)),
  };
}

function condition(dice: Dice, table: Table): Write {
  const column = dice.pick(table.columns);
  return { text: `${column.name} = ?`, parameters: [randomValue(dice, { ...column, isNotNull: true })] };
}
