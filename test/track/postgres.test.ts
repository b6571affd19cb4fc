// Tracking over real PostgreSQL by logical replication, through pg, postgres.js and Drizzle on each.

import { eq } from 'drizzle-orm';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createTracker, postgresDatabase, type Tracker } from '../../src/track/index.ts';
import { connected, freshDatabase, type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { NotingTarget } from './world.ts';

const users = pgTable('users', { id: integer('id').primaryKey(), name: text('name'), age: integer('age') });

let server: PostgresServer;
let outside: pg.Client;
let tracker: Tracker;
const target = new NotingTarget();
const faults: unknown[] = [];
const wait = { timeout: 10_000, interval: 20 };

beforeAll(async () => {
  server = await startServer();
  outside = await connected(server.url);
  await outside.query(`CREATE TABLE users (id int PRIMARY KEY, name text, age int, born date);
    INSERT INTO users VALUES (1, 'Lane', 30), (2, 'Kim', 40), (3, 'Ola', 50);
    CREATE TABLE notes (id int PRIMARY KEY, user_id int, body text);
    INSERT INTO notes VALUES (1, 1, 'x'), (2, 3, 'y')`);
  tracker = createTracker({
    source: 'shop',
    database: postgresDatabase({ connection: server.url, slot: 'shop', publication: 'shop', install: true }),
    targets: [target],
    onFault: (error) => faults.push(error),
  });
  await tracker.start();
}, 60_000);
afterAll(async () => {
  await tracker?.stop();
  await outside?.end();
  await server?.stop();
}, 30_000);

/** What was read, why it is not tracked, and of which users a change makes it outdated. */
async function watched(read: () => Promise<unknown>) {
  const scope = tracker.openScope();
  const value = await scope.run(read);
  const { tags, reasons } = scope.finish();
  const own = tags.filter((tag) => tag.startsWith('q'));
  const affecting: number[] = [];
  for (const id of [1, 2, 3]) {
    target.tags.clear();
    const again = tracker.openScope();
    await again.run(read);
    expect(again.finish().reasons).toEqual(reasons);
    await outside.query('UPDATE users SET age = age + 1 WHERE id = $1', [id]);
    await tracker.settled();
    if (own.some((tag) => target.tags.has(tag))) affecting.push(id);
  }
  expect(faults).toEqual([]);
  return { value, reasons, affecting };
}

it('pg', async () => {
  const pool = tracker.wrap(new pg.Pool({ connectionString: server.url, max: 2 }));
  const one = async () => (await pool.query('SELECT name, age > 0 AS old FROM users WHERE id = $1', [1])).rows;
  expect(await watched(one)).toEqual({ value: [{ name: 'Lane', old: true }], reasons: [], affecting: [1] });
  const array = async () =>
    (await pool.query({ text: 'SELECT id, age > 0 FROM users WHERE id > $1', values: [1], rowMode: 'array' })).rows;
  expect(await watched(array)).toEqual({
    value: [
      [2, true],
      [3, true],
    ],
    reasons: [],
    affecting: [2, 3],
  });
  const called = () =>
    new Promise((resolve, reject) => {
      pool.query('SELECT id, age > 0 AS old FROM users ORDER BY id LIMIT 1', (error, answer) =>
        error ? reject(error) : resolve(answer.rowCount),
      );
    });
  expect(await watched(called)).toEqual({ value: 1, reasons: [], affecting: [1] });
  const within = async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    const { rowCount } = await client.query('SELECT * FROM users');
    await client.query('COMMIT');
    const after = await client.query('SELECT id FROM users WHERE id = 2');
    client.release();
    return [rowCount, after.rows];
  };
  expect(await watched(within)).toEqual({ value: [3, [{ id: 2 }]], reasons: ['transaction'], affecting: [] });
  expect(await watched(() => drizzlePg(pool).select().from(users).where(eq(users.id, 3)))).toMatchObject({
    value: [{ id: 3, name: 'Ola' }],
    reasons: [],
    affecting: [3],
  });
  await pool.end();
});

