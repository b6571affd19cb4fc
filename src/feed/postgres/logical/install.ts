// Makes the publication and the slot for a feed by logical replication, and removes them.
//
// A published table without a replica identity refuses updates and deletes. So a table without a primary key gets the whole
// row as its identity before it is published, or it is left out and named.

import { quotedName } from '../../../dependency/table-name.ts';
import { TidegateError } from '../../../errors.ts';
import type { PostgresSession } from '../session.ts';
import { expectRights, type PostgresTableStatus, postgresTables, qualifiedName } from '../tables.ts';
import { planSchemaTrigger, planSchemaTriggerRemoval, SCHEMA_TRIGGERS } from './schema-trigger.ts';
import { MAKE_SLOT } from './slot.ts';
import type { PostgresNames } from './status.ts';
import { literal } from './stream.ts';

export interface PostgresInstall extends PostgresNames {
  /** `schema.table`, as in the catalogue. `all`: every ordinary and partitioned table that exists now. */
  readonly tables: 'all' | readonly { readonly schema: string; readonly name: string }[];
  /**
   * `full`: all tables send old rows whole. Invalidation is then exact for more than lists of records, and the log grows by
   * the old rows. `key`: only tables without a primary key do. Needs ownership of the tables that are changed.
   */
  readonly identity: 'full' | 'key';
}

/** The changes that a removal must undo; kept as the publication's comment. */
interface InstallRecord {
  readonly full: readonly string[];
  /** Whether the feed made the publication. False when it existed before. */
  readonly own?: boolean;
}

const MARK = 'tidegate ';
const SLOT_FUNCTION = 'pg_create_logical_replication_slot(';

/**
 * Makes the missing parts; harmless when repeated. Rejects with E_FEED, before anything is made, when the tables or the role
 * do not fit.
 */
export async function installPostgresFeed(session: PostgresSession, install: PostgresInstall): Promise<void> {
  const statements = await planPostgresFeed(session, install);
  await expectRights(session, {
    create: statements.some((statement) => statement.startsWith('CREATE PUBLICATION')),
    replication: statements.some((statement) => statement.includes(SLOT_FUNCTION)),
  });
  for (const statement of statements) await session.query(statement);
}

/** The statements that installing would run; none when everything exists. Rejects with E_FEED where it cannot install. */
export async function planPostgresFeed(session: PostgresSession, install: PostgresInstall): Promise<readonly string[]> {
  const { publication, slot } = install;
  await expectLogical(session);
  const all = await postgresTables(session, publication);
  for (const { schema, name } of install.tables === 'all' ? [] : install.tables) {
    const table = all.find((one) => one.schema === schema && one.name === name);
    if (table?.isLogged === true && !isRefused(table)) continue;
    throw new TidegateError('E_FEED', `expected a table ${schema}.${name}, got ${unfit(table)}`);
  }
  const chosen = all.filter((table) => table.isLogged && isChosen(install, table) && !isRefused(table));
  // A partitioned table stands for its partitions, future ones included.
  const published = chosen.filter((table) => !table.isPartition || isNamed(install, table));
  const full = chosen.filter((table) => table.kind === 'r' && table.identity !== 'full' && needsFull(install, table));
  const names = full.map(qualifiedName);
  const [row] = await session.query('SELECT 1 AS there FROM pg_replication_slots WHERE slot_name = $1', [slot]);
  return [
    ...names.map((name) => `ALTER TABLE ${name} REPLICA IDENTITY FULL`),
    ...(await publicationPlan(session, { publication, all, published, full: names })),
    ...(await planSchemaTrigger(session)),
    ...(row === undefined ? [`${MAKE_SLOT.replace('$1', () => literal(slot))}`] : []),
  ];
}

async function expectLogical(session: PostgresSession): Promise<void> {
  const [row] = await session.query(`SELECT current_setting('wal_level') AS level, pg_is_in_recovery() AS standby`);
  if (row?.standby === true) throw new TidegateError('E_FEED', 'expected the primary server, got a standby');
  if (row?.level === 'logical') return;
  throw new TidegateError('E_FEED', `expected wal_level logical, got ${row?.level}: set it and restart the server`);
}

