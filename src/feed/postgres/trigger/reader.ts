// Looks again and again into the log that triggers write, and turns rows into change sets with positions between them.
//
// A position may stand between two transactions of one look. It names those told, beside the snapshot that saw none of them.

import type { Change, FeedPosition, Row, TableShape } from '../../../dependency/change.ts';
import { TidegateError } from '../../../errors.ts';
import type { FeedListener } from '../../../ports.ts';
import { rowOf, type ShapeOf, shapeNow, wholly } from '../relations.ts';
import type { PostgresSession, SessionRow } from '../session.ts';
import {
  changedTables,
  OTHERS_CHANGED,
  untoldTables,
  type Watched,
  type WatchedTable,
  watchedName,
  watchedOf,
} from '../watch.ts';
import {
  type LogRow,
  logRowOf,
  lowestOf,
  READ_LOG,
  READ_TABLES,
  recordCells,
  type TriggerPlace,
  transactionsOf,
  triggerPlace,
  triggerPosition,
} from './log.ts';

interface TableLayout {
  readonly shape: TableShape;
  /** Place of each column of the shape in a row, or -1. */
  readonly places: readonly number[];
  /** Number of cells in a whole row. */
  readonly cells: number;
}

/** A snapshot that saw no transaction. */
const NOTHING = '1:1:';

export class TriggerReader {
  readonly #shapeOf: ShapeOf;
  readonly #maxChanges: number;
  readonly #layouts = new Map<number, TableLayout>();
  #watched: Watched | undefined;
  #place: TriggerPlace | undefined;
  #epoch = '';
  /** A gap that the listener has not heard of. */
  #untold: string | undefined;

  constructor(shapeOf: ShapeOf, maxChanges: number) {
    this.#shapeOf = shapeOf;
    this.#maxChanges = maxChanges;
  }

  get position(): FeedPosition | undefined {
    return this.#place && triggerPosition(this.#place);
  }

