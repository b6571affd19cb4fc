// Names mean what they mean to the connection that runs a statement, however it came to it: over a real server, by `pg`,
// with the same table in several schemas.

import pg from 'pg';
import postgres from 'postgres';
import { expect, it, vi } from 'vitest';
import { connected } from '../feed/postgres-kit.ts';
import { poolerTo } from '../kit/postgres-pooler.ts';
import { outside, READ, server, target, tracker, watched } from './session-world.ts';
import { atEnd, tagsReadBy } from './world.ts';

function poolOf(config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url, max: 1, ...config });
  pool.on('error', () => undefined);
  // One that is ending may hear that the server is, too.
  pool.on('connect', (client) => client.on('error', () => undefined));
  atEnd(() => pool.end());
  return pool;
}

const named = async (client: Pick<pg.Pool, 'query'>, text = READ) => (await client.query(text)).rows[0]?.name;

it('a path of the connection options, of the role, of the database', async () => {
  const ofOptions = tracker.wrap(poolOf({ options: '-c search_path=tenant' }));
  expect(await watched(() => named(ofOptions))).toEqual({ value: 'tenant', by: ['tenant'] });
  const guest = new URL(server.url);
  guest.username = 'guest';
  const ofRole = tracker.wrap(poolOf({ connectionString: guest.href }));
  expect(await watched(() => named(ofRole))).toEqual({ value: 'tenant', by: ['tenant'] });
  await outside.query('ALTER DATABASE postgres SET search_path = other');
  const ofDatabase = tracker.wrap(poolOf());
  expect(await watched(() => named(ofDatabase))).toEqual({ value: 'other', by: ['other'] });
  await outside.query('ALTER DATABASE postgres RESET search_path');
});

it('a path that was set before the client was wrapped', async () => {
  const client = await connected(server.url);
  atEnd(() => client.end());
  await client.query('SET search_path TO "tenant"');
  const wrapped = tracker.wrap(client);
  expect(await watched(() => named(wrapped))).toEqual({ value: 'tenant', by: ['tenant'] });
});

it.each([1, 2])("a path that is set in the raw pool's own event, by the statement %i in it", async (count) => {
  const pool = poolOf();
  pool.on('connect', async (client) => {
    for (let at = 1; at < count; at++) await client.query('SELECT 1');
    await client.query('SET search_path = tenant');
  });
  const wrapped = tracker.wrap(pool);
  await named(wrapped, 'SELECT 1');
  expect(await watched(() => named(wrapped))).toEqual({ value: 'tenant', by: ['tenant'] });
});

it.each([
  ['SET', 'SET search_path = tenant', 'tenant'],
  ['the role', 'SET ROLE clerk', 'clerk'],
  ['set_config', `SELECT set_config('search_path', 'tenant', false)`, 'tenant'],
  ['DO', `DO $$ BEGIN SET search_path = tenant; END $$`, 'tenant'],
  ['CALL', `CALL walk_to('tenant')`, 'tenant'],
  ['a function', `SELECT go_to('tenant')`, 'tenant'],
  ['a trigger', 'INSERT INTO public.audit VALUES (1)', 'other'],
  ['several statements', 'SELECT 1; SET search_path = tenant; SELECT 2', 'tenant'],
  ['several, with a transaction of their own', 'BEGIN; SET LOCAL search_path = tenant; COMMIT', 'public'],
  ['a transaction that was given up', 'BEGIN; SET search_path = tenant; ROLLBACK', 'public'],
])('a path that is changed by %s, with or past the wrapper', async (_, text, schema) => {
  for (const isWithin of [true, false]) {
    const raw = await connected(server.url);
    atEnd(() => raw.end());
    const wrapped = tracker.wrap(raw);
    expect(await watched(() => named(wrapped))).toEqual({ value: 'public', by: ['public'] });
    await (isWithin ? wrapped : raw).query(text);
    expect(await watched(() => named(wrapped))).toEqual({ value: schema, by: [schema] });
  }
});

