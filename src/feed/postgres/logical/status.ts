// The state of a feed by logical replication: its slot, its publication, each table, and everything amiss.

import type { PostgresSession, SessionRow } from '../session.ts';
import {
  createRight,
  type Findings,
  holding,
  lackOf,
  type PostgresTableStatus,
  postgresTables,
  postgresUntold,
  RIGHTS,
  type UntoldRelation,
} from '../tables.ts';
import { SCHEMA_LATE, TELLS_SCHEMA } from './schema-trigger.ts';

export interface PostgresNames {
  readonly slot: string;
  readonly publication: string;
}

export interface PostgresFeedReport {
  readonly database: string;
  readonly slot: 'missing' | 'idle' | 'active' | 'lost';
  /** Process of the server that reads from the slot. */
  readonly process: number | undefined;
  /** All changes up to here were acknowledged. */
  readonly position: string | undefined;
  /** From `position` to the end of the log. */
  readonly lagBytes: number | undefined;
  /** As in pg_replication_slots.wal_status. */
  readonly walStatus: string | undefined;
  /** Bytes that may still be written before the slot may lose its log. Undefined when there is no bound. */
  readonly safeBytes: number | undefined;
  /** Bytes of the log that the slot keeps. Undefined without a slot. */
  readonly retainedBytes: number | undefined;
  /** max_slot_wal_keep_size. Undefined when there is no bound, so the log may fill the disk. */
  readonly maxRetainedBytes: number | undefined;
  readonly walLevel: string;
  readonly tables: readonly PostgresTableStatus[];
  readonly untold: readonly UntoldRelation[];
  /** One sentence each; empty when nothing is amiss. */
  readonly problems: readonly string[];
  /** Risks for later that do not make the feed miss anything now. */
  readonly warnings: readonly string[];
}

type ReportFacts = Omit<PostgresFeedReport, 'problems' | 'warnings'>;

function problemsOf(row: SessionRow, facts: ReportFacts, names: PostgresNames): Findings {
  const { database, slot, walStatus, walLevel } = facts;
  const role = String(row.role);
  const slotDatabase = textOf(row.slotDatabase);
  const hasSlot = slot !== 'missing';
  const isPublished = row.hasPublication === true;
  const { publication } = names;
  return [
    [walLevel !== 'logical', `expected wal_level logical, got ${walLevel}`],
    [row.isInRecovery === true, 'expected the primary server, got a standby'],
    [row.mayReplicate !== true, lackOf('REPLICATION', role)],
    [row.encoding === 'SQL_ASCII', 'expected an encoding of the database, got SQL_ASCII'],
    [!hasSlot, `expected a replication slot ${names.slot}, got none`],
    [
      hasSlot && slotDatabase !== database,
      `expected slot ${names.slot} for ${database}, got it for ${slotDatabase ?? 'none, a physical one'}`,
    ],
    [slot === 'lost', `expected slot ${names.slot} to hold the log, got a lost one`],
    [walStatus === 'unreserved', `expected slot ${names.slot} within max_slot_wal_keep_size, got one about to be lost`],
    [!isPublished, `expected a publication ${publication}, got none`],
    [!isPublished && row.mayCreate !== true, lackOf(createRight(database), role)],
    [
      isPublished && row.isComplete !== true,
      `expected ${publication} to publish insert, update, delete and truncate, got fewer`,
    ],
    [row.viaRoot === true, `expected ${publication} to name partitions, got publish_via_partition_root`],
    ...((row.restricted ?? []) as readonly string[]).map(
      (table) => [true, `expected all rows and columns of ${table} in ${publication}, got a filter`] as const,
    ),
  ];
}

function tableProblems(table: PostgresTableStatus, publication: string): Findings {
  const { isPublished, identity, hasKey } = table;
  const name = `${table.schema}.${table.name}`;
  const isNameless = identity === 'nothing' || (identity === 'default' && !hasKey);
  return [
    [!isPublished, `expected ${name} in publication ${publication}, got it left out`],
    [
      isPublished && isNameless,
      `expected a replica identity of ${name}, got none: its updates and deletes are refused`,
    ],
  ];
}

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

/** `wanted`: whether the feed should tell of the table. Default: all tables. */
export async function postgresFeedStatus(
  session: PostgresSession,
  names: PostgresNames,
  wanted: (table: PostgresTableStatus) => boolean = () => true,
): Promise<PostgresFeedReport> {
  const [row = {}] = await session.query(FACTS, [names.slot, names.publication]);
  const tables = await postgresTables(session, names.publication);
  const keep = Number(row.keepMegabytes ?? -1);
  const isLost = row.walStatus === 'lost' || (row.invalidation ?? null) !== null;
  const facts: ReportFacts = {
    database: String(row.database),
    slot: row.hasSlot !== true ? 'missing' : isLost ? 'lost' : row.active === true ? 'active' : 'idle',
    process: numberOf(row.process),
    position: textOf(row.position),
    lagBytes: numberOf(row.lag),
    walStatus: textOf(row.walStatus),
    safeBytes: numberOf(row.safe),
    retainedBytes: numberOf(row.retained),
    maxRetainedBytes: keep < 0 ? undefined : keep * 2 ** 20,
    walLevel: String(row.level),
    tables: tables.filter(({ kind }) => kind === 'r'),
    untold: await postgresUntold(session),
  };
  const told = row.hasPublication === true ? facts.tables.filter((one) => one.isLogged && wanted(one)) : [];
  const hasSlot = facts.slot !== 'missing';
  const problems = [problemsOf(row, facts, names), ...told.map((one) => tableProblems(one, names.publication))].flat();
  const warnings: Findings = [
    [
      hasSlot && keep < 0,
      'expected a bound max_slot_wal_keep_size, got none: a feed that is away lets the log fill the disk',
    ],
    [hasSlot && row.tellsSchema !== true, SCHEMA_LATE],
  ];
  return { ...facts, problems: holding(problems), warnings: holding(warnings) };
}

function textOf(cell: unknown): string | undefined {
  return cell === null || cell === undefined ? undefined : String(cell);
}

function numberOf(cell: unknown): number | undefined {
  return cell === null || cell === undefined ? undefined : Number(cell);
}
