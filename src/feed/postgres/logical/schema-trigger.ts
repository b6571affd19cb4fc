// An event trigger that announces changes of the schema in the replication stream, within the transaction that makes them.
// Only a superuser may make one. Without it, the next heartbeat notices a change of the schema.

import type { PostgresSession } from '../session.ts';

/** Prefix of the message that a transaction with a change of the schema carries. */
export const SCHEMA_MESSAGE = 'tidegate schema';

const DDL = 'tidegate_ddl';
const DROP = 'tidegate_drop';
/** The name that `feed remove` prints. */
export const SCHEMA_TRIGGERS = `event triggers ${DDL} and ${DROP}`;
const DROPPED = [DDL, DROP].map((name) => `DROP EVENT TRIGGER IF EXISTS ${name}`);

/**
 * Statements that make the trigger. Both events are needed: `ddl_command_end` does not name dropped objects. Temporary
 * objects matter to their own session only. ALWAYS: a schema change that a subscription applies counts too.
 */
const SCHEMA_TRIGGER: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS tidegate',
  `CREATE OR REPLACE FUNCTION tidegate.tell_schema() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$ BEGIN IF (CASE TG_EVENT
      WHEN 'sql_drop' THEN EXISTS (SELECT FROM pg_event_trigger_dropped_objects() o WHERE NOT o.is_temporary)
      ELSE EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c WHERE c.schema_name IS DISTINCT FROM 'pg_temp')
    END) THEN PERFORM pg_logical_emit_message(true, '${SCHEMA_MESSAGE}', ''); END IF; END $$`,
  ...DROPPED,
  `CREATE EVENT TRIGGER ${DDL} ON ddl_command_end EXECUTE FUNCTION tidegate.tell_schema()`,
  `CREATE EVENT TRIGGER ${DROP} ON sql_drop EXECUTE FUNCTION tidegate.tell_schema()`,
  `ALTER EVENT TRIGGER ${DDL} ENABLE ALWAYS`,
  `ALTER EVENT TRIGGER ${DROP} ENABLE ALWAYS`,
];

/** SQL: whether changes of the schema are told. */
export const TELLS_SCHEMA = `(current_setting('server_version_num')::int >= 140000 AND 2 =
  (SELECT count(*) FROM pg_event_trigger t JOIN pg_proc f ON f.oid = t.evtfoid JOIN pg_namespace n ON n.oid = f.pronamespace
    WHERE t.evtname IN ('${DDL}', '${DROP}') AND t.evtenabled = 'A' AND n.nspname = 'tidegate' AND f.proname = 'tell_schema'))`;

/** A managed service that keeps superusers for itself has a role that may make event triggers. */
const MAY = `((SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
  OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'rds_superuser' AND pg_has_role(current_user, r.oid, 'MEMBER')))`;

/** The sentence in the status. */
export const SCHEMA_LATE = `expected an event trigger ${DDL}, got none: a change of the schema is noticed at the next heartbeat; install the feed as a superuser`;

/** The statements to make the trigger; none when it exists, the server is too old, or the role may not make it. */
export async function planSchemaTrigger(session: PostgresSession): Promise<readonly string[]> {
  const [row] = await session.query(
    `SELECT ${TELLS_SCHEMA} AS "isThere", ${MAY} AND current_setting('server_version_num')::int >= 140000 AS may`,
  );
  return row?.isThere === true || row?.may !== true ? [] : SCHEMA_TRIGGER;
}

const REMAINS = `SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtname IN ('${DDL}', '${DROP}')) AS "isThere",
  ${MAY} AS may,
  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'tidegate') AS "isUsed"`;

/** The statements to remove the trigger; none when the role may not. */
export async function planSchemaTriggerRemoval(session: PostgresSession): Promise<readonly string[]> {
  const [row] = await session.query(REMAINS);
  if (row?.isThere !== true || row.may !== true) return [];
  return [
    ...DROPPED,
    'DROP FUNCTION IF EXISTS tidegate.tell_schema()',
    ...(row.isUsed === true ? [] : ['DROP SCHEMA IF EXISTS tidegate']),
  ];
}