/** Whether publishing would block writes: the only possible identity is the whole row, and a virtual column forbids that. */
function isRefused({ hasVirtual, identity, hasKey }: PostgresTableStatus): boolean {
  return hasVirtual && (identity === 'full' || identity === 'nothing' || (identity === 'default' && !hasKey));
}

function needsFull({ identity }: PostgresInstall, table: PostgresTableStatus): boolean {
  const isNameless = table.identity === 'nothing' || (table.identity === 'default' && !table.hasKey);
  return !table.hasVirtual && (identity === 'full' || isNameless);
}

const PUBLICATION = `SELECT p.oid IS NOT NULL AS there, obj_description(p.oid, 'pg_publication') AS comment,
    p.puballtables AS "isForAll", current_setting('server_version_num')::int >= 180000 AS "hasGenerated",
    p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot
      AND coalesce(to_jsonb(p) ->> 'pubgencols', 's') = 's' AS "isSet"
  FROM (SELECT 1) one LEFT JOIN pg_publication p ON p.pubname = $1`;

interface PublicationPlan {
  readonly publication: string;
  readonly all: readonly PostgresTableStatus[];
  readonly published: readonly PostgresTableStatus[];
  readonly full: readonly string[];
}

/** Repeats nothing that is right already: a running feed would take a repetition for a change of the schema. */
async function publicationPlan(session: PostgresSession, plan: PublicationPlan): Promise<readonly string[]> {
  const { publication, all, published, full } = plan;
  const [row] = await session.query(PUBLICATION, [publication]);
  const name = quotedName(publication);
  const isThere = row?.there === true;
  const comment = row?.comment;
  const before = installRecordOf(comment);
  const isOwn = !isThere || (isMark(comment) && before.own !== false);
  const isListed = published.every((table) => table.isNamed && !table.isRestricted);
  const isSame = isListed && all.every((table) => !table.isNamed || published.includes(table));
  const missing = published.filter((table) => !table.isPublished);
  const list = (tables: readonly PostgresTableStatus[]) => tables.map(qualifiedName).join(', ');
  const tables = isOwn
    ? isSame || published.length === 0 || row?.isForAll === true
      ? []
      : [`ALTER PUBLICATION ${name} SET TABLE ${list(published)}`]
    : missing.length === 0
      ? []
      : [`ALTER PUBLICATION ${name} ADD TABLE ${list(missing)}`];
  // Partitions appear under their own names, as the analysis of statements knows them.
  const options = `publish = 'insert, update, delete, truncate', publish_via_partition_root = false`;
  const generated = row?.hasGenerated === true ? ', publish_generated_columns = stored' : '';
  const record: InstallRecord = { full: [...new Set([...before.full, ...full])], ...(isOwn ? {} : { own: false }) };
  const mark = MARK + JSON.stringify(record);
  const mayMark = isOwn || comment === null || isMark(comment);
  return [
    ...(isThere ? [] : [`CREATE PUBLICATION ${name}`]),
    ...tables,
    ...(isThere && row?.isSet === true ? [] : [`ALTER PUBLICATION ${name} SET (${options}${generated})`]),
    ...(mayMark && mark !== comment ? [`COMMENT ON PUBLICATION ${name} IS ${literal(mark)}`] : []),
  ];
}

export interface PostgresRemoval {
  /** The removed parts, e.g. `replication slot shop`. */
  readonly removed: readonly string[];
  /** Parts that existed before the feed and stay. */
  readonly kept: readonly string[];
}

/** Undoes the whole installation. Rejects with E_FEED, and removes nothing, while the slot is in use. */
export async function removePostgresFeed(session: PostgresSession, names: PostgresNames): Promise<PostgresRemoval> {
  const { steps, kept } = await removalOf(session, names);
  for (const { statement } of steps) await session.query(statement);
  return { removed: steps.flatMap(({ removes }) => removes ?? []), kept };
}

