// Rows of the log: how statements ask for them, and how they become cells.

import type { Cell, Row, TableShape } from '../../dependency/change.ts';
import { cellOf } from '../../dependency/condition/cells.ts';
import { isUnsure } from './sqlite-replaced.ts';
import type { SqliteRow } from './sqlite-runner.ts';

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** Columns for a SELECT from the log. */
export function imageColumns(slots: number): string {
  const columns: string[] = [];
  for (let at = 0; at < slots; at++) columns.push(encoded(`o${at}`), encoded(`n${at}`));
  return columns.map((column) => `, ${column}`).join('');
}

function encoded(column: string): string {
  return `CASE typeof(${column}) WHEN 'text' THEN 't' || ${column} WHEN 'blob' THEN 'b' || hex(${column})
    WHEN 'integer' THEN CASE WHEN ${column} BETWEEN -${MAX_SAFE} AND ${MAX_SAFE} THEN ${column} ELSE 'i' || ${column} END
    WHEN 'real' THEN CASE ${column} WHEN 9e999 THEN 'r+' WHEN -9e999 THEN 'r-' ELSE ${column} END END AS ${column}`;
}

export function imageOf(row: SqliteRow, side: 'o' | 'n', slots: number): readonly unknown[] {
  const image: unknown[] = [];
  for (let at = 0; at < slots; at++) {
    const cell = row[`${side}${at}`];
    image.push(typeof cell === 'bigint' ? Number(cell) : cell);
  }
  return image;
}

/** Cells in the order of the shape's columns. `places`: the place of each in an image. */
export function rowOf(shape: TableShape, image: readonly unknown[], places: readonly (number | undefined)[]): Row {
  return shape.columns.map(({ type }, at) => {
    const place = places[at];
    return place === undefined ? undefined : cellOf(type, decoded(image[place]));
  });
}

function decoded(cell: unknown): Cell {
  if (typeof cell === 'number') return cell;
  if (typeof cell !== 'string') return cell === null ? null : undefined;
  const rest = cell.slice(1);
  switch (cell[0]) {
    case 't':
      return rest;
    case 'b':
      return bytesOf(rest);
    case 'i':
      return BigInt(rest);
    default:
      return rest === '+' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }
}

function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}

/** A text for the cells at these places; equal for values that SQLite finds equal byte by byte. */
export function nameOf(image: readonly unknown[], places: readonly (number | undefined)[]): string | undefined {
  const parts: unknown[] = [];
  for (const place of places) {
    const cell = place === undefined ? undefined : image[place];
    if (cell === undefined || cell === null || isUnsure(cell)) return undefined;
    parts.push(typeof cell === 'number' && Number.isInteger(cell) ? `i${BigInt(cell)}` : cell);
  }
  return JSON.stringify(parts);
}
