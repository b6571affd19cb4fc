// The drop-in cache as Drizzle's own tests look at it, on PostgreSQL by two drivers.

import type { Cache as DrizzleCache } from 'drizzle-orm/cache/core';
import { drizzle as nodePostgres45 } from 'drizzle-orm/node-postgres';
import { drizzle as postgresJs45 } from 'drizzle-orm/postgres-js';
import { drizzle as nodePostgres1 } from 'drizzle-orm-next/node-postgres';
import { drizzle as postgresJs1 } from 'drizzle-orm-next/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import { afterAll } from 'vitest';
import { hookSuite } from './hook-suite.ts';
import { type Backend, type Db, DDL, Gate, type Opened, pgTables } from './kit.ts';
import { type Server, startPostgres } from './servers.ts';

let server: Server | undefined;
const url = () => server?.url as string;
const warm = async () => {
  server ??= await startPostgres();
};
afterAll(() => server?.stop(), 60_000);

type Version = Backend['version'];

const EMPTIED = ['drop table if exists posts', 'drop table if exists users', ...DDL].join(';');

async function openNodePostgres(cache: DrizzleCache, version: Version): Promise<Opened> {
  const client = new pg.Pool({ connectionString: url(), max: 2 });
  await client.query(EMPTIED);
  const db = version === '0.45' ? nodePostgres45(client, { cache }) : nodePostgres1({ client, cache } as never);
  return { db: db as unknown as Db, gate: new Gate(), close: () => client.end() };
}

async function openPostgresJs(cache: DrizzleCache, version: Version): Promise<Opened> {
  const client = postgres(url(), { max: 2, onnotice: () => undefined });
  await client.unsafe(EMPTIED);
  const db = version === '0.45' ? postgresJs45(client, { cache }) : postgresJs1({ client, cache } as never);
  return { db: db as unknown as Db, gate: new Gate(), close: () => client.end() };
}

const DRIVERS = { 'node-postgres': openNodePostgres, 'postgres.js': openPostgresJs };

for (const version of ['0.45', '1.0'] as const) {
  for (const [name, opening] of Object.entries(DRIVERS)) {
    const tables = pgTables[version];
    const parts = { name, version, isSqlite: false, hasConnections: true, tables };
    hookSuite({ ...parts, open: (cache) => opening(cache, version) }, warm);
  }
}
