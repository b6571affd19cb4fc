// Which values a column has in all rows that a condition takes, or that a statement writes: as keys, equal where the database
// takes the values for equal.

import { bindInstance } from '../../../dependency/bind.ts';
import type { Cell, ColumnType, Row, Scalar, TableShape } from '../../../dependency/change.ts';
import { cellOf } from '../../../dependency/condition/cells.ts';
import { equalityKey, hasEquality } from '../../../dependency/condition/compare.ts';
import type { Predicate } from '../../../dependency/condition/predicate.ts';
import type { BoundRead } from '../../../dependency/template.ts';
import type { RowWrite } from '../../../sql/rows-written.ts';
import { digest } from '../key.ts';

/** A table's other columns narrow no read: each costs a name for each write. */
const MAX_COLUMNS = 12;
/** Longer lists of values are not told apart. */
const MAX_VALUES = 32;

/** Undefined: any. */
type Keys = ReadonlySet<string> | undefined;

/** A column, and the values that it must have. */
export interface ColumnKeys {
  readonly table: TableShape;
  readonly column: number;
  readonly keys: ReadonlySet<string>;
}

/** By the first of the table's columns that the condition fixes; undefined: by none. */
export function columnKeysOf({ read: { table }, predicate }: BoundRead): ColumnKeys | undefined {
  for (const column of columnsOf(table)) {
    const keys = requiredKeys(predicate, column, table);
    if (keys !== undefined && keys.size <= MAX_VALUES) return { table, column, keys };
  }
  return undefined;
}

const columns = new WeakMap<TableShape, readonly number[]>();

/** Columns by which reads are narrowed, the best first. */
function columnsOf(table: TableShape): readonly number[] {
  let found = columns.get(table);
  if (found === undefined) {
    const all = [...new Set([...table.key, ...table.columns.keys()])];
    found = all.filter((column) => hasEquality(typeAt(table, column))).slice(0, MAX_COLUMNS);
    columns.set(table, found);
  }
  return found;
}

function typeAt(table: TableShape, column: number): ColumnType {
  return (table.columns[column] as TableShape['columns'][number]).type;
}

/** Keys of the values that the column has wherever the condition holds; undefined: it may have any. */
function requiredKeys(predicate: Predicate, column: number, table: TableShape): Keys {
  const keysOf = (cells: readonly Cell[]) => keysOfCells(typeAt(table, column), cells);
  switch (predicate.kind) {
    case 'and':
      for (const part of predicate.parts) {
        const keys = requiredKeys(part, column, table);
        if (keys !== undefined) return keys;
      }
      return undefined;
    case 'compare':
      if (predicate.column !== column || predicate.operator !== '=' || predicate.operand.kind !== 'value')
        return undefined;
      return keysOf([predicate.operand.value]);
    case 'in':
      if (predicate.column !== column || predicate.operands.some(({ kind }) => kind !== 'value')) return undefined;
      return keysOf(predicate.operands.map((operand) => (operand as { readonly value: Scalar }).value));
    default:
      return undefined;
  }
}

/** NULL equals nothing. */
function keysOfCells(type: ColumnType, cells: readonly Cell[]): Keys {
  const keys = new Set<string>();
  for (const cell of cells) {
    if (cell === null) continue;
    // A whole number that no float may be: SQLite stores the one next to it, and may compare either.
    const isRounded = type.family === 'sqlite' && type.affinity === 'real' && typeof cell === 'bigint';
    const key = cell === undefined || isRounded ? undefined : equalityKey(type, cell);
    if (key === undefined) return undefined;
    keys.add(digest([key]).slice(0, 20));
  }
  return keys;
}

/** Of each column that may narrow a read, the value in a row, as keys. None: NULL. */
export function rowKeys(table: TableShape, row: Row): readonly { readonly column: number; readonly keys: Keys }[] {
  return columnsOf(table).map((column) => ({ column, keys: keysOfCells(typeAt(table, column), [row[column]]) }));
}

/** Of each column that may narrow a read, the values in the rows of a write, before and after. */
export function writtenKeys(
  write: RowWrite,
  params: readonly unknown[],
): readonly { readonly column: number; readonly keys: Keys }[] {
  const { table, read } = write;
  const predicate = read && bindInstance({ ...UNNAMED, reads: [read] }, params, undefined).reads[0]?.predicate;
  return columnsOf(table).map((column) => {
    const before = predicate === undefined ? NONE : requiredKeys(predicate, column, table);
    const isLeft = write.kind === 'update' && write.values.every((row) => !row.has(column));
    const after = isLeft ? before : writtenTo(write, column, params);
    const keys = before === undefined || after === undefined ? undefined : new Set([...before, ...after]);
    return { column, keys: keys !== undefined && keys.size <= MAX_VALUES ? keys : undefined };
  });
}

const NONE: ReadonlySet<string> = new Set();
const UNNAMED = { kind: 'tracked', id: '', text: '', output: [], fallbacks: [] } as const;

function writtenTo({ table, values }: RowWrite, column: number, params: readonly unknown[]): Keys {
  const type = typeAt(table, column);
  const cells: Cell[] = [];
  for (const row of values) {
    const given = row.get(column);
    const cell = storedCell(type, given?.kind === 'parameter' ? params[given.index] : given?.value);
    // In the place of NULL, SQLite generates a rowid.
    const isMade = cell === null && (column === table.rowid || table.hasNullableKey === true);
    if (cell === undefined || isMade) return undefined;
    cells.push(cell);
  }
  return keysOfCells(type, cells);
}

/**
 * The cell that the database stores for the value, where that is sure to be the one that the value compares as: a type may
 * round what is stored, or cut it.
 */
function storedCell(type: ColumnType, value: unknown): Cell {
  const isWhole = typeof value === 'bigint' ? Number.isSafeInteger(Number(value)) : Number.isSafeInteger(value);
  if (value === null || type.family === 'sqlite') {
    return typeof value === 'bigint' && !isWhole ? undefined : cellOf(type, value);
  }
  switch (type.type) {
    case 'integer':
      return isWhole || typeof value === 'string' ? cellOf(type, value) : undefined;
    case 'text':
      // One with a length leaves off spaces at the end.
      return typeof value === 'string' && !value.endsWith(' ') ? cellOf(type, value) : undefined;
    case 'boolean':
    case 'uuid':
    case 'bytes':
      return cellOf(type, value);
    default:
      return undefined;
  }
}
