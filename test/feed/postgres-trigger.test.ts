// What the feed by triggers promises beyond the contract.

import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { nodePostgres } from '../../src/feed/postgres/session.ts';
import { createPostgresTriggerFeed } from '../../src/feed/postgres/trigger/feed.ts';
import {
  installPostgresTriggers,
  postgresTriggerStatus,
  removePostgresTriggers,
} from '../../src/feed/postgres/trigger/install.ts';
import { recordCells, triggerPlace, triggerPosition } from '../../src/feed/postgres/trigger/log.ts';
import { Heard } from '../contract/change-feed.ts';
import {
  connected,
  freshDatabase,
  type PostgresServer,
  shapesOf,
  startServer,
  systemClock,
  systemTasks,
  withSession,
} from './postgres-kit.ts';

let server: PostgresServer;
let databases = 0;
const ends: (() => Promise<unknown>)[] = [];
const wait = { timeout: 10_000, interval: 5 };

beforeAll(async () => {
  server = await startServer();
  const client = await connected(server.url);
  await client.query(`CREATE ROLE plain LOGIN PASSWORD 'password'; GRANT plain TO postgres`);
  await client.end();
}, 60_000);
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => server?.stop());

async function begin({
  heartbeatMs = 40,
  maxChanges = 1_000,
  tables = ['CREATE TABLE t (id int PRIMARY KEY, v text)'],
} = {}) {
  const url = (await freshDatabase(server, `trigger_${++databases}`)).replace('postgres:password', 'plain:password');
  const owner = await connected(url.replace('plain:password', 'postgres:password'));
  await owner.query(`ALTER DATABASE trigger_${databases} OWNER TO plain; ALTER SCHEMA public OWNER TO plain`);
  const client = async () => {
    const made = await connected(url);
    ends.push(() => made.end());
    return made;
  };
  ends.push(() => owner.end());
  const [writer, catalogue] = [await client(), await client()];
  for (const table of tables) await writer.query(table);
  await withSession(url, (session) => installPostgresTriggers(session, { tables: 'all', notifies: true }));
  const make = () => {
    const feed = createPostgresTriggerFeed({
      connect: nodePostgres(url),
      shapeOf: shapesOf(catalogue),
      clock: systemClock,
      tasks: systemTasks,
      heartbeatMs,
      maxChanges,
    });
    ends.push(() => feed.stop());
    return feed;
  };
  const [feed, heard] = [make(), new Heard()];
  await feed.start(undefined, heard);
  return { url, owner, writer, client, make, feed, heard };
}

const hears = (heard: Heard, lines: readonly string[]) => vi.waitFor(() => expect(heard.lines).toEqual(lines), wait);

test('a transaction that commits late is told, though its rows have lower numbers', async () => {
  const { writer, client, heard, feed, make } = await begin();
  const late = await client();
  await late.query('BEGIN');
  await late.query(`INSERT INTO t VALUES (1, 'late')`);
  await writer.query(`INSERT INTO t VALUES (2, 'soon')`);
  await hears(heard, ['insert t 2,soon']);
  feed.acknowledge(heard.position as string);
  await late.query('COMMIT');
  await hears(heard, ['insert t 2,soon', 'insert t 1,late']);
  // Also to one who begins where the first was told.
  const again = new Heard();
  await feed.stop();
  await make().start(heard.sets[0]?.position, again);
  await hears(again, ['insert t 1,late']);
  expect(again.gaps).toEqual([]);
});

test('a position between two transactions of one look resumes between them', async () => {
  const { writer, heard, feed, make } = await begin({ heartbeatMs: 5_000 });
  const { promise, resolve } = Promise.withResolvers<void>();
  heard.hold = promise;
  await writer.query(`INSERT INTO t VALUES (0, 'held')`);
  await vi.waitFor(() => expect(heard.lines).toHaveLength(1), wait);
  for (const id of [1, 2, 3, 4]) await writer.query(`INSERT INTO t VALUES (${id}, 'x')`);
  heard.hold = undefined;
  resolve();
  await vi.waitFor(() => expect(heard.lines).toHaveLength(5), wait);
  await feed.stop();
  const positions = heard.sets.map((set) => set.position);
  expect(positions.toSorted()).toEqual(positions);
  const again = new Heard();
  await make().start(positions[2], again);
  await hears(again, ['insert t 3,x', 'insert t 4,x']);
});

test('tells the transaction that a snapshot tells of', async () => {
  const { writer, heard } = await begin();
  await writer.query('BEGIN');
  await writer.query(`INSERT INTO t VALUES (1, 'x')`);
  const { rows } = await writer.query<{ transaction: string }>('SELECT pg_current_xact_id()::text AS transaction');
  await writer.query('COMMIT');
  await hears(heard, ['insert t 1,x']);
  expect(heard.sets[0]?.transaction).toBe(BigInt(rows[0]?.transaction as string));
});

test('more rows than it holds are told as a truncate', async () => {
  const { writer, heard } = await begin({ maxChanges: 50 });
  await writer.query(`INSERT INTO t SELECT n, 'x' FROM generate_series(1, 60) n`);
  await hears(heard, ['truncate t']);
  await writer.query('DELETE FROM t WHERE id = 1');
  await hears(heard, ['truncate t', 'delete t 1,x']);
});

