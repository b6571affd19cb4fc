// Connections that are not to the database that is followed: a real standby, another database, another server.

import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createTracker, postgresDatabase, type Tracker } from '../../src/track/index.ts';
import { connected, freshDatabase, type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { atEnd, NotingTarget, tagsReadBy } from './world.ts';

let server: PostgresServer;
let standby: PostgresServer;
let tracker: Tracker;
const faults: unknown[] = [];
const TABLE = "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Lane')";
const READ = 'SELECT name FROM users WHERE id = 1';

beforeAll(async () => {
  server = await startServer();
  const client = await connected(server.url);
  await client.query(TABLE);
  await client.end();
  tracker = createTracker({
    source: 'shop',
    database: postgresDatabase({ connection: server.url, slot: 'shop', publication: 'shop', install: true }),
    targets: [new NotingTarget()],
    onFault: (error) => faults.push(error),
  });
  await tracker.start();
  standby = await server.standby();
}, 60_000);
afterAll(async () => {
  await tracker?.stop();
  await standby?.stop();
  await server?.stop();
}, 30_000);

async function reasonsOf(url: string) {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on('error', () => undefined);
  // One that is ending may hear that the server is, too.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  atEnd(() => Promise.all([pool.end(), sql.end()]));
  const [ofPg, ofSql] = [tracker.wrap(pool), tracker.wrap(sql)];
  const reads = [() => ofPg.query(READ), () => ofSql.unsafe(READ)];
  return await Promise.all(reads.map(async (read) => (await tagsReadBy(tracker, read)).reasons));
}

it('the primary', async () => {
  expect(await reasonsOf(server.url)).toEqual([[], []]);
});

it('a standby', async () => {
  await vi.waitFor(async () => {
    const client = await connected(standby.url);
    expect((await client.query(READ)).rows).toEqual([{ name: 'Lane' }]);
    await client.end();
  });
  const reason = 'replica: a standby, which may be behind; read from the primary';
  expect(await reasonsOf(standby.url)).toEqual([[reason], [reason]]);
});

it('another database of the server, and another server', async () => {
  const url = await freshDatabase(server, 'other');
  const client = await connected(url);
  await client.query(TABLE);
  await client.end();
  const reason = 'other-database: another database than the one that is followed';
  expect(await reasonsOf(url)).toEqual([[reason], [reason]]);
  const elsewhere = await startServer();
  atEnd(() => elsewhere.stop());
  const there = await connected(elsewhere.url);
  await there.query(TABLE);
  await there.end();
  expect(await reasonsOf(elsewhere.url)).toEqual([[reason], [reason]]);
});

it('a standby that was made the primary of another timeline', async () => {
  const client = await connected(standby.url);
  await client.query('SELECT pg_promote()');
  await client.end();
  const [reasons] = await reasonsOf(standby.url);
  expect(reasons).toEqual([expect.stringMatching(/^other-database/)]);
  // Each once, with its mend.
  expect(faults.map(String)).toEqual([
    expect.stringContaining('got a standby, which may be behind; read from the primary'),
    expect.stringContaining('got another database than the one that is followed'),
  ]);
  expect(tracker.status().problems).toHaveLength(2);
});
