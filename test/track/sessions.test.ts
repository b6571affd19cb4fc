// Names mean what they mean to the connection that runs a statement, however it came to it: over a real server, by `pg`
// and postgres.js, with the same table in two schemas.

import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTracker, postgresDatabase, type Tracker } from '../../src/track/index.ts';
import { connected, type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { poolerTo } from '../kit/postgres-pooler.ts';
import { atEnd, NotingTarget, tagsReadBy } from './world.ts';

let server: PostgresServer;
let outside: pg.Client;
let tracker: Tracker;
const target = new NotingTarget();
const READ = 'SELECT name FROM users WHERE id = 1';

beforeAll(async () => {
  server = await startServer();
  outside = await connected(server.url);
  for (const schema of ['public', 'tenant', 'other', 'clerk']) {
    if (schema !== 'public') await outside.query(`CREATE SCHEMA ${schema}`);
    await outside.query(`CREATE TABLE ${schema}.users (id int PRIMARY KEY, name text, age int);
      INSERT INTO ${schema}.users VALUES (1, '${schema}', 0), (2, 'b', 1), (3, NULL, 2)`);
  }
  await outside.query(`CREATE ROLE clerk LOGIN SUPERUSER PASSWORD 'password';
    CREATE ROLE guest LOGIN SUPERUSER PASSWORD 'password'; ALTER ROLE guest SET search_path = tenant;
    CREATE TABLE public.audit (id int); CREATE FUNCTION to_other() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM set_config('search_path', 'other', false); RETURN NEW; END $$;
    CREATE TRIGGER audited BEFORE INSERT ON public.audit FOR EACH ROW EXECUTE FUNCTION to_other();
    CREATE FUNCTION go_to(path text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', path, false) $$;
    CREATE PROCEDURE walk_to(path text) LANGUAGE plpgsql AS
      $$ BEGIN PERFORM set_config('search_path', path, false); END $$`);
  tracker = createTracker({
    source: 'shop',
    database: postgresDatabase({ connection: server.url, slot: 'shop', publication: 'shop', install: true }),
    targets: [target],
  });
  await tracker.start();
}, 60_000);
afterAll(async () => {
  await tracker?.stop();
  await outside?.end();
  await server?.stop();
}, 30_000);

/** What was read, and the schemas of which a change makes it outdated; or why it is not stored. */
async function watched(read: () => Promise<unknown>) {
  const first = await tagsReadBy(tracker, read);
  if (first.reasons.length > 0) return { value: first.value, reasons: first.reasons };
  const by: string[] = [];
  for (const schema of ['public', 'tenant', 'other', 'clerk']) {
    const { tags } = await tagsReadBy(tracker, read);
    target.tags.clear();
    await outside.query(`UPDATE ${schema}.users SET age = age + 1; UPDATE ${schema}.users SET name = 'c' WHERE id = 2`);
    await tracker.settled();
    expect(tags.some((tag) => target.tags.has(tag))).toBe(false);
    await outside.query(`UPDATE ${schema}.users SET name = name || '.' WHERE id = 1`);
    await tracker.settled();
    if (tags.some((tag) => target.tags.has(tag))) by.push(schema);
    await outside.query(`UPDATE ${schema}.users SET name = '${schema}' WHERE id = 1`);
    await tracker.settled();
  }
  return { value: first.value, by };
}

function poolOf(config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url, max: 1, ...config });
  pool.on('error', () => undefined);
  atEnd(() => pool.end());
  return pool;
}

const named = async (client: Pick<pg.Pool, 'query'>, text = READ) => (await client.query(text)).rows[0]?.name;

describe('pg', () => {
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
});