it('a path that is changed while statements wait in line', async () => {
  const raw = await connected(server.url);
  atEnd(() => raw.end());
  const wrapped = tracker.wrap(raw);
  const both = async () => {
    const [, one, , other] = await Promise.all([
      raw.query('SET search_path = tenant'),
      named(wrapped),
      raw.query('SET search_path = other'),
      named(wrapped),
    ]);
    return [one, other];
  };
  // A connection is not asked while it may be about to begin a transaction, which a failure would end.
  const { value, reasons } = await tagsReadBy(tracker, both);
  expect(value).toEqual(['tenant', 'other']);
  expect(reasons).toEqual(['session-state: a connection whose session is not known']);
  expect(await watched(() => named(wrapped))).toEqual({ value: 'other', by: ['other'] });
});

it('a path that is changed by a role that waits in line between two reads', async () => {
  const raw = await connected(server.url);
  atEnd(() => raw.end());
  const wrapped = tracker.wrap(raw);
  const before = tagsReadBy(tracker, () => named(wrapped));
  void raw.query(`SELECT set_config('role', 'clerk', false)`);
  const after = tagsReadBy(tracker, () => named(wrapped));
  expect(await before).toMatchObject({ value: 'public', reasons: [] });
  const { value, reasons } = await after;
  expect(value).toBe('clerk');
  expect(reasons).toEqual(['session-state: a connection whose session is not known']);
  expect(await watched(() => named(wrapped))).toEqual({ value: 'clerk', by: ['clerk'] });
});

it('the same statement for tenants that take turns on one connection', async () => {
  const wrapped = tracker.wrap(await poolOf().connect());
  atEnd(() => wrapped.release());
  for (const schema of ['tenant', 'other', 'tenant', 'public']) {
    const read = async () => {
      await wrapped.query(`SET search_path = ${schema}`);
      return named(wrapped);
    };
    await wrapped.query(`SET search_path = ${schema}`);
    expect(await watched(() => named(wrapped))).toEqual({ value: schema, by: [schema] });
    await read();
  }
});

it('a schema that is made on the path later', async () => {
  const wrapped = tracker.wrap(poolOf({ options: '-c search_path=late,public' }));
  expect(await watched(() => named(wrapped))).toEqual({ value: 'public', by: ['public'] });
  await outside.query(`CREATE SCHEMA late; CREATE TABLE late.users AS SELECT * FROM tenant.users;
      ALTER TABLE late.users ADD PRIMARY KEY (id)`);
  await vi.waitFor(async () => {
    await tracker.settled();
    const { tags } = await tagsReadBy(tracker, () => named(wrapped));
    target.tags.clear();
    await outside.query('UPDATE late.users SET name = name || 1 WHERE id = 1');
    await tracker.settled();
    expect(tags.some((tag) => target.tags.has(tag))).toBe(true);
  }, 10_000);
  await outside.query('DROP SCHEMA late CASCADE');
  await vi.waitFor(async () => {
    await tracker.settled();
    expect(await watched(() => named(wrapped))).toEqual({ value: 'public', by: ['public'] });
  }, 10_000);
});

it('a right that makes a schema on the path visible', async () => {
  const url = new URL(server.url);
  url.username = 'reader';
  const wrapped = tracker.wrap(poolOf({ connectionString: url.href, options: '-c search_path=other,public' }));
  expect(await watched(() => named(wrapped))).toEqual({ value: 'public', by: ['public'] });
  await outside.query('GRANT USAGE ON SCHEMA other TO reader');
  await vi.waitFor(async () => {
    await tracker.settled();
    expect(await watched(() => named(wrapped))).toEqual({ value: 'other', by: ['other'] });
  }, 10_000);
});

it('temporary tables and views, made before the client was wrapped', async () => {
  for (const made of ['TABLE users (id int, name text)', "VIEW users AS SELECT 1 AS id, 'mine' AS name"]) {
    const raw = await connected(server.url);
    atEnd(() => raw.end());
    await raw.query(`CREATE TEMP ${made}`);
    const wrapped = tracker.wrap(raw);
    const reasons = ['session-state: expected no temporary tables, got some'];
    expect(await watched(() => named(wrapped))).toMatchObject({ reasons });
    await raw.query(made.startsWith('TABLE') ? 'DROP TABLE users' : 'DROP VIEW users');
    expect(await watched(() => named(wrapped))).toEqual({ value: 'public', by: ['public'] });
  }
});

