// Places in PostgreSQL's write-ahead log and numbers of its transactions, as texts that sort and numbers that do not wrap.
//
// An LSN has a meaning only within one system and one timeline, and a stopped feed does not hear of schema changes. So a
// position names both, and carries a fingerprint of the schema under which it was told.

import type { FeedPosition } from '../../dependency/change.ts';
import type { Seen } from '../../dependency/recent-changes.ts';

export interface LogPlace {
  /** System identifier and timeline. */
  readonly source: string;
  readonly lsn: bigint;
  /** Counts from 0 what is told at one LSN, e.g. a change of the schema. */
  readonly order: number;
  /** Fingerprint of the schema. */
  readonly schema: string;
}

const PLACE = /^([0-9a-f]{24})-([0-9a-f]{16})\.([0-9a-f]{4})~([0-9a-f]{8})$/;
const HIGHEST_ORDER = 0xffff;

export function positionOf({ source, lsn, order, schema }: LogPlace): FeedPosition {
  return `${source}-${hex(lsn, 16)}.${hex(BigInt(Math.min(order, HIGHEST_ORDER)), 4)}~${schema}`;
}

/** Returns undefined when it is no position of such a feed. */
export function placeOf(position: FeedPosition): LogPlace | undefined {
  const [, source, lsn, order, schema] = PLACE.exec(position) ?? [];
  if (source === undefined || schema === undefined) return undefined;
  return { source, lsn: BigInt(`0x${lsn}`), order: Number.parseInt(order as string, 16), schema };
}

export function sourceOf(system: string, timeline: string): string {
  return `${hex(BigInt(system), 16)}${hex(BigInt(timeline), 8)}`;
}

/** An LSN in PostgreSQL's form, e.g. `16/B374D848`. */
export function lsnOf(text: string): bigint {
  const [high, low] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase();
}

export function hex(value: bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/**
 * The whole number of a transaction whose low 32 bits the stream gives: the one nearest to `reference`, which is the whole
 * number of a recent transaction. No two running transactions are 2^31 apart.
 */
export function wholeTransaction(low: number, reference: bigint): bigint {
  return reference + BigInt.asIntN(32, BigInt(low) - reference);
}

/** The result of `pg_current_snapshot()`: `xmin:xmax:xip,…`. */
export type Snapshot = Extract<Seen, { kind: 'snapshot' }>;

export function snapshotOf(text: string): Snapshot {
  const [, below, running] = text.split(':');
  const numbers = running ? running.split(',').map(BigInt) : [];
  return { kind: 'snapshot', below: BigInt(below as string), running: new Set(numbers) };
}

/**
 * The least that a read will have seen, for `ReadMark.seen`. Sound in two uses only, on the primary, with `run` on the very
 * connection of the read:
 * - in a REPEATABLE READ or SERIALIZABLE transaction, before, between or after its statements: all of them have this
 *   snapshot;
 * - in READ COMMITTED, before the statement and after everything earlier on the same connection: each statement takes a
 *   newer snapshot, which sees every transaction that an older one sees. It may see more, which costs an invalidation.
 * In READ COMMITTED it is not sound after the read: it would claim commits that came while the statement ran.
 */
export async function snapshotNow(
  run: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>,
): Promise<Snapshot> {
  const [row] = await run('SELECT pg_current_snapshot()::text AS snapshot');
  return snapshotOf(String(row?.snapshot));
}
