// The same worlds with a candidate of drizzle-orm 1.0, and those whose driver answers at once.

import { DatabaseSync } from 'node:sqlite';
import { createClient } from '@libsql/client';
import Database from 'better-sqlite3';
import { drizzle as drizzleBetter } from 'drizzle-orm/better-sqlite3';
import type * as pgCore from 'drizzle-orm/pg-core';
import type * as liteCore from 'drizzle-orm/sqlite-core';
import { defineRelations, eq, exists, inArray, sql } from 'drizzle-orm-next';
import { drizzle as drizzleBetterNext } from 'drizzle-orm-next/better-sqlite3';
import { drizzle as drizzleLibsqlNext } from 'drizzle-orm-next/libsql';
import { drizzle as drizzleNodeSqliteNext } from 'drizzle-orm-next/node-sqlite';
import * as pgNext from 'drizzle-orm-next/pg-core';
import { drizzle as drizzlePgliteNext } from 'drizzle-orm-next/pglite';
import * as liteNext from 'drizzle-orm-next/sqlite-core';
import { gatedPglite } from './worlds.ts';
import {
  type Base,
  DROPPED,
  LITE_TABLES,
  liteSchema,
  liteTablesOf,
  type Orm,
  orm,
  type PgSchema,
  pgTablesOf,
} from './wrapped-kit.ts';

interface NextQuery {
  readonly query: {
    readonly users: { findMany(config: object): PromiseLike<unknown>; findFirst(config: object): PromiseLike<unknown> };
  };
}

const ormNext: Orm = {
  ...({ eq, exists, inArray, sql } as unknown as Orm),
  usersWithPosts: (db) =>
    (db as unknown as NextQuery).query.users.findMany({ with: { posts: true }, orderBy: { id: 'asc' } }),
  firstUser: (db, id) => (db as unknown as NextQuery).query.users.findFirst({ where: { id } }),
};

const pgTables = pgTablesOf(pgNext as unknown as typeof pgCore);
const liteTables = liteTablesOf(liteNext as unknown as typeof liteCore);

/** What Drizzle needs of each table for `defineRelations`, whose types are those of the other copy. */
function relationsOf(tables: { readonly users: unknown; readonly posts: unknown; readonly audit: unknown }) {
  const { users, posts, audit } = tables as { users: pgNext.PgTable; posts: pgNext.PgTable; audit: pgNext.PgTable };
  const define = defineRelations as unknown as (schema: object, make: (r: Relations) => object) => never;
  return define({ users, posts, audit }, (r) => ({
    users: { posts: r.many.posts() },
    posts: { user: r.one.users({ from: r.posts.userId, to: r.users.id }) },
  }));
}

interface Relations {
  readonly many: { posts(): unknown };
  readonly one: { users(of: object): unknown };
  readonly posts: { readonly userId: unknown };
  readonly users: { readonly id: unknown };
}

export async function openPgliteNext(): Promise<Base> {
  const { client, held, gate } = await gatedPglite();
  return {
    orm: ormNext,
    db: drizzlePgliteNext({ client: held, relations: relationsOf(pgTables) }),
    schema: pgTables as unknown as PgSchema,
    kind: 'pg',
    behind: (text) => client.exec(text),
    gate,
    hasTransactions: true,
    hasBatch: false,
    hasOwnConnections: false,
    close: () => undefined,
  };
}

export async function openLibsqlNext(path: string): Promise<Base> {
  const client = createClient({ url: `file:${path}` });
  for (const text of [...DROPPED, ...LITE_TABLES]) await client.execute(text);
  return {
    orm: ormNext,
    db: drizzleLibsqlNext({ client, relations: relationsOf(liteTables) }),
    schema: liteTables as unknown as PgSchema,
    kind: 'sqlite',
    behind: (text) => client.execute(text),
    hasTransactions: true,
    hasBatch: true,
    hasOwnConnections: true,
    close: () => client.close(),
  };
}

const SYNC = { kind: 'sqlite', hasTransactions: false, hasBatch: false, hasOwnConnections: false } as const;

export async function openBetterSqlite(): Promise<Base> {
  const client = new Database(':memory:');
  for (const text of LITE_TABLES) client.exec(text);
  const db = drizzleBetter(client, { schema: liteSchema });
  const schema = liteSchema as unknown as PgSchema;
  return { ...SYNC, orm, db, schema, behind: (text) => client.exec(text), close: () => client.close() };
}

export async function openBetterSqliteNext(): Promise<Base> {
  const client = new Database(':memory:');
  for (const text of LITE_TABLES) client.exec(text);
  const db = drizzleBetterNext({ client, relations: relationsOf(liteTables) });
  const schema = liteTables as unknown as PgSchema;
  return { ...SYNC, orm: ormNext, db, schema, behind: (text) => client.exec(text), close: () => client.close() };
}

export async function openNodeSqliteNext(): Promise<Base> {
  const client = new DatabaseSync(':memory:');
  for (const text of LITE_TABLES) client.exec(text);
  const db = drizzleNodeSqliteNext({ client, relations: relationsOf(liteTables) });
  const schema = liteTables as unknown as PgSchema;
  return { ...SYNC, orm: ormNext, db, schema, behind: (text) => client.exec(text), close: () => client.close() };
}
