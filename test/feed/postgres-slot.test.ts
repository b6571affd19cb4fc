// What the feed by logical replication promises of its slot, its listener and its tables, beyond the contract.

import type pg from 'pg';
import { expect, test, vi } from 'vitest';
import { removePostgresFeed } from '../../src/feed/postgres/logical/install.ts';
import { postgresFeedStatus } from '../../src/feed/postgres/logical/status.ts';
import type { ConnectPostgres, PostgresSession } from '../../src/feed/postgres/session.ts';
import { Heard } from '../contract/change-feed.ts';
import { connected, withSession } from './postgres-kit.ts';
import { begin, hears, USERS, useServer, wait } from './postgres-world.ts';

useServer();

const lsnOf = async (client: pg.Client, column: string, slot: string): Promise<string> => {
  const text = `SELECT ${column}::text AS lsn FROM pg_replication_slots WHERE slot_name = $1`;
  const { rows } = await client.query(text, [slot]);
  return rows[0]?.lsn;
};

test('acknowledges what it was told to, and nothing else', async () => {
  const { names, writer, heard, feed } = await begin();
  const confirmed = () => lsnOf(writer, 'confirmed_flush_lsn', names.slot);
  const before = await confirmed();
  await writer.query(`INSERT INTO users VALUES (1, 'x', 1)`);
  await hears(heard, ['insert users 1,x,1']);
  const count = heard.reachedAt.length;
  await vi.waitFor(() => expect(heard.reachedAt.length).toBeGreaterThan(count + 2), wait);
  expect(await confirmed()).toBe(before);
  const { position } = heard.sets[0] as { position: string };
  feed.acknowledge(position);
  const lsn = BigInt(`0x${position.slice(25, 41)}`);
  const text = `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16).padStart(8, '0')}`;
  await vi.waitFor(async () => {
    const { rows } = await writer.query('SELECT $1::pg_lsn = $2::pg_lsn AS same', [await confirmed(), text]);
    expect(rows[0].same).toBe(true);
  }, wait);
});

test('a slot that another reads from is waited for: that is told once, and each attempt leaves no listener', async () => {
  const { make, names } = await begin();
  const [faults, warnings]: [unknown[], Error[]] = [[], []];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on('warning', warned);
  const second = make({ takeOverMs: 1_200, onFault: (error) => faults.push(error) });
  await expect(second.start(undefined, new Heard())).rejects.toMatchObject({ code: 'E_FEED' });
  process.off('warning', warned);
  const message = expect.stringMatching(
    `^expected slot ${names.slot} to be free, got: .* active .*; waiting for it, 1200 ms at most$`,
  );
  expect(faults).toEqual([expect.objectContaining({ code: 'E_FEED', message })]);
  expect(warnings).toEqual([]);
});

test('reads no more than it must while its listener is busy', async () => {
  let bytes = 0;
  const wrap =
    (connect: ConnectPostgres): ConnectPostgres =>
    async (purpose) => {
      const session = await connect(purpose);
      const { replicate } = session;
      session.replicate = (command, data) =>
        replicate.call(session, command, (chunk) => {
          bytes += chunk.length;
          data(chunk);
        });
      return session;
    };
  const { writer, heard } = await begin({ wrap });
  const { promise, resolve } = Promise.withResolvers<void>();
  heard.hold = promise;
  await writer.query(`INSERT INTO users VALUES (0, 'x', 1)`);
  await vi.waitFor(() => expect(heard.sets).toHaveLength(1), wait);
  const before = bytes;
  for (let id = 1; id <= 40; id++) await writer.query(`INSERT INTO users VALUES (${id}, repeat('x', 1000000), 1)`);
  expect(bytes - before).toBeLessThan(3_000_000);
  heard.hold = undefined;
  resolve();
  await vi.waitFor(() => expect(heard.sets).toHaveLength(41), wait);
  expect(bytes - before).toBeGreaterThan(40_000_000);
});

