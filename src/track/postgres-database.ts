// A database of PostgreSQL, followed by logical replication, as one that is tracked.
//
// The one complication: the catalogue is read with the search path and the rights of the connection given here, so those
// have to be the application's own.

import type { FeedPosition, TableShape } from '../dependency/change.ts';
import { createPostgresFeed, type PostgresFeed } from '../feed/postgres-feed.ts';
import { installPostgresFeed } from '../feed/postgres-install.ts';
import { hex, lsnOf, placeOf } from '../feed/postgres-position.ts';
import { type ConnectPostgres, nodePostgres, type PostgresSession } from '../feed/postgres-session.ts';
import type { Catalogue } from '../sql/ast.ts';
import { postgresCatalogueVersion, readPostgresCatalogue } from '../sql/postgres-catalogue.ts';
import { createPostgresParser } from '../sql/postgres-parser.ts';
import type { TrackedDatabase } from './contract.ts';

export interface PostgresDatabaseOptions {
  /** A connection string, or the configuration of pg's Client, of the primary. Never through a pooler. */
  readonly connection: string | object;
  /** Of a slot that this process alone reads from. */
  readonly slot: string;
  readonly publication: string;
  /** True: makes the publication (of all tables) and the slot where they are not. Default false. */
  readonly install?: boolean;
  /** With `install`; see the guide. Default `full`. */
  readonly identity?: 'full' | 'key';
  /** Default 100. */
  readonly heartbeatMs?: number;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions?: ReadonlySet<string>;
}

const HEARTBEAT_MS = 100;

export function postgresDatabase(options: PostgresDatabaseOptions): TrackedDatabase {
  const { slot, publication, identity = 'full', heartbeatMs = HEARTBEAT_MS, pureFunctions } = options;
  const connect = nodePostgres(options.connection);
  return {
    async open({ source, clock, tasks }) {
      const queries = new Queries(connect);
      try {
        if (options.install === true) {
          await installPostgresFeed(await queries.session(), { slot, publication, tables: 'all', identity });
        }
        const catalogue = new PostgresCatalogue(queries, source);
        const parser = await createPostgresParser();
        const current = await catalogue.read();
        const shapeOf = (table: { readonly schema: string; readonly name: string }) => catalogue.shapeOf(table);
        const feed = createPostgresFeed({ connect, slot, publication, shapeOf, clock, tasks, heartbeatMs });
        return {
          parts: {
            dialect: 'postgres',
            parser,
            catalogue: current,
            ...(pureFunctions === undefined ? {} : { pureFunctions }),
          },
          feed,
          refresh: () => catalogue.refresh(),
          covers: (table) => isWatched(feed, table),
          head: () => headOf(queries, feed),
          wake() {},
          close: () => queries.close(),
        };
      } catch (error) {
        await queries.close();
        throw error;
      }
    },
  };
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

type RowObject = Readonly<Record<string, unknown>>;

/** One connection for questions, made again when it has ended. */
class Queries {
  readonly #connect: ConnectPostgres;
  #session: Promise<PostgresSession> | undefined;

  constructor(connect: ConnectPostgres) {
    this.#connect = connect;
  }

  session(): Promise<PostgresSession> {
    if (this.#session === undefined) {
      const opened = this.#connect('queries');
      this.#session = opened;
      const forget = () => {
        if (this.#session === opened) this.#session = undefined;
      };
      opened.then((session) => session.ended.then(forget), forget);
    }
    return this.#session;
  }

  readonly run = async (sql: string, parameters: readonly unknown[]): Promise<readonly RowObject[]> =>
    (await this.session()).query(sql, parameters);

  async close(): Promise<void> {
    const opened = this.#session;
    this.#session = undefined;
    await (await opened?.catch(() => undefined))?.close();
  }
}

class PostgresCatalogue {
  readonly #queries: Queries;
  readonly #source: string;
  #version = '';

  constructor(queries: Queries, source: string) {
    this.#queries = queries;
    this.#source = source;
  }

  /** Of one version: read again where the schema changed meanwhile. */
  async read(): Promise<Catalogue> {
    const { run } = this.#queries;
    for (;;) {
      const version = await postgresCatalogueVersion(run);
      const catalogue = await readPostgresCatalogue(run, this.#source);
      if ((await postgresCatalogueVersion(run)) !== version) continue;
      this.#version = version;
      return catalogue;
    }
  }

  async refresh(): Promise<Catalogue | undefined> {
    return (await postgresCatalogueVersion(this.#queries.run)) === this.#version ? undefined : this.read();
  }

  async shapeOf({ schema, name }: { readonly schema: string; readonly name: string }): Promise<TableShape | undefined> {
    const catalogue = await readPostgresCatalogue(this.#queries.run, this.#source);
    const relation = catalogue.relation(schema, name);
    return relation?.kind === 'table' ? relation.table : undefined;
  }
}
