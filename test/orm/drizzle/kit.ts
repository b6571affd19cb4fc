// Real databases for the Drizzle tests, each behind a gate where a statement can be held, and a naive cache to compare.

import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { PGlite } from '@electric-sql/pglite';
import { createClient } from '@libsql/client';
import { Cache as DrizzleCache } from 'drizzle-orm/cache/core';
import { drizzle as libsql45 } from 'drizzle-orm/libsql';
import * as pg45 from 'drizzle-orm/pg-core';
import { drizzle as pglite45 } from 'drizzle-orm/pglite';
import * as sqlite45 from 'drizzle-orm/sqlite-core';
import { drizzle as sqliteProxy45 } from 'drizzle-orm/sqlite-proxy';
import { drizzle as libsql1 } from 'drizzle-orm-next/libsql';
import * as pg1 from 'drizzle-orm-next/pg-core';
import { drizzle as pglite1 } from 'drizzle-orm-next/pglite';
import * as sqlite1 from 'drizzle-orm-next/sqlite-core';
import { drizzle as sqliteProxy1 } from 'drizzle-orm-next/sqlite-proxy';
import type { Cache } from '../../../src/cache/contract.ts';
import { createCacheOn } from '../../../src/cache/create-cache.ts';
import { type DropInOptions, type TidegateCache, tidegateCache } from '../../../src/orm/drizzle/index.ts';
import { startedPglite } from '../../kit/pglite.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';

/** Holds statements before they are sent, or their results before they are handed on. */
export class Gate {
  readonly #holds: {
    readonly pattern: RegExp;
    readonly point: 'before' | 'after';
    readonly released: Promise<void>;
    reached: () => void;
  }[] = [];
  /** Statements that reached the database. */
  readonly asked: string[] = [];

  /** The next statement that matches is held there until released. */
  hold(pattern: RegExp, point: 'before' | 'after'): { readonly reached: Promise<void>; readonly release: () => void } {
    const release = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    this.#holds.push({ pattern, point, released: release.promise, reached: reached.resolve });
    return { reached: reached.promise, release: release.resolve };
  }

  async run<T>(sql: string, work: () => T | Promise<T>): Promise<T> {
    await this.#pass(sql, 'before');
    this.asked.push(sql);
    const result = await work();
    await this.#pass(sql, 'after');
    return result;
  }

  async #pass(sql: string, point: 'before' | 'after'): Promise<void> {
    const at = this.#holds.findIndex((hold) => hold.point === point && hold.pattern.test(sql));
    if (at < 0) return;
    const [hold] = this.#holds.splice(at, 1);
    hold?.reached();
    await hold?.released;
  }
}

/** The types of 0.45 for SQLite serve for all: the builders have the same form. */
export type Db = ReturnType<typeof sqliteProxy45<Record<string, never>>>;
type Core = typeof sqlite45;

export interface Opened {
  readonly db: Db;
  readonly gate: Gate;
  readonly close: () => Promise<void>;
}

export interface Backend {
  readonly name: string;
  readonly version: '0.45' | '1.0';
  readonly isSqlite: boolean;
  /** Whether readers see a transaction's writes only after its commit: there is more than one connection. */
  readonly hasConnections: boolean;
  readonly tables: ReturnType<typeof tablesOf>;
  open(cache: DrizzleCache): Promise<Opened>;
}

export const DDL = [
  'create table users (id integer primary key, name text not null)',
  'create table posts (id integer primary key, user_id integer not null)',
];

function tablesOf(core: Core) {
  const users = core.sqliteTable('users', { id: core.integer('id').primaryKey(), name: core.text('name').notNull() });
  const posts = core.sqliteTable('posts', {
    id: core.integer('id').primaryKey(),
    userId: core.integer('user_id').notNull(),
  });
  const everyone = core.sqliteView('everyone').as((query) => query.select().from(users));
  return { users, posts, everyone };
}

function pgTablesOf(core: typeof pg45) {
  const users = core.pgTable('users', { id: core.integer('id').primaryKey(), name: core.text('name').notNull() });
  const posts = core.pgTable('posts', {
    id: core.integer('id').primaryKey(),
    userId: core.integer('user_id').notNull(),
  });
  const everyone = core.pgView('everyone').as((query) => query.select().from(users));
  return { users, posts, everyone } as unknown as ReturnType<typeof tablesOf>;
}

function openSqlite(cache: DrizzleCache, version: Backend['version']): Opened {
  const database = new DatabaseSync(':memory:');
  for (const statement of DDL) database.exec(statement);
  database.exec('create view everyone as select * from users');
  const gate = new Gate();
  const ask = (method: string) => (sql: string, params: unknown[]) =>
    gate.run(sql, () => {
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      const values = params as (string | number)[];
      if (method === 'run') return statement.run(...values);
      return method === 'get' ? statement.get(...values) : statement.all(...values);
    });
  const db45 = () =>
    sqliteProxy45(async (sql, params, method) => ({ rows: (await ask(method)(sql, params)) as unknown[] }), { cache });
  const db1 = () => {
    const executors = { all: ask('all'), get: ask('get'), run: ask('run') };
    return sqliteProxy1(executors as never, { cache } as never) as unknown;
  };
  return { db: (version === '0.45' ? db45() : db1()) as Db, gate, close: async () => database.close() };
}

let files = 0;