describe('postgres.js', () => {
  const connection = (options: postgres.Options<Record<string, never>> = {}) => {
    const sql = postgres(server.url, { max: 1, onnotice: () => undefined, ...options });
    atEnd(() => sql.end());
    return sql;
  };
  const nameBy = async (sql: postgres.Sql) => (await sql`SELECT name FROM users WHERE id = ${1}`)[0]?.name;

  it('a path of the connection options, or set before or after it was wrapped', async () => {
    const ofOptions = tracker.wrap(connection({ connection: { search_path: 'tenant' } }));
    expect(await watched(() => nameBy(ofOptions))).toEqual({ value: 'tenant', by: ['tenant'] });
    const raw = connection();
    await raw`SET search_path = tenant`;
    const sql = tracker.wrap(raw);
    expect(await watched(() => nameBy(sql))).toEqual({ value: 'tenant', by: ['tenant'] });
    await raw`SET ROLE clerk`;
    await raw`RESET search_path`;
    expect(await watched(() => nameBy(sql))).toEqual({ value: 'clerk', by: ['clerk'] });
    await sql`SET search_path = other`;
    expect(await watched(() => nameBy(sql))).toEqual({ value: 'other', by: ['other'] });
    await sql.unsafe("SELECT public.go_to('tenant')");
    expect(await watched(() => nameBy(sql))).toEqual({ value: 'tenant', by: ['tenant'] });
  });

  it('connections of one pool with different paths', async () => {
    const raw = connection({ max: 3 });
    const sql = tracker.wrap(raw);
    const reserved = await Promise.all([raw.reserve(), raw.reserve(), raw.reserve()]);
    await Promise.all(
      reserved.map(
        (one, at) => one`SELECT set_config('search_path', ${['public', 'tenant', 'other'][at] as string}, false)`,
      ),
    );
    for (const one of reserved) one.release();
    const seen = new Set<unknown>();
    for (let turn = 0; turn < 6; turn++) {
      const { value, tags, reasons } = await tagsReadBy(tracker, () => nameBy(sql));
      expect(reasons).toEqual([]);
      seen.add(value);
      target.tags.clear();
      await outside.query(`UPDATE ${value}.users SET age = age + 1 WHERE id = 1`);
      await tracker.settled();
      expect(tags.some((tag) => target.tags.has(tag))).toBe(false);
      await outside.query(`UPDATE ${value}.users SET name = name || '.' WHERE id = 1`);
      await tracker.settled();
      expect(tags.some((tag) => target.tags.has(tag))).toBe(true);
      await outside.query(`UPDATE ${value}.users SET name = '${value}' WHERE id = 1`);
    }
    expect(seen).toEqual(new Set(['public', 'tenant', 'other']));
  });

  it('a temporary table, a setting, and a transaction that was begun past the wrapper', async () => {
    const raw = connection();
    const sql = tracker.wrap(raw);
    await raw`CREATE TEMP TABLE users (id int, name text)`;
    expect(await watched(() => nameBy(sql))).toMatchObject({ reasons: [expect.stringContaining('temporary')] });
    await raw`DROP TABLE users`;
    await raw`SET transform_null_equals = on`;
    expect(await watched(() => nameBy(sql))).toMatchObject({ reasons: [expect.stringContaining('transform_null')] });
    await raw`RESET transform_null_equals`;
    await raw`BEGIN`;
    expect(await watched(() => nameBy(sql))).toMatchObject({ reasons: ['transaction'] });
    await raw`COMMIT`;
    expect(await watched(() => nameBy(sql))).toEqual({ value: 'public', by: ['public'] });
  });

  it('a connection that breaks does not stay reserved', async () => {
    const sql = tracker.wrap(connection({ max: 1 }));
    await nameBy(sql);
    const broken = tagsReadBy(tracker, () => sql`SELECT pg_terminate_backend(pg_backend_pid())`);
    await expect(broken).rejects.toThrow();
    // The driver gives the error of the connection once more.
    await nameBy(sql).catch(() => undefined);
    expect(await watched(() => nameBy(sql))).toEqual({ value: 'public', by: ['public'] });
  });
});
