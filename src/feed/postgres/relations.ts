// The tables in PostgreSQL's messages, and their rows as changes.
//
// A message has the columns from when the row was written; a shape has the columns of the catalogue now. Columns are matched
// by name, and a column that only one side has is unknown.

import type { Cell, Change, Row, TableShape } from '../../dependency/change.ts';
import { cellOfText } from '../../dependency/condition/cells.ts';
import { TidegateError } from '../../errors.ts';
import type { Eventually } from '../../ports.ts';
import type { OldTuple, PgoutputMessage, Tuple } from './logical/pgoutput.ts';

export interface PostgresTable {
  /** Object identifier of the table. */
  readonly id: number;
  readonly schema: string;
  readonly name: string;
}

/**
 * The shape by which statements know the table, from the catalogue as it is now. Asked again whenever the table has changed.
 * Undefined when no statement can be said to read it.
 */
export type ShapeOf = (table: PostgresTable) => Eventually<TableShape | undefined>;

type RelationMessage = Extract<PgoutputMessage, { kind: 'relation' }>;

interface RelationLayout {
  readonly message: RelationMessage;
  readonly shape: TableShape;
  /** Place of each column of the shape in the messages, or -1. */
  readonly places: readonly number[];
}

export class PostgresRelations {
  readonly #shapeOf: ShapeOf;
  readonly #layouts = new Map<number, RelationLayout>();

  constructor(shapeOf: ShapeOf) {
    this.#shapeOf = shapeOf;
  }

  /**
   * Takes a relation message. When the table differs from before, any of its rows may have changed, so it is told as
   * truncated.
   */
  async learn(message: RelationMessage): Promise<readonly Change[]> {
    const before = this.#layouts.get(message.id);
    if (JSON.stringify(before?.message) === JSON.stringify(message)) return [];
    const shape = await this.#read(message, message);
    return before === undefined ? [] : wholly(shape, before.shape);
  }

  /**
   * Does as `learn` for a change that the catalogue showed. The message before the next row is then matched to the new
   * shape.
   */
  async relearn(table: PostgresTable): Promise<readonly Change[]> {
    const before = this.#layouts.get(table.id);
    if (before === undefined) return wholly(await shapeNow(this.#shapeOf, table, []));
    return wholly(await this.#read(table, before.message), before.shape);
  }

  /** Reads every shape again, since any may have changed. */
  async renew(): Promise<void> {
    for (const { message } of this.#layouts.values()) await this.#read(message, message);
  }

  /** The shape of the table as it is now, to which rows are matched that come as the message says. */
  async #read(table: PostgresTable, message: RelationMessage): Promise<TableShape> {
    const { columns } = message;
    const shape = await shapeNow(this.#shapeOf, table, columns);
    const places = shape.columns.map(({ name }) => columns.findIndex((column) => column.name === name));
    this.#layouts.set(message.id, { message, shape, places });
    return shape;
  }

  truncated(relations: readonly number[]): Change[] {
    return relations.map((id) => ({ kind: 'truncate', table: this.#get(id).shape }));
  }

  change(message: Extract<PgoutputMessage, { kind: 'insert' | 'update' | 'delete' }>): Change {
    const layout = this.#get(message.relation);
    const table = layout.shape;
    switch (message.kind) {
      case 'insert':
        return { kind: 'insert', table, new: rowOf(layout, message.new) };
      case 'delete':
        return { kind: 'delete', table, old: oldRow(layout, message.old) };
      case 'update': {
        const { old } = message;
        // A cell that was not sent is unchanged.
        const cells = old?.isWhole
          ? message.new.map((cell, place) => (cell === undefined ? old.cells[place] : cell))
          : message.new;
        const before = old === undefined ? identityRow(layout, message.new) : oldRow(layout, old);
        return { kind: 'update', table, old: before, new: rowOf(layout, cells) };
      }
    }
  }

  #get(id: number): RelationLayout {
    const layout = this.#layouts.get(id);
    if (layout === undefined) throw new TidegateError('E_FEED', `expected a relation told of before, got number ${id}`);
    return layout;
  }
}

/** A change of the whole table; also under the name that it had `before`. */
export function wholly(table: TableShape, before: TableShape = table): Change[] {
  const tables = before.name === table.name ? [table] : [before, table];
  return tables.map((one) => ({ kind: 'truncate', table: one }));
}

/**
 * The shape by which statements know the table. Entries that depend on the whole database need changes of other tables, too:
 * those have a shape of their own.
 */
export async function shapeNow(
  shapeOf: ShapeOf,
  { id, schema, name }: PostgresTable,
  columns: readonly { readonly name: string }[],
): Promise<TableShape> {
  const layout = await shapeOf({ id, schema, name });
  if (layout !== undefined) return layout;
  return {
    // As shapes spell it.
    name: schema === 'public' ? name : `${schema}.${name}`,
    columns: columns.map((column) => ({
      name: column.name,
      type: { family: 'postgres', type: 'opaque', isOrdered: false },
      isNotNull: false,
    })),
    key: [],
  };
}

/** A partial old row gives the replica identity only; its other cells are sent as null, whatever they were. */
function oldRow(layout: RelationLayout, { isWhole, cells }: OldTuple): Row {
  return isWhole ? rowOf(layout, cells) : identityRow(layout, cells);
}

/** The server sends no old row when the replica identity is unchanged. The identity need not be the primary key. */
function identityRow(layout: RelationLayout, cells: Tuple): Row {
  return rowOf(
    layout,
    layout.message.columns.map(({ isIdentity }, place) => (isIdentity ? cells[place] : undefined)),
  );
}

/** The texts of cells as a row of the shape. `places`: where the text of each of its columns is, or -1. */
export function rowOf({ shape, places }: Pick<RelationLayout, 'shape' | 'places'>, texts: Tuple): Row {
  return places.map((place, ordinal) => tableCell(shape, ordinal, place < 0 ? undefined : texts[place]));
}

export function tableCell(shape: TableShape, ordinal: number, text: string | null | undefined): Cell {
  if (typeof text !== 'string') return text;
  const type = shape.columns[ordinal]?.type;
  return type?.family === 'postgres' ? cellOfText(type, text) : undefined;
}
