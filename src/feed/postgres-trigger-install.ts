// Triggers that write each change of a table into a log of the same database, for a feed without the right of replication:
// made, taken away, and looked at.
//
// The one complication: whatever goes wrong in a trigger fails the write. So one function serves all tables and takes rows
// as they come, whatever columns they have; a changed table needs no new trigger.

import { TidegateError } from '../errors.ts';
import { type PostgresSession, TEXT_FORMS } from './postgres-session.ts';
import { identifier } from './postgres-stream.ts';

export interface TriggerInstall {
  /** `schema.table`, as in the catalogue; `all`: every ordinary table and partition there is now. */
  readonly tables: 'all' | readonly { readonly schema: string; readonly name: string }[];
  /** Without it, changes are noticed when the feed polls. A NOTIFY takes a lock of the whole server at the commit. */
  readonly notifies: boolean;
}

export interface TriggerFeedReport {
  readonly isInstalled: boolean;
  /** Rows in the log, about; what is acknowledged is deleted. */
  readonly logBytes: number;
  readonly tables: readonly { readonly schema: string; readonly name: string; readonly hasTriggers: boolean }[];
  readonly problems: readonly string[];
}

export const CHANNEL = 'tidegate';
const ROWS = 'tidegate_rows';
const TRUNCATE = 'tidegate_truncate';
const WAKE = 'tidegate_wake';

/** Rows are logged in the forms that cells are made of, whatever the writer's session has; and under the maker's rights. */
const FUNCTION = `RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  ${TEXT_FORMS.map(([name, value]) => `SET ${name} = '${value}'`).join(' ')}`;

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
];

const TABLES = `SELECT n.nspname AS schema, c.relname AS name, coalesce(t.watched, false) AS watched
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN (SELECT id, true AS watched FROM (MEMBERS) m) t ON t.id = c.oid
  WHERE c.relkind = 'r' AND c.relpersistence IN ('p', 'u')
    AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'tidegate')
  ORDER BY 1, 2`;

/** Tables with all they need, enabled whatever the session's role: what a subscription applies is a change too. */
export const TRIGGER_MEMBERS = `SELECT t.tgrelid AS id, string_agg(t.oid || ':' || t.xmin, ' ' ORDER BY t.oid) AS watch
  FROM pg_trigger t WHERE t.tgname IN ('${ROWS}', '${TRUNCATE}', '${WAKE}') AND t.tgenabled = 'A' AND NOT t.tgisinternal
  GROUP BY t.tgrelid HAVING count(*) FILTER (WHERE t.tgname <> '${WAKE}') = 2`;

interface TableRow {
  readonly schema: string;
  readonly name: string;
  readonly watched: boolean;
}

/** Makes what is not there, in one transaction; harmless when repeated. Waits for the writers of the tables. */
export async function installPostgresTriggers(session: PostgresSession, install: TriggerInstall): Promise<void> {
  await session.query('BEGIN');
  try {
    for (const statement of MADE) await session.query(statement);
    for (const table of chosenOf(install, await tablesOf(session))) {
      for (const statement of triggersOf(table, install)) await session.query(statement);
    }
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK');
    throw error;
  }
}

function chosenOf({ tables }: TriggerInstall, there: readonly TableRow[]): readonly TableRow[] {
  if (tables === 'all') return there;
  return tables.map(({ schema, name }) => {
    const table = there.find((one) => one.schema === schema && one.name === name);
    if (table === undefined) throw new TidegateError('E_FEED', `expected a table ${schema}.${name}, got none`);
    return table;
  });
}

function triggersOf(table: TableRow, { notifies }: TriggerInstall): string[] {
  const name = nameOf(table);
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

/** Undoes it all, the log included. */
export async function removePostgresTriggers(session: PostgresSession): Promise<void> {
  await session.query('DROP SCHEMA IF EXISTS tidegate CASCADE');
}

export async function postgresTriggerStatus(session: PostgresSession): Promise<TriggerFeedReport> {
  const [row] = await session.query(
    `SELECT to_regclass('tidegate.changes') IS NOT NULL AND to_regclass('tidegate.log') IS NOT NULL AS there,
      coalesce(pg_total_relation_size(to_regclass('tidegate.changes')), 0)::text AS bytes, pg_is_in_recovery() AS standby`,
  );
  const tables = await tablesOf(session);
  const problems = row?.there === true ? [] : ['expected the log tidegate.changes, got none'];
  if (row?.standby === true) problems.push('expected the primary server, got a standby');
  for (const { schema, name, watched } of tables) {
    if (!watched) problems.push(`expected the triggers of the feed on ${schema}.${name}, got none or disabled ones`);
  }
  return {
    isInstalled: row?.there === true,
    logBytes: Number(row?.bytes ?? 0),
    tables: tables.map(({ schema, name, watched }) => ({ schema, name, hasTriggers: watched })),
    problems,
  };
}

async function tablesOf(session: PostgresSession): Promise<readonly TableRow[]> {
  return (await session.query(TABLES.replace('MEMBERS', TRIGGER_MEMBERS))) as unknown as readonly TableRow[];
}

function nameOf({ schema, name }: TableRow): string {
  return `${identifier(schema)}.${identifier(name)}`;
}