it('postgres.js', async () => {
  const raw = postgres(server.url, { max: 2, onnotice: () => undefined });
  const sql = tracker.wrap(raw);
  const older = sql`age > ${0}`;
  expect(await watched(async () => [...(await sql`SELECT name, ${older} AS old FROM users WHERE id = ${2}`)])).toEqual({
    value: [{ name: 'Kim', old: true }],
    reasons: [],
    affecting: [2],
  });
  expect(
    await watched(async () => [...(await sql`SELECT id, age > 0 FROM users WHERE id IN ${sql([1, 3])}`.values())]),
  ).toEqual({
    value: [
      [1, true],
      [3, true],
    ],
    reasons: [],
    affecting: [1, 3],
  });
  const within = () => sql.begin(async (inner) => (await inner`SELECT * FROM users`).length);
  expect(await watched(within)).toMatchObject({ value: 3, affecting: [] });
  const bit = async () => {
    let rows = 0;
    await sql`SELECT * FROM users`.forEach(() => {
      rows++;
    });
    return rows;
  };
  expect(await watched(bit)).toMatchObject({ value: 3, affecting: [] });
  expect((await watched(bit)).reasons.join()).toContain('bit by bit');
  const drizzled = drizzlePostgresJs(sql);
  expect(await watched(() => drizzled.select().from(users).where(eq(users.id, 1)))).toMatchObject({
    value: [{ id: 1, name: 'Lane' }],
    reasons: [],
    affecting: [1],
  });
  await raw.end();
});

it('what a callback reads belongs to the request', async () => {
  const pool = tracker.wrap(new pg.Pool({ connectionString: server.url, max: 1 }));
  const twice = () =>
    new Promise<void>((resolve) => {
      pool.query('SELECT id FROM users WHERE id = 1', () => {
        pool.connect((_, client, release) => {
          client?.query('SELECT id, age FROM users WHERE id = 2', () => {
            release();
            resolve();
          });
        });
      });
    });
  expect(await watched(twice)).toMatchObject({ reasons: [], affecting: [2] });
  await pool.end();
});

it('a join is narrowed by what is looked up on another connection', async () => {
  const pool = tracker.wrap(new pg.Pool({ connectionString: server.url }));
  const read = () =>
    pool.query('SELECT n.body FROM notes n JOIN users u ON u.id = n.user_id WHERE u.name = $1', ['Ola']);
  const outdates = async (change: string) => {
    const scope = tracker.openScope();
    await scope.run(read);
    const { tags, reasons } = scope.finish();
    expect(reasons).toEqual([]);
    target.tags.clear();
    await outside.query(change);
    await tracker.settled();
    return tags.filter((tag) => tag.startsWith('q')).some((tag) => target.tags.has(tag));
  };
  await vi.waitFor(async () => {
    const spared = `INSERT INTO notes VALUES ((SELECT max(id) + 1 FROM notes), 2, 'z')`;
    expect(await outdates(spared)).toBe(false);
  }, wait);
  expect(await outdates(`INSERT INTO notes VALUES (100, 3, 'z')`)).toBe(true);
  expect(await outdates(`UPDATE users SET name = 'Ola' WHERE id = 2`)).toBe(true);
  expect(await outdates(`INSERT INTO notes VALUES (101, 2, 'z')`)).toBe(true);
  await outside.query(`UPDATE users SET name = 'Kim' WHERE id = 2`);
  await pool.end();
});

it('goes on after the schema has changed', async () => {
  const client = tracker.wrap(await connected(server.url));
  const read = () => client.query('SELECT * FROM users WHERE id = 2');
  const scope = tracker.openScope();
  await scope.run(read);
  const tag = scope.finish().tags.at(-1) as string;
  await outside.query('ALTER TABLE users ADD COLUMN mail text');
  await vi.waitFor(() => expect(target.tags.has(tag)).toBe(true), wait);
  // The first row written in the new shape says so once more.
  await outside.query('UPDATE users SET age = age + 1 WHERE id = 3');
  await tracker.settled();
  await vi.waitFor(async () => {
    const again = tracker.openScope();
    await again.run(read);
    expect(again.finish().reasons).toEqual([]);
  }, wait);
  expect(await watched(read)).toMatchObject({ affecting: [2] });
  await client.end();
});

it('a write is settled in a few milliseconds', async () => {
  const times: number[] = [];
  for (let at = 0; at < 20; at++) {
    await outside.query('UPDATE users SET age = age + 1 WHERE id = 1');
    const begunAt = performance.now();
    await tracker.settled();
    times.push(performance.now() - begunAt);
  }
  times.sort((one, other) => one - other);
  expect(times[10]).toBeLessThan(100);
});