  problems(): readonly string[] {
    return untoldTables(this.#watched);
  }

  get source(): string | undefined {
    return this.#place?.source;
  }

  watches(schema: string, name: string): boolean {
    return this.#watched?.names.has(watchedName(schema, name)) === true;
  }

  /** Finds the position to continue from, and tells a gap when earlier changes may be missing. */
  async begin(session: PostgresSession, from: FeedPosition | undefined, listener: FeedListener): Promise<void> {
    const [row] = await session.query(READ_LOG, [NOTHING, '1', [], '', 0]);
    if (row === undefined) throw new TidegateError('E_FEED', 'expected a row in tidegate.log, got none');
    const source = await sourceOf(session, String(row.epoch));
    const place = from === undefined ? undefined : triggerPlace(from);
    const isSame = this.#watched !== undefined && this.#place !== undefined && from === this.position;
    this.#epoch = String(row.epoch);
    const gap = from === undefined ? 'expected a position to begin at, got none' : gapOf(place, source, row);
    // Where this process continues from its own position, it compares the schema table by table.
    const isOther = !isSame && place?.schema !== row.print;
    this.#untold = gap ?? (isOther ? 'expected the schema as it was when the feed stopped, got another' : this.#untold);
    if (this.#untold === undefined) {
      this.#place = place;
      if (isSame) return;
    } else {
      this.#place = { source, snapshot: String(row.snapshot), schema: String(row.print), order: 0, told: [] };
    }
    this.#layouts.clear();
    this.#watched = watchedOf(row.watched as SessionRow);
    if (this.#untold === undefined) return;
    await listener.gap(this.#untold, triggerPosition(this.#place as TriggerPlace));
    this.#untold = undefined;
  }

  /** Tells what is new. Once `isOver` returns true, it tells nothing more. */
  async read(session: PostgresSession, listener: FeedListener, isOver: () => boolean): Promise<void> {
    const before = this.#place as TriggerPlace;
    const asked = [before.snapshot, String(lowestOf(before.snapshot)), before.told.map(String)];
    const rows = await session.query(READ_LOG, [...asked, before.schema, this.#maxChanges + 1]);
    const [first] = rows;
    if (first === undefined) throw new TidegateError('E_FEED', 'expected a row in tidegate.log, got none');
    if (first.epoch !== this.#epoch) {
      throw new TidegateError('E_FEED', 'expected the log that was read before, got one made anew');
    }
    const after = { ...before, snapshot: String(first.snapshot), schema: String(first.print), order: 0, told: [] };
    const watched = first.watched === null ? (this.#watched as Watched) : watchedOf(first.watched as SessionRow);
    const look: Look = { listener, isOver, after, watched };
    if (isTrimmed(first, before)) return this.#gap(look, TRIMMED);
    const changed = changedTables(this.#watched as Watched, watched);
    if (changed === undefined) return this.#gap(look, OTHERS_CHANGED);
    const gone = await this.#truncates(changed);
    if (isOver()) return;
    if (rows.length > this.#maxChanges) return this.#tellTables(look, await session.query(READ_TABLES, asked), gone);
    if (before.schema !== after.schema) {
      await this.#tell(look, { ...before, order: before.order + 1, schema: after.schema }, gone);
    }
    const isChanged = new Set(changed.map(({ id }) => id));
    await this.#tellRows(
      look,
      rows.flatMap((row) => logRowOf(row) ?? []).filter((row) => !isChanged.has(row.relation)),
    );
    if (isOver()) return;
    this.#place = after;
    listener.reached(triggerPosition(after));
  }

  async #tellRows(look: Look, rows: readonly LogRow[]): Promise<void> {
    const transactions = transactionsOf(rows);
    for (const [at, [transaction, its]] of transactions.entries()) {
      const changes: Change[] = [];
      for (const row of its) changes.push(await this.#change(row));
      if (look.isOver()) return;
      const place = this.#place as TriggerPlace;
      const between = { ...place, order: place.order + 1, told: [...place.told, transaction] };
      const next = at === transactions.length - 1 ? look.after : between;
      await look.listener.changed({ position: triggerPosition(next), transaction, changes });
      this.#place = next;
    }
  }

  /** Too many rows to hold: tells their tables instead. The next look repeats commits that came after this one. */
  async #tellTables(look: Look, written: readonly SessionRow[], gone: readonly Change[]): Promise<void> {
    const tables = await this.#truncates(written.flatMap((row) => look.watched.tables.get(Number(row.relation)) ?? []));
    if (look.isOver()) return;
    await this.#tell(look, look.after, [...gone, ...tables]);
    look.listener.reached(triggerPosition(look.after));
  }

  async #tell({ listener, watched }: Look, place: TriggerPlace, changes: readonly Change[]): Promise<void> {
    await listener.changed({ position: triggerPosition(place), changes });
    this.#place = place;
    // Only after the listener is done: a failed change must be found again.
    this.#watched = watched;
  }

  async #gap({ listener, after, isOver, watched }: Look, reason: string): Promise<void> {
    if (isOver()) return;
    await listener.gap(reason, triggerPosition(after));
    this.#place = after;
    this.#watched = watched;
    this.#layouts.clear();
  }

  async #truncates(tables: readonly WatchedTable[]): Promise<Change[]> {
    const changes: Change[] = [];
    for (const table of tables) {
      const before = this.#layouts.get(table.id)?.shape;
      this.#layouts.delete(table.id);
      changes.push(...wholly((await this.#learn(table.id, table)).shape, before));
    }
    return changes;
  }

  async #learn(id: number, table: WatchedTable | undefined): Promise<TableLayout> {
    const layout = this.#layouts.get(id);
    if (layout !== undefined) return layout;
    const { schema, name, columns } = table ?? { schema: 'public', name: `number ${id}`, columns: [] };
    const shape = await shapeNow(this.#shapeOf, { id, schema, name }, columns);
    const places = shape.columns.map((column) =>
      columns.findIndex(({ name: own, isVirtual }) => own === column.name && !isVirtual),
    );
    const made: TableLayout = { shape, places, cells: columns.length };
    this.#layouts.set(id, made);
    return made;
  }

  async #change(row: LogRow): Promise<Change> {
    const layout = await this.#learn(row.relation, this.#watched?.tables.get(row.relation));
    const table = layout.shape;
    const [before, after] = [wholeRow(layout, row.old), wholeRow(layout, row.new)];
    if (row.kind === 'I' && after !== undefined) return { kind: 'insert', table, new: after };
    if (row.kind === 'D' && before !== undefined) return { kind: 'delete', table, old: before };
    if (row.kind === 'U' && before !== undefined && after !== undefined) {
      return { kind: 'update', table, old: before, new: after };
    }
    return { kind: 'truncate', table };
  }
}

interface Look {
  readonly listener: FeedListener;
  readonly isOver: () => boolean;
  /** Where the look ends. */
  readonly after: TriggerPlace;
  /** The catalogue at that point. */
  readonly watched: Watched;
}

/** Returns undefined when the text is no row of the table as the catalogue has it. */
function wholeRow(layout: TableLayout, text: string | null): Row | undefined {
  const texts = text === null ? undefined : recordCells(text);
  return texts?.length === layout.cells ? rowOf(layout, texts) : undefined;
}

function gapOf(place: TriggerPlace | undefined, source: string, row: SessionRow): string | undefined {
  if (place === undefined) return 'expected a position of this feed, got one of another';
  if (place.source !== source)
    return 'expected the log that the position is of, got one made anew or of another server';
  return isTrimmed(row, place) ? TRIMMED : undefined;
}

const TRIMMED = 'expected the log from the position on, got one trimmed beyond it';

function isTrimmed(row: SessionRow, place: TriggerPlace): boolean {
  return BigInt(String(row.trimmed)) > lowestOf(place.snapshot);
}

const SYSTEM = `SELECT s.system_identifier::text AS system, c.timeline_id::text AS timeline
  FROM pg_control_system() s, pg_control_checkpoint() c`;

/** A copy of the log in another system has the same epoch, but other transaction numbers. */
async function sourceOf(session: PostgresSession, epoch: string): Promise<string> {
  const [row] = await session.query(SYSTEM);
  const [made] = await session.query('SELECT md5($1) AS source', [`${epoch} ${row?.system} ${row?.timeline}`]);
  return String(made?.source);
}
