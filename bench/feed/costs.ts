// What it costs those who write that somebody follows: rows a second with and without.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type pg from 'pg';
import { installPostgresFeed } from '../../src/feed/postgres/logical/install.ts';
import { installPostgresTriggers, removePostgresTriggers } from '../../src/feed/postgres/trigger/install.ts';
import { sqliteDatabase } from '../../src/track/index.ts';
import {
  connected,
  freshDatabase,
  type PostgresServer,
  systemClock,
  systemTasks,
  withSession,
} from '../../test/feed/postgres-kit.ts';
import { median } from './clock.ts';

type Rates = Readonly<Record<'insert' | 'update' | 'delete', number>>;

export interface WriteCost extends Rates {
  readonly name: string;
  readonly rowsPerCommit: number;
}

/** Runs a statement for each of the ids, in one transaction. */
type Write = (kind: keyof Rates, ids: readonly number[]) => unknown;

const ROUNDS = 5;
const SQLITE_ROWS = 10_000;
const POSTGRES_ROWS = 2_000;
const ROWS_PER_COMMIT = [1, 100];
const BODY = 'x'.repeat(200);
const TABLE = 'CREATE TABLE t (id integer PRIMARY KEY, version integer NOT NULL, body text NOT NULL)';
const KINDS = ['insert', 'update', 'delete'] as const;

export async function sqliteCosts(folder: string): Promise<WriteCost[]> {
  const found = new Costs();
  for (let round = 0; round < ROUNDS; round++) {
    for (const rowsPerCommit of ROWS_PER_COMMIT) {
      for (const isFollowed of [false, true]) {
        const path = join(folder, `costs-${round}-${rowsPerCommit}-${isFollowed}.db`);
        const database = new DatabaseSync(path);
        database.exec(`PRAGMA journal_mode = wal; PRAGMA synchronous = normal; ${TABLE}`);
        if (isFollowed) await installSqlite(path);
        const rates = await ratesOf(sqliteWrite(database), SQLITE_ROWS, rowsPerCommit);
        found.add({ name: isFollowed ? 'SQLite, with the triggers' : 'SQLite', rowsPerCommit }, rates);
        database.close();
      }
    }
  }
  return found.medians();
}

async function installSqlite(path: string): Promise<void> {
  const parts = { source: 'bench', clock: systemClock, tasks: systemTasks };
  const opened = await sqliteDatabase({ path, install: true }).open(parts);
  await opened.close();
}

function sqliteWrite(database: DatabaseSync): Write {
  const insert = database.prepare('INSERT INTO t VALUES (?, 0, ?)');
  const update = database.prepare('UPDATE t SET version = version + 1 WHERE id = ?');
  const remove = database.prepare('DELETE FROM t WHERE id = ?');
  const each = {
    insert: (id: number) => insert.run(id, BODY),
    update: (id: number) => update.run(id),
    delete: (id: number) => remove.run(id),
  };
  return (kind, ids) => {
    database.exec('BEGIN IMMEDIATE');
    for (const id of ids) each[kind](id);
    database.exec('COMMIT');
  };
}

export async function postgresCosts(server: PostgresServer): Promise<WriteCost[]> {
  const found = new Costs();
  const url = await freshDatabase(server, 'costs');
  const client = await connected(url);
  // What waits for the disk would hide what the writes cost.
  await client.query(`SET synchronous_commit = off; ${TABLE}`);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, begin, end } of waysOf(url, client)) {
      await begin();
      for (const rowsPerCommit of ROWS_PER_COMMIT) {
        found.add({ name, rowsPerCommit }, await ratesOf(postgresWrite(client), POSTGRES_ROWS, rowsPerCommit));
      }
      await end();
    }
  }
  await client.end();
  return found.medians();
}

const nothing = async (): Promise<void> => undefined;

function waysOf(url: string, client: pg.Client) {
  const names = { slot: 'costs', publication: 'costs' };
  return [
    { name: 'PostgreSQL', begin: nothing, end: nothing },
    {
      name: 'PostgreSQL, published, with full identity',
      begin: () =>
        withSession(url, (session) => installPostgresFeed(session, { ...names, tables: 'all', identity: 'full' })),
      end: async () => {
        await client.query(`SELECT pg_drop_replication_slot('costs'); DROP PUBLICATION costs;
          ALTER TABLE t REPLICA IDENTITY DEFAULT`);
      },
    },
    ...[false, true].map((notifies) => ({
      name: `PostgreSQL, with the triggers${notifies ? ' and NOTIFY' : ''}`,
      begin: () => withSession(url, (session) => installPostgresTriggers(session, { tables: 'all', notifies })),
      end: () => withSession(url, removePostgresTriggers),
    })),
  ];
}

function postgresWrite(client: pg.Client): Write {
  const texts = {
    insert: `INSERT INTO t SELECT id, 0, '${BODY}' FROM unnest($1::int[]) id`,
    update: 'UPDATE t SET version = version + 1 WHERE id = ANY ($1)',
    delete: 'DELETE FROM t WHERE id = ANY ($1)',
  };
  return (kind, ids) => client.query({ name: kind, text: texts[kind], values: [ids] });
}

async function ratesOf(write: Write, rows: number, rowsPerCommit: number): Promise<Rates> {
  // Of single rows there are fewer, so that both take their time.
  const count = rowsPerCommit === 1 ? rows / 4 : rows;
  const rates = { insert: 0, update: 0, delete: 0 };
  for (const kind of KINDS) {
    const begunAt = performance.now();
    for (let id = 0; id < count; id += rowsPerCommit) {
      await write(
        kind,
        Array.from({ length: rowsPerCommit }, (_, at) => id + at),
      );
    }
    rates[kind] = (count * 1_000) / (performance.now() - begunAt);
  }
  return rates;
}

/** Rates of several rounds, by what they are of. */
class Costs {
  readonly #rates = new Map<
    string,
    { readonly of: Pick<WriteCost, 'name' | 'rowsPerCommit'>; readonly rates: Rates[] }
  >();

  add(of: Pick<WriteCost, 'name' | 'rowsPerCommit'>, rates: Rates): void {
    const key = `${of.name} ${of.rowsPerCommit}`;
    const found = this.#rates.get(key) ?? { of, rates: [] };
    this.#rates.set(key, found);
    found.rates.push(rates);
  }

  medians(): WriteCost[] {
    return [...this.#rates.values()].map(({ of, rates }) => {
      const middle = (kind: keyof Rates) => median(rates.map((one) => one[kind]));
      return { ...of, insert: middle('insert'), update: middle('update'), delete: middle('delete') };
    });
  }
}