it('a role that may not replicate is served by triggers', async () => {
  const connection = (await freshDatabase(server, 'plain')).replace('postgres:password', 'plain:password');
  await outside.query(`CREATE ROLE plain LOGIN PASSWORD 'password'; ALTER DATABASE plain OWNER TO plain`);
  const pool = new pg.Pool({ connectionString: connection, max: 1 });
  await pool.query('CREATE SCHEMA app');
  await pool.query('CREATE TABLE app.users (id int PRIMARY KEY, name text)');
  const told = new NotingTarget();
  const database = postgresDatabase({ connection, mode: 'triggers', install: true });
  const own = createTracker({ source: 'plain', database, targets: [told], onFault: (error) => faults.push(error) });
  await own.start();
  const db = own.wrap(pool);
  const read = async (id: number) => {
    const scope = own.openScope();
    await scope.run(() => db.query('SELECT name FROM app.users WHERE id = $1', [id]));
    const { tags, reasons } = scope.finish();
    expect(reasons).toEqual([]);
    return tags.filter((tag) => tag.startsWith('q'));
  };
  await pool.query(`INSERT INTO app.users VALUES (1, 'Ada'), (2, 'Grace')`);
  await own.settled();
  const [first, second] = [await read(1), await read(2)];
  const begunAt = performance.now();
  await pool.query(`UPDATE app.users SET name = 'Mary' WHERE id = 2`);
  await own.settled();
  // Sooner than it polls.
  expect(performance.now() - begunAt).toBeLessThan(400);
  expect(second.some((tag) => told.tags.has(tag))).toBe(true);
  expect(first.some((tag) => told.tags.has(tag))).toBe(false);
  expect(faults).toEqual([]);
  await own.stop();
  await pool.end();
});

it('what the server refuses is told in its own words, with the database and without the password', async () => {
  const url = await freshDatabase(server, 'refused');
  await outside.query(`CREATE ROLE unable LOGIN PASSWORD 'hidden'; ALTER DATABASE refused OWNER TO unable`);
  const at = new URL(url).host;
  const failure = async (user: string) => {
    const connection = url.replace('postgres:password', user);
    const names = { slot: 'refused', publication: 'refused', install: true };
    const own = createTracker({ source: 'refused', database: postgresDatabase({ connection, ...names }), targets: [] });
    return own.start().then(
      () => 'started',
      (error: Error) => error.message,
    );
  };
  const named = `the database refused at ${at}: `;
  expect(await failure('unable:wrong')).toBe(`${named}password authentication failed for user "unable"`);
  const unable = await failure('unable:hidden');
  expect(unable).toMatch(/REPLICATION/);
  expect(unable.startsWith(named)).toBe(true);
  expect(unable).not.toContain('hidden');
});

it('what depends on the time by a parameter is not stored', async () => {
  const pool = tracker.wrap(new pg.Pool({ connectionString: server.url, max: 1 }));
  const types = { date: { to: 1082, from: [1082], serialize: String, parse: String } };
  const sql = tracker.wrap(postgres(server.url, { max: 1, types, onnotice: () => undefined }));
  const text = "SELECT id FROM users WHERE id = 1 AND $1::timestamptz > '2020-01-01'";
  const moved = 'uncacheable: a time that moves';
  const given = (value: unknown) => () => pool.query(text, [value]);
  const facts: readonly (readonly [read: () => Promise<unknown>, reasons: readonly string[]])[] = [
    [given('now'), [moved]],
    [given(' Today '), [moved]],
    [given('2024-01-01 00:00:00Z'), []],
    [given(new Date()), []],
    [() => pool.query('SELECT id FROM users WHERE id = 1 AND born = ANY($1)', [['2020-01-01', 'today']]), [moved]],
    [() => pool.query('SELECT id FROM users WHERE name = $1', ['now']), []],
    [async () => sql`SELECT id FROM users WHERE born > ${'yesterday'}`, [moved]],
    [async () => sql`SELECT id FROM users WHERE born > ${'2020-01-01'}`, []],
  ];
  for (const [read, reasons] of facts) {
    const scope = tracker.openScope();
    await scope.run(read);
    expect(scope.finish().reasons).toEqual(reasons);
  }
  await Promise.all([pool.end(), sql.end()]);
});