test('deletes what is acknowledged, and knows a position before it', async () => {
  const { writer, heard, feed, make } = await begin();
  const before = heard.gaps[0]?.position;
  await writer.query(`INSERT INTO t VALUES (1, 'x')`);
  await hears(heard, ['insert t 1,x']);
  const left = async () => (await writer.query('SELECT FROM tidegate.changes')).rowCount;
  expect(await left()).toBe(1);
  await vi.waitFor(async () => {
    feed.acknowledge(heard.position as string);
    expect(await left()).toBe(0);
  }, wait);
  await feed.stop();
  const again = new Heard();
  await make().start(before, again);
  await vi.waitFor(() => expect(again.gaps).toHaveLength(1), wait);
  expect(again.gaps[0]?.reason).toContain('trimmed');
});

test('a cascade, a role for replicas, a partition and a rewritten table are heard', async () => {
  const { owner, writer, heard } = await begin({
    tables: [
      'CREATE TABLE t (id int PRIMARY KEY, v text)',
      'CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE)',
      'CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)',
      'CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10)',
    ],
  });
  await writer.query(`INSERT INTO t VALUES (1, 'x'); INSERT INTO child VALUES (5, 1)`);
  await writer.query('DELETE FROM t WHERE id = 1');
  await owner.query(`SET session_replication_role = replica; INSERT INTO parts VALUES (3)`);
  const lines = ['insert t 1,x', 'insert child 5,1', 'delete t 1,x', 'delete child 5,1', 'insert parts_low 3'];
  await hears(heard, lines);
  await writer.query(`ALTER TABLE t ALTER COLUMN v TYPE text USING upper(v)`);
  await hears(heard, [...lines, 'truncate t']);
});

test('a table that loses a trigger is watched no longer, and was truncated', async () => {
  const { url, writer, feed, heard } = await begin();
  expect(feed.watches('public', 't')).toBe(true);
  await writer.query('ALTER TABLE t DISABLE TRIGGER tidegate_rows');
  await hears(heard, ['truncate t']);
  expect(feed.watches('public', 't')).toBe(false);
  const { problems } = await withSession(url, (session) => postgresTriggerStatus(session));
  expect(problems).toEqual(['expected the triggers of the feed on public.t, got none or disabled ones']);
  await feed.stop();
  await withSession(url, removePostgresTriggers);
  const { isInstalled } = await withSession(url, (session) => postgresTriggerStatus(session));
  expect(isInstalled).toBe(false);
  await writer.query(`INSERT INTO t VALUES (1, 'x')`);
});

test('a log made anew while it reads is a gap, told again when its listener could not take it', async () => {
  const { url, writer, heard } = await begin();
  let refused = 0;
  const { gap } = heard;
  heard.gap = (reason, position) => {
    if (refused++ === 0) throw new Error('not now');
    gap.call(heard, reason, position);
  };
  await writer.query('BEGIN; DROP SCHEMA tidegate CASCADE');
  await writer.query('COMMIT');
  await withSession(url, (session) => installPostgresTriggers(session, { tables: 'all', notifies: true }));
  await vi.waitFor(() => expect(heard.gaps).toHaveLength(2), wait);
  expect(refused).toBe(2);
  await writer.query(`INSERT INTO t VALUES (1, 'x')`);
  await hears(heard, ['insert t 1,x']);
});

test('without a log it cannot begin', async () => {
  const { url, make, feed, heard } = await begin();
  await feed.stop();
  await withSession(url, removePostgresTriggers);
  await expect(make().start(heard.position, new Heard())).rejects.toMatchObject({ code: 'E_FEED' });
});

test('reads rows as PostgreSQL writes them', async () => {
  const { writer } = await begin();
  const asked = async (client: pg.Client, values: readonly (string | null)[]) => {
    const { rows } = await client.query<{ row: string }>('SELECT ROW($1::text, $2::text, $3::text)::text AS row', [
      ...values,
    ]);
    return rows[0]?.row as string;
  };
  const text = fc.option(fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', '(', ')', ' ', '\n', 'é', '𝄞') }));
  await fc.assert(
    fc.asyncProperty(fc.tuple(text, text, text), async (values) => {
      expect(recordCells(await asked(writer, values))).toEqual(values);
    }),
    { numRuns: 200 },
  );
  for (const broken of ['', '(', ')', '("a)', '(a', 'a)']) expect(recordCells(broken)?.length).not.toBe(3);
});

test('a position says all that it is made of', () => {
  const place = { source: 'a'.repeat(32), snapshot: '10:20:10,15', schema: '0123abcd', order: 3, told: [12n, 21n] };
  expect(triggerPlace(triggerPosition(place))).toEqual(place);
  const ended = { ...place, snapshot: '15:20:15', order: 0, told: [] };
  expect(triggerPosition(ended) > triggerPosition(place)).toBe(true);
  expect(triggerPlace('elsewhere')).toBeUndefined();
});
