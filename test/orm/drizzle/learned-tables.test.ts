// Tables that are not known from the beginning, are named where few look for them, or are written by what another sets off.

import { DatabaseSync } from 'node:sqlite';
import { eq, sql } from 'drizzle-orm';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import { integer as integerOf, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { drizzle } from 'drizzle-orm/sqlite-proxy';
import { describe, expect, test } from 'vitest';
import { createCache } from '../../../src/index.ts';
import { RelationNames } from '../../../src/orm/drizzle/catalogue/catalogue.ts';
import type { SoundOptions } from '../../../src/orm/drizzle/options.ts';
import { withTidegate } from '../../../src/orm/drizzle/with-tidegate.ts';
import { EVERYTHING } from '../../../src/orm/drizzle/writes/guard.ts';
import { factsOf, readers } from '../../sql/facts-kit.ts';

const users = sqliteTable('users', { id: integerOf().primaryKey(), name: text().notNull() });
const legacy = sqliteTable('legacy', { id: integerOf().primaryKey(), v: text() });
const child = sqliteTable('child', {
  id: integerOf().primaryKey(),
  u: integerOf().references(() => users.id, { onDelete: 'cascade' }),
});
const log = sqliteTable('log', { n: integerOf() });

function opened(options: Partial<SoundOptions>) {
  const raw = new DatabaseSync(':memory:');
  raw.exec("create table users (id integer primary key, name text not null); insert into users values (1, 'Ada')");
  raw.exec("create table legacy (id integer primary key, v text); insert into legacy values (1, 'old')");
  raw.exec('create table child (id integer primary key, u integer references users(id) on delete cascade)');
  raw.exec('create table log (n integer); insert into child values (1, 1)');
  raw.exec('create trigger t after delete on child begin insert into log values (old.id); end');
  const client = drizzle(async (query, params, method) => {
    const statement = raw.prepare(query);
    if (method === 'run') return { rows: [statement.run(...(params as string[]))] };
    statement.setReturnArrays(true);
    return { rows: statement.all(...(params as string[])) };
  });
  return withTidegate(client, { cache: createCache({ name: 'learned' }), database: 'app', ...options });
}

const reads = (query: string, dialect: 'postgres' | 'sqlite') => {
  const { reads: found, isUnreadable } = factsOf(query, dialect);
  return isUnreadable ? 'unreadable' : [...found].sort().join();
};

test('a table that foreign keys write has effects of its own', async () => {
  const db = opened({ objects: { users, child, log }, effects: { child: ['log'] } });
  const logs = () => db.$cached().select().from(log);
  expect(await logs()).toEqual([]);
  await db.delete(users).where(eq(users.id, 1));
  expect(await logs()).toEqual([{ n: 1 }]);
});

describe('the first write to a table that is learned late', () => {
  const open = () => {
    const relations = new RelationNames({ dialect: 'sqlite', read: readers.sqlite, textOf: String });
    relations.learn([users]);
    relations.open();
    return relations;
  };
  const written = (relations: RelationNames) => relations.namesWritten(factsOf('update legacy set v = 1', 'sqlite'));

  test('goes under everything, until everything has been invalidated', () => {
    const relations = open();
    relations.learn([legacy]);
    expect(written(relations)).toContain(EVERYTHING);
    // The one that is rolled back invalidates nothing.
    expect(written(relations)).toContain(EVERYTHING);
    relations.clearing()();
    expect(written(relations)).not.toContain(EVERYTHING);
  });

  test('also where it was learned while everything was invalidated', () => {
    const relations = open();
    const cleared = relations.clearing();
    relations.learn([legacy]);
    cleared();
    expect(written(relations)).toContain(EVERYTHING);
  });

  test('one that was known from the beginning does not', () => {
    const relations = open();
    expect(relations.namesWritten(factsOf('update users set id = 1', 'sqlite'))).not.toContain(EVERYTHING);
  });

  test('the second is exact', async () => {
    const db = opened({ objects: { users } });
    const read = () => db.$cached().select().from(users);
    const write = () => db.update(legacy).set({ v: 'new' });
    await read();
    await write();
    await read();
    await write();
    await read();
    expect(db.$cacheStats()).toMatchObject({ hits: 1, misses: 2, writes: 2, opaqueWrites: 1 });
  });
});

test('a comma behind CASE in a condition is followed by a relation', () => {
  const query = 'select * from users join users u2 on case when 1 then 1 end, legacy';
  expect(reads(query, 'sqlite')).toBe('legacy,users');
  expect(reads(query, 'postgres')).toBe('legacy,users');
});

test.each<[string, string]>([
  ['with legacy as (select * from legacy) select * from legacy', 'legacy'],
  ['with a as (select * from b), b as (select 1) select * from a, b', 'b'],
  ['with recursive r as (select 1 union select * from r) select * from r', ''],
  ['with legacy as (select 1) select * from app.legacy', 'legacy'],
  ['with "Legacy" as (select 1) select * from legacy', 'legacy'],
  ['with "legacy" as (select 1) select * from Legacy', ''],
  ['select * from (with legacy as (select 1) select * from legacy) x, legacy', 'legacy'],
  ['select * from (with legacy as (select 1) select * from legacy) x', ''],
  ['with a as (select 1), b as not materialized (select * from a) select * from (select * from b) x', ''],
  [
    'select sum(id) over legacy from users window legacy as (partition by id) union select 1 from legacy',
    'legacy,users',
  ],
])('a name of a WITH list hides what comes behind its member, in PostgreSQL: %s', (query, expected) =>
  expect(reads(query, 'postgres')).toBe(expected),
);

describe('raw SQL of PostgreSQL', () => {
  test.each(['pg_advisory_lock(1)', 'pg_try_advisory_xact_lock_shared(1)', '"pg_advisory_unlock_all"()'])(
    'an advisory lock is taken each time, and writes nothing: %s',
    (call) => {
      const statement = factsOf(`select ${call} from users`, 'postgres');
      expect(statement).toMatchObject({ locks: true, isWrite: false });
      const relations = new RelationNames({ dialect: 'postgres', read: readers.postgres, textOf: String });
      relations.learn([pgTable('users', { id: integer() })]);
      expect(relations.namesWritten(statement)).toEqual([]);
    },
  );

  test('a comment ends with its line, also where that ends with a carriage return; in SQLite it does not', () => {
    const query = '-- note\rupdate users set id = 1';
    expect([...factsOf(query, 'postgres').writes]).toEqual(['users']);
    expect([...factsOf(query, 'sqlite').writes]).toEqual([]);
  });
});

test.each(['time()', "strftime('%f', ?)", 'date(?)', 'datetime()', 'julianday()', 'unixepoch()', '"time"()'])(
  'a time of SQLite may be that of now: %s',
  async (call) => {
    expect(factsOf(`select ${call} from users`, 'sqlite').isVolatile).toBe(true);
    expect(factsOf('select date, time, u.datetime from users u', 'sqlite').isVolatile).toBe(false);
  },
);

test.each(["'today'", "E'now'", "'[now,)'::tstzrange", '$$tomorrow$$::date'])(
  'a time of PostgreSQL moves wherever it stands: %s',
  (text) => {
    expect(factsOf(`select id from users where coalesce(d, ${text}) = d`, 'postgres').isVolatile).toBe(true);
    expect(factsOf("select id from users where name = 'nowhere'", 'postgres').isVolatile).toBe(false);
  },
);

test('raw SQL with such a time is read past the cache', async () => {
  const db = opened({ objects: { users } });
  const read = () => db.$cached().all(sql`select strftime('%f', ${'now'}) as at from users`);
  await read();
  await read();
  expect(db.$cacheStats().passed).toEqual({ volatile: 2 });
});
