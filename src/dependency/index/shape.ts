// Columns as bits, so that most updates are seen not to matter at one look.
//
// A number has 32 bits. Columns from the 32nd on share the last.

import { isAmbiguous, isSameCell } from '../affected.ts';
import type { Row, TableShape } from '../change.ts';
import { gatherColumns, type Predicate } from '../condition/predicate.ts';
import type { TableRead } from '../template.ts';

const ALL = -1;
const LAST_BIT = 31;

export function columnBits(columns: readonly number[] | 'all'): number {
  if (columns === 'all') return ALL;
  let bits = 0;
  for (const column of columns) bits |= 1 << Math.min(column, LAST_BIT);
  return bits;
}

/** The columns that a read looks at in any way; its key's among them, as another key is another row. */
export function usedBits(read: TableRead, predicate: Predicate): number {
  const columns = new Set(read.table.key);
  for (const { column } of read.window?.order ?? []) columns.add(column);
  gatherColumns(read.predicate, columns);
  gatherColumns(predicate, columns);
  return columnBits(read.valueColumns) | columnBits([...columns]);
}

/** The columns that an update changed, or may have changed. */
export function changedBits(table: TableShape, old: Row | undefined, now: Row): number {
  if (old === undefined) return ALL;
  let bits = 0;
  for (let column = 0; column < table.columns.length; column++) {
    const cell = now[column];
    if (!isSameCell(old[column], cell) || isAmbiguous(table, column, cell)) bits |= 1 << Math.min(column, LAST_BIT);
  }
  return bits;
}