async function openLibsql(cache: DrizzleCache, version: Backend['version']): Promise<Opened> {
  const file = join(tmpdir(), `tidegate-drizzle-${process.pid}-${files++}.db`);
  const client = createClient({ url: `file:${file}` });
  await client.execute('pragma journal_mode = wal');
  await client.batch([...DDL, 'create view everyone as select * from users']);
  const gate = new Gate();
  const gated = new Proxy(client, {
    get(target, name) {
      if (name !== 'execute') return Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name);
      return (statement: { sql: string }) => gate.run(statement.sql, () => target.execute(statement));
    },
  });
  const db = version === '0.45' ? libsql45(gated, { cache }) : libsql1({ client: gated, cache } as never);
  const close = async () => {
    client.close();
    for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
  };
  return { db: db as unknown as Db, gate, close };
}

/** Making one takes seconds, so they are used again. */
const idle: PGlite[] = [];

async function openPglite(cache: DrizzleCache, version: Backend['version']): Promise<Opened> {
  const client = idle.pop() ?? (await newPglite());
  const gate = new Gate();
  const gated = new Proxy(client, {
    get(target, name) {
      if (name === 'query') return (sql: string, ...rest: []) => gate.run(sql, () => target.query(sql, ...rest));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const db = version === '0.45' ? pglite45({ client: gated, cache }) : pglite1({ client: gated, cache } as never);
  const close = async () => {
    await client.exec('truncate users, posts');
    idle.push(client);
  };
  return { db: db as unknown as Db, gate, close };
}

async function newPglite(): Promise<PGlite> {
  const client = await startedPglite();
  await client.exec([...DDL, 'create view everyone as select * from users'].join(';'));
  return client;
}

export async function closeBackends(): Promise<void> {
  for (const client of idle.splice(0)) await client.close();
}

const sqliteTables = { '0.45': tablesOf(sqlite45), '1.0': tablesOf(sqlite1 as unknown as Core) };
export const pgTables = { '0.45': pgTablesOf(pg45), '1.0': pgTablesOf(pg1 as unknown as typeof pg45) };

export const backends: readonly Backend[] = (['0.45', '1.0'] as const).flatMap((version) => [
  {
    ...{ name: 'node:sqlite', version, isSqlite: true, hasConnections: false, tables: sqliteTables[version] },
    open: async (cache: DrizzleCache) => openSqlite(cache, version),
  },
  {
    ...{ name: 'libSQL', version, isSqlite: true, hasConnections: true, tables: sqliteTables[version] },
    open: (cache: DrizzleCache) => openLibsql(cache, version),
  },
  {
    ...{ name: 'PGlite', version, isSqlite: false, hasConnections: false, tables: pgTables[version] },
    open: (cache: DrizzleCache) => openPglite(cache, version),
  },
]);

/** What Drizzle's hook asks for, and no more: what is told is believed. */
export class NaiveCache extends DrizzleCache {
  readonly #entries = new Map<string, unknown[]>();
  readonly #keysByTable = new Map<string, Set<string>>();
  readonly #strategy: 'all' | 'explicit';

  constructor(strategy: 'all' | 'explicit') {
    super();
    this.#strategy = strategy;
  }

  override strategy() {
    return this.#strategy;
  }

  override async get(key: string): Promise<unknown[] | undefined> {
    return this.#entries.get(key);
  }

  override async put(key: string, response: unknown[], tables: string[]): Promise<void> {
    this.#entries.set(key, response);
    for (const table of tables) this.#keysByTable.set(table, (this.#keysByTable.get(table) ?? new Set()).add(key));
  }

  override async onMutate({ tags = [], tables = [] }: { tags?: string | string[]; tables?: unknown }): Promise<void> {
    for (const tag of [tags].flat()) this.#entries.delete(tag);
    for (const table of [tables].flat()) {
      for (const key of this.#keysByTable.get(table as string) ?? []) this.#entries.delete(key);
    }
  }
}

export interface Ours {
  readonly time: SimulatedTime;
  readonly cache: Cache;
  readonly hook: TidegateCache;
  readonly faults: unknown[];
}

export function ours(options: Partial<DropInOptions> = {}, on?: Pick<Ours, 'time' | 'cache'>): Ours {
  const time = on?.time ?? new SimulatedTime();
  const cache = on?.cache ?? createCacheOn({}, { clock: time, tasks: time, random: () => 0.5, epoch: 'e' });
  const faults: unknown[] = [];
  const hook = tidegateCache(cache, {
    ...{ database: 'app', strategy: 'all', ports: { clock: time, tasks: time } },
    onFault: (error) => faults.push(error),
    ...options,
  });
  return { time, cache, hook, faults };
}

/** Lets all that can go on go on, without time passing. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const opened: Opened[] = [];

export async function closeOpened(): Promise<void> {
  for (const one of opened.splice(0)) await one.close();
}

/** With one user: 1, called old. */
export async function open(backend: Backend, cache: DrizzleCache): Promise<Opened> {
  const one = await backend.open(cache);
  opened.push(one);
  await one.db.insert(backend.tables.users).values({ id: 1, name: 'old' });
  return one;
}

/** Without those of before. */
export async function openOnly(backend: Backend, cache: DrizzleCache): Promise<Opened> {
  await closeOpened();
  return open(backend, cache);
}

/** Some databases take long to make, and are used again: no test is to wait for them. */
export async function warm(backend: Backend): Promise<void> {
  const two = [await backend.open(new NaiveCache('explicit')), await backend.open(new NaiveCache('explicit'))];
  for (const one of two) await one.close();
}
