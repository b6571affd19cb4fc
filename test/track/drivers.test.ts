// Every driver of SQLite, and Drizzle over them: what is read by one is watched, and looks as the driver has it.

import { createClient } from '@libsql/client';
import BetterSqlite from 'better-sqlite3';
import { eq } from 'drizzle-orm';
import { drizzle as drizzleBetter } from 'drizzle-orm/better-sqlite3';
import { drizzle as drizzleLibsql } from 'drizzle-orm/libsql';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, it } from 'vitest';
import { fakeD1 } from './fake-d1.ts';
import { atEnd, trackedShop, type World } from './world.ts';

const users = sqliteTable('users', {
  id: integer('id').primaryKey(),
  firstName: text('firstName').notNull(),
  age: integer('age'),
});

async function better(world: World) {
  const raw = new BetterSqlite(world.path);
  atEnd(() => raw.close());
  return world.tracker.wrap(raw);
}

async function libsql(world: World) {
  const raw = createClient({ url: `file:${world.path}` });
  atEnd(() => raw.close());
  return world.tracker.wrap(raw);
}

/** Reads in a scope; tells what was read, and of which users a change makes it outdated. */
async function watched({ tracker, outside, target }: World, read: () => unknown) {
  const scope = tracker.openScope();
  const value = await scope.run(async () => read());
  const { tags, reasons } = scope.finish();
  const own = tags.filter((tag) => tag.startsWith('q'));
  const affecting: number[] = [];
  for (const id of [1, 2, 3]) {
    target.tags.clear();
    // Watched again after each, since what is outdated is no longer watched.
    await tracker.scope(async () => read());
    outside.exec(`UPDATE users SET age = age + 1 WHERE id = ${id}`);
    await tracker.settled();
    if (own.some((tag) => target.tags.has(tag))) affecting.push(id);
  }
  return { value, reasons, affecting };
}

it('better-sqlite3', async () => {
  const world = await trackedShop();
  const db = await better(world);
  expect(await watched(world, () => db.prepare('SELECT firstName, age > 0 FROM users WHERE id = ?').get(1))).toEqual({
    value: { firstName: 'Lane', 'age > 0': 1 },
    reasons: [],
    affecting: [1],
  });
  expect(await watched(world, () => db.prepare('SELECT id, age > 0 FROM users WHERE id > ?').raw().all(1))).toEqual({
    value: [
      [2, 1],
      [3, 1],
    ],
    reasons: [],
    affecting: [2, 3],
  });
  const names = db.prepare('SELECT age > 0 FROM users WHERE id < @most').bind({ most: 2 }).pluck();
  expect(await watched(world, () => [...names.iterate()])).toEqual({ value: [1], reasons: [], affecting: [1] });
  const rows = db.transaction(() => db.prepare('SELECT * FROM users').all());
  expect(await watched(world, () => rows().length)).toEqual({ value: 3, reasons: ['transaction'], affecting: [] });
  expect(db.exec('SELECT 1')).toBe(db);
});

it('libSQL', async () => {
  const world = await trackedShop();
  const db = await libsql(world);
  const read = async () =>
    (await db.execute({ sql: 'SELECT firstName, age > 0 AS old FROM users WHERE id = ?', args: [1] })).rows[0];
  expect(await watched(world, read)).toMatchObject({ value: { firstName: 'Lane' }, reasons: [], affecting: [1] });
  const both = async () =>
    (
      await db.batch(
        [
          'SELECT id, age FROM users WHERE id = 1',
          { sql: 'SELECT id, age FROM users WHERE id = $id', args: { id: 3 } },
        ],
        'read',
      )
    ).length;
  expect(await watched(world, both)).toEqual({ value: 2, reasons: [], affecting: [1, 3] });
  const within = async () => {
    const transaction = await db.transaction('read');
    const { rows } = await transaction.execute('SELECT id FROM users');
    await transaction.commit();
    return rows.length;
  };
  expect(await watched(world, within)).toEqual({ value: 3, reasons: ['transaction'], affecting: [] });
});

it('Drizzle over better-sqlite3', async () => {
  const world = await trackedShop();
  const db = drizzleBetter(await better(world));
  expect(await watched(world, () => db.select().from(users).where(eq(users.id, 2)))).toMatchObject({
    value: [{ id: 2, firstName: 'Kim' }],
    reasons: [],
    affecting: [2],
  });
  const page = () => db.select({ id: users.id, age: users.age }).from(users).orderBy(users.id).limit(2).all();
  expect(await watched(world, page)).toMatchObject({ reasons: [], affecting: [1, 2] });
});