it.each([
  ["datestyle = 'German'", 'expected datestyle ISO, got German, DMY'],
  ['standard_conforming_strings = off', 'expected standard_conforming_strings on, got off'],
  ['transform_null_equals = on', 'expected transform_null_equals off, got on'],
  ['array_nulls = off', 'expected array_nulls on, got off'],
  ['extra_float_digits = 0', 'expected extra_float_digits 1 or more, got 0'],
  ["client_encoding = 'LATIN1'", 'expected client_encoding UTF8, got LATIN1'],
])('%s: statements would mean something else', async (setting, reason) => {
  const client = await connected(server.url);
  atEnd(() => client.end());
  await client.query(`SET ${setting}`);
  const wrapped = tracker.wrap(client);
  expect(await watched(() => named(wrapped))).toMatchObject({ reasons: [`session-state: ${reason}`] });
  await wrapped.query(`RESET ${setting.split(' ')[0]}`);
  expect(await watched(() => named(wrapped))).toEqual({ value: 'public', by: ['public'] });
});

it('settings of which nothing depends do not keep anything from being stored', async () => {
  const pool = poolOf();
  pool.on('connect', (client) => {
    void client.query(`SET standard_conforming_strings = on; SET client_min_messages TO warning;
        SET SESSION TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE; SET intervalstyle = 'iso_8601'; SET jit = off;
        SET datestyle = 'ISO, DMY'; SET statement_timeout = 5000; SET application_name = 'shop'`);
  });
  const wrapped = tracker.wrap(pool);
  expect(await watched(() => named(wrapped))).toEqual({ value: 'public', by: ['public'] });
});

it('a connection through a pooler is not stored from', async () => {
  const pooler = await poolerTo(server.url);
  atEnd(() => pooler.close());
  const wrapped = tracker.wrap(poolOf({ connectionString: pooler.url }));
  expect(await watched(() => named(wrapped))).toMatchObject({
    reasons: [expect.stringContaining('as through a pooler')],
  });
  const sql = tracker.wrap(postgres(pooler.url, { max: 1 }));
  atEnd(() => sql.end());
  expect(await watched(() => sql.unsafe(READ))).toMatchObject({
    reasons: [expect.stringContaining('as through a pooler')],
  });
});

it('asks a connection once, and again after what may have changed it', async () => {
  const pooler = await poolerTo(server.url);
  atEnd(() => pooler.close());
  pooler.isHonest = true;
  const wrapped = tracker.wrap(poolOf({ connectionString: pooler.url }));
  const roundTrips = async (work: () => Promise<unknown>) => {
    const before = pooler.roundTrips;
    await work();
    return pooler.roundTrips - before;
  };
  const read = () => tagsReadBy(tracker, () => named(wrapped));
  await named(wrapped, 'SELECT 1');
  expect(await roundTrips(read)).toBe(2);
  expect([await roundTrips(read), await roundTrips(read)]).toEqual([1, 1]);
  expect(await roundTrips(() => named(wrapped, 'SELECT 2'))).toBe(1);
  expect(await roundTrips(read)).toBe(1);
  await wrapped.query('UPDATE users SET age = 5 WHERE id = 2');
  expect([await roundTrips(read), await roundTrips(read)]).toEqual([2, 1]);
  const sql = tracker.wrap(postgres(pooler.url, { max: 1 }));
  atEnd(() => sql.end());
  await sql.unsafe('SELECT 1');
  const byTemplate = () => tagsReadBy(tracker, async () => (await sql`SELECT name FROM users WHERE id = 1`)[0]?.name);
  await byTemplate();
  expect([await roundTrips(byTemplate), await roundTrips(byTemplate)]).toEqual([1, 1]);
});
