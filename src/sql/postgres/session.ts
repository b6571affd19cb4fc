// Asks a connection to PostgreSQL what it makes of the names and values in its statements.
//
// The search path in question is in force for the query too, and a schema on it may hide the system's own names. So the
// query puts a schema before each name.

import type { Session } from '../ast.ts';

/** The identity of a database: of its system, of the timeline, of itself there. NULL on a standby. */
export const SERVER = `CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE pg_catalog.concat_ws('/',
  (SELECT system_identifier FROM pg_catalog.pg_control_system()),
  pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8),
  pg_catalog.current_database()) END`;

/** Settings that change what a statement means or how its answer is written, with the values under which they do not. */
const SETTINGS: Readonly<Record<string, readonly [expected: string, isExpected: RegExp]>> = {
  datestyle: ['ISO', /^ISO\b/],
  standard_conforming_strings: ['on', /^on$/],
  transform_null_equals: ['off', /^off$/],
  array_nulls: ['on', /^on$/],
  extra_float_digits: ['1 or more', /^[1-9]/],
  client_encoding: ['UTF8', /^UTF8$/],
};

const settings = Object.keys(SETTINGS).map((name) => `pg_catalog.current_setting('${name}', true)`);

/**
 * Returns one row of one text. Run by itself, in the simple protocol, it also tells whether its transaction was begun
 * before it. Below 1,000 bytes, so that a driver that gathers its writes sends a query in the same packet.
 */
export const SESSION_QUERY = `SELECT pg_catalog.json_build_array(pg_catalog.pg_backend_pid(), ${SERVER},
  pg_catalog.current_schemas(true),
  EXISTS (SELECT FROM pg_catalog.pg_depend WHERE refclassid OPERATOR(pg_catalog.=) 2615
    AND refobjid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()),
  pg_catalog.now() OPERATOR(pg_catalog.<>) pg_catalog.statement_timestamp(),
  ${settings.join(',')})`.replace(/\s+/g, ' ');

type Answer = readonly [
  pid: number,
  server: string | null,
  path: readonly string[],
  hasTemporary: boolean,
  isWithin: boolean,
  ...settings: readonly (string | null)[],
];

/** Facts that one connection reports about itself. */
export interface SessionFacts {
  readonly session: Session;
  readonly pid: number;
  /** Undefined on a standby. */
  readonly server: string | undefined;
  /** Whether it was asked within a transaction. */
  readonly isWithin: boolean;
  /** Why its statements may mean something else than they say. Empty: they do not. */
  readonly problems: readonly string[];
}

/** Parses the answer to `SESSION_QUERY`; throws when it is not one. */
export function sessionFacts(text: string): SessionFacts {
  const [pid, server, path, hasTemporary, isWithin, ...set] = JSON.parse(text) as Answer;
  const problems = Object.entries(SETTINGS).flatMap(([name, [expected, isExpected]], at) => {
    // A setting that this server does not have is one that cannot be changed.
    const value = set[at] ?? null;
    return value === null || isExpected.test(value) ? [] : [`expected ${name} ${expected}, got ${value}`];
  });
  if (hasTemporary) problems.unshift('expected no temporary tables, got some');
  const named = path.filter((schema) => !/^pg_temp/.test(schema));
  return { session: { path: named }, pid, server: server ?? undefined, isWithin, problems };
}
