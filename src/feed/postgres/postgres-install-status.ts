// The state of a feed by logical replication: its slot, its publication, each table, and everything amiss.

import { RIGHTS } from './postgres-install-rights.ts';
import { postgresTables, postgresUntold, tableStatusOf } from './postgres-install-tables.ts';
import {
  type PostgresFacts,
  type PostgresFeedReport,
  type PostgresNames,
  problemsOf,
  warningsOf,
} from './postgres-problems.ts';
import { TELLS_SCHEMA } from './postgres-schema-trigger.ts';
import type { PostgresSession } from './postgres-session.ts';

const FACTS = `SELECT current_setting('wal_level') AS level, current_setting('server_encoding') AS encoding,
    (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size')::text AS "keepMegabytes",
    pg_is_in_recovery() AS "isInRecovery", ${TELLS_SCHEMA} AS "tellsSchema", ${RIGHTS},
    s.slot_name IS NOT NULL AS "hasSlot", s.active, s.active_pid AS process, s.wal_status AS "walStatus",
    s.database AS "slotDatabase", s.confirmed_flush_lsn::text AS position, s.safe_wal_size::text AS safe,
    to_jsonb(s) ->> 'invalidation_reason' AS invalidation,
    CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) END::text AS retained,
    CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn) END::text AS lag,
    p.pubname IS NOT NULL AS "hasPublication", p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AS "isComplete",
    p.pubviaroot AS "viaRoot",
    (SELECT coalesce(json_agg(t.schemaname || '.' || t.tablename), '[]') FROM pg_publication_tables t
      WHERE t.pubname = p.pubname AND (to_jsonb(t) ->> 'rowfilter' IS NOT NULL OR EXISTS (SELECT FROM pg_publication_rel r
        WHERE r.prpubid = p.oid AND to_jsonb(r) ->> 'prattrs' IS NOT NULL
          AND r.prrelid = to_regclass(quote_ident(t.schemaname) || '.' || quote_ident(t.tablename))))) AS restricted
  FROM (SELECT 1) one LEFT JOIN pg_replication_slots s ON s.slot_name = $1 LEFT JOIN pg_publication p ON p.pubname = $2`;

const MEGABYTE = 1024 * 1024;

/** `wanted`: whether the feed should tell of the table. Default: all tables. */
export async function postgresFeedStatus(
  session: PostgresSession,
  names: PostgresNames,
  wanted: PostgresFacts['wanted'] = () => true,
): Promise<PostgresFeedReport> {
  const [row = {}] = await session.query(FACTS, [names.slot, names.publication]);
  const tables = await postgresTables(session, names.publication);
  const keep = Number(row.keepMegabytes ?? -1);
  const isLost = row.walStatus === 'lost' || (row.invalidation ?? null) !== null;
  const report = {
    database: String(row.database),
    slot: row.hasSlot !== true ? 'missing' : isLost ? 'lost' : row.active === true ? 'active' : 'idle',
    process: numberOf(row.process),
    position: textOf(row.position),
    lagBytes: numberOf(row.lag),
    walStatus: textOf(row.walStatus),
    safeBytes: numberOf(row.safe),
    retainedBytes: numberOf(row.retained),
    maxRetainedBytes: keep < 0 ? undefined : keep * MEGABYTE,
    walLevel: String(row.level),
    tables: tables.filter(({ kind }) => kind === 'r').map(tableStatusOf),
    untold: await postgresUntold(session),
  } as const;
  const publication = {
    isComplete: row.isComplete === true,
    viaRoot: row.viaRoot === true,
    restricted: row.restricted as readonly string[],
  };
  const facts: PostgresFacts = {
    ...report,
    names,
    wanted,
    isInRecovery: row.isInRecovery === true,
    role: String(row.role),
    mayReplicate: row.mayReplicate === true,
    mayCreate: row.mayCreate === true,
    encoding: String(row.encoding),
    tellsSchema: row.tellsSchema === true,
    slotDatabase: textOf(row.slotDatabase),
    publication: row.hasPublication === true ? publication : undefined,
  };
  return { ...report, problems: problemsOf(facts), warnings: warningsOf(facts) };
}

function textOf(cell: unknown): string | undefined {
  return cell === null || cell === undefined ? undefined : String(cell);
}

function numberOf(cell: unknown): number | undefined {
  return cell === null || cell === undefined ? undefined : Number(cell);
}
