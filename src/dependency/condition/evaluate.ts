// The truth of a condition on a row: what the database would say of it, or MAYBE.
//
// Parts are not one of four truths but sets of the database's three. `NULL AND MAYBE` is NULL or
// FALSE, never TRUE; its NOT is NULL or TRUE. So parts are sets of bits, and only the whole becomes a truth:
//
//   {TRUE} true   {FALSE} false   {NULL} and {FALSE, NULL} null: it is not TRUE   any other: maybe
//
//   AND    true   false  null   maybe        OR     true   false  null   maybe       NOT
//   true   true   false  null   maybe        true   true   true   true   true        true   false
//   false         false  false  false        false         false  null   maybe       false  true
//   null                 null   null         null                 null   maybe       null   null
//   maybe                       maybe        maybe                       maybe       maybe  maybe
//   (for one operator; NOT (null AND maybe) is maybe)

import type { Cell, ColumnShape, ColumnType, Row, SqliteColumnType, TableShape } from '../change.ts';
import { cellOf } from './cells.ts';
import { type Comparison, differenceOf, equalCells, equalityKey } from './compare.ts';
import { isLike } from './like.ts';
import type { ComparisonOperator, Operand, Predicate, Truth } from './predicate.ts';

export const TRUE = 1;
export const FALSE = 2;
export const NULL = 4;
export const ANY = TRUE | FALSE | NULL;
const SETS: Readonly<Record<Truth, number>> = { true: TRUE, false: FALSE, null: NULL, maybe: ANY };
/** From this many operands on, a list is looked up and not walked; the look-up table is kept with the predicate. */
export const LONG_LIST = 8;

type Of<Kind extends Predicate['kind']> = Extract<Predicate, { kind: Kind }>;

/** `predicate`: bound (bind.ts), its values in the normal form of their columns. `null`: not TRUE, be it FALSE or NULL. */
export function evaluate(predicate: Predicate, table: TableShape, row: Row): Truth {
  const set = setOf(predicate, table, row);
  if (set === TRUE) return 'true';
  if (set === FALSE) return 'false';
  return (set & TRUE) === 0 ? 'null' : 'maybe';
}

function setOf(predicate: Predicate, table: TableShape, row: Row): number {
  switch (predicate.kind) {
    case 'always':
      return TRUE;
    case 'never':
      return predicate.truth === 'false' ? FALSE : NULL;
    case 'and':
      return allOf(predicate.parts, table, row);
    case 'or':
      return anyOf(predicate.parts, table, row);
    case 'not':
      return setOfNot(setOf(predicate.part, table, row));
    case 'maybe':
    case 'given':
      return ANY;
    default: {
      if (predicate.kind === 'columns') return columnsSet(predicate, table, row);
      const column = table.columns[predicate.column];
      return column === undefined ? ANY : columnSet(predicate, column, row[predicate.column]);
    }
  }
}

function columnSet(predicate: Of<'compare' | 'in' | 'is-null' | 'like'>, column: ColumnShape, cell: Cell): number {
  switch (predicate.kind) {
    case 'compare': {
      const { operand, operator } = predicate;
      if (operand.kind !== 'value') return ANY;
      return comparisonSet(operator, column.type, differenceOf(column.type, cell, operand.value));
    }
    case 'in':
      return listSet(predicate, column.type, cell);
    case 'is-null':
      if (cell === undefined) return column.isNotNull ? FALSE : ANY;
      return cell === null ? TRUE : FALSE;
    case 'like':
      return likeSet(predicate, column.type, cell);
  }
}

function allOf(parts: readonly Predicate[], table: TableShape, row: Row): number {
  let set = TRUE;
  for (const part of parts) {
    set = setOfBoth(set, setOf(part, table, row));
    if (set === FALSE) return FALSE;
  }
  return set;
}

/** By De Morgan's law, which also holds for three values. */
function anyOf(parts: readonly Predicate[], table: TableShape, row: Row): number {
  let set = FALSE;
  for (const part of parts) {
    set = setOfNot(setOfBoth(setOfNot(set), setOfNot(setOf(part, table, row))));
    if (set === TRUE) return TRUE;
  }
  return set;
}

/** The truths that an AND can have whose sides can have these. */
export function setOfBoth(one: number, other: number): number {
  const isTrue = one & other & TRUE;
  const isFalse = (one | other) & FALSE;
  const isNull = ((one & NULL) !== 0 && (other & (NULL | TRUE)) !== 0) || ((other & NULL) !== 0 && (one & TRUE) !== 0);
  return isTrue | isFalse | (isNull ? NULL : 0);
}

/** The possible truths of `NOT x`, from the possible truths of `x`. */
export function setOfNot(set: number): number {
  return ((set & TRUE) << 1) | ((set & FALSE) >> 1) | (set & NULL);
}

