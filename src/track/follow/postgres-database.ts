// A database of PostgreSQL, followed by logical replication or by triggers, as one that is tracked.
//
// The catalogue is read with the search path and the rights of the connection given here: they have to be the application's.

import type { FeedPosition, TableShape } from '../../dependency/change.ts';
import { expected, TidegateError } from '../../errors.ts';
import { createPostgresFeed } from '../../feed/postgres/logical/feed.ts';
import { installPostgresFeed } from '../../feed/postgres/logical/install.ts';
import { postgresFeedStatus } from '../../feed/postgres/logical/status.ts';
import type { PostgresFeed } from '../../feed/postgres/options.ts';
import { hex, lsnOf, placeOf } from '../../feed/postgres/position.ts';
import type { ShapeOf } from '../../feed/postgres/relations.ts';
import { type ConnectPostgres, nodePostgres, type PostgresSession } from '../../feed/postgres/session.ts';
import { createPostgresTriggerFeed } from '../../feed/postgres/trigger/feed.ts';
import { installPostgresTriggers } from '../../feed/postgres/trigger/install.ts';
import type { Duration, InMs } from '../../options/durations.ts';
import * as kit from '../../options/kit.ts';
import type { Catalogue } from '../../sql/ast.ts';
import { postgresCatalogueVersion, readPostgresCatalogue } from '../../sql/postgres/catalogue.ts';
import { createPostgresParser } from '../../sql/postgres/parser.ts';
import { type DatabasePlatform, type OpenDatabase, opening, type TrackedDatabase } from './open-database.ts';
import { PostgresLookups, postgresClaim, Queries } from './postgres-queries.ts';

interface CommonOptions {
  /** A connection string, or the configuration of pg's Client, of the primary. Never through a pooler. */
  readonly connection: string | object;
  /** Whether to make what the feed needs where it is missing, for all tables, later ones as well. Default false. */
  readonly install?: boolean;
  /** A transaction with more changes counts as a change of each whole table that it writes. Default 5,000. */
  readonly maxChanges?: number;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions?: ReadonlySet<string>;
}

/** Either logical replication, which needs a right to replicate; or triggers, which need a role that owns the tables. */
export type PostgresDatabaseOptions = PostgresReplicationOptions | PostgresTriggerOptions;

interface PostgresReplicationOptions extends CommonOptions {
  /** Default `replication`. */
  readonly mode?: 'replication';
  /** Name of a slot that this process alone reads from. */
  readonly slot: string;
  readonly publication: string;
  /** Used with `install`; see the guide. Default `full`. */
  readonly identity?: 'full' | 'key';
  /** Default 100 ms. */
  readonly heartbeat?: Duration;
}

interface PostgresTriggerOptions extends CommonOptions {
  readonly mode: 'triggers';
  /** How often it polls, should nothing wake it. Default 500 ms. */
  readonly heartbeat?: Duration;
}

const HEARTBEAT_MS = 100;

const REPLICATION = ['slot', 'publication', 'identity'] as const;
const isConnection = (given: unknown) => (typeof given === 'string' && given !== '') || kit.isRecord(given);
const isSlot = (slot: unknown) => typeof slot === 'string' && /^[a-z0-9_]{1,63}$/.test(slot);
const OPTIONS: Readonly<Record<string, kit.Check>> = {
  connection: kit.required(kit.be("a connection string, or a configuration of pg's Client", isConnection)),
  mode: kit.oneOf('replication', 'triggers'),
  slot: kit.be('a name of 1 to 63 of a-z, 0-9 and _', isSlot),
  publication: kit.text,
  identity: kit.oneOf('full', 'key'),
  ...{ install: kit.flag, heartbeat: kit.timeout(1), maxChanges: kit.count, pureFunctions: kit.setOfTexts },
};

/** Throws E_CONFIG. */
function checkPostgres<Options>(options: Options): InMs<Options> {
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

/**
 * `the database shop at 127.0.0.1:5432`, as far as the connection says. It may hold a password, so nothing else of it is
 * shown.
 */
export function namedDatabase(connection: string | object): string {
  const { host, port, database, connectionString } = partsOf(connection);
  if (typeof connectionString === 'string') return namedDatabase(connectionString);
  const [named, at, behind] = [database, host, port].map((part) =>
    (typeof part === 'string' && part !== '') || typeof part === 'number' ? String(part) : undefined,
  );
  const where = at === undefined ? '' : ` at ${at}${behind === undefined ? '' : `:${behind}`}`;
  return named === undefined ? `a database of PostgreSQL${where}` : `the database ${named}${where}`;
}

function partsOf(connection: string | object): kit.UnknownRecord {
  if (typeof connection === 'object') return connection as kit.UnknownRecord;
  const url = URL.parse(connection);
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) return {};
  return { host: url.hostname, port: url.port, database: url.pathname.slice(1) };
}

/** Throws E_CONFIG. */
export function postgresDatabase(given: PostgresDatabaseOptions): TrackedDatabase {
  const options = checkPostgres(given);
  const named = namedDatabase(options.connection);
  return { open: (platform) => opening(named, () => openDatabase(options, platform)) };
}

