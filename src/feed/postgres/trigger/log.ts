// The log that triggers write: which rows are new, in what order they are told, and the form of a position.
//
// Row numbers do not follow the order of commits: a transaction that commits late has lower numbers than rows read before.
// So a position is a snapshot, and rows that it did not see are new: a transaction that it saw as ended stays ended.

import type { FeedPosition } from '../../../dependency/change.ts';
import { hex, snapshotOf } from '../position.ts';
import type { SessionRow } from '../session.ts';
import { printQuery, watchQuery } from '../watch.ts';
import { TRIGGER_MEMBERS } from './install.ts';

export interface TriggerPlace {
  /** Identity of the log and its system. */
  readonly source: string;
  /** In the form of `pg_current_snapshot()`. */
  readonly snapshot: string;
  /** Fingerprint of the schema. */
  readonly schema: string;
  /** Number of change sets told since the snapshot. */
  readonly order: number;
  /** Transactions that the snapshot did not see but that were told already. */
  readonly told: readonly bigint[];
}

const PLACE = /^([0-9a-f]{32})-[0-9a-f]{24}\.([0-9a-f]{8})~([0-9a-f]{8})~(\d+:\d+:[\d,]*)((?:\+[\d,]+)?)$/;
const MOST_RUNNING = 0xffffffff;

/** Positions sort as texts: a later snapshot has a higher end, or the same end and fewer running transactions. */
export function triggerPosition({ source, snapshot, schema, order, told }: TriggerPlace): FeedPosition {
  const { below, running } = snapshotOf(snapshot);
  const sort = `${hex(below, 16)}${hex(BigInt(MOST_RUNNING - running.size), 8)}`;
  const since = told.length === 0 ? '' : `+${told.join(',')}`;
  return `${source}-${sort}.${hex(BigInt(order), 8)}~${schema}~${snapshot}${since}`;
}

export function triggerPlace(position: FeedPosition): TriggerPlace | undefined {
  const [, source, order, schema, snapshot, since] = PLACE.exec(position) ?? [];
  if (source === undefined || schema === undefined || snapshot === undefined) return undefined;
  const told = since ? since.slice(1).split(',').map(BigInt) : [];
  return { source, snapshot, schema, order: Number.parseInt(order as string, 16), told };
}

/** All transactions below it have ended in the snapshot. */
export function lowestOf(snapshot: string): bigint {
  return BigInt(snapshot.slice(0, snapshot.indexOf(':')));
}

export interface LogRow {
  readonly transaction: bigint;
  readonly relation: number;
  /** Insert, update, delete, truncate. */
  readonly kind: 'I' | 'U' | 'D' | 'T';
  readonly old: string | null;
  readonly new: string | null;
}

/**
 * One statement, so one snapshot: the new rows, that snapshot, and the catalogue if it differs from the known one.
 * Parameters: snapshot, its lowest transaction, transactions told, known fingerprint, row limit.
 */
export const READ_LOG = `WITH w AS MATERIALIZED (${printQuery(TRIGGER_MEMBERS)})
  SELECT s.snapshot, w.print, l.epoch::text AS epoch, l.trimmed::text AS trimmed,
    CASE WHEN w.print <> $4 AND coalesce(c.place, 1) = 1 THEN (SELECT to_json(f) FROM (${watchQuery(TRIGGER_MEMBERS)}) f)
      END AS watched,
    c.transaction::text AS transaction, c.relation::text AS relation, c.kind::text AS kind, c.old, c.new
  FROM (SELECT pg_current_snapshot()::text AS snapshot) s CROSS JOIN w CROSS JOIN tidegate.log l
    LEFT JOIN LATERAL (SELECT row_number() OVER (ORDER BY n.id) AS place, n.* FROM tidegate.changes n
      WHERE n.transaction >= $2::text::xid8 AND NOT pg_visible_in_snapshot(n.transaction, $1::text::pg_snapshot)
        AND n.transaction <> ALL ($3::text[]::xid8[])
      ORDER BY n.id LIMIT $5) c ON true
  ORDER BY c.place`;

/** Tables with new rows, for when there are too many rows. Takes the first three parameters of READ_LOG. */
export const READ_TABLES = `SELECT DISTINCT n.relation::text AS relation FROM tidegate.changes n
  WHERE n.transaction >= $2::text::xid8 AND NOT pg_visible_in_snapshot(n.transaction, $1::text::pg_snapshot)
    AND n.transaction <> ALL ($3::text[]::xid8[])`;

/** Deletes rows that every later position has seen. Parameter: the lowest transaction of the acknowledged snapshot. */
export const TRIM_LOG = `WITH trimmed AS (UPDATE tidegate.log SET trimmed = $1::text::xid8
    WHERE trimmed < $1::text::xid8 RETURNING 1)
  DELETE FROM tidegate.changes WHERE transaction < $1::text::xid8 AND EXISTS (SELECT FROM trimmed)`;

export function logRowOf(row: SessionRow): LogRow | undefined {
  if (row.transaction === null) return undefined;
  return {
    transaction: BigInt(String(row.transaction)),
    relation: Number(row.relation),
    kind: row.kind as LogRow['kind'],
    old: row.old as string | null,
    new: row.new as string | null,
  };
}

/**
 * Rows by transaction, in a possible order of events. A transaction that changed a row after another one had to wait for its
 * commit, so its last number is higher than all numbers of the other.
 */
export function transactionsOf(rows: readonly LogRow[]): readonly (readonly [bigint, readonly LogRow[]])[] {
  const byTransaction = new Map<bigint, LogRow[]>();
  for (const row of rows) {
    const before = byTransaction.get(row.transaction) ?? [];
    // Moves the transaction behind those with a lower last number.
    byTransaction.delete(row.transaction);
    before.push(row);
    byTransaction.set(row.transaction, before);
  }
  return [...byTransaction];
}

/** The values of a row in PostgreSQL's form: `(1,"a ""b""",,)`. Returns undefined when the text is no row. */
export function recordCells(text: string): (string | null)[] | undefined {
  if (!text.startsWith('(') || !text.endsWith(')')) return undefined;
  if (text === '()') return [];
  const cells: (string | null)[] = [];
  let at = 1;
  while (at < text.length) {
    let cell: string | null = null;
    if (text[at] === '"') [cell, at] = quotedCell(text, at + 1);
    else {
      const start = at;
      while (text[at] !== ',' && at < text.length - 1) at++;
      if (at > start) cell = text.slice(start, at);
    }
    cells.push(cell);
    if (at === text.length - 1) return cells;
    if (text[at] !== ',') return undefined;
    at++;
  }
  return undefined;
}

/** Reads from behind the opening quote; returns the place behind the closing one. */
function quotedCell(text: string, from: number): [cell: string, at: number] {
  let cell = '';
  let start = from;
  for (let at = from; at < text.length; at++) {
    const letter = text[at];
    if (letter !== '"' && letter !== '\\') continue;
    cell += text.slice(start, at);
    if (letter === '"' && text[at + 1] !== '"') return [cell, at + 1];
    at++;
    start = at;
  }
  return [cell, text.length];
}