/** The statements that removing would run; none when nothing exists. Rejects with E_FEED where it cannot remove. */
export async function planPostgresRemoval(session: PostgresSession, names: PostgresNames): Promise<readonly string[]> {
  return (await removalOf(session, names)).steps.map(({ statement }) => statement);
}

interface RemovalStep {
  readonly statement: string;
  /** The part that an operator would miss, if any. */
  readonly removes?: string;
}

async function removalOf(
  session: PostgresSession,
  { slot, publication }: PostgresNames,
): Promise<{ readonly steps: readonly RemovalStep[]; readonly kept: readonly string[] }> {
  const steps: RemovalStep[] = [];
  if (await expectIdle(session, slot)) {
    steps.push({ statement: `SELECT pg_drop_replication_slot(${literal(slot)})`, removes: `replication slot ${slot}` });
  }
  const [row] = await session.query(PUBLICATION, [publication]);
  if (row?.there !== true) return { steps, kept: [] };
  const { full, own } = installRecordOf(row.comment);
  const isOwn = isMark(row.comment) && own !== false;
  const name = quotedName(publication);
  const here = new Set((await postgresTables(session, publication)).map(qualifiedName));
  if (isOwn) steps.push({ statement: `DROP PUBLICATION ${name}`, removes: `publication ${publication}` });
  else if (isMark(row.comment)) steps.push({ statement: `COMMENT ON PUBLICATION ${name} IS NULL` });
  const [other] = await session.query(OTHERS, [publication, `${MARK}%`]);
  if (other === undefined) {
    const statements = await planSchemaTriggerRemoval(session);
    steps.push(...statements.map((statement, at) => ({ statement, ...(at === 0 && { removes: SCHEMA_TRIGGERS }) })));
  }
  for (const table of full.filter((name) => here.has(name))) {
    const statement = `ALTER TABLE ${table} REPLICA IDENTITY DEFAULT`;
    steps.push({ statement, removes: `REPLICA IDENTITY FULL of ${table}` });
  }
  return { steps, kept: isOwn ? [] : [`publication ${publication}, which was there before the feed`] };
}

/** Another feed of this database, which needs the event triggers. */
const OTHERS = `SELECT 1 FROM pg_publication WHERE pubname <> $1 AND obj_description(oid, 'pg_publication') LIKE $2 LIMIT 1`;

/** Whether the slot exists. Throws E_FEED when it is in use or belongs elsewhere. */
async function expectIdle(session: PostgresSession, slot: string): Promise<boolean> {
  const [row] = await session.query(
    `SELECT active, active_pid AS process, database, current_database() AS here FROM pg_replication_slots WHERE slot_name = $1`,
    [slot],
  );
  if (row === undefined) return false;
  if (row.active === true) {
    const got = `it in use by process ${row.process} of the server: stop its feed first`;
    throw new TidegateError('E_FEED', `expected the replication slot ${slot} to be idle, got ${got}`);
  }
  if (row.database === row.here) return true;
  const got = row.database === null ? 'a physical one' : `one for ${row.database}`;
  throw new TidegateError('E_FEED', `expected a replication slot ${slot} for ${row.here}, got ${got}`);
}

function isChosen(install: PostgresInstall, table: PostgresTableStatus): boolean {
  return install.tables === 'all' || isNamed(install, table) || (table.root !== null && isNamed(install, table.root));
}

function isNamed({ tables }: PostgresInstall, { schema, name }: Pick<PostgresTableStatus, 'schema' | 'name'>): boolean {
  return tables !== 'all' && tables.some((table) => table.schema === schema && table.name === name);
}

function unfit(table: PostgresTableStatus | undefined): string {
  if (table === undefined) return 'none';
  if (!table.isLogged) return 'an unlogged one, whose changes are in no log';
  return 'one with a virtual column and no key as its replica identity, whose updates would be refused';
}

function isMark(comment: unknown): comment is string {
  return typeof comment === 'string' && comment.startsWith(MARK);
}

function installRecordOf(comment: unknown): InstallRecord {
  return isMark(comment) ? (JSON.parse(comment.slice(MARK.length)) as InstallRecord) : { full: [] };
}
