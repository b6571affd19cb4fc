// The database of a world of sessions: its schemas, and the writes to all of them, by somebody whom no tracker knows.

import type pg from 'pg';
import { removePostgresFeed } from '../../src/feed/postgres/logical/install.ts';
import { removePostgresTriggers } from '../../src/feed/postgres/trigger/install.ts';
import { connected, withSession } from '../feed/postgres-kit.ts';
import type { Dice } from '../sim/dice.ts';
import type { PostgresSchema } from './postgres-schema.ts';
import { type PostgresTransaction, type PostgresWrite, randomPostgresTransaction } from './postgres-writes.ts';
import { ddlWithin, ROLES, randomMark, randomSessionSchema, SCHEMAS, SHARED_DDL } from './session-schema.ts';

export const NAMES = { slot: 'soundness_sessions', publication: 'soundness_sessions' };
const ELSEWHERE = 'elsewhere';
const ROWS = 12;
/** A session may have a transaction open for long, which a TRUNCATE would wait for. */
const QUIET = `SET client_min_messages = warning; SET lock_timeout = '200ms'`;
/** Settings under which a writer's rows are told as ever. */
const WRITERS = [
  `SET datestyle = 'German'`,
  'SET extra_float_digits = -5',
  'SET bytea_output = escape',
  'SET intervalstyle = iso_8601',
  `SET timezone = 'Asia/Kathmandu'`,
  'SET session_replication_role = replica',
  'SET synchronous_commit = off',
];

export interface Written {
  readonly writes: readonly PostgresWrite[];
  /** Rows. */
  readonly count: number;
}

export class SessionDatabase {
  readonly schema: PostgresSchema;
  readonly #dice: Dice;
  readonly #url: string;
  readonly #writer: pg.Client;
  #elsewhere: pg.Client | undefined;
  /** Of writes that the server did not take, by their error. */
  readonly refused = new Map<string, number>();

  private constructor([dice, schema]: readonly [Dice, PostgresSchema], url: string, writer: pg.Client) {
    this.#dice = dice;
    this.schema = schema;
    this.#url = url;
    this.#writer = writer;
  }

  static async open(dice: Dice, url: string): Promise<SessionDatabase> {
    const database = new SessionDatabase([dice, randomSessionSchema(dice)], url, await connected(url));
    await database.#make();
    return database;
  }

  urlOf({ user, database }: { readonly user?: string | undefined; readonly database?: string | undefined }): string {
    const url = new URL(this.#url);
    if (user !== undefined) url.username = user;
    if (database !== undefined) url.pathname = `/${database}`;
    return url.href;
  }

  async #make(): Promise<void> {
    const writer = this.#writer;
    await writer.query(`${QUIET}; ${ROLES}`);
    await remade(writer, this.#dice, this.schema);
    for (const statement of SHARED_DDL) await writer.query(statement);
    for (const name of SCHEMAS) {
      await writer.query(`SET search_path = ${name}`);
      for (let at = 0; at < ROWS * 4; at++) await this.#run(this.#transaction());
    }
  }

  /** Another database of the server, where the same names are. */
  async openElsewhere(): Promise<void> {
    if (this.#elsewhere !== undefined) return;
    await this.#writer.query(`CREATE DATABASE ${ELSEWHERE} TEMPLATE template0`).catch(() => undefined);
    const client = await connected(this.urlOf({ database: ELSEWHERE }));
    this.#elsewhere = client;
    await client.query(QUIET);
    await remade(client, this.#dice, this.schema);
    await client.query('SET search_path = public');
    for (let at = 0; at < ROWS * 4; at++) await this.#run(this.#transaction(), client);
  }

  /** Of what the tracker follows, now and then of the other database as well. */
  async write(): Promise<Written> {
    const path = this.#dice.pick(SCHEMAS);
    const settings = `RESET ALL; ${QUIET}; SET search_path = ${path}; ${this.#dice.some(WRITERS, 0.1).join('; ')}`;
    await this.#writer.query(settings);
    const transaction = this.#transaction();
    const count = await this.#run(transaction);
    const writes = [{ text: settings, parameters: [], isUndone: false }, ...transaction.writes];
    if (this.#elsewhere === undefined || this.#dice.chance(0.5)) return { writes, count };
    const other = this.#transaction();
    await this.#run(other, this.#elsewhere);
    return { writes: [...writes, { text: '-- elsewhere', parameters: [], isUndone: false }, ...other.writes], count };
  }

  /** A schema comes into the paths of some sessions, or goes. */
  async grant(): Promise<PostgresWrite> {
    const schema = this.#dice.pick(['north', 'clerk']);
    const role = this.#dice.pick(['clerk', 'guest']);
    const text = this.#dice.chance(0.5)
      ? `REVOKE USAGE ON SCHEMA ${schema} FROM ${role}`
      : `GRANT USAGE ON SCHEMA ${schema} TO ${role}`;
    await this.#writer.query(text);
    return { text, parameters: [], isUndone: false };
  }

  #transaction(): PostgresTransaction {
    if (this.#dice.chance(0.4)) return randomPostgresTransaction(this.#dice, this.schema);
    return { writes: [randomMark(this.#dice)], isRolledBack: false };
  }

  async #run({ writes, isRolledBack }: PostgresTransaction, client = this.#writer): Promise<number> {
    let count = 0;
    await client.query('BEGIN');
    for (const { text, parameters, isUndone } of writes) {
      await client.query('SAVEPOINT s');
      const rows = await client.query(text, [...parameters]).then(
        ({ rowCount }) => rowCount ?? 1,
        (error: unknown) => this.#refuse(error),
      );
      if (rows === undefined || isUndone) await client.query('ROLLBACK TO SAVEPOINT s');
      else count += rows;
    }
    await client.query(isRolledBack ? 'ROLLBACK' : 'COMMIT');
    return isRolledBack ? 0 : count;
  }

  #refuse(error: unknown): undefined {
    const told = `${(error as { code?: string }).code} ${(error as Error).message.replaceAll(/"[^"]*"/g, '…')}`;
    this.refused.set(told, (this.refused.get(told) ?? 0) + 1);
  }

  async close(): Promise<void> {
    await this.#elsewhere?.end();
    await withSession(this.#url, async (session) => {
      await removePostgresFeed(session, NAMES);
      await removePostgresTriggers(session);
    });
    await this.#writer.query('RESET ALL');
    for (const name of SCHEMAS) await this.#writer.query(`DROP SCHEMA ${name} CASCADE`);
    await this.#writer.query('CREATE SCHEMA public');
    await this.#writer.end();
  }
}

async function remade(client: pg.Client, dice: Dice, schema: PostgresSchema): Promise<void> {
  for (const name of SCHEMAS) {
    await client.query(`DROP SCHEMA IF EXISTS ${name} CASCADE; CREATE SCHEMA ${name}; SET search_path = ${name}`);
    for (const statement of ddlWithin(dice, name, schema)) await client.query(statement);
  }
}
