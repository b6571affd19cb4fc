// What must hold of `withTidegate` on every database: each test runs on a real one.

import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SoundOptions } from '../../../src/orm/drizzle/options.ts';
import { type Base, execute, orm, required, type World, worldOf } from './wrapped-kit.ts';

export function soundSuite(name: string, open: () => Promise<Base>): void {
  describe(name, () => {
    let world: World;
    let { eq, exists, inArray, sql } = orm;
    const start = async (options: Partial<SoundOptions> = {}) => {
      world = worldOf(await open(), options);
      ({ eq, exists, inArray, sql } = world.orm);
      await world.sound.insert(world.schema.users).values([
        { id: 1, name: 'one' },
        { id: 2, name: 'two' },
      ]);
      await world.sound.insert(world.schema.posts).values({ id: 1, userId: 1, title: 'first' });
      return world;
    };
    beforeEach(() => start());
    afterEach(async () => await world.close());

    /** Reads twice, and tells whether the second was a hit. */
    const cachedAt = async <T>(read: () => PromiseLike<T>): Promise<T> => {
      // A driver that answers at once does not wait until the cache has been told.
      await turn();
      await read();
      const { hits } = world.sound.$cacheStats();
      const value = await read();
      expect(world.sound.$cacheStats().hits).toBe(hits + 1);
      return value;
    };
    /** It is cached, and the write takes it out. */
    const followsWrite = async <T>(read: () => PromiseLike<T>, write: () => PromiseLike<unknown>): Promise<void> => {
      const before = await cachedAt(read);
      await write();
      const { hits } = world.sound.$cacheStats();
      const after = await read();
      expect(world.sound.$cacheStats().hits).toBe(hits);
      expect(after).not.toEqual(before);
    };

    describe('reads and writes', () => {
      test('a read is cached: what is changed behind its back is not seen', async () => {
        const { sound, schema, behind } = world;
        const before = await sound.select().from(schema.users);
        await behind("update users set name = 'changed' where id = 1");
        expect(await sound.select().from(schema.users)).toEqual(before);
        expect(await sound.$uncached().select().from(schema.users)).not.toEqual(before);
      });

      test('inserts, updates and deletes are seen by the next read', async () => {
        const { sound, schema } = world;
        const read = () => sound.select().from(schema.users);
        await followsWrite(read, () => sound.insert(schema.users).values({ id: 3, name: 'three' }));
        await followsWrite(read, () => sound.update(schema.users).set({ name: 'x' }).where(eq(schema.users.id, 1)));
        await followsWrite(read, () => sound.delete(schema.users).where(eq(schema.users.id, 2)));
        await followsWrite(read, () =>
          sound
            .insert(schema.users)
            .values({ id: 1, name: 'upsert' })
            .onConflictDoUpdate({ target: schema.users.id, set: { name: 'upsert' } }),
        );
        await followsWrite(read, () => sound.update(schema.users).set({ name: 'r' }).returning());
      });

      test('a write to another table leaves it', async () => {
        const { sound, schema } = world;
        await sound.select().from(schema.users);
        await sound.insert(schema.audit).values({ id: 1, what: 'x' });
        await sound.update(schema.posts).set({ title: 'y' });
        const { hits } = sound.$cacheStats();
        await sound.select().from(schema.users);
        expect(sound.$cacheStats().hits).toBe(hits + 1);
      });

      test('a delete that cascades is seen in the other table', async () => {
        const { sound, schema } = world;
        await followsWrite(
          () => sound.select().from(schema.posts),
          () => sound.delete(schema.users).where(eq(schema.users.id, 1)),
        );
      });

      test('a write that fails invalidates too, and keeps its error', async () => {
        const { sound, schema } = world;
        await cachedAt(() => sound.select().from(schema.users));
        await expect(
          (async () => await sound.insert(schema.users).values({ id: 1, name: 'twice' }))(),
        ).rejects.toThrow();
        const { hits } = sound.$cacheStats();
        expect(await sound.select().from(schema.users)).toHaveLength(2);
        expect(sound.$cacheStats().hits).toBe(hits);
        // The database said that it failed: nothing is in doubt.
        await cachedAt(() => sound.select().from(schema.users));
      });

      test('a prepared query is cached by its parameters', async () => {
        const { sound, schema } = world;
        const prepared = sound
          .select()
          .from(schema.users)
          .where(eq(schema.users.id, sql.placeholder('id')))
          .prepare('byId');
        expect(await prepared.execute({ id: 1 })).toMatchObject([{ name: 'one' }]);
        expect(await prepared.execute({ id: 2 })).toMatchObject([{ name: 'two' }]);
        expect(await cachedAt(() => prepared.execute({ id: 1 }))).toMatchObject([{ name: 'one' }]);
        await sound.update(schema.users).set({ name: 'new' });
        expect(await prepared.execute({ id: 1 })).toMatchObject([{ name: 'new' }]);
      });
    });

    describe('tables of a read', () => {
      const rename = () => world.sound.update(world.schema.users).set({ name: sql`${world.schema.users.name} || '!'` });
      const drop = () => world.sound.delete(world.schema.posts);

      test('a subquery in WHERE', async () => {
        const { sound, schema } = world;
        const { users, posts } = schema;
        await followsWrite(
          () =>
            sound
              .select()
              .from(users)
              .where(inArray(users.id, sound.select({ id: posts.userId }).from(posts))),
          drop,
        );
        await sound.insert(posts).values({ id: 1, userId: 1, title: 'first' });
        await followsWrite(
          () =>
            sound
              .select({ id: users.id })
              .from(users)
              .where(exists(sound.select().from(posts).where(eq(posts.userId, users.id)))),
          drop,
        );
      });

      test('a subquery in the select list', async () => {
        const { sound, schema } = world;
        const count = sql<number>`(select count(*) from ${schema.posts})`.mapWith(Number);
        await followsWrite(() => sound.select({ id: schema.users.id, count }).from(schema.users), drop);
      });

      test('a set operation', async () => {
        const { sound, schema } = world;
        const left = () => sound.select({ text: schema.users.name }).from(schema.users);
        await followsWrite(() => left().union(sound.select({ text: schema.posts.title }).from(schema.posts)), drop);
      });

      test('a WITH list', async () => {
        const { sound, schema } = world;
        const list = sound
          .$with('list')
          .as(sound.select({ id: schema.users.id, name: schema.users.name }).from(schema.users));
        await followsWrite(() => sound.with(list).select().from(list), rename);
      });

      test('a view', async () => {
        await followsWrite(() => world.sound.select().from(world.schema.named), rename);
      });

      test('a join, and a subquery in FROM', async () => {
        const { sound, schema } = world;
        const inner = sound.select({ owner: schema.posts.userId }).from(schema.posts).as('inner_posts');
        await followsWrite(
          () =>
            sound
              .select({ id: schema.users.id, owner: inner.owner })
              .from(schema.users)
              .leftJoin(inner, eq(inner.owner, schema.users.id)),
          drop,
        );
      });

      test('a table known by no object is not cached, unless it is named', async () => {
        const { sound, behind } = world;
        await behind('create table hidden (id integer)');
        try {
          const read = (db: typeof sound) => db.select({ id: sql<number>`id` }).from(sql`hidden`);
          await read(sound);
          await read(sound);
          expect(sound.$cacheStats().passed['unknown tables']).toBe(2);
          await followsWrite(
            () => read(sound.$cached({ tables: ['hidden'] })),
            () => execute(sound, sql`insert into hidden values (1)`),
          );
        } finally {
          await behind('drop table hidden');
        }
      });
    });

    describe('raw SQL', () => {
      test('a write invalidates what it names', async () => {
        const { sound, schema } = world;
        const read = () => sound.select().from(schema.users);
        await followsWrite(read, () => execute(sound, sql`update users set name = ${'raw'} where id = 1`));
        await followsWrite(read, () => execute(sound, sql.raw("insert into users (id, name) values (7, 'seven')")));
        await followsWrite(read, () => execute(sound, sql`delete from ${schema.users} where ${schema.users.id} = 7`));
      });

      test('a write through a view, or of what is not known, invalidates everything', async () => {
        const { sound, schema, behind } = world;
        await cachedAt(() => sound.select().from(schema.users));
        await behind('create table other_name (id integer)');
        await execute(sound, sql`insert into other_name values (1)`);
        await behind('drop table other_name');
        const { hits, opaqueWrites } = sound.$cacheStats();
        await sound.select().from(schema.users);
        expect(opaqueWrites).toBe(1);
        expect(sound.$cacheStats().hits).toBe(hits);
      });

      test('a read is not cached, and invalidates nothing', async () => {
        const { sound, schema } = world;
        await cachedAt(() => sound.select().from(schema.users));
        await execute(sound, sql`select count(*) from users`);
        await execute(sound, sql`select count(*) from users`);
        await cachedAt(() => sound.select().from(schema.users));
        expect(sound.$cacheStats().passed['not asked']).toBe(2);
      });
    });

    describe('relational queries', () => {
      test('are cached and follow writes to every table of theirs', async () => {
        const { sound, schema } = world;
        const read = () => world.orm.usersWithPosts(sound);
        expect(await cachedAt(read)).toMatchObject([
          { name: 'one', posts: [{ title: 'first' }] },
          { name: 'two', posts: [] },
        ]);
        await followsWrite(read, () => sound.update(schema.posts).set({ title: 'second' }));
        await followsWrite(read, () => sound.update(schema.users).set({ name: 'x' }));
      });

      test('that find nothing are cached too', async () => {
        const { sound, schema } = world;
        const read = () => world.orm.firstUser(sound.$cached(), 99);
        expect(await cachedAt(read)).toBeUndefined();
        await sound.insert(schema.users).values({ id: 99, name: 'late' });
        expect(await read()).toMatchObject({ name: 'late' });
      });

      test('two selections with the same text keep their own names', async () => {
        const { sound, schema } = world;
        expect(await sound.select({ a: schema.users.name }).from(schema.users).where(eq(schema.users.id, 1))).toEqual([
          { a: 'one' },
        ]);
        expect(await sound.select({ b: schema.users.name }).from(schema.users).where(eq(schema.users.id, 1))).toEqual([
          { b: 'one' },
        ]);
      });
    });

    describe('values', () => {
      test('read the same from the cache as from the database', async () => {
        const { sound, schema } = world;
        const row = {
          id: 5,
          name: 'five',
          born: new Date(1234567),
          picture: Buffer.from([1, 2, 255]),
          big: 2n ** 60n + 1n,
          data: { a: [1, { b: null }] },
        };
        await sound.insert(schema.users).values(row);
        const read = (db: typeof sound) => db.select().from(schema.users).where(eq(schema.users.id, 5));
        const [fresh] = await read(sound.$uncached());
        const [cached] = await cachedAt(() => read(sound));
        expect(cached).toStrictEqual(fresh);
        expect(cached?.born).toBeInstanceOf(Date);
        expect(cached?.big).toBe(2n ** 60n + 1n);
        expect(Buffer.isBuffer(cached?.picture)).toBe(Buffer.isBuffer(fresh?.picture));
        expect(Object.getPrototypeOf(cached)).toBe(Object.getPrototypeOf(fresh));
      });

      test('belong to each reader', async () => {
        const { sound, schema } = world;
        const read = () => sound.select().from(schema.users);
        for (let round = 0; round < 3; round++) {
          const rows = await read();
          expect(rows).toHaveLength(2);
          expect(rows[0]?.name).toBe('one');
          required(rows[0]).name = 'mine';
          rows.pop();
        }
      });
    });
  });
}
