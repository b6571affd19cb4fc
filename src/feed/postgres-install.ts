// A publication and a slot for a feed by logical replication: made, taken away, and looked at.
//
// The one complication: a table in a publication that has no replica identity refuses its updates and deletes. So a table
// without a primary key is given the whole row as its identity before it is published, or is left out and named.

import { TidegateError } from '../errors.ts';
import {
  type PostgresFacts,
  type PostgresFeedReport,
  type PostgresNames,
  type PostgresTableStatus,
  problemsOf,
} from './postgres-problems.ts';
import type { PostgresSession } from './postgres-session.ts';
import { makeSlot } from './postgres-slot.ts';
import { identifier, literal } from './postgres-stream.ts';

export interface PostgresInstall extends PostgresNames {
  /** `schema.table`, as in the catalogue; `all`: every ordinary and partitioned table there is now. */
  readonly tables: 'all' | readonly { readonly schema: string; readonly name: string }[];
  /**
   * `full`: all tables tell of old rows whole: invalidation is exact for what is no list of records, and the log grows by
   * the old rows. `key`: only those without a primary key do. Needs the ownership of the tables that are changed.
   */
  readonly identity: 'full' | 'key';
}

const TABLES = `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relreplident AS identity,
    c.relispartition AS "isPartition", c.relpersistence AS persistence, root.relname AS "rootName",
    (SELECT nspname FROM pg_namespace WHERE oid = root.relnamespace) AS "rootSchema",
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS "hasKey",
    c.oid IN (SELECT relid FROM pg_publication p, pg_get_publication_tables(p.pubname) WHERE p.pubname = $1) AS published
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class root ON c.relispartition AND root.oid = pg_partition_root(c.oid)
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence IN ('p', 'u')
    AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'tidegate')
  ORDER BY 1, 2`;

interface TableRow {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'r' | 'p';
  readonly identity: 'd' | 'n' | 'f' | 'i';
  readonly isPartition: boolean;
  readonly rootSchema: string | null;
  readonly rootName: string | null;
  readonly persistence: 'p' | 'u';
  readonly hasKey: boolean;
  readonly published: boolean;
}

/** What was changed, to be undone: kept as the publication's comment. */
interface Made {
  readonly full: readonly string[];
}

const MARK = 'tidegate ';

/** Makes what is not there; harmless when repeated. What the tables lack is told as E_FEED before anything is made. */
export async function installPostgresFeed(session: PostgresSession, install: PostgresInstall): Promise<void> {
  const { publication, slot } = install;
  const all = await tablesOf(session, publication);
  const chosen = all.filter((table) => table.persistence === 'p' && isChosen(install, table));
  if (install.tables !== 'all') expectAll(install.tables, all);
  // A partitioned table stands for its partitions, those to come among them.
  const published = chosen.filter((table) => !table.isPartition || isNamed(install, table));
  const full = chosen
    .filter(
      ({ kind, identity, hasKey }) => kind === 'r' && identity !== 'f' && needsFull(install, { identity, hasKey }),
    )
    .map(nameOf);
  for (const name of full) await session.query(`ALTER TABLE ${name} REPLICA IDENTITY FULL`);
  await publish(session, { publication, names: published.map(nameOf), full });
  const [row] = await session.query('SELECT 1 AS there FROM pg_replication_slots WHERE slot_name = $1', [slot]);
  if (row === undefined) await makeSlot(session, slot);
}

function needsFull({ identity }: PostgresInstall, table: Pick<TableRow, 'identity' | 'hasKey'>): boolean {
  if (identity === 'full' || table.identity === 'n') return true;
  return table.identity === 'd' && !table.hasKey;
}

interface Publish {
  readonly publication: string;
  readonly names: readonly string[];
  readonly full: readonly string[];
}

async function publish(session: PostgresSession, { publication, names, full }: Publish): Promise<void> {
  const [row] = await session.query(
    `SELECT obj_description(oid, 'pg_publication') AS comment, current_setting('server_version_num')::int >= 180000 AS new
      FROM (SELECT (SELECT oid FROM pg_publication WHERE pubname = $1) AS oid) p`,
    [publication],
  );
  const [known] = await session.query('SELECT 1 AS there FROM pg_publication WHERE pubname = $1', [publication]);
  const name = identifier(publication);
  if (known === undefined) await session.query(`CREATE PUBLICATION ${name}`);
  if (names.length > 0) await session.query(`ALTER PUBLICATION ${name} SET TABLE ${names.join(', ')}`);
  // Partitions are told of under their own names, as the analysis of statements knows them.
  const options = `publish = 'insert, update, delete, truncate', publish_via_partition_root = false`;
  const generated = row?.new === true ? ', publish_generated_columns = stored' : '';
  await session.query(`ALTER PUBLICATION ${name} SET (${options}${generated})`);
  const made: Made = { full: [...new Set([...madeOf(row?.comment).full, ...full])] };
  await session.query(`COMMENT ON PUBLICATION ${name} IS ${literal(MARK + JSON.stringify(made))}`);
}

