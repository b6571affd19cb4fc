// Decides whether a change can change the answer of a read, and why.
//
// A row has its part in an answer by more than the condition: a join may drop it, a window may end before it. The keys
// and the bound that the answer showed tell this; so they must stay true under every change that is said to change
// nothing. That is why the columns of the primary key and of a window's order always count as values; a key that
// changes also moves the row among those that a database gives in no stated order.

import type { Cell, Change, Row, TableShape } from './change.ts';
import { compareCells, rowKey } from './condition/compare.ts';
import { evaluate } from './condition/evaluate.ts';
import type { Truth } from './condition/predicate.ts';
import { gatherColumns } from './condition/predicate.ts';
import type { BoundRead, OrderTerm, TableRead } from './template.ts';

/** Why a read is affected. */
export type Reason =
  /** A row of the answer is gone or changed. */
  | 'record'
  /** A row satisfies the condition now. */
  | 'enters'
  /** A row does so no longer. */
  | 'leaves'
  /** A row still does, and something else of it that the answer depends on has changed. */
  | 'value'
  /** A row that was skipped by the OFFSET is gone or changed. */
  | 'window'
  /** Nothing shows that it is unaffected. */
  | 'maybe'
  /** All rows are gone, or the change is unknown. */
  | 'truncate'
  /** The table is not as it was when the statement was analysed. */
  | 'schema';

/** Returns undefined when the answer is the same after the change as before. */
export function affects(bound: BoundRead, change: Change): Reason | undefined {
  const { table } = bound.read;
  if (change.table !== table) {
    if (change.table.name !== table.name) return undefined;
    if (!isSameShape(change.table, table)) return 'schema';
  }
  switch (change.kind) {
    case 'truncate':
      return 'truncate';
    case 'insert':
      return affectsByInsert(bound, change.new);
    case 'delete':
      return change.old === undefined ? 'maybe' : affectsByDelete(bound, change.old);
    case 'update':
      return affectsByUpdate(bound, change.old ?? keyOnly(table, change.new), change.new);
  }
}

function affectsByInsert(bound: BoundRead, row: Row): Reason | undefined {
  const truth = evaluate(bound.predicate, bound.read.table, row);
  if (!isPossible(truth) || isBeyond(bound, row)) return undefined;
  return truth === 'true' ? 'enters' : 'maybe';
}

function affectsByDelete(bound: BoundRead, row: Row): Reason | undefined {
  const part = partOf(bound, row);
  if (part === 'in') return 'record';
  if (part === 'out' && bound.bound?.hasOffset !== true) return undefined;
  const truth = evaluate(bound.predicate, bound.read.table, row);
  if (!isPossible(truth) || isBeyond(bound, row)) return undefined;
  if (part === 'out') return 'window';
  return truth === 'true' ? 'leaves' : 'maybe';
}

function affectsByUpdate(bound: BoundRead, old: Row, row: Row): Reason | undefined {
  const uses = usesOf(bound.read);
  const { table } = bound.read;
  const hasNewValue = isChanged(table, uses.value, [old, row]);
  if (!hasNewValue && !isChanged(table, uses.condition, [old, row])) return undefined;
  const before = evaluate(bound.predicate, table, old);
  const after = evaluate(bound.predicate, table, row);
  const part = partOf(bound, old);
  if (!hasNewValue && before === 'true' && after === 'true') return undefined;
  if (part === 'in') return 'record';
  if (!isPossible(before) && !isPossible(after)) return undefined;
  // The row had no part in the answer, and no column changed that could give it one.
  if (part === 'out' && !isChanged(table, uses.place, [old, row])) return undefined;
  const newMatters = isPossible(after) && !isBeyond(bound, row);
  const wasSkipped = part === 'out' && bound.bound?.hasOffset === true;
  const oldMatters = (part === 'unknown' || wasSkipped) && isPossible(before) && !isBeyond(bound, old);
  if (!oldMatters && !newMatters) return undefined;
  if (part === 'out' && !newMatters) return 'window';
  if (before === 'maybe' || after === 'maybe') return 'maybe';
  if (before === 'true') return after === 'true' ? 'value' : 'leaves';
  return 'enters';
}

function isPossible(truth: Truth): boolean {
  return truth === 'true' || truth === 'maybe';
}

/** Whether a row is among those that the answer shows. */
function partOf({ keys, read }: BoundRead, row: Row): 'in' | 'out' | 'unknown' {
  const key = keys && rowKey(read.table, row);
  if (key === undefined) return 'unknown';
  return keys?.has(key) === true ? 'in' : 'out';
}

