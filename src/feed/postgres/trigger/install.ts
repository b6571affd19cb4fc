// Triggers that write each change of a table into a log of the same database, for a feed without the right of replication.
//
// An error in a trigger fails the write. So one function takes rows with any columns; a changed table needs no new trigger.

import { TidegateError } from '../../../errors.ts';
import { IS_OF_APPLICATION, type PostgresSession, TEXT_FORMS } from '../session.ts';
import {
  createRight,
  expectRights,
  holding,
  lackOf,
  postgresUntold,
  qualifiedName,
  RIGHTS,
  type UntoldRelation,
} from '../tables.ts';

export interface TriggerInstall {
  /** `schema.table`, as in the catalogue. `all`: every ordinary table and partition that exists now. */
  readonly tables: 'all' | readonly { readonly schema: string; readonly name: string }[];
  /** Without it, the feed notices changes when it polls. A NOTIFY takes a lock of the whole server at the commit. */
  readonly notifies: boolean;
}

export interface TriggerFeedReport {
  readonly database: string;
  readonly isInstalled: boolean;
  /** Size of the log. Acknowledged rows are deleted. */
  readonly logBytes: number;
  readonly tables: readonly TriggerTableStatus[];
  readonly untold: readonly UntoldRelation[];
  /** The change logged last. */
  readonly last: { readonly row: number; readonly table: string; readonly kind: string } | undefined;
  readonly problems: readonly string[];
}

export interface TriggerTableStatus {
  readonly schema: string;
  readonly name: string;
  readonly hasTriggers: boolean;
  /** Whether a change of it wakes the feed. */
  readonly wakes: boolean;
  readonly hasKey: boolean;
}

export const CHANNEL = 'tidegate';
const ROWS = 'tidegate_rows';
const TRUNCATE = 'tidegate_truncate';
const WAKE = 'tidegate_wake';

/**
 * Writes rows in the forms that cells are made of, whatever the writer's session sets, and with the rights of the function's
 * owner.
 */
const FUNCTION = `RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  ${TEXT_FORMS.map(([name, value]) => `SET ${name} = '${value}'`).join(' ')}`;

/** Version of the SQL below. Raise it with each change there, so that older installations are found. */
const VERSION = 'tidegate 1';

const MADE = [
  'CREATE SCHEMA IF NOT EXISTS tidegate',
  `CREATE TABLE IF NOT EXISTS tidegate.log (epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    trimmed xid8 NOT NULL DEFAULT '0', one boolean PRIMARY KEY DEFAULT true CHECK (one))`,
  'INSERT INTO tidegate.log DEFAULT VALUES ON CONFLICT DO NOTHING',
  `CREATE TABLE IF NOT EXISTS tidegate.changes (id bigint GENERATED ALWAYS AS IDENTITY,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(), relation oid NOT NULL, kind "char" NOT NULL,
    old text, new text)`,
  'CREATE INDEX IF NOT EXISTS changes_transaction ON tidegate.changes (transaction, id)',
  `CREATE OR REPLACE FUNCTION tidegate.note_row() ${FUNCTION} AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN INSERT INTO tidegate.changes (relation, kind, new) VALUES (TG_RELID, 'I', NEW::text);
    ELSIF TG_OP = 'UPDATE' THEN
      INSERT INTO tidegate.changes (relation, kind, old, new) VALUES (TG_RELID, 'U', OLD::text, NEW::text);
    ELSE INSERT INTO tidegate.changes (relation, kind, old) VALUES (TG_RELID, 'D', OLD::text);
    END IF;
    RETURN NULL;
  END $$`,
  `CREATE OR REPLACE FUNCTION tidegate.note_truncate() ${FUNCTION} AS $$ BEGIN
    INSERT INTO tidegate.changes (relation, kind) VALUES (TG_RELID, 'T');
    PERFORM pg_notify('${CHANNEL}', '');
    RETURN NULL;
  END $$`,
  `CREATE OR REPLACE FUNCTION tidegate.wake() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_notify('${CHANNEL}', '');
    RETURN NULL;
  END $$`,
  `COMMENT ON SCHEMA tidegate IS '${VERSION}'`,
];

