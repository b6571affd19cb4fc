// Ways to write that are easily missed, on PostgreSQL. One database object does the work; another reads, with connections
// and a guard of its own and the same cache, as another process would. What it gives must be what it gives uncached.

import { setImmediate as turn } from 'node:timers/promises';
import { type SQL, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Case, STATEMENTS, snapshot, TRANSACTIONS } from './holes-cases.ts';
import { type Base, pgSchema, type SoundDb, type World, worldOf } from './wrapped-kit.ts';

const { users, posts, audit, named } = pgSchema;

/** Taken away again with the schema `app`, so each test makes them anew. */
const OBJECTS = [
  'drop schema if exists app cascade; create schema app',
  'drop materialized view if exists snapshot',
  'create materialized view snapshot as select id from users',
  `create function app.touch() returns int language sql as $$ update users set name = name || '!'; select 1 $$`,
  `create function app.lower(given text) returns text language sql as $$ update users set name = name || given; select given $$`,
  `create function app.set(given int) returns int language sql as $$ update users set name = name || given; select 1 $$`,
  `create function app.rows() returns setof record language sql as $$ update users set name = 'rows' where id = 1 returning id $$`,
  `create procedure app.done() language sql as $$ delete from posts $$`,
  `create function app.note() returns trigger language plpgsql as $$ begin insert into audit values (new.id, new.name); return new; end $$`,
];

export interface Opened {
  /** Emptied; its database object does the work. */
  readonly here: () => Promise<Base>;
  /** Of the same server, as it is. */
  readonly there: () => Promise<Base>;
  readonly hasOwnConnections: boolean;
}

