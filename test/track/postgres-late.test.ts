// Tables that are made later, and what installing warns of, on real PostgreSQL.

import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createTracker, postgresDatabase } from '../../src/track/index.ts';
import { connected, freshDatabase, type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { NotingTarget } from './world.ts';

let server: PostgresServer;
const wait = { timeout: 10_000, interval: 20 };
beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(() => server?.stop());

it.each(['replication', 'triggers'] as const)(
  'a table made later is named, or taken up where it installs: %s',
  async (mode) => {
    const url = await freshDatabase(server, `late_${mode}`);
    const client = await connected(url);
    const faults: unknown[] = [];
    await client.query('CREATE TABLE early (id int PRIMARY KEY)');
    const names = { slot: `late_${mode}`, publication: 'late' };
    const open = async (install: boolean) => {
      const told = new NotingTarget();
      const database = postgresDatabase({
        connection: url,
        install,
        ...(mode === 'triggers' ? { mode, heartbeat: 50 } : names),
      });
      const own = createTracker({ source: 'late', database, targets: [told], onFault: (error) => faults.push(error) });
      await own.start();
      return { own, told, db: own.wrap(new pg.Pool({ connectionString: url, max: 1 })) };
    };
    await (await open(true)).own.stop();
    const named = await open(false);
    const reasonsOf = async ({ own, db }: typeof named, sql: string) => {
      const scope = own.openScope();
      await scope.run(() => db.query(sql));
      return scope.finish();
    };
    await client.query('CREATE TABLE later (id int PRIMARY KEY)');
    const left = 'expected changes of public.later to be told, got it left out: install the feed';
    await vi.waitFor(() => expect(named.own.status().feed?.problems).toEqual([left]), wait);
    await vi.waitFor(
      async () => expect((await reasonsOf(named, 'SELECT * FROM later')).reasons).toEqual(['uncovered-table: later']),
      wait,
    );
    await named.own.stop();
    await named.db.end();
    const taking = await open(true);
    await client.query('CREATE TABLE latest (id int PRIMARY KEY)');
    const read = () => reasonsOf(taking, 'SELECT * FROM latest');
    await vi.waitFor(async () => expect((await read()).reasons).toEqual([]), wait);
    const { tags } = await read();
    taking.told.tags.clear();
    await client.query('INSERT INTO latest VALUES (1)');
    await taking.own.settled();
    expect(tags.some((tag) => taking.told.tags.has(tag))).toBe(true);
    expect(taking.own.status().feed?.problems).toEqual([]);
    await taking.own.stop();
    await taking.db.end();
    await client.end();
    expect(faults).toEqual([]);
  },
);

it('without a bound on what the slot keeps, installing tells that the log can fill the disk', async () => {
  const unbounded = await startServer('max_slot_wal_keep_size=-1');
  const warned: Error[] = [];
  const own = createTracker({
    source: 'unbounded',
    database: postgresDatabase({ connection: unbounded.url, slot: 'u', publication: 'u', install: true }),
    targets: [],
    onFault: (error) => warned.push(error as Error),
  });
  await own.start();
  await own.stop();
  await unbounded.stop();
  expect(warned.map(({ message }) => message)).toEqual([expect.stringContaining('max_slot_wal_keep_size')]);
});