const TABLES = `SELECT n.nspname AS schema, c.relname AS name, t.id IS NOT NULL AS "hasTriggers",
    EXISTS (SELECT FROM pg_trigger w WHERE w.tgrelid = c.oid AND w.tgname = '${WAKE}' AND w.tgenabled = 'A') AS wakes,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS "hasKey"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN (MEMBERS) t ON t.id = c.oid
  WHERE c.relkind = 'r' AND c.relpersistence IN ('p', 'u')
    AND ${IS_OF_APPLICATION}
  ORDER BY 1, 2`;

/** Tables with all the triggers they need, enabled for every session role: changes that a subscription applies count too. */
export const TRIGGER_MEMBERS = `SELECT t.tgrelid AS id, string_agg(t.oid || ':' || t.xmin, ' ' ORDER BY t.oid) AS watch
  FROM pg_trigger t WHERE t.tgname IN ('${ROWS}', '${TRUNCATE}', '${WAKE}') AND t.tgenabled = 'A' AND NOT t.tgisinternal
  GROUP BY t.tgrelid HAVING count(*) FILTER (WHERE t.tgname <> '${WAKE}') = 2`;

/** Makes the missing parts in one transaction; harmless when repeated. Waits for the writers of the tables. */
export async function installPostgresTriggers(session: PostgresSession, install: TriggerInstall): Promise<void> {
  const statements = await planPostgresTriggers(session, install);
  if (statements.length === 0) return;
  await expectRights(session, { create: true, replication: false });
  await session.query('BEGIN');
  try {
    for (const statement of statements) await session.query(statement);
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK');
    throw error;
  }
}

/** The statements that installing would run, in one transaction; none when everything exists. */
export async function planPostgresTriggers(
  session: PostgresSession,
  install: TriggerInstall,
): Promise<readonly string[]> {
  const there = await tablesOf(session);
  const tables =
    install.tables === 'all'
      ? there
      : install.tables.map(({ schema, name }) => {
          const table = there.find((one) => one.schema === schema && one.name === name);
          if (table === undefined) throw new TidegateError('E_FEED', `expected a table ${schema}.${name}, got none`);
          return table;
        });
  const missing = tables.filter(({ hasTriggers, wakes }) => !hasTriggers || wakes !== install.notifies);
  const [row] = await session.query(LOG_THERE);
  if (missing.length === 0 && row?.there === true && row.version === VERSION) return [];
  return [...MADE, ...missing.flatMap((table) => triggersOf(table, install))];
}

/** Finds the two tables of the log even when the role may not look into their schema. */
const LOG_TABLES = `SELECT max(c.oid) FILTER (WHERE c.relname = 'changes') AS changes, max(c.oid) FILTER (WHERE c.relname = 'log') AS log
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'tidegate' AND c.relkind = 'r'`;
const LOG_THERE = `SELECT l.changes IS NOT NULL AND l.log IS NOT NULL AS there,
    (SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'tidegate') AS version
  FROM (${LOG_TABLES}) l`;

function triggersOf(table: TriggerTableStatus, { notifies }: TriggerInstall): string[] {
  const name = qualifiedName(table);
  const rows = 'INSERT OR UPDATE OR DELETE';
  const make = (trigger: string, when: string) => [
    `CREATE OR REPLACE TRIGGER ${trigger} AFTER ${when}`,
    `ALTER TABLE ${name} ENABLE ALWAYS TRIGGER ${trigger}`,
  ];
  return [
    ...make(ROWS, `${rows} ON ${name} FOR EACH ROW EXECUTE FUNCTION tidegate.note_row()`),
    ...make(TRUNCATE, `TRUNCATE ON ${name} FOR EACH STATEMENT EXECUTE FUNCTION tidegate.note_truncate()`),
    ...(notifies
      ? make(WAKE, `${rows} ON ${name} FOR EACH STATEMENT EXECUTE FUNCTION tidegate.wake()`)
      : [`DROP TRIGGER IF EXISTS ${WAKE} ON ${name}`]),
  ];
}

