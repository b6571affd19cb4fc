// The databases the suite runs on, each opened empty.

import { DatabaseSync } from 'node:sqlite';
import type { PGlite } from '@electric-sql/pglite';
import { createClient } from '@libsql/client';
import { drizzle as drizzleLibsql } from 'drizzle-orm/libsql';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { drizzle as drizzleProxy } from 'drizzle-orm/sqlite-proxy';
import { startedPglite } from '../../kit/pglite.ts';
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

/** One for all tests of a file: it takes seconds to start. */
let shared: Promise<PGlite> | undefined;

export async function startPglite(): Promise<void> {
  shared ??= startedPglite();
  await shared;
}

/** Emptied, and behind a gate. */
export async function gatedPglite(): Promise<{ readonly client: PGlite; readonly held: PGlite; readonly gate: Gate }> {
  shared ??= startedPglite();
  const client = await shared;
  for (const text of [...DROPPED, ...PG_TABLES]) await client.exec(text);
  const gate: Gate = {};
  const held = new Proxy(client, {
    get(target, name) {
      if (name === 'query')
        return (text: string, ...rest: [unknown[]?, object?]) => gated(gate, text, () => target.query(text, ...rest));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { client, held, gate };
}

export async function openPglite(): Promise<Base> {
  const { client, held, gate } = await gatedPglite();
  return {
    orm,
    db: drizzlePglite(held, { schema: pgSchema }),
    schema: pgSchema,
    kind: 'pg',
    behind: (text) => client.exec(text),
    gate,
    hasTransactions: true,
    hasBatch: false,
    hasOwnConnections: false,
    close: () => undefined,
  };
}

/** node:sqlite, through Drizzle's proxy driver. */
export async function openNodeSqlite(): Promise<Base> {
  const client = new DatabaseSync(':memory:');
  for (const text of LITE_TABLES) client.exec(text);
  const gate: Gate = {};
  const call = (text: string, params: readonly unknown[], method: string) => {
    const statement = client.prepare(text);
    if (method === 'run') return { rows: [statement.run(...(params as string[]))] };
    statement.setReturnArrays(true);
    const rows = statement.all(...(params as string[])) as unknown as unknown[][];
    return method === 'get' ? { rows: rows[0] as unknown as unknown[] } : { rows };
  };
  const db = drizzleProxy(
    (text, params, method) => gated(gate, text, () => call(text, params, method)),
    async (queries) => queries.map(({ sql, params, method }) => call(sql, params, method)),
    { schema: liteSchema },
  );
  return {
    orm,
    db,
    schema: liteSchema as unknown as PgSchema,
    kind: 'sqlite',
    behind: (text) => client.exec(text),
    gate,
    hasTransactions: true,
    hasBatch: true,
    hasOwnConnections: false,
    close: () => client.close(),
  };
}

export async function openLibsql(path: string): Promise<Base> {
  const client = createClient({ url: `file:${path}` });
  for (const text of [...DROPPED, ...LITE_TABLES]) await client.execute(text);
  const gate: Gate = {};
  const held = new Proxy(client, {
    get(target, name) {
      if (name === 'execute') {
        return (statement: { sql: string; args: [] }) => gated(gate, statement.sql, () => target.execute(statement));
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    orm,
    db: drizzleLibsql(held, { schema: liteSchema }),
    schema: liteSchema as unknown as PgSchema,
    kind: 'sqlite',
    behind: (text) => client.execute(text),
    gate,
    hasTransactions: true,
    hasBatch: true,
    hasOwnConnections: true,
    close: () => client.close(),
  };
}
