// What the tests of `withTidegate` are run with: two schemas of the same tables, and a world for each database.
//
// The one complication: types. Databases of PostgreSQL and SQLite have different types and the same methods; the suite
// knows them as one of them.

import { eq, exists, inArray, relations, sql } from 'drizzle-orm';
import * as pgCore from 'drizzle-orm/pg-core';
import type { PgliteDatabase } from 'drizzle-orm/pglite';
import * as liteCore from 'drizzle-orm/sqlite-core';
import { type Cache, createCache } from '../../../src/index.ts';
import type { Sound, SoundOptions } from '../../../src/orm/drizzle/options.ts';
import { assembled, type SoundParts } from '../../../src/orm/drizzle/with-tidegate.ts';

/** The tables, made with this copy of drizzle-orm. */
export function pgTablesOf(pg: typeof pgCore) {
  const users = pg.pgTable('users', {
    id: pg.integer('id').primaryKey(),
    name: pg.text('name').notNull(),
    born: pg.timestamp('born', { mode: 'date' }),
    picture: pg.customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })('picture'),
    big: pg.bigint('big', { mode: 'bigint' }),
    data: pg.jsonb('data'),
  });
  const posts = pg.pgTable('posts', {
    id: pg.integer('id').primaryKey(),
    userId: pg
      .integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    title: pg.text('title').notNull(),
  });
  const audit = pg.pgTable('audit', { id: pg.integer('id').primaryKey(), what: pg.text('what').notNull() });
  const named = pg.pgView('named').as((qb) => qb.select({ id: users.id, name: users.name }).from(users));
  return { users, posts, audit, named };
}

function pgObjects() {
  const tables = pgTablesOf(pgCore);
  const { users, posts } = tables;
  const usersRelations = relations(users, ({ many }) => ({ posts: many(posts) }));
  const postsRelations = relations(posts, ({ one }) => ({
    user: one(users, { fields: [posts.userId], references: [users.id] }),
  }));
  return { ...tables, usersRelations, postsRelations };
}

export const pgSchema = pgObjects();
export type PgSchema = typeof pgSchema;

export function liteTablesOf(lite: typeof liteCore) {
  const users = lite.sqliteTable('users', {
    id: lite.integer('id').primaryKey(),
    name: lite.text('name').notNull(),
    born: lite.integer('born', { mode: 'timestamp_ms' }),
    picture: lite.blob('picture', { mode: 'buffer' }),
    big: lite.blob('big', { mode: 'bigint' }),
    data: lite.text('data', { mode: 'json' }),
  });
  const posts = lite.sqliteTable('posts', {
    id: lite.integer('id').primaryKey(),
    userId: lite
      .integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    title: lite.text('title').notNull(),
  });
  const audit = lite.sqliteTable('audit', { id: lite.integer('id').primaryKey(), what: lite.text('what').notNull() });
  const named = lite.sqliteView('named').as((qb) => qb.select({ id: users.id, name: users.name }).from(users));
  return { users, posts, audit, named };
}

function liteObjects() {
  const tables = liteTablesOf(liteCore);
  const { users, posts } = tables;
  const usersRelations = relations(users, ({ many }) => ({ posts: many(posts) }));
  const postsRelations = relations(posts, ({ one }) => ({
    user: one(users, { fields: [posts.userId], references: [users.id] }),
  }));
  return { ...tables, usersRelations, postsRelations };
}

export const liteSchema = liteObjects();

/** As the suite sees every database. */
export type Db = PgliteDatabase<PgSchema>;
export type SoundDb = Db & Sound<Db>;

export const PG_TABLES = [
  'create table users (id integer primary key, name text not null, born timestamp, picture bytea, big bigint, data jsonb)',
  'create table posts (id integer primary key, user_id integer not null references users(id) on delete cascade, title text not null)',
  'create table audit (id integer primary key, what text not null)',
  'create view named as select id, name from users',
];
export const LITE_TABLES = [
  'pragma foreign_keys = on',
  'create table users (id integer primary key, name text not null, born integer, picture blob, big blob, data text)',
  'create table posts (id integer primary key, user_id integer not null references users(id) on delete cascade, title text not null)',
  'create table audit (id integer primary key, what text not null)',
  'create view named as select id, name from users',
];
export const DROPPED = [
  'drop view if exists named',
  'drop table if exists audit',
  'drop table if exists posts',
  'drop table if exists users',
];