async function openDatabase(options: InMs<PostgresDatabaseOptions>, platform: DatabasePlatform): Promise<OpenDatabase> {
  const { pureFunctions } = options;
  const connect = nodePostgres(options.connection);
  const queries = new Queries(connect);
  const lookups = new PostgresLookups(connect, platform.clock);
  try {
    if (options.install === true) {
      for (const warning of await install(options, await queries.session())) {
        platform.onFault?.(new TidegateError('E_FEED', warning));
      }
    }
    const catalogue = new PostgresCatalogue(queries, platform.source);
    const parser = await createPostgresParser();
    const current = (await catalogue.refresh()) as Catalogue;
    return {
      parts: { dialect: 'postgres', parser, catalogue: current, pureFunctions },
      ...feedOf(options, { ...platform, connect, queries, shapeOf: (table) => catalogue.shapeOf(table) }),
      claim: postgresClaim(connect, `tidegate feed ${options.mode === 'triggers' ? 'by triggers' : options.slot}`),
      refresh: () => {
        lookups.forget();
        return catalogue.refresh();
      },
      lookUpLater: (asked, parameters) => lookups.run(asked, parameters),
      close: async () => {
        await Promise.all([queries.close(), lookups.close()]);
      },
    };
  } catch (error) {
    await queries.close();
    throw error;
  }
}

/** Gives warnings: facts that may do harm later, as sentences. */
async function install(options: InMs<PostgresDatabaseOptions>, session: PostgresSession): Promise<readonly string[]> {
  if (options.mode === 'triggers') {
    await installPostgresTriggers(session, { tables: 'all', notifies: true });
    return [];
  }
  const { slot, publication, identity = 'full' } = options;
  await installPostgresFeed(session, { slot, publication, tables: 'all', identity });
  return (await postgresFeedStatus(session, { slot, publication })).warnings;
}

async function extend(options: InMs<PostgresDatabaseOptions>, connect: ConnectPostgres): Promise<void> {
  const session = await connect('queries');
  try {
    // Installing waits for writers of a table, and later writers wait for the installation.
    await session.query(`SET lock_timeout = '1s'`);
    await install(options, session);
  } finally {
    await session.close();
  }
}

function feedOf(
  options: InMs<PostgresDatabaseOptions>,
  given: DatabasePlatform & { readonly connect: ConnectPostgres; readonly queries: Queries; readonly shapeOf: ShapeOf },
): Pick<OpenDatabase, 'feed' | 'covers' | 'head' | 'latest' | 'wake'> {
  const { connect, queries, shapeOf, clock, tasks, onFault } = given;
  const { maxChanges, heartbeatMs } = options;
  const later = options.install === true ? () => extend(options, connect) : undefined;
  const parts = { connect, shapeOf, clock, tasks, maxChanges, heartbeatMs, extend: later };
  if (options.mode === 'triggers') {
    const feed = createPostgresTriggerFeed(parts);
    // A look at the log that began after the call is waited for.
    return { feed, covers: (table) => isWatched(feed, table), head: () => undefined, wake: () => feed.wake() };
  }
  const { slot, publication } = options;
  const feed = createPostgresFeed({ ...parts, heartbeatMs: heartbeatMs ?? HEARTBEAT_MS, slot, publication, onFault });
  const head = () => headOf(queries, feed);
  return { feed, covers: (table) => isWatched(feed, table), head, latest: head, wake() {} };
}

/** Tables of the schema `public` go by their name alone. */
function isWatched(feed: PostgresFeed, table: string): boolean {
  const at = table.indexOf('.');
  return at < 0 ? feed.watches('public', table) : feed.watches(table.slice(0, at), table.slice(at + 1));
}

/** A text that sorts after all positions of commits before now, and before those of later ones. */
async function headOf(queries: Queries, feed: PostgresFeed): Promise<FeedPosition | undefined> {
  const { position } = feed.status();
  const place = position === undefined ? undefined : placeOf(position);
  if (place === undefined) return undefined;
  const [row] = await queries.run('SELECT pg_current_wal_insert_lsn()::text AS lsn', []);
  return `${place.source}-${hex(lsnOf(String(row?.lsn)), 16)}`;
}

class PostgresCatalogue {
  readonly #queries: Queries;
  readonly #source: string;
  #latest: { readonly version: string; readonly catalogue: Catalogue } | undefined;
  /** The version that was given last. */
  #given = '';

  constructor(queries: Queries, source: string) {
    this.#queries = queries;
    this.#source = source;
  }

  /** Returns undefined when it is as it was given last. */
  async refresh(): Promise<Catalogue | undefined> {
    const { version, catalogue } = await this.#read();
    if (version === this.#given) return undefined;
    this.#given = version;
    return catalogue;
  }

  async shapeOf({ schema, name }: { readonly schema: string; readonly name: string }): Promise<TableShape | undefined> {
    const relation = (await this.#read()).catalogue.relation(schema, name);
    return relation?.kind === 'table' ? relation.table : undefined;
  }

  /** Reads one version: again where the schema changed meanwhile. */
  async #read(): Promise<{ readonly version: string; readonly catalogue: Catalogue }> {
    const { run } = this.#queries;
    for (;;) {
      const version = await postgresCatalogueVersion(run);
      const latest = this.#latest;
      if (latest?.version === version) return latest;
      const catalogue = await readPostgresCatalogue(run, this.#source);
      if ((await postgresCatalogueVersion(run)) !== version) continue;
      this.#latest = { version, catalogue };
      return this.#latest;
    }
  }
}
