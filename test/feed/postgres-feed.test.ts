// What the feed by logical replication promises of changes, beyond the contract.

import { expect, test, vi } from 'vitest';
import type { ChangeSet } from '../../src/dependency/change.ts';
import { isSeen } from '../../src/dependency/recent-changes.ts';
import { snapshotNow } from '../../src/feed/postgres/position.ts';
import { systemClock } from './postgres-kit.ts';
import { begin, elsewhere, hears, USERS, useServer, wait } from './postgres-world.ts';

useServer();

const rowText = ({ changes: [change] }: ChangeSet) => (change?.kind === 'insert' ? change.new[1] : undefined);

test('without whole old rows it tells what the replica identity shows, and claims nothing else', async () => {
  const { writer, heard } = await begin({
    tables: [
      USERS,
      'ALTER TABLE users ALTER COLUMN name SET STORAGE EXTERNAL',
      'CREATE TABLE codes (id int PRIMARY KEY, code text NOT NULL UNIQUE)',
      'ALTER TABLE codes REPLICA IDENTITY USING INDEX codes_code_key',
      'CREATE TABLE keyless (v int)',
    ],
  });
  await writer.query(`INSERT INTO users VALUES (1, repeat('x', 5000), 30); INSERT INTO codes VALUES (1, 'a')`);
  await writer.query('INSERT INTO keyless VALUES (1)');
  await vi.waitFor(() => expect(heard.lines).toHaveLength(3), wait);
  await writer.query('UPDATE users SET age = 31');
  await writer.query('UPDATE users SET id = 2');
  await writer.query('DELETE FROM users');
  await writer.query('UPDATE codes SET id = 7');
  await writer.query(`UPDATE codes SET code = 'b'`);
  await writer.query('UPDATE keyless SET v = 2');
  await hears(heard, [
    ...heard.lines.slice(0, 3),
    'update users 1,undefined,undefined -> 1,undefined,31',
    'update users 1,undefined,undefined -> 2,undefined,31',
    'delete users 2,undefined,undefined',
    'update codes undefined,a -> 7,a',
    'update codes undefined,a -> 7,b',
    'update keyless 1 -> 2',
  ]);
});

test('with whole old rows an unchanged TOAST value is filled in; generated columns and partitions are told', async () => {
  const { writer, heard } = await begin({
    identity: 'full',
    tables: [
      'CREATE TABLE t (id int PRIMARY KEY, body text, n int, twice int GENERATED ALWAYS AS (n * 2) STORED)',
      'ALTER TABLE t ALTER COLUMN body SET STORAGE EXTERNAL',
      'CREATE TABLE parts (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)',
      'CREATE TABLE low PARTITION OF parts FOR VALUES FROM (0) TO (10)',
      'CREATE TABLE high PARTITION OF parts FOR VALUES FROM (10) TO (20)',
    ],
  });
  await writer.query(`INSERT INTO t VALUES (1, repeat('x', 3000), 1)`);
  await writer.query('UPDATE t SET n = 2');
  await writer.query('INSERT INTO parts VALUES (1, 1)');
  await writer.query('UPDATE parts SET id = 11');
  await writer.query('TRUNCATE parts');
  await vi.waitFor(() => expect(heard.lines).toHaveLength(7), wait);
  const body = 'x'.repeat(3000);
  expect(heard.lines).toEqual([
    `insert t 1,${body},1,2`,
    `update t 1,${body},1,2 -> 1,${body},2,4`,
    'insert low 1,1',
    'delete low 1,1',
    'insert high 11,1',
    ...heard.lines.slice(5),
  ]);
  expect(heard.lines.slice(5).toSorted()).toEqual(['truncate high', 'truncate low']);
});

test('a truncate of several tables and what cascades is one change set', async () => {
  const { writer, heard } = await begin({
    tables: [
      USERS,
      'CREATE TABLE orders (id int PRIMARY KEY, u int REFERENCES users)',
      'CREATE TABLE x (id int PRIMARY KEY)',
    ],
  });
  await writer.query('TRUNCATE users, x CASCADE');
  await vi.waitFor(() => expect(heard.sets).toHaveLength(1), wait);
  expect(heard.lines.toSorted()).toEqual(['truncate orders', 'truncate users', 'truncate x']);
});

test('a transaction of 200,000 rows is told as a change of its table, and of no other', async () => {
  const { writer, heard } = await begin({ tables: [USERS, 'CREATE TABLE x (id int PRIMARY KEY)'], maxChanges: 5_000 });
  await writer.query(`INSERT INTO users SELECT n, 'x', n FROM generate_series(1, 200000) n`);
  await writer.query('INSERT INTO x VALUES (1)');
  await hears(heard, ['truncate users', 'insert x 1']);
});