/** Undoes it all. A slot in use is not dropped: stop its feed first. */
export async function removePostgresFeed(
  session: PostgresSession,
  { slot, publication }: PostgresNames,
): Promise<void> {
  await session.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [
    slot,
  ]);
  const [row] = await session.query(
    `SELECT obj_description(oid, 'pg_publication') AS comment FROM pg_publication WHERE pubname = $1`,
    [publication],
  );
  if (row === undefined) return;
  await session.query(`DROP PUBLICATION ${identifier(publication)}`);
  const here = new Set((await tablesOf(session, publication)).map(nameOf));
  for (const name of madeOf(row.comment).full) {
    if (here.has(name)) await session.query(`ALTER TABLE ${name} REPLICA IDENTITY DEFAULT`);
  }
}

const FACTS = `SELECT current_setting('wal_level') AS level, current_setting('server_encoding') AS encoding,
    (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size')::text AS "keepMegabytes",
    pg_is_in_recovery() AS "isInRecovery", current_database() AS database,
    (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user) AS "mayReplicate",
    has_database_privilege(current_database(), 'CREATE') AS "mayCreate",
    s.slot_name IS NOT NULL AS "hasSlot", s.active, s.wal_status AS "walStatus", s.database AS "slotDatabase",
    to_jsonb(s) ->> 'invalidation_reason' AS invalidation,
    CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) END::text AS retained,
    p.pubname IS NOT NULL AS "hasPublication", p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AS "isComplete",
    p.pubviaroot AS "viaRoot",
    (SELECT coalesce(json_agg(t.schemaname || '.' || t.tablename), '[]') FROM pg_publication_tables t
      WHERE t.pubname = p.pubname AND (to_jsonb(t) ->> 'rowfilter' IS NOT NULL OR EXISTS (SELECT FROM pg_publication_rel r
        WHERE r.prpubid = p.oid AND to_jsonb(r) ->> 'prattrs' IS NOT NULL
          AND r.prrelid = to_regclass(quote_ident(t.schemaname) || '.' || quote_ident(t.tablename))))) AS restricted
  FROM (SELECT 1) one LEFT JOIN pg_replication_slots s ON s.slot_name = $1 LEFT JOIN pg_publication p ON p.pubname = $2`;

const IDENTITIES = { d: 'default', n: 'nothing', f: 'full', i: 'index' } as const;
const MEGABYTE = 1024 * 1024;

export async function postgresFeedStatus(session: PostgresSession, names: PostgresNames): Promise<PostgresFeedReport> {
  const [row] = await session.query(FACTS, [names.slot, names.publication]);
  const tables = await tablesOf(session, names.publication);
  const keep = Number(row?.keepMegabytes ?? -1);
  const isLost = row?.walStatus === 'lost' || (row?.invalidation ?? null) !== null;
  const facts: PostgresFacts = {
    names,
    slot: row?.hasSlot !== true ? 'missing' : isLost ? 'lost' : row.active === true ? 'active' : 'idle',
    retainedBytes: row?.retained == null ? undefined : Number(row.retained),
    maxRetainedBytes: keep < 0 ? undefined : keep * MEGABYTE,
    walLevel: String(row?.level),
    tables: tables.filter(({ kind }) => kind === 'r').map(statusOf),
    isInRecovery: row?.isInRecovery === true,
    mayReplicate: row?.mayReplicate === true,
    mayCreate: row?.mayCreate === true,
    encoding: String(row?.encoding),
    walStatus: row?.walStatus == null ? undefined : String(row.walStatus),
    slotDatabase: row?.slotDatabase == null ? undefined : String(row.slotDatabase),
    database: String(row?.database),
    publication:
      row?.hasPublication === true
        ? {
            isComplete: row.isComplete === true,
            viaRoot: row.viaRoot === true,
            restricted: row.restricted as readonly string[],
          }
        : undefined,
  };
  const { slot, retainedBytes, maxRetainedBytes, walLevel } = facts;
  return { slot, retainedBytes, maxRetainedBytes, walLevel, tables: facts.tables, problems: problemsOf(facts) };
}

async function tablesOf(session: PostgresSession, publication: string): Promise<readonly TableRow[]> {
  return (await session.query(TABLES, [publication])) as unknown as readonly TableRow[];
}

function statusOf({ schema, name, published, identity, hasKey, persistence }: TableRow): PostgresTableStatus {
  return {
    schema,
    name,
    isPublished: published,
    identity: IDENTITIES[identity],
    hasKey,
    isLogged: persistence === 'p',
  };
}

function isChosen(install: PostgresInstall, table: TableRow): boolean {
  if (install.tables === 'all' || isNamed(install, table)) return true;
  const { rootSchema: schema, rootName: name } = table;
  return schema !== null && name !== null && isNamed(install, { schema, name });
}

function isNamed({ tables }: PostgresInstall, { schema, name }: Pick<TableRow, 'schema' | 'name'>): boolean {
  return tables !== 'all' && tables.some((table) => table.schema === schema && table.name === name);
}

function expectAll(wanted: Exclude<PostgresInstall['tables'], 'all'>, there: readonly TableRow[]): void {
  for (const { schema, name } of wanted) {
    const table = there.find((one) => one.schema === schema && one.name === name);
    if (table?.persistence === 'p') continue;
    const got = table === undefined ? 'none' : 'an unlogged one, whose changes are in no log';
    throw new TidegateError('E_FEED', `expected a table ${schema}.${name}, got ${got}`);
  }
}

function nameOf({ schema, name }: Pick<TableRow, 'schema' | 'name'>): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

function madeOf(comment: unknown): Made {
  if (typeof comment !== 'string' || !comment.startsWith(MARK)) return { full: [] };
  return JSON.parse(comment.slice(MARK.length)) as Made;
}