/** Where a test may hold a statement: awaited before it is sent, and after the database has answered. */
export interface Gate {
  before?: ((text: string) => Promise<void> | undefined) | undefined;
  after?: ((text: string) => Promise<void> | undefined) | undefined;
}

export async function gated<T>(gate: Gate, text: string, run: () => T | Promise<T>): Promise<T> {
  await gate.before?.(text);
  try {
    return await run();
  } finally {
    await gate.after?.(text);
  }
}

/** What 0.45 and 1.0 each have of their own. */
export interface Orm {
  readonly eq: typeof eq;
  readonly exists: typeof exists;
  readonly inArray: typeof inArray;
  readonly sql: typeof sql;
  readonly usersWithPosts: (db: Db) => PromiseLike<unknown>;
  readonly firstUser: (db: Db, id: number) => PromiseLike<unknown>;
}

export const orm: Orm = {
  eq,
  exists,
  inArray,
  sql,
  usersWithPosts: (db) => db.query.users.findMany({ with: { posts: true }, orderBy: (users) => users.id }),
  firstUser: (db, id) => db.query.users.findFirst({ where: (users, operators) => operators.eq(users.id, id) }),
};

/** A database with the tables, empty. */
export interface Base {
  readonly orm: Orm;
  /** A database object of drizzle(). */
  readonly db: object;
  readonly schema: PgSchema;
  readonly kind: 'pg' | 'sqlite';
  /** Past everything that is tested. */
  readonly behind: (text: string) => unknown;
  /** Undefined: statements of this driver cannot be held. */
  readonly gate?: Gate;
  readonly hasTransactions: boolean;
  readonly hasBatch: boolean;
  /** A transaction runs on a connection of its own, so others can read meanwhile. */
  readonly hasOwnConnections: boolean;
  readonly close: () => unknown;
}

export interface World extends Base {
  readonly sound: SoundDb;
  readonly cache: Cache;
  readonly faults: unknown[];
}

/** Failures of the cache, switched on by a test. */
export interface Failing {
  get?: boolean;
  set?: boolean;
  invalidate?: boolean;
  stamp?: boolean;
}

export function failingCache(cache: Cache, failing: Failing): Cache {
  const fails = (name: keyof Failing) => failing[name] === true;
  return new Proxy(cache, {
    get(target, name, receiver) {
      if (name === 'stamp' && fails('stamp'))
        return () => {
          throw new Error('stamp fails');
        };
      if (name === 'get' && fails('get'))
        return () => {
          throw new Error('get fails');
        };
      if (name === 'set' && fails('set')) return () => Promise.reject(new Error('set fails'));
      if (name === 'invalidate' && fails('invalidate')) return () => Promise.reject(new Error('invalidate fails'));
      const value: unknown = Reflect.get(target, name, receiver);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

export function worldOf(base: Base, options: Partial<SoundOptions> = {}, parts: SoundParts = {}): World {
  const cache = options.cache ?? createCache({ name: 'test' });
  const faults: unknown[] = [];
  const sound = assembled(
    base.db as Db,
    { cache, database: 'test', strategy: 'all', onFault: (error) => faults.push(error), ...options },
    parts,
  );
  let isClosed = false;
  const close = async () => {
    if (!isClosed) await base.close();
    isClosed = true;
  };
  return { ...base, sound, cache, faults, close };
}

/** Raw SQL through the database object, whatever its dialect calls that. */
export async function execute(db: object, statement: ReturnType<typeof sql>): Promise<unknown> {
  const { execute, run } = db as { execute?: (query: unknown) => unknown; run?: (query: unknown) => unknown };
  return typeof execute === 'function' ? await execute.call(db, statement) : await run?.call(db, statement);
}

export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('expected a value, got none');
  return value;
}
