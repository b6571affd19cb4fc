// What `postgresDatabase` is given, checked, and how its database is named in messages.
//
// A connection may hold one, so nothing of it is shown but the database and its host.

import { shown } from '../../errors.ts';
import { COUNT, checkOptions, msFrom, NAMES, type Rule, refuseOption, SWITCH, TEXT } from '../option-rules.ts';

const REPLICATION = ['slot', 'publication', 'identity'] as const;
const IDENTITIES: readonly unknown[] = ['full', 'key'];
const MODES: readonly unknown[] = ['replication', 'triggers'];
const SLOT: Rule = [
  'a name of 1 to 63 of a-z, 0-9 and _',
  (value) => typeof value === 'string' && /^[a-z0-9_]{1,63}$/.test(value),
];
const CONNECTION: Rule = [
  "a connection string, or a configuration of pg's Client",
  (value) => TEXT[1](value) || (typeof value === 'object' && value !== null && !Array.isArray(value)),
];
const OPTIONS: Readonly<Record<string, Rule>> = {
  connection: CONNECTION,
  mode: ["'replication' or 'triggers'", (value) => MODES.includes(value)],
  ...{ slot: SLOT, publication: TEXT },
  identity: ["'full' or 'key'", (value) => IDENTITIES.includes(value)],
  ...{ install: SWITCH, heartbeatMs: msFrom(1), maxChanges: COUNT, pureFunctions: NAMES },
};

/** Throws E_CONFIG. */
export function checkPostgres(options: unknown): void {
  checkOptions('postgresDatabase', options, OPTIONS);
  const { connection, mode, ...given } = options as Readonly<Record<string, unknown>>;
  if (connection === undefined) refuseOption(`connection: expected ${CONNECTION[0]}, got none`);
  if (mode === 'triggers') {
    const other = REPLICATION.find((name) => given[name] !== undefined);
    if (other !== undefined) refuseOption(`${other}: expected none with mode 'triggers', got ${shown(given[other])}`);
    return;
  }
  for (const name of ['slot', 'publication']) {
    if (given[name] !== undefined) continue;
    refuseOption(`${name}: expected a name for logical replication, got none; mode: 'triggers' does without`);
  }
}

/** `the database shop at 127.0.0.1:5432`, as far as the connection says. */
export function namedDatabase(connection: string | object): string {
  const { host, port, database, connectionString } = placeOf(connection);
  if (connectionString !== undefined) return namedDatabase(connectionString);
  const at = host === undefined ? '' : ` at ${host}${port === undefined ? '' : `:${port}`}`;
  return database === undefined ? `a database of PostgreSQL${at}` : `the database ${database}${at}`;
}

interface Place {
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly database?: string | undefined;
  readonly connectionString?: string;
}

function placeOf(connection: string | object): Place {
  if (typeof connection === 'object') {
    const { host, port, database, connectionString } = connection as Readonly<Record<string, unknown>>;
    if (typeof connectionString === 'string') return { connectionString };
    return { host: textOf(host), port: textOf(port), database: textOf(database) };
  }
  const url = URL.parse(connection);
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) return {};
  return { host: textOf(url.hostname), port: textOf(url.port), database: textOf(url.pathname.slice(1)) };
}

function textOf(value: unknown): string | undefined {
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? String(value) : undefined;
}
