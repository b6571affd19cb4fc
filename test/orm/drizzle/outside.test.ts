// What programs store themselves beside Drizzle's reads, raw SQL and counts, and drivers that answer at once.

import { setImmediate as turn } from 'node:timers/promises';
import { eq, sql } from 'drizzle-orm';
import { foreignKey, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { describe, expect, test } from 'vitest';
import { createCache } from '../../../src/index.ts';
import { RelationNames } from '../../../src/orm/drizzle/catalogue/catalogue.ts';
import { EVERYTHING } from '../../../src/orm/drizzle/writes/guard.ts';
import { factsOf, readers } from '../../sql/facts-kit.ts';
import { openBetterSqlite, openBetterSqliteNext, openNodeSqliteNext } from './drizzle-next.ts';
import { openNodeSqlite } from './worlds.ts';
import { type Base, execute, type World, worldOf } from './wrapped-kit.ts';

const opened = async (options: Parameters<typeof worldOf>[1] = {}, open: () => Promise<Base> = openNodeSqlite) =>
  worldOf(await open(), options);
const addUser = ({ sound, schema }: World, id: number) => sound.insert(schema.users).values({ id, name: `user ${id}` });

describe('entries of getOrSet that name tables', () => {
  /** Stored under the tables; true: a later call still finds it. */
  const lasts = async ({ cache }: World, tables: readonly string[], change: () => PromiseLike<unknown>) => {
    await cache.delete('page');
    await cache.getOrSet('page', () => 'old', { tables });
    await change();
    return (await cache.getOrSet('page', () => 'new', { tables })) === 'old';
  };

  test('go with a write, named within the database or by its plain name', async () => {
    const world = await opened();
    expect(await lasts(world, ['users'], () => addUser(world, 1))).toBe(false);
    expect(await lasts(world, ['test:users'], () => addUser(world, 2))).toBe(false);
    expect(await lasts(world, ['audit'], () => addUser(world, 3))).toBe(true);
  });

  test('go with a transaction once it is committed, and not with one rolled back', async () => {
    const world = await opened();
    const rename = world.sound.update(world.schema.users).set({ name: 'x' });
    const failed = () =>
      world.sound.transaction(async () => Promise.reject(new Error('rolled back'))).catch(() => undefined);
    expect(await lasts(world, ['users'], failed)).toBe(true);
    expect(await lasts(world, ['users'], () => world.sound.transaction(async () => void (await rename)))).toBe(false);
  });

  test('go with rows that a foreign key deletes, views of the table, and statements that nobody understands', async () => {
    const world = await opened();
    const { sound, schema } = world;
    expect(await lasts(world, ['posts'], () => sound.delete(schema.users).where(eq(schema.users.id, 9)))).toBe(false);
    expect(await lasts(world, ['named'], () => addUser(world, 1))).toBe(false);
    expect(await lasts(world, ['users'], () => execute(sound, sql`create table other (id integer)`))).toBe(false);
    expect(await lasts(world, ['other'], () => execute(sound, sql`insert into other values (1)`))).toBe(false);
  });

  test('go with $cache.invalidate by table', async () => {
    const world = await opened();
    expect(await lasts(world, ['users'], () => world.sound.$cache.invalidate({ tables: world.schema.users }))).toBe(
      false,
    );
  });

  test('two databases in one cache: the plain name takes no read of the other', async () => {
    const cache = createCache({ name: 'both' });
    const one = await opened({ cache, database: 'one' });
    const two = await opened({ cache, database: 'two' });
    const read = () => one.sound.select().from(one.schema.users);
    await read();
    await addUser(two, 1);
    await cache.invalidate({ tables: ['users'] });
    await read();
    expect(one.sound.$cacheStats().hits).toBe(1);
    await cache.invalidate({ tables: ['one:users'] });
    await read();
    expect(one.sound.$cacheStats()).toMatchObject({ hits: 1, misses: 2 });
  });

  test('however a table is spelt', () => {
    const parents = sqliteTable('Parents', { id: integer() });
    const children = sqliteTable('children', { id: integer(), of: integer() }, (table) => [
      foreignKey({ columns: [table.of], foreignColumns: [parents.id] }).onDelete('cascade'),
    ]);
    const grandchildren = sqliteTable('grandchildren', {
      of: integer().references(() => children.id, { onDelete: 'set null' }),
    });
    const other = sqliteTable('other', { name: text() });
    const relations = new RelationNames({ dialect: 'sqlite', read: readers.sqlite, textOf: String });
    relations.learn([parents, children, grandchildren, other]);
    const changed = (text: string) => [...relations.outside(relations.namesWritten(factsOf(text, 'sqlite')))].sort();
    expect(changed('update parents set id = 1')).toEqual(['Parents', 'parents']);
    expect(changed('delete from "Parents"')).toEqual(['Parents', 'children', 'grandchildren', 'parents']);
    expect(relations.outside([EVERYTHING])).toEqual(
      expect.arrayContaining(['Parents', 'parents', 'other', 'children']),
    );
  });

  test('a write of more tables than one call takes is told whole', async () => {
    const tables = Array.from({ length: 200 }, (_, at) => `table_${at}`);
    const world = await opened({ effects: { users: tables } });
    expect(await lasts(world, ['table_199'], () => addUser(world, 1))).toBe(false);
    expect(await lasts(world, ['test:table_0'], () => addUser(world, 2))).toBe(false);
    expect(world.faults).toEqual([]);
  });
});

describe('what $cached asks for', () => {
  const raw = (world: World, read: ReturnType<typeof sql>, db: object = world.sound.$cached()) =>
    (db as { all(query: unknown): Promise<unknown[]> }).all(read);

  test.each<[string, () => Promise<Base>]>([
    ['node:sqlite', openNodeSqlite],
    ['better-sqlite3', openBetterSqlite],
  ])('raw SQL whose tables are known, and counts: %s', async (_name, open) => {
    const world = await opened({ strategy: 'explicit' }, open);
    await addUser(world, 1);
    await turn();
    const { sound, schema } = world;
    const reads = [
      async () => (await raw(world, sql`select name from users`)).length,
      async () => Number(await sound.$cached().$count(schema.users)),
    ];
    for (const [at, read] of reads.entries()) {
      const before = await read();
      const { hits } = sound.$cacheStats();
      expect(await read()).toBe(before);
      expect(sound.$cacheStats().hits).toBe(hits + 1);
      await addUser(world, at + 2);
      expect(await read()).toBe(before + 1);
    }
  });

  test('raw SQL of tables that are not known, or whose answer changes by itself, goes past the cache, and is told why', async () => {
    const world = await opened();
    await world.behind('create table hidden (id integer)');
    await raw(world, sql`select * from hidden`);
    await raw(world, sql`select random() from users`);
    await raw(world, sql`select name from users`, world.sound);
    expect(world.sound.$cacheStats().passed).toEqual({ 'unknown tables': 1, volatile: 1, 'not asked': 1 });
  });
});

describe.each<[string, () => Promise<Base>]>([
  ['better-sqlite3', openBetterSqlite],
  ['1.0: better-sqlite3', openBetterSqliteNext],
  ['1.0: node:sqlite', openNodeSqliteNext],
])('%s', (_name, open) => {
  test('the read after a write or a transaction is stored: the invalidation is in force at once', async () => {
    const world = await opened({}, open);
    const read = () => world.sound.select().from(world.schema.users);
    for (let id = 1; id <= 5; id++) {
      await addUser(world, id);
      expect(await read()).toHaveLength(id);
      expect(await read()).toHaveLength(id);
    }
    (world.sound as unknown as { transaction(work: () => void): void }).transaction(() => {
      (addUser(world, 6) as unknown as { run(): void }).run();
    });
    expect(await read()).toHaveLength(6);
    expect(await read()).toHaveLength(6);
    expect(world.sound.$cacheStats()).toMatchObject({ hits: 6, misses: 6, passed: {} });
  });

  test('a cache that takes time to invalidate is waited for', async () => {
    const cache = createCache({ name: 'slow' });
    const slow = new Proxy(cache, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'invalidate') return async (what: never) => turn().then(() => target.invalidate(what));
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const world = await opened({ cache: slow }, open);
    const read = () => world.sound.select().from(world.schema.users);
    await read();
    await addUser(world, 1);
    expect(await read()).toHaveLength(1);
    expect(world.sound.$cacheStats().passed).toEqual({ 'write under way': 1 });
  });
});