export function soundHolesSuite(name: string, open: Opened): void {
  describe(name, () => {
    let here: World = undefined as never;
    let there: World = undefined as never;
    beforeEach(async () => {
      here = worldOf(await open.here(), { effects: { users: ['audit'] } });
      for (const text of OBJECTS) await here.behind(text);
      await here.behind("insert into users (id, name) values (1, 'one'), (2, 'two')");
      await here.behind("insert into posts values (1, 1, 'first'), (2, 2, 'second')");
      there = worldOf(await open.there(), { cache: here.cache, objects: { snapshot } });
    });
    afterEach(async () => {
      await here.behind('drop schema if exists app cascade; drop materialized view if exists snapshot');
      await Promise.all([here.close(), there.close()]);
    });

    /** All that a test may change, as `db` reads it. */
    const readBy = async (db: SoundDb) => ({
      users: await db.select({ id: users.id, name: users.name }).from(users).orderBy(users.id),
      posts: await db.select({ id: posts.id, title: posts.title }).from(posts).orderBy(posts.id),
      audit: await db.select().from(audit).orderBy(audit.id),
      named: await db.select().from(named).orderBy(named.id),
      snapshot: await db.select().from(snapshot).orderBy(snapshot.id),
    });
    const agrees = async (): Promise<void> => {
      for (const world of [there, here]) {
        const expected = await readBy(world.sound.$uncached());
        expect(await readBy(world.sound)).toEqual(expected);
        expect(await readBy(world.sound)).toEqual(expected);
      }
    };
    /** It is cached before, and right after. */
    const seenAfter = async (work: () => unknown): Promise<void> => {
      await readBy(there.sound);
      await readBy(here.sound);
      const { hits } = there.sound.$cacheStats();
      await readBy(there.sound);
      expect(there.sound.$cacheStats().hits).toBe(hits + 5);
      await work();
      await turn();
      await agrees();
    };

    test.each([...STATEMENTS, ...TRANSACTIONS])('%s', (_name, work) => seenAfter(() => work(here.sound, here.schema)));

    test.runIf(!open.hasOwnConnections).each<Case>([
      [
        'begun and ended by texts of several statements',
        async (db) => {
          await db.execute(sql.raw("begin; update users set name = 'x'"));
          await readBy(there.sound);
          await db.execute(sql`commit`);
        },
      ],
      [
        'COMMIT AND CHAIN',
        async (db) => {
          await db.execute(sql`begin`);
          await db.delete(posts);
          await db.execute(sql`commit and chain`);
          await readBy(there.sound);
          await db.update(users).set({ name: 'chained' });
          await readBy(there.sound);
          await readBy(db);
          await db.execute(sql`commit`);
        },
      ],
      [
        'ROLLBACK AND CHAIN',
        async (db) => {
          await db.execute(sql`begin`);
          await db.delete(posts);
          await db.execute(sql`rollback and chain`);
          await db.update(users).set({ name: 'dirty' });
          await readBy(db);
          await db.execute(sql`rollback`);
        },
      ],
      [
        'a transaction of Drizzle in one begun by hand',
        async (db) => {
          await db.execute(sql`begin`);
          await db.delete(posts);
          await readBy(there.sound);
          await db.transaction(async (tx) => void (await tx.update(users).set({ name: 'x' })));
        },
      ],
      [
        'two on one connection: what one commits is committed of both',
        async (db) => {
          const other = Promise.withResolvers<void>();
          const one = db.transaction(async (tx) => {
            await tx.delete(posts);
            await other.promise;
            throw new Error('no');
          });
          await turn();
          await db.transaction(async (tx) => void (await tx.update(users).set({ name: 'x' })));
          await readBy(there.sound);
          other.resolve();
          await one.catch(() => undefined);
        },
      ],
    ])('%s', (_name, work) => seenAfter(() => work(here.sound, here.schema)));

    const hitsOf = async (world: World): Promise<number> => {
      await readBy(world.sound);
      const { hits } = world.sound.$cacheStats();
      await readBy(world.sound);
      return world.sound.$cacheStats().hits - hits;
    };

    test.each<readonly [string, SQL]>([
      ['search_path', sql`set search_path to app, public`],
      ['search_path, for the session', sql`set session search_path = app, public`],
      ['set_config', sql`select set_config('search_path', ${'app, public'}, false)`],
      ['set_config of what is not known', sql`select set_config(${'search_path'}, ${'app, public'}, false)`],
      ['role', sql`set session authorization postgres`],
      ['a setting of its own', sql`set app.tenant = 'x'`],
      ['a zone', sql`set time zone 'Asia/Tokyo'`],
    ])('reads go past the cache once it is set: %s', async (_name, statement) => {
      await here.behind("create table app.users (like users); insert into app.users values (7, 'of app')");
      await readBy(here.sound);
      await here.sound.execute(statement);
      await agrees();
      expect(await hitsOf(here)).toBe(0);
      expect(here.sound.$cacheStats().passed['session settings']).toBeGreaterThan(0);
      expect(await hitsOf(there)).toBe(5);
    });

    test('a setting that changes no answer, or only a transaction, leaves the cache', async () => {
      await here.sound.execute(sql`set statement_timeout = 10000`);
      await here.sound.execute(sql`set local search_path to app`);
      await here.sound.transaction(
        async (tx) => void (await tx.execute(sql`select set_config('app.tenant', ${'x'}, true)`)),
      );
      await here.sound.transaction(async () => undefined, { isolationLevel: 'serializable' });
      expect(await hitsOf(here)).toBe(5);
    });

    test('a temporary table is read past the cache, and its rows are given to no one else', async () => {
      await readBy(there.sound);
      await here.sound.execute(sql`create temp table if not exists users as select 7 as id, 'mine' as name`);
      await here.sound.select({ id: users.id, name: users.name }).from(users).orderBy(users.id);
      await agrees();
      await here.sound.execute(sql`drop table if exists pg_temp.users`);
      await agrees();
    });

    test('a view made after the start is read past the cache, until it is known by its definition', async () => {
      await here.sound.execute(sql`create view app.later as select id from users`);
      const read = (db: SoundDb) => db.select({ id: sql<number>`id` }).from(sql`app.later`);
      await read(there.sound);
      await here.sound.insert(users).values({ id: 9, name: 'x' });
      expect(await read(there.sound)).toHaveLength(3);
      expect(there.sound.$cacheStats().passed['unknown tables']).toBe(2);
    });
  });
}
