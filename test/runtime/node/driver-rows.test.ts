// Rows and results of real PostgreSQL, by postgres.js and pg, as values of a data cache: what the first caller is given, what a
// hit gives, and what a slower tier gives are equal, and equal to what the driver gave.

import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCache } from '../../../src/cache/create-cache.ts';
import { storeTier } from '../../../src/cache/store-tier.ts';
import { freshDatabase, type PostgresServer, startServer } from '../../feed/postgres-kit.ts';

const QUERY = `SELECT n AS id, 'User ' || n AS name, n::bigint AS big, n::float8 / 4 AS score, n % 2 = 0 AS even, NULL AS none,
  timestamptz '2026-11-23 01:02:03Z' + n * interval '1 hour' AS at, ARRAY['a', 'b'] AS list, '{"a":[1]}'::jsonb AS json, '\\x01ff'::bytea AS bytes
  FROM generate_series(1, 3) AS n`;

let server: PostgresServer;
let url: string;
beforeAll(async () => {
  server = await startServer();
  url = await freshDatabase(server, 'rows');
}, 60_000);
afterAll(() => server?.stop());

/** The value of each caller: of the fill, of a hit in memory, and of the tier below. */
async function given<T>(fill: () => Promise<T>): Promise<T[]> {
  const map = new Map<string, Uint8Array>();
  const store = {
    get: async (key: string) => map.get(key),
    put: async (key: string, bytes: Uint8Array) => void map.set(key, bytes),
    delete: async (keys: readonly string[]) => keys.filter((key) => map.delete(key)).length,
  };
  const tier = () => storeTier({ name: 'slow', store });
  const fault = (error: unknown) => expect.fail(String(error));
  const first = createCache({ tiers: [tier()], memory: false, onFault: fault });
  const own = createCache({ onFault: fault });
  const never = () => Promise.reject(new Error('expected a hit'));
  const values = [await first.getOrSet('k', fill), await first.getOrSet('k', never)];
  values.push(await own.getOrSet('k', fill), await own.getOrSet('k', never));
  await Promise.all([first.close(), own.close()]);
  return values as T[];
}

test('rows of postgres.js', async () => {
  const sql = postgres(url);
  const rows = [...(await sql.unsafe(QUERY))];
  const all = await given(async () => sql.unsafe(QUERY));
  expect(all).toStrictEqual([rows, rows, rows, rows]);
  const row = await given(async () => (await sql.unsafe(QUERY))[1]);
  expect(row).toStrictEqual([rows[1], rows[1], rows[1], rows[1]]);
  await sql.end();
});

test('results of pg, and their rows', async () => {
  const pool = new pg.Pool({ connectionString: url });
  const { rows, fields, rowCount, command, oid } = await pool.query(QUERY);
  const plain = { command, rowCount, oid, rows, fields: fields.map((field) => ({ ...field })) };
  expect(await given(() => pool.query(QUERY))).toStrictEqual([plain, plain, plain, plain]);
  expect(await given(async () => (await pool.query(QUERY)).rows)).toStrictEqual([rows, rows, rows, rows]);
  const lists = await given(() => pool.query({ text: QUERY, rowMode: 'array' }));
  expect(lists[1]?.rows).toStrictEqual(rows.map((row) => Object.values(row)));
  await pool.end();
});