/** Whether values are equal is known of more types than their order. */
function comparisonSet(operator: ComparisonOperator, type: ColumnType, order: Comparison): number {
  if (order === 'null') return NULL;
  if (order === 'maybe') return ANY;
  if (order === 0) return operator === '=' || operator === '<=' || operator === '>=' ? TRUE : FALSE;
  if (operator === '=' || operator === '<>') return operator === '=' ? FALSE : TRUE;
  if (type.family === 'postgres' && !type.isOrdered) return ANY;
  return order < 0 === (operator === '<' || operator === '<=') ? TRUE : FALSE;
}

/** SQLite compares two columns with NUMERIC affinity where one has it, and with the collation of the left one. */
function columnsSet(predicate: Of<'columns'>, table: TableShape, row: Row): number {
  const { operator } = predicate;
  const left = table.columns[predicate.left]?.type;
  const right = table.columns[predicate.right]?.type;
  if (left === undefined || right === undefined) return ANY;
  const [one, other] = [row[predicate.left], row[predicate.right]];
  if (one === null || other === null) return NULL;
  if (left.family === 'sqlite' && right.family === 'sqlite')
    return comparisonSet(operator, left, differenceOf(left, affine(right, left, one), affine(left, right, other)));
  if (left.family === 'sqlite' || right.family === 'sqlite' || left.type !== right.type) return ANY;
  return comparisonSet(operator, left.isOrdered ? right : left, differenceOf(left, one, other));
}

/** A cell of a column `own` as it is compared with one of a column `other`. */
function affine(other: SqliteColumnType, own: SqliteColumnType, cell: Cell): Cell {
  return cell !== undefined && isNumeric(other) && !isNumeric(own) ? cellOf(other, cell) : cell;
}

function isNumeric({ affinity }: SqliteColumnType): boolean {
  return affinity !== 'text' && affinity !== 'blob';
}

function listSet(predicate: Of<'in'>, type: ColumnType, cell: Cell): number {
  const { operands } = predicate;
  if (operands.length === 0) return FALSE;
  if (cell === null) return NULL;
  if (cell === undefined) return ANY;
  if (operands.length < LONG_LIST) return walkedListSet(operands, type, cell);
  const { type: listed, keys, hasNull } = listOf(predicate, type);
  const key = keys === undefined || listed !== type ? undefined : equalityKey(type, cell);
  if (key === undefined) return walkedListSet(operands, type, cell);
  if (keys?.has(key) === true) return TRUE;
  return hasNull ? NULL : FALSE;
}

function walkedListSet(operands: readonly Operand[], type: ColumnType, cell: Cell): number {
  let set = FALSE;
  for (const operand of operands) {
    const one = operand.kind === 'value' ? SETS[equalCells(type, cell, operand.value)] : ANY;
    if (one === TRUE) return TRUE;
    set = setOfNot(setOfBoth(setOfNot(set), setOfNot(one)));
  }
  return set;
}

/** `keys`: undefined when some element has none. */
interface List {
  readonly type: ColumnType;
  readonly keys: ReadonlySet<string | number> | undefined;
  readonly hasNull: boolean;
}

const lists = new WeakMap<Predicate, List>();

function listOf(predicate: Of<'in'>, type: ColumnType): List {
  const known = lists.get(predicate);
  if (known !== undefined) return known;
  const values = predicate.operands.map((operand) => (operand.kind === 'value' ? operand.value : undefined));
  const keys = values.flatMap((value) =>
    value === null ? [] : [value === undefined ? value : equalityKey(type, value)],
  );
  const hasKeys = keys.every((key) => key !== undefined);
  const made = { type, keys: hasKeys ? new Set(keys) : undefined, hasNull: values.includes(null) };
  lists.set(predicate, made);
  return made;
}

function likeSet(predicate: Of<'like'>, type: ColumnType, cell: Cell): number {
  const pattern = predicate.pattern.kind === 'value' ? predicate.pattern.value : undefined;
  if (pattern === null || cell === null) return NULL;
  const text = likeText(type, cell);
  if (typeof pattern !== 'string' || text === undefined) return ANY;
  const options = { dialect: type.family, escape: predicate.escape, foldsCase: predicate.foldsCase };
  return SETS[isLike(text, pattern, options)];
}

/** SQLite matches numbers as texts; the text of a float, or of a possible float, is unknown. */
function likeText(type: ColumnType, cell: Cell): string | undefined {
  if (type.family === 'postgres') {
    return typeof cell === 'string' && (type.type === 'text' || type.type === 'char') ? cell : undefined;
  }
  if (typeof cell === 'string' || typeof cell === 'bigint') return `${cell}`;
  const isWhole = typeof cell === 'number' && Number.isSafeInteger(cell);
  return isWhole && (type.affinity === 'integer' || type.affinity === 'numeric') ? `${cell}` : undefined;
}
