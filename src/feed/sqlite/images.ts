// Rows of the log: how statements ask for them, how they become cells, and which candidates were deleted without a trigger.
//
// A candidate may also have been left alone (OR IGNORE), updated (ON CONFLICT DO UPDATE) or deleted with a trigger
// (recursive_triggers = ON). The log's next event for a row of that name decides; without one, the row's presence decides,
// once all of that part of the log has been read.

import type { Cell, Row, TableShape } from '../../dependency/change.ts';
import { cellOf } from '../../dependency/condition/cells.ts';
import type { SqliteRow } from './runner.ts';
import { KIND } from './triggers.ts';

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

/** The cells of a row as the log has them, in the form of `imageColumns`. */
export type RowImage = readonly unknown[];

export function imageOf(row: SqliteRow, side: 'o' | 'n', slots: number): RowImage {
  const image: unknown[] = [];
  for (let at = 0; at < slots; at++) {
    const cell = row[`${side}${at}`];
    image.push(typeof cell === 'bigint' ? Number(cell) : cell);
  }
  return image;
}

/** Cells in the order of the shape's columns. `places`: the place of each in an image. */
export function rowOf(shape: TableShape, image: RowImage, places: readonly (number | undefined)[]): Row {
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
function nameOf(image: RowImage, places: readonly (number | undefined)[]): string | undefined {
  const parts: unknown[] = [];
  for (const place of places) {
    const cell = place === undefined ? undefined : image[place];
    if (cell === undefined || cell === null || isUnsure(cell)) return undefined;
    parts.push(typeof cell === 'number' && Number.isInteger(cell) ? `i${BigInt(cell)}` : cell);
  }
  return JSON.stringify(parts);
}

/** A row of the log, with cells as `imageColumns` encodes them. */
export interface LogEvent {
  readonly seq: number;
  readonly table: number;
  readonly kind: number;
  readonly old: RowImage;
  readonly new: RowImage;
}

/** A row that may have been replaced since the log last showed it. */
export interface Suspect {
  readonly table: number;
  /** The row of the log, and which of its images, that shows the row last. */
  readonly seq: number;
  readonly side: 'o' | 'n';
  readonly image: RowImage;
}

/** A change of a row of the table with that number. */
export type LoggedChange = { readonly table: number } & (
  | { readonly kind: 'insert'; readonly new: RowImage }
  | { readonly kind: 'update'; readonly old: RowImage; readonly new: RowImage }
  | { readonly kind: 'delete'; readonly old: RowImage }
  | { readonly kind: 'truncate' }
);

/** What is known of the rows of a table. */
export interface RowFacts {
  /** Places of the cells that name a row. */
  readonly naming: readonly (number | undefined)[];
  /** Whether rows written in the same transaction may go unseen, because a trigger of the application runs first. */
  readonly isSuspicious: boolean;
}

/** The events in the log's order, and the rows that must still exist if nothing else happened. */
export function loggedChanges(
  events: readonly LogEvent[],
  tables: ReadonlyMap<number, RowFacts>,
): { readonly changes: LoggedChange[]; readonly suspects: readonly Suspect[] } {
  const reading = new EventReader(tables);
  for (const event of events) reading.take(event);
  return { changes: reading.changes, suspects: [...reading.suspects.values()] };
}

class EventReader {
  readonly #tables: ReadonlyMap<number, RowFacts>;
  readonly changes: LoggedChange[] = [];
  readonly suspects = new Map<string, Suspect>();

  constructor(tables: ReadonlyMap<number, RowFacts>) {
    this.#tables = tables;
  }

  take(event: LogEvent): void {
    const { table, old } = event;
    switch (event.kind) {
      case KIND.insert:
        this.#vanish(this.#nameOf(table, event.new));
        this.changes.push({ kind: 'insert', table, new: event.new });
        if (this.#tables.get(table)?.isSuspicious === true) this.#suspect(event, 'n');
        return;
      case KIND.update: {
        const wasSuspect = this.#settle(table, old);
        this.#vanish(this.#nameOf(table, event.new));
        this.changes.push({ kind: 'update', table, old, new: event.new });
        if (wasSuspect || this.#tables.get(table)?.isSuspicious === true) this.#suspect(event, 'n');
        return;
      }
      case KIND.delete:
        this.#settle(table, old);
        this.changes.push({ kind: 'delete', table, old });
        return;
      case KIND.candidate:
        this.#settle(table, old);
        this.#suspect(event, 'o');
        return;
      case KIND.schema:
        return;
      default:
        this.changes.push({ kind: 'truncate', table });
    }
  }

  /** The log shows the row again. If it differs from the last image, another row had taken its place. */
  #settle(table: number, image: RowImage): boolean {
    const suspect = this.#taken(this.#nameOf(table, image));
    if (suspect === undefined) return false;
    const isSame =
      suspect.image.length === image.length && suspect.image.every((cell, at) => cell === image[at] && !isUnsure(cell));
    if (!isSame) this.changes.push({ kind: 'delete', table, old: suspect.image });
    return true;
  }

  /** Another row has this name now. */
  #vanish(name: string | undefined): void {
    const suspect = this.#taken(name);
    if (suspect !== undefined) this.changes.push({ kind: 'delete', table: suspect.table, old: suspect.image });
  }

  /** The suspect of that name, which is one no longer. */
  #taken(name = ''): Suspect | undefined {
    const suspect = this.suspects.get(name);
    this.suspects.delete(name);
    return suspect;
  }

  #suspect(event: LogEvent, side: 'o' | 'n'): void {
    const { table, seq } = event;
    const image = side === 'o' ? event.old : event.new;
    const name = this.#nameOf(table, image);
    if (name === undefined) this.changes.push({ kind: 'truncate', table });
    else this.suspects.set(name, { table, seq, side, image });
  }

  #nameOf(table: number, image: RowImage): string | undefined {
    const name = nameOf(image, this.#tables.get(table)?.naming ?? [undefined]);
    return name === undefined ? undefined : `${table}\0${name}`;
  }
}

/** Whether a text may have lost bytes: all texts that are not UTF-8 read alike. */
function isUnsure(cell: unknown): boolean {
  return typeof cell === 'string' && cell.startsWith('t') && cell.includes('\u{fffd}');
}