/** Whether the row sorts strictly after the last row of a full window. A tie or an unknown order does not. */
function isBeyond({ bound, read }: BoundRead, row: Row): boolean {
  if (bound === undefined || read.window === undefined) return false;
  const { order } = read.window;
  for (let at = 0; at < order.length; at++) {
    const term = order[at] as OrderTerm;
    const place = placeOf(read.table, term, [row[term.column], bound.last[at]]);
    if (place !== 'same') return place === 'after';
  }
  return false;
}

function placeOf(table: TableShape, term: OrderTerm, [cell, last]: readonly [Cell, Cell]): 'before' | 'same' | 'after' {
  const type = table.columns[term.column]?.type;
  // An unknown order counts as `before`, which matters.
  if (type === undefined || cell === undefined || last === undefined) return 'before';
  if (cell === null) return last === null ? 'same' : term.nullsFirst ? 'before' : 'after';
  if (last === null) return term.nullsFirst ? 'after' : 'before';
  const order = compareCells(type, cell, last);
  if (order === 0) return 'same';
  return order === (term.isDescending ? -1 : 1) ? 'after' : 'before';
}

function isChanged(table: TableShape, columns: readonly number[], [old, row]: readonly [Row, Row]): boolean {
  for (const column of columns) {
    if (!isSameCell(old[column], row[column]) || isAmbiguous(table, column, row[column])) return true;
  }
  return false;
}

/** Whether two cells are identical, not only equal: `a` and `A` differ, as do 0 and -0. Unknown cells are never the same. */
export function isSameCell(one: Cell, other: Cell): boolean {
  if (one === undefined || other === undefined) return false;
  if (Object.is(one, other)) return true;
  if (!(one instanceof Uint8Array) || !(other instanceof Uint8Array) || one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

/** A column of SQLite without a type keeps 1 and 1.0 apart, which a cell cannot. */
export function isAmbiguous(table: TableShape, column: number, cell: Cell): boolean {
  if (typeof cell !== 'number' || !Number.isInteger(cell)) return false;
  const type = table.columns[column]?.type;
  return type?.family === 'sqlite' && type.affinity === 'blob';
}

/** Columns of a read, by what their change can do; `place`: all but those that are only shown. */
type Uses = Readonly<Record<'condition' | 'value' | 'place', readonly number[]>>;

const usesByRead = new WeakMap<TableRead, Uses>();

function usesOf(read: TableRead): Uses {
  const known = usesByRead.get(read);
  if (known !== undefined) return known;
  const condition = new Set<number>();
  gatherColumns(read.predicate, condition);
  const value = new Set(read.valueColumns === 'all' ? read.table.columns.keys() : read.valueColumns);
  const fixed = [...(read.window?.order ?? []).map(({ column }) => column), ...read.table.key];
  for (const column of fixed) value.add(column);
  const isOnlyShown = (column: number): boolean =>
    read.onlyShown?.includes(column) === true && !condition.has(column) && !fixed.includes(column);
  const place = [...new Set([...condition, ...value])].filter((column) => !isOnlyShown(column));
  const uses = { condition: [...condition], value: [...value], place };
  usesByRead.set(read, uses);
  return uses;
}

/** A row with its primary key known and nothing else. */
export function keyOnly(table: TableShape, row: Row): Row {
  const old: Cell[] = new Array(table.columns.length).fill(undefined);
  for (const ordinal of table.key) old[ordinal] = row[ordinal];
  return old;
}

const sameShapes = new WeakMap<TableShape, WeakMap<TableShape, boolean>>();

/** Whether two shapes of one table are alike. */
export function isSameShape(one: TableShape, other: TableShape): boolean {
  const known = sameShapes.get(one)?.get(other);
  if (known !== undefined) return known;
  const isSame = shapeText(one) === shapeText(other);
  sameShapes.set(one, (sameShapes.get(one) ?? new WeakMap<TableShape, boolean>()).set(other, isSame));
  return isSame;
}

function shapeText({ columns, key }: TableShape): string {
  const parts = columns.map(({ name, type, isNotNull }) =>
    type.family === 'sqlite'
      ? [name, isNotNull, type.affinity, type.collation]
      : [name, isNotNull, type.type, type.isOrdered],
  );
  return JSON.stringify([parts, key]);
}