test('more changes than it holds are told as truncates of their tables', async () => {
  const { writer, heard } = await begin({ maxChanges: 50 });
  await writer.query(`INSERT INTO users SELECT n, 'x', n FROM generate_series(1, 60) n`);
  await hears(heard, ['truncate users']);
  await writer.query(`INSERT INTO users VALUES (100, 'x', 1)`);
  await hears(heard, ['truncate users', 'insert users 100,x,1']);
});

test('a snapshot says which change sets a read has seen', async () => {
  const { writer, client, heard } = await begin();
  const [open, reader] = [await client(), await client()];
  const run = async (sql: string) => (await reader.query(sql)).rows;
  await open.query(`BEGIN; INSERT INTO users VALUES (1, 'late', 1)`);
  await writer.query(`INSERT INTO users VALUES (2, 'before', 1)`);
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  const first = await snapshotNow(run);
  await writer.query(`INSERT INTO users VALUES (3, 'after', 1)`);
  await open.query('COMMIT');
  const { rows } = await reader.query('SELECT name FROM users ORDER BY id');
  const second = await snapshotNow(run);
  await reader.query('COMMIT');
  await vi.waitFor(() => expect(heard.sets).toHaveLength(3), wait);
  const names = (seen: typeof first) => heard.sets.filter((set) => isSeen(set, seen)).map((set) => rowText(set));
  expect(rows.map(({ name }) => name)).toEqual(['before']);
  expect(names(first)).toEqual(['before']);
  expect(names(second)).toEqual(['before']);
});

test('tells no change before other sessions see it, however long the commit waits for a standby', async () => {
  const { writer, client, heard } = await begin();
  const other = await client();
  const setting = async (value: string) => {
    await other.query(`ALTER SYSTEM SET synchronous_standby_names = '${value}'`);
    await other.query('SELECT pg_reload_conf()');
  };
  await setting('nobody');
  try {
    await vi.waitFor(async () => {
      const { rows } = await other.query(`SELECT current_setting('synchronous_standby_names') AS names`);
      expect(rows[0].names).toBe('nobody');
    }, wait);
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()`;
    // The server's checkpointer says that commits wait, and may not have heard of the setting yet: those before do not.
    let last = 0;
    let isOver: boolean;
    let done: Promise<unknown>;
    do {
      isOver = false;
      done = writer.query(`INSERT INTO users VALUES ($1, 'x', 1)`, [++last]).then(() => {
        isOver = true;
      });
      const isWaiting = async () => (await other.query(waiting)).rowCount === 1;
      await vi.waitFor(async () => expect(isOver || (await isWaiting())).toBe(true), wait);
    } while (isOver);
    const before = Array.from({ length: last - 1 }, (_, at) => `insert users ${at + 1},x,1`);
    const { rows } = await other.query('SELECT pg_current_wal_lsn()::text AS lsn');
    const sent = `SELECT FROM pg_stat_replication WHERE sent_lsn >= $1::pg_lsn AND application_name = 'tidegate'`;
    await vi.waitFor(async () => expect((await other.query(sent, [rows[0].lsn])).rowCount).toBe(1), wait);
    expect((await other.query('SELECT FROM users')).rowCount).toBe(last - 1);
    expect(before.slice(0, heard.lines.length)).toEqual(heard.lines);
    await setting('');
    await done;
    await hears(heard, [...before, `insert users ${last},x,1`]);
  } finally {
    await setting('');
  }
});

test('its lag stays short while only other databases write, and while a transaction is open', async () => {
  const { client, feed, writer } = await begin();
  const other = await elsewhere();
  await other.query('CREATE TABLE noise (t text)');
  const open = await client();
  await open.query(`BEGIN; INSERT INTO users VALUES (9, 'open', 1)`);
  const before = feed.status().position as string;
  for (let count = 0; count < 20; count++) {
    await other.query(`INSERT INTO noise SELECT md5(n::text) FROM generate_series(1, 500) n`);
    expect(feed.status().lagMs).toBeLessThan(2_000);
  }
  await open.query('ROLLBACK; BEGIN; INSERT INTO users VALUES (9, $$open$$, 1)');
  const { rows } = await writer.query(`SELECT to_char(clock_timestamp(), 'x') AS t`);
  expect(rows).toHaveLength(1);
  await vi.waitFor(() => expect((feed.status().position as string) > before).toBe(true), wait);
  for (let count = 0; count < 5; count++) {
    const from = systemClock.monotonic();
    // Known to be told up to a moment after `from`.
    await vi.waitFor(() => expect(feed.status().lagMs).toBeLessThan(systemClock.monotonic() - from), wait);
  }
});