export interface TriggerRemoval {
  /** Tables that had triggers. */
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  readonly hadLog: boolean;
}

/** Undoes the whole installation, the log included. */
export async function removePostgresTriggers(session: PostgresSession): Promise<TriggerRemoval> {
  const tables = (await tablesOf(session)).filter(({ hasTriggers }) => hasTriggers);
  const [row] = await session.query(LOG_THERE);
  for (const statement of await planTriggerRemoval(session)) await session.query(statement);
  return { tables, hadLog: row?.there === true };
}

/** The statements that removing would run; none when nothing exists. */
export async function planTriggerRemoval(session: PostgresSession): Promise<readonly string[]> {
  const [row] = await session.query(`SELECT to_regnamespace('tidegate') IS NOT NULL AS there`);
  return row?.there === true ? ['DROP SCHEMA IF EXISTS tidegate CASCADE'] : [];
}

const STATE = `SELECT l.changes IS NOT NULL AND l.log IS NOT NULL AS there, pg_is_in_recovery() AS standby,
    coalesce(pg_total_relation_size(l.changes), 0)::text AS bytes, ${RIGHTS},
    (SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = 'tidegate')
      AND has_table_privilege(l.changes, 'SELECT') AND has_table_privilege(l.changes, 'DELETE')
      AND has_table_privilege(l.log, 'SELECT') AND has_table_privilege(l.log, 'UPDATE') AS "mayRead"
  FROM (${LOG_TABLES}) l`;

const LAST = `SELECT c.id::text AS id, c.kind::text AS kind, c.relation::regclass::text AS name
  FROM tidegate.changes c ORDER BY c.id DESC LIMIT 1`;
const KINDS: Readonly<Record<string, string>> = { I: 'insert', U: 'update', D: 'delete', T: 'truncate' };

/** `wanted`: whether the feed should tell of the table. Default: all tables. */
export async function postgresTriggerStatus(
  session: PostgresSession,
  wanted: (table: { readonly schema: string; readonly name: string }) => boolean = () => true,
): Promise<TriggerFeedReport> {
  const [row] = await session.query(STATE);
  const isThere = row?.there === true;
  const tables = await tablesOf(session);
  const mayRead = isThere && row.mayRead === true;
  const untold = tables.filter((table) => !table.hasTriggers && wanted(table));
  const problems = holding([
    [!isThere, 'expected the log tidegate.changes, got none'],
    [!isThere && row?.mayCreate !== true, lackOf(createRight(String(row?.database)), String(row?.role))],
    [row?.standby === true, 'expected the primary server, got a standby'],
    [isThere && !mayRead, `expected a role that may read tidegate.changes and delete there, got ${row?.role}`],
    ...untold.map(
      ({ schema, name }) =>
        [true, `expected the triggers of the feed on ${schema}.${name}, got none or disabled ones`] as const,
    ),
  ]);
  const [last] = mayRead ? await session.query(LAST) : [];
  return {
    database: String(row?.database),
    isInstalled: isThere,
    logBytes: Number(row?.bytes ?? 0),
    tables,
    untold: await postgresUntold(session),
    last: last && { row: Number(last.id), table: String(last.name), kind: KINDS[String(last.kind)] ?? 'change' },
    problems,
  };
}

async function tablesOf(session: PostgresSession): Promise<readonly TriggerTableStatus[]> {
  return (await session.query(TABLES.replace('MEMBERS', TRIGGER_MEMBERS))) as unknown as readonly TriggerTableStatus[];
}