test('a slot that is dropped while it streams is a gap, told once, and a new one goes on', async () => {
  const { names, writer, heard, feed } = await begin();
  await writer.query(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1`, [
    names.slot,
  ]);
  await vi.waitFor(() => writer.query('SELECT pg_drop_replication_slot($1)', [names.slot]), wait);
  await vi.waitFor(() => expect(heard.gaps).toHaveLength(2), wait);
  await vi.waitFor(() => expect(feed.status()).toMatchObject({ state: 'live', problems: [] }), wait);
  await writer.query(`INSERT INTO users VALUES (1, 'x', 1)`);
  await hears(heard, ['insert users 1,x,1']);
  expect(heard.gaps[1]?.reason).toContain('dropped');
  expect(heard.gaps).toHaveLength(2);
});

test('a slot that lost its log is a gap, and status says so', async () => {
  const { url, names, writer, heard, feed, make } = await begin();
  const from = heard.position;
  await feed.stop();
  for (let count = 0; count < 6; count++) {
    await writer.query(`SELECT pg_logical_emit_message(false, 'x', repeat('y', 100)); `);
    await writer.query('SELECT pg_switch_wal()');
  }
  await writer.query('CHECKPOINT');
  const status = () => withSession(url, (session) => postgresFeedStatus(session, names));
  await vi.waitFor(async () => expect((await status()).slot).toBe('lost'), wait);
  expect((await status()).problems).toEqual([`expected slot ${names.slot} to hold the log, got a lost one`]);
  const again = new Heard();
  await make().start(from, again);
  await vi.waitFor(() => expect(again.gaps).toHaveLength(1), wait);
  expect(again.gaps[0]?.reason).toContain('lost');
  expect((await status()).slot).toBe('active');
});

test('a table rewritten without a row being written is truncated; while the feed was away, it is a gap', async () => {
  const { writer, heard, feed, make } = await begin();
  await writer.query('ALTER TABLE users ALTER COLUMN age TYPE bigint USING age + 1');
  await hears(heard, ['truncate users']);
  await writer.query('CREATE VIEW old AS SELECT * FROM users WHERE age > 60');
  await vi.waitFor(() => expect(heard.gaps).toHaveLength(2), wait);
  const from = heard.position;
  await feed.stop();
  await writer.query('ALTER TABLE users ADD COLUMN email text');
  const again = new Heard();
  await make().start(from, again);
  await vi.waitFor(() => expect(again.gaps).toHaveLength(1), wait);
  expect(again.gaps[0]?.reason).toContain('schema');
});

test('a server that restarts costs nothing', async () => {
  const { server, writer, heard, feed, url } = await begin();
  await writer.query(`INSERT INTO users VALUES (1, 'x', 1)`);
  await hears(heard, ['insert users 1,x,1']);
  await server.restart();
  const client = await connected(url);
  await client.query(`INSERT INTO users VALUES (2, 'x', 1)`);
  await vi.waitFor(() => expect(heard.lines).toContain('insert users 2,x,1'), wait);
  await vi.waitFor(() => expect(feed.status().state).toBe('live'), wait);
  expect(heard.gaps).toHaveLength(1);
  await client.end();
});

test('a table that leaves the publication is watched no longer, and was truncated', async () => {
  const { url, names, writer, heard, feed } = await begin();
  expect(feed.watches('public', 'users')).toBe(true);
  await writer.query('ALTER PUBLICATION changes DROP TABLE users');
  await hears(heard, ['truncate users']);
  expect(feed.watches('public', 'users')).toBe(false);
  const { problems, tables } = await withSession(url, (session) => postgresFeedStatus(session, names));
  expect(problems).toEqual(['expected public.users in publication changes, got it left out']);
  const table = { schema: 'public', name: 'users', kind: 'r', isPartition: false, root: null };
  const facts = { identity: 'default', hasKey: true, isLogged: true, hasVirtual: false };
  const publication = { isPublished: false, isNamed: false, isRestricted: false };
  expect(tables).toEqual([{ ...table, ...facts, ...publication }]);
});

test('what is missing is named, and installing is undone by removing', async () => {
  const { url, names, writer, feed, make } = await begin({ tables: [USERS, 'CREATE TABLE keyless (v int)'] });
  const identity = async () => {
    const { rows } = await writer.query(`SELECT relreplident AS i FROM pg_class WHERE relname = 'keyless'`);
    return rows[0].i;
  };
  expect(await identity()).toBe('f');
  await feed.stop();
  await withSession(url, (session) => removePostgresFeed(session, names));
  expect(await identity()).toBe('d');
  const { problems } = await withSession(url, (session) => postgresFeedStatus(session, names));
  expect(problems).toEqual([
    `expected a replication slot ${names.slot}, got none`,
    'expected a publication changes, got none',
  ]);
  await expect(make().start(undefined, new Heard())).rejects.toMatchObject({ code: 'E_FEED' });
});

test('a gap that its listener could not take is told again', async () => {
  const { names, heard, writer } = await begin();
  let refused = 0;
  const { gap } = heard;
  heard.gap = (reason, position) => {
    if (refused++ === 0) throw new Error('not now');
    gap.call(heard, reason, position);
  };
  await writer.query(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1`, [
    names.slot,
  ]);
  await vi.waitFor(() => writer.query('SELECT pg_drop_replication_slot($1)', [names.slot]), wait);
  await vi.waitFor(() => expect(heard.gaps).toHaveLength(2), wait);
  expect(refused).toBe(2);
  await writer.query(`INSERT INTO users VALUES (1, 'x', 1)`);
  await hears(heard, ['insert users 1,x,1']);
});

test('a stream that ends during the first heartbeat rejects the start, with the reason', async () => {
  let breaks = false;
  const wrap =
    (connect: ConnectPostgres): ConnectPostgres =>
    async (purpose) => {
      const session = await connect(purpose);
      if (!breaks) return session;
      if (purpose === 'replication') streams.push(session);
      const { query } = session;
      session.query = async (text, parameters) => {
        const rows = await query.call(session, text, parameters);
        if (text.includes('pg_current_wal_insert_lsn()') && text.includes('wal_status')) {
          await Promise.all(streams.map((stream) => stream.close()));
        }
        return rows;
      };
      return session;
    };
  const streams: PostgresSession[] = [];
  const { make, feed } = await begin({ wrap });
  await feed.stop();
  breaks = true;
  const second = make();
  await expect(second.start(undefined, new Heard())).rejects.toThrow(/expected a connection to the server, got: /);
  expect([second.status().state, streams.length]).toEqual(['stopped', 1]);
});
