// Checks the options of `postgresDatabase`, and says how messages name its database.
//
// The connection option may hold a password, so nothing of it is shown but the database and its host.

import { expected, TidegateError } from '../../errors.ts';
import type { InMs } from '../../options/durations.ts';
import * as kit from '../../options/kit.ts';

const REPLICATION = ['slot', 'publication', 'identity'] as const;
const OPTIONS: Readonly<Record<string, kit.Check>> = {
  connection: kit.required(
    kit.be(
      "a connection string, or a configuration of pg's Client",
      (given) => (typeof given === 'string' && given !== '') || kit.isRecord(given),
    ),
  ),
  mode: kit.oneOf('replication', 'triggers'),
  slot: kit.be(
    'a name of 1 to 63 of a-z, 0-9 and _',
    (slot) => typeof slot === 'string' && /^[a-z0-9_]{1,63}$/.test(slot),
  ),
  publication: kit.text,
  identity: kit.oneOf('full', 'key'),
  ...{ install: kit.flag, heartbeat: kit.timeout(1), maxChanges: kit.count, pureFunctions: kit.setOfTexts },
};

/** Throws E_CONFIG. */
export function checkPostgres<Options>(options: Options): InMs<Options> {
  const checked = kit.checkOptions('postgresDatabase', options, OPTIONS as kit.Checks<Options>);
  const { mode, ...given } = options as kit.UnknownRecord;
  if (mode === 'triggers') {
    const other = REPLICATION.find((name) => given[name] !== undefined);
    if (other !== undefined) expected('E_CONFIG', `no ${other} with mode 'triggers'`, given[other]);
    return checked;
  }
  const missing = ['slot', 'publication'].find((name) => given[name] === undefined);
  if (missing === undefined) return checked;
  const what = `${missing} to be a name for logical replication`;
  throw new TidegateError('E_CONFIG', `expected ${what}, got nothing; mode: 'triggers' does without`);
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
