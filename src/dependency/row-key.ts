// One text for the primary key of a row: the same for two rows of a table if and only if the database says so.
//
// Parts are put together so that no two keys read alike; a text of several carries its length.

import type { Cell, Row, TableShape } from './change.ts';
import { equalityKey } from './condition/compare.ts';

/** Returns undefined when the table has no primary key, part of the key is unknown, or a part has no equality key. */
export function rowKey(table: TableShape, row: Row): string | undefined {
  const { key, columns } = table;
  if (key.length === 1) return single(table, row[key[0] as number]);
  if (key.length === 0) return undefined;
  let text = '';
  for (const ordinal of key) {
    const type = columns[ordinal]?.type;
    const cell = row[ordinal];
    if (type === undefined || cell === undefined) return undefined;
    const part = equalityKey(type, cell);
    if (part === undefined) return undefined;
    text += partText(part);
  }
  return text;
}

/** `cells`: in the order of the table's key. */
export function keyOfCells(table: TableShape, cells: readonly Cell[]): string | undefined {
  const { key } = table;
  if (key.length === 1) return single(table, cells[0]);
  const row: Cell[] = [];
  for (const [place, ordinal] of key.entries()) row[ordinal] = cells[place];
  return rowKey(table, row);
}

function single(table: TableShape, cell: Cell): string | undefined {
  const type = table.columns[table.key[0] as number]?.type;
  if (type === undefined || cell === undefined) return undefined;
  const part = equalityKey(type, cell);
  if (part === undefined) return undefined;
  return typeof part === 'number' ? `${part}` : `$${part}`;
}

function partText(part: string | number): string {
  return typeof part === 'number' ? `${part},` : `$${part.length}:${part}`;
}
