// The replication slot: checks whether it still holds everything after a position, and makes a new slot when it does not.
//
// Asked for a position before the slot's own, a server silently streams from the slot's. So such a position is a gap.

import type { FeedPosition } from '../../../dependency/change.ts';
import { TidegateError } from '../../../errors.ts';
import type { Tasks } from '../../../ports.ts';
import { pause } from '../options.ts';
import { type LogPlace, lsnOf, placeOf, sourceOf } from '../position.ts';
import type { PostgresSession, SessionRow } from '../session.ts';

export interface OpenedSlot {
  /** System identifier and timeline of the server, for positions. */
  readonly source: string;
  readonly lsn: bigint;
  /** Why earlier changes may be missing. Undefined when none is. */
  readonly gap: string | undefined;
  /** The position to continue from, when nothing is missing. */
  readonly place: LogPlace | undefined;
}

/** As JSON, since columns differ between versions. */
const SLOT = `SELECT s.plugin, s.database, current_database() AS here, s.confirmed_flush_lsn::text AS confirmed,
    s.wal_status, to_jsonb(s) ->> 'invalidation_reason' AS invalidation, s.active
  FROM pg_replication_slots s WHERE s.slot_name = $1`;

export async function openSlot(
  { queries, replication }: Record<'queries' | 'replication', PostgresSession>,
  { slot, tasks }: { readonly slot: string; readonly tasks: Tasks },
  from: FeedPosition | undefined,
): Promise<OpenedSlot> {
  const [system] = await replication.query('IDENTIFY_SYSTEM');
  const source = sourceOf(String(system?.systemid), String(system?.timeline));
  const [row] = await queries.query(SLOT, [slot]);
  const lost = lossOf(slot, row);
  if (lost !== undefined) {
    if (row !== undefined) await queries.query('SELECT pg_drop_replication_slot($1)', [slot]);
    const [made] = await queries.query(MAKE_SLOT, [slot]);
    await settle(queries, tasks);
    return { source, lsn: lsnOf(String(made?.lsn)), gap: lost, place: undefined };
  }
  const confirmed = lsnOf(String(row?.confirmed));
  const place = from === undefined ? undefined : placeOf(from);
  const gap = from === undefined ? 'expected a position to begin at, got none' : gapOf(place, source, confirmed);
  return { source, lsn: gap === undefined && place ? place.lsn : confirmed, gap, place: gap ? undefined : place };
}

/** Permanent, with the plugin that reads publications. */
export const MAKE_SLOT = `SELECT lsn::text AS lsn FROM pg_create_logical_replication_slot($1, 'pgoutput')`;

function lossOf(slot: string, row: SessionRow | undefined): string | undefined {
  if (row === undefined) return `expected the replication slot ${slot}, got none: it was dropped or never made`;
  if (row.plugin !== 'pgoutput' || row.database !== row.here) {
    const got = `one of plugin ${row.plugin} and database ${row.database}`;
    throw new TidegateError('E_FEED', `expected a replication slot of pgoutput for ${row.here}, got ${got}`);
  }
  if (row.wal_status !== 'lost' && (row.invalidation ?? null) === null) return undefined;
  return `expected the replication slot ${slot} to hold the log, got a lost one: ${row.invalidation ?? row.wal_status}`;
}

function gapOf(place: LogPlace | undefined, source: string, confirmed: bigint): string | undefined {
  if (place === undefined) return 'expected a position of this feed, got one of another';
  if (place.source !== source) {
    return `expected the system and timeline ${place.source}, got ${source}: another server, or a failover`;
  }
  return place.lsn < confirmed
    ? 'expected the slot to hold the log from the position on, got one that was moved on or made anew'
    : undefined;
}

/** Writing transactions, except idle ones. A lock lasts until after others see the commit. */
const COMMITTING = `SELECT l.transactionid::text AS transaction FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid IS NOT NULL
    AND coalesce(a.state, '') NOT LIKE 'idle in transaction%'`;
const SETTLE_STEP_MS = 10;
const SETTLE_STEPS = 500;

/**
 * A commit is in the log before others see it. A commit just before the new slot's place is never told, so the gap may be
 * told only once that commit is visible. This waits until each running transaction has ended, or is shown idle and so has
 * not begun to commit. A statement that runs for longer than five seconds does not count as a commit.
 */
async function settle(queries: PostgresSession, tasks: Tasks): Promise<void> {
  const committing = async () => new Set((await queries.query(COMMITTING)).map((row) => row.transaction));
  let left = await committing();
  for (let step = 0; step < SETTLE_STEPS && left.size > 0; step++) {
    await pause(tasks, SETTLE_STEP_MS);
    const still = await committing();
    left = new Set([...left].filter((transaction) => still.has(transaction)));
  }
}
