// Decides which cells are equal for the database, in what order they sort, and under which key a cell or the primary key
// of a row is found. Cells are in the normal form of their column (cells.ts).
//
// For some types only equality is known, for some nothing. Then the answer is MAYBE, and there is no key; a number
// never counts as another one that JavaScript cannot tell from it.

import type { Cell, ColumnType, PostgresColumnType, Row, Scalar, TableShape } from '../change.ts';
import type { Truth } from './predicate.ts';
import { textRulesOf } from './texts.ts';

/** Whether values of the type have an order that is known here. */
export function isOrdered(type: ColumnType): boolean {
  return type.family === 'sqlite' ? type.collation !== 'unknown' : type.isOrdered && type.type !== 'opaque';
}

/** Whether it is known here which values of the type are equal. */
export function hasEquality(type: ColumnType): boolean {
  return type.family === 'sqlite' ? type.collation !== 'unknown' : type.type !== 'opaque';
}

/** Whether a value stands in the form of its column, so that it can be compared with others there. */
export function isInForm(type: ColumnType, cell: Scalar): boolean {
  if (type.family === 'sqlite') return typeof cell !== 'boolean';
  return (typeof cell === 'bigint' ? 'number' : typeof cell) === (FORMS[type.type] ?? 'number');
}

/** The kind of value that cells of PostgreSQL's types are; those of all others are numbers. */
const FORMS: Readonly<Partial<Record<PostgresColumnType['type'], string>>> = {
  text: 'string',
  char: 'string',
  uuid: 'string',
  decimal: 'string',
  boolean: 'boolean',
  bytes: 'object',
};

export type Comparison = -1 | 0 | 1 | 'null' | 'maybe';

/** `null`: one of them is NULL. `maybe`: not known, be they equal or not. */
export function compareCells(type: ColumnType, one: Cell, other: Cell): Comparison {
  const order = differenceOf(type, one, other);
  return order === 0 || order === 'null' || type.family === 'sqlite' || type.isOrdered ? order : 'maybe';
}

export function equalCells(type: ColumnType, one: Cell, other: Cell): Truth {
  const order = differenceOf(type, one, other);
  if (typeof order === 'string') return order;
  return order === 0 ? 'true' : 'false';
}

/**
 * The database takes two cells of columns of this type for equal if and only if their keys are the same. Returns
 * undefined when there is no such key, and for NULL, which is equal to nothing.
 */
export function equalityKey(type: ColumnType, cell: Scalar): string | number | undefined {
  if (type.family === 'postgres' && type.type === 'opaque') return undefined;
  switch (typeof cell) {
    case 'number':
    case 'bigint':
      return numberKey(cell);
    case 'string': {
      const key = textRulesOf(type)?.key(cell);
      // Texts are their own keys; so that no other key is a text of the database, those begin with a zero character.
      return key?.charCodeAt(0) === 0 ? `\0t${key}` : key;
    }
    case 'boolean':
      return type.family === 'sqlite' ? undefined : cell ? '\0true' : '\0false';
    default:
      return cell === null ? undefined : bytesKey(cell);
  }
}

/** Compares texts of PostgreSQL by their bytes: this tells whether they are equal, but their column may sort otherwise. */
export function differenceOf(type: ColumnType, one: Cell, other: Cell): Comparison {
  if (one === null || other === null) return 'null';
  if (one === undefined || other === undefined) return 'maybe';
  if (type.family === 'postgres' && type.type === 'opaque') return 'maybe';
  if (isNumber(one) && isNumber(other)) return compareNumbers(one, other);
  if (typeof one === 'string' && typeof other === 'string') {
    const rules = textRulesOf(type);
    if (rules === undefined) return 'maybe';
    return one === other ? 0 : rules.compare(one, other);
  }
  if (one instanceof Uint8Array && other instanceof Uint8Array) return compareBytes(one, other);
  if (type.family === 'sqlite') return compareStorage(one, other);
  if (typeof one !== 'boolean' || typeof other !== 'boolean') return 'maybe';
  return one === other ? 0 : one ? 1 : -1;
}

/** SQLite sorts numbers before texts, and texts before blobs (https://www.sqlite.org/datatype3.html §4.1). */
const STORAGE_RANKS: Readonly<Record<string, number>> = { number: 1, bigint: 1, string: 2, object: 3 };

function compareStorage(one: Scalar, other: Scalar): Comparison {
  const a = STORAGE_RANKS[typeof one];
  const b = STORAGE_RANKS[typeof other];
  return a === undefined || b === undefined ? 'maybe' : a < b ? -1 : 1;
}

function isNumber(cell: Scalar): cell is number | bigint {
  return typeof cell === 'number' || typeof cell === 'bigint';
}

/** JavaScript compares a number and a bigint exactly. NaN, which only PostgreSQL has, is the greatest. */
function compareNumbers(one: number | bigint, other: number | bigint): -1 | 0 | 1 {
  if (one < other) return -1;
  if (one > other) return 1;
  return (Number(Number.isNaN(one)) - Number(Number.isNaN(other))) as -1 | 0 | 1;
}

function compareBytes(one: Uint8Array, other: Uint8Array): -1 | 0 | 1 {
  const end = Math.min(one.length, other.length);
  for (let at = 0; at < end; at++) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return Math.sign(one.length - other.length) as -1 | 0 | 1;
}

/** A whole number that a 64 bit integer can be as well has the key of that integer. */
function numberKey(cell: number | bigint): string | number {
  if (typeof cell === 'bigint') return Number.isSafeInteger(Number(cell)) ? Number(cell) : `\0i${cell}`;
  if (Number.isNaN(cell)) return '\0nan';
  if (cell === 0) return 0;
  if (!Number.isInteger(cell) || Number.isSafeInteger(cell)) return cell;
  return Math.abs(cell) <= 2 ** 64 ? `\0i${BigInt(cell)}` : cell;
}

function bytesKey(bytes: Uint8Array): string {
  let text = '\0b';
  for (const byte of bytes) text += byte < 16 ? `0${byte.toString(16)}` : byte.toString(16);
  return text;
}

/**
 * One text for the primary key of a row: two rows of a table have equal texts if and only if their keys are equal. Parts are
 * put together so that no two keys read alike; a text of several carries its length. Returns undefined when the table has
 * no primary key, part of the key is unknown, or a part has no equality key.
 */
export function rowKey(table: TableShape, row: Row): string | undefined {
  const { key } = table;
  if (key.length === 1) return singleKey(table, row[key[0] as number]);
  return keyOfCells(
    table,
    key.map((ordinal) => row[ordinal]),
  );
}

/** `cells`: in the order of the table's key. */
export function keyOfCells(table: TableShape, cells: readonly Cell[]): string | undefined {
  const { key } = table;
  if (key.length === 1) return singleKey(table, cells[0]);
  let text = '';
  for (const [place, ordinal] of key.entries()) {
    const part = partOf(table, ordinal, cells[place]);
    if (part === undefined) return undefined;
    text += typeof part === 'number' ? `${part},` : `$${part.length}:${part}`;
  }
  return key.length === 0 ? undefined : text;
}

function singleKey(table: TableShape, cell: Cell): string | undefined {
  const part = partOf(table, table.key[0] as number, cell);
  if (part === undefined) return undefined;
  return typeof part === 'number' ? `${part}` : `$${part}`;
}

function partOf({ columns }: TableShape, ordinal: number, cell: Cell): string | number | undefined {
  const type = columns[ordinal]?.type;
  return type === undefined || cell === undefined ? undefined : equalityKey(type, cell);
}