it('Drizzle over libSQL', async () => {
  const world = await trackedShop();
  const db = drizzleLibsql(await libsql(world));
  expect(await watched(world, () => db.select().from(users).where(eq(users.firstName, 'Ola')))).toMatchObject({
    value: [{ id: 3 }],
    reasons: [],
    affecting: [3],
  });
});

it('D1', async () => {
  const world = await trackedShop();
  const db = world.tracker.wrap(fakeD1(world.path));
  const one = db.prepare('SELECT id, age > 0 AS old FROM users WHERE id = ?');
  expect(await watched(world, async () => (await one.bind(2).all()).results)).toEqual({
    value: [{ id: 2, old: 1 }],
    reasons: [],
    affecting: [2],
  });
  expect(await watched(world, () => one.bind(3).first('old'))).toEqual({ value: 1, reasons: [], affecting: [3] });
  expect(await watched(world, () => one.bind(1).raw({ columnNames: true }))).toMatchObject({
    reasons: [],
    affecting: [1],
  });
  const both = () => db.batch([one.bind(1), one.bind(3)]);
  expect(await watched(world, both)).toMatchObject({ reasons: [], affecting: [1, 3] });
  const session = db.withSession('first-unconstrained');
  const replica = () => session.prepare('SELECT id FROM users').all();
  expect(await watched(world, replica)).toMatchObject({ reasons: ['transaction'], affecting: [] });
});

it('what a column without a value answers is no missing row', async () => {
  const world = await trackedShop();
  const db = world.tracker.wrap(fakeD1(world.path));
  world.outside.exec('UPDATE users SET note = NULL');
  const scope = world.tracker.openScope();
  await scope.run(() => db.prepare('SELECT id, note FROM users WHERE id = 1').first('note'));
  const tag = scope.finish().tags.at(-1) as string;
  world.outside.exec(`UPDATE users SET note = 'now' WHERE id = 1`);
  await world.tracker.settled();
  expect(world.target.tags.has(tag)).toBe(true);
});

it('a statement prepared before, run in scopes that come and go', async () => {
  const world = await trackedShop();
  const db = await better(world);
  const one = db.prepare('SELECT age FROM users WHERE id = ?');
  const scopes = [1, 2].map((id) => {
    const scope = world.tracker.openScope();
    scope.run(() => one.get(id));
    return scope.finish().tags.at(-1);
  });
  expect(new Set(scopes).size).toBe(2);
});

it('an explicit scope, where none goes along by itself', async () => {
  const world = await trackedShop();
  const scope = world.tracker.openScope();
  const db = world.tracker.wrap(new BetterSqlite(world.path), scope);
  atEnd(() => db.close());
  db.prepare('SELECT * FROM users').all();
  expect(scope.finish().tags).toHaveLength(3);
});

it('a transaction that a statement begins, where the driver does not tell', async () => {
  const world = await trackedShop();
  const db = await libsql(world);
  await db.execute('BEGIN');
  expect(await watched(world, () => db.execute('SELECT id FROM users'))).toMatchObject({
    reasons: ['session-state'],
    affecting: [],
  });
});

it('refuses what it does not know', async () => {
  const { tracker } = await trackedShop();
  expect(() => tracker.wrap({ nothing: true })).toThrow('expected a database of node:sqlite');
});

/** As applications write it that connect at the first use: a proxy that has nothing but `get`. */
function lazily<T extends object>(make: () => T): T {
  let made: T | undefined;
  const get = (_: T, name: string | symbol) => {
    made ??= make();
    const value: unknown = Reflect.get(made, name, made);
    return typeof value === 'function' ? value.bind(made) : value;
  };
  return new Proxy({} as T, { get });
}

it('a client that is made at its first use', async () => {
  const world = await trackedShop();
  const own = createClient({ url: `file:${world.path}` });
  atEnd(() => own.close());
  const client = world.tracker.wrap(lazily(() => own));
  const read = async () => (await client.execute('SELECT firstName, age FROM users WHERE id = 1')).rows[0];
  expect(await watched(world, read)).toMatchObject({ value: { firstName: 'Lane' }, reasons: [], affecting: [1] });
  const db = world.tracker.wrap(lazily(() => fakeD1(world.path)));
  const one = db.prepare('SELECT id, age > 0 AS old FROM users WHERE id = ?').bind(2);
  expect(await watched(world, async () => (await one.all()).results)).toEqual({
    value: [{ id: 2, old: 1 }],
    reasons: [],
    affecting: [2],
  });
});
