// Places in PostgreSQL's write-ahead log and numbers of its transactions, as texts that sort and numbers that do not wrap.
//
// An LSN means something in one system and on one timeline only, and a feed that was away does not
// hear of a changed schema. So a position names both, and carries a fingerprint of the schema it was told under.

import type { FeedPosition } from '../../dependency/change.ts';
import type { Seen } from '../../dependency/recent-changes.ts';

export interface LogPlace {
  /** System identifier and timeline. */
  readonly source: string;
  readonly lsn: bigint;
  /** From 0: of what is told at the same LSN, a change of the schema for one. */
  readonly order: number;
  /** Fingerprint of the schema. */
  readonly schema: string;
}

const PLACE = /^([0-9a-f]{24})-([0-9a-f]{16})\.([0-9a-f]{4})~([0-9a-f]{8})$/;
const HIGHEST_ORDER = 0xffff;

export function positionOf({ source, lsn, order, schema }: LogPlace): FeedPosition {
  return `${source}-${hex(lsn, 16)}.${hex(BigInt(Math.min(order, HIGHEST_ORDER)), 4)}~${schema}`;
}

/** Undefined: it is no position of such a feed. */
export function placeOf(position: FeedPosition): LogPlace | undefined {
  const [, source, lsn, order, schema] = PLACE.exec(position) ?? [];
  if (source === undefined || schema === undefined) return undefined;
  return { source, lsn: BigInt(`0x${lsn}`), order: Number.parseInt(order as string, 16), schema };
}

export function sourceOf(system: string, timeline: string): string {
  return `${hex(BigInt(system), 16)}${hex(BigInt(timeline), 8)}`;
}

/** `16/B374D848`, as PostgreSQL writes it. */
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
 * The whole number of a transaction of which the stream has 32 bits: the one nearest to `reference`, a whole number of a
 * transaction of about now. No transaction that runs is 2^31 older than another.
 */
export function wholeTransaction(low: number, reference: bigint): bigint {
  return reference + BigInt.asIntN(32, BigInt(low) - reference);
}

/** What `pg_current_snapshot()` said: `xmin:xmax:xip,…`. */
export type Snapshot = Extract<Seen, { kind: 'snapshot' }>;

export function snapshotOf(text: string): Snapshot {
  const [, below, running] = text.split(':');
  const numbers = running ? running.split(',').map(BigInt) : [];
  return { kind: 'snapshot', below: BigInt(below as string), running: new Set(numbers) };
}

type Run = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/**
 * What a read will have seen at the least, for `ReadMark.seen`. Sound in two uses, on the primary only, and with `run` on
 * the very connection of the read:
 * - in a transaction of REPEATABLE READ or SERIALIZABLE, before, between or after its statements: all have one snapshot,
 *   which is this;
 * - in READ COMMITTED, before the statement and after whatever of the same connection came before: each statement takes a
 *   newer snapshot, and whoever is seen by an older one is seen by it. It may have seen more, which costs an invalidation.
 * After the read in READ COMMITTED it is not sound: it would claim commits that came while the statement ran.
 */
export async function snapshotNow(run: Run): Promise<Snapshot> {
  const [row] = await run('SELECT pg_current_snapshot()::text AS snapshot');
  return snapshotOf(String(row?.snapshot));
}
