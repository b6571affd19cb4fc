// Transactions of SQLite that begin, stay open or end otherwise than those of PostgreSQL. What is read through the cache must
// be what the driver itself gives.

import Sqlite from 'better-sqlite3';
import { eq, type SQL, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { createCache } from '../../../src/index.ts';
import { withTidegate } from '../../../src/orm/drizzle/with-tidegate.ts';

const users = sqliteTable('users', { id: integer().primaryKey(), name: text().notNull() });

function opened() {
  const raw = new Sqlite(':memory:');
  raw.pragma('foreign_keys = on');
  raw.exec("create table users (id integer primary key, name text not null); insert into users values (1, 'Ada')");
  raw.exec('create table c (id integer primary key, u integer references users(id) deferrable initially deferred)');
  const cache = createCache({ name: 'sqlite' });
  const db = withTidegate(drizzle(raw), { cache, database: 'app', objects: { users } });
  const names = () => {
    const rows = db.$cached().select().from(users).all();
    return rows.map(({ name }) => name);
  };
  const run = (statement: SQL) => db.run(statement);
  const rename = (name: string) => db.update(users).set({ name }).where(eq(users.id, 1)).run();
  /** Read twice, it is what it is, and cached once more. */
  const agrees = (...expected: readonly string[]) => {
    expect(raw.prepare('select name from users').pluck().all()).toEqual(expected);
    expect(names()).toEqual(expected);
    const { hits } = db.$cacheStats();
    expect(names()).toEqual(expected);
    expect(db.$cacheStats().hits).toBe(hits + 1);
  };
  return { raw, cache, db, names, run, rename, agrees };
}

test('an outermost savepoint begins a transaction; returning to it ends nothing, its release commits', () => {
  const { run, rename, names, agrees, db } = opened();
  run(sql`savepoint a`);
  rename('dirty');
  expect(names()).toEqual(['dirty']);
  run(sql`savepoint "B"`);
  run(sql`release b`);
  run(sql`rollback transaction to savepoint A`);
  expect(names()).toEqual(['Ada']);
  expect(db.$cacheStats().passed.transaction).toBe(2);
  run(sql`release savepoint a`);
  agrees('Ada');
  run(sql`savepoint a`);
  rename('kept');
  run(sql`savepoint a`);
  run(sql`release a`);
  names();
  expect(db.$cacheStats().passed.transaction).toBe(3);
  run(sql`release a`);
  agrees('kept');
});

test('a commit or a release that fails leaves the transaction open', () => {
  for (const [begin, end] of [
    [sql`begin`, sql`commit`],
    [sql`savepoint a`, sql`release a`],
  ] as const) {
    const { run, rename, names, agrees } = opened();
    run(begin);
    run(sql`insert into c values (1, 99)`);
    rename('dirty');
    expect(() => run(end)).toThrow();
    expect(names()).toEqual(['dirty']);
    run(sql`rollback`);
    agrees('Ada');
  }
});

test('one that SQLite has ended is not waited for', () => {
  const { run, rename, agrees } = opened();
  run(sql`begin`);
  expect(() => run(sql`insert or rollback into users values (1, 'twice')`)).toThrow();
  rename('alone');
  expect(() => run(sql`commit`)).toThrow();
  agrees('alone');
});

test.each<[string, (db: ReturnType<typeof opened>['db'], of: ReturnType<typeof opened>['db']) => unknown]>([
  ['of its own', (_db, tx) => tx.run(sql`insert or rollback into users values (1, 'twice')`)],
  ['beside it, on its connection', (db) => db.run(sql`insert or rollback into users values (1, 'twice')`)],
])('what follows a statement by which SQLite ended the transaction is committed: %s', (_name, fail) => {
  const { db, names, agrees } = opened();
  names();
  const work = () =>
    db.transaction((tx) => {
      expect(() => fail(db, tx as never)).toThrow();
      tx.update(users).set({ name: 'alone' }).run();
      throw new Error('no');
    });
  expect(work).toThrow('no');
  agrees('alone');
});

test('what Drizzle commits within a transaction begun by hand is only there once that is', () => {
  const { db, cache, run, raw, names } = opened();
  run(sql`begin`);
  db.transaction((tx) => void tx.update(users).set({ name: 'inner' }).run());
  // As another process would, which does not see it yet.
  void cache.set('page', 'before', { tables: ['users'] });
  run(sql`commit`);
  expect(cache.get('page')).toBeUndefined();
  expect(names()).toEqual(raw.prepare('select name from users').pluck().all());
});

test('a fill of the program that read on the connection of a transaction goes with its rollback', async () => {
  const { db, cache, run, rename } = opened();
  const read = () => db.select().from(users).all();
  const get = () => cache.getOrSet('page', read, { tables: ['users'] });
  run(sql`begin`);
  rename('dirty');
  expect(await get()).toEqual([{ id: 1, name: 'dirty' }]);
  run(sql`rollback`);
  expect(await get()).toEqual([{ id: 1, name: 'Ada' }]);
});
