// Options of `withTidegate`: what it refuses, what it is told of the database, and what it cannot know.

import { setImmediate as turn } from 'node:timers/promises';
import { eq, sql } from 'drizzle-orm';
import { Cache as DrizzleCache } from 'drizzle-orm/cache/core';
import { integer, pgMaterializedView, pgTable } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { drizzle as drizzleProxy } from 'drizzle-orm/sqlite-proxy';
import { beforeAll, describe, expect, test } from 'vitest';
import { createCache, type SetOptions } from '../../../src/index.ts';
import { packed, unpacked } from '../../../src/orm/drizzle/driver-answers.ts';
import type { SoundOptions } from '../../../src/orm/drizzle/options.ts';
import { withTidegate } from '../../../src/orm/drizzle/with-tidegate.ts';
import { isOutcomeUnknown } from '../../../src/orm/drizzle/writes/write-errors.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';
import { openNodeSqlite, openPglite, startPglite } from './worlds.ts';
import { type Base, execute, liteSchema, type World, worldOf } from './wrapped-kit.ts';

const proxied = () => drizzleProxy(async () => ({ rows: [] }), { schema: liteSchema });
const options: SoundOptions = { cache: createCache({ name: 'options' }), database: 'd' };

describe('it refuses', () => {
  class Own extends DrizzleCache {
    override strategy = () => 'all' as const;
    override get = async () => undefined;
    override put = async () => undefined;
    override onMutate = async () => undefined;
  }
  test.each<[string, () => object, Partial<SoundOptions>]>([
    ['what is no database', () => ({}), {}],
    ['a database without a name', proxied, { database: '' }],
    ['a database twice', () => withTidegate(proxied(), options), {}],
    ['a database with a cache of its own', () => drizzlePglite({ client: {} as never, cache: new Own() }), {}],
    [
      'another dialect',
      () => ({ session: { prepareQuery: () => undefined }, dialect: new (class MySqlDialect {})() }),
      {},
    ],
  ])('%s', (_name, db, given) => {
    expect(() => withTidegate(db(), { ...options, ...given })).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});

/** Reads, writes, and tells whether the next read was a hit. */
async function hitAfter(
  world: World,
  read: () => PromiseLike<unknown>,
  write: () => PromiseLike<unknown>,
): Promise<boolean> {
  await read();
  await write();
  await turn();
  const { hits } = world.sound.$cacheStats();
  await read();
  return world.sound.$cacheStats().hits > hits;
}

describe('what it is told', () => {
  const opened = async (given: Partial<SoundOptions>, open: () => Promise<Base> = openNodeSqlite) =>
    worldOf(await open(), given);

  test('effects: tables that triggers write', async () => {
    const world = await opened({ effects: { users: ['audit'] } });
    const { sound, schema } = world;
    const read = () => sound.select().from(schema.audit);
    expect(
      await hitAfter(world, read, () =>
        sound
          .insert(schema.posts)
          .values({ id: 1, userId: 1, title: 'x' })
          .catch(() => undefined),
      ),
    ).toBe(true);
    expect(await hitAfter(world, read, () => sound.insert(schema.users).values({ id: 1, name: 'x' }))).toBe(false);
  });

  test('two databases in one cache are kept apart', async () => {
    const cache = createCache({ name: 'both' });
    const one = await opened({ cache, database: 'one' });
    const two = await opened({ cache, database: 'two' });
    await one.sound.insert(one.schema.users).values({ id: 1, name: 'only in one' });
    expect(await one.sound.select().from(one.schema.users)).toHaveLength(1);
    expect(await two.sound.select().from(two.schema.users)).toHaveLength(0);
    const write = () => two.sound.insert(two.schema.users).values({ id: 2, name: 'two' });
    expect(await hitAfter(one, () => one.sound.select().from(one.schema.users), write)).toBe(true);
  });

  test('the expiry of `$withCache`, also at a time of day; a bad one caches nothing and fails nothing', async () => {
    const clock = new SimulatedTime();
    const cache = createCache({ name: 'expiry' });
    const ttls: unknown[] = [];
    const noted = new Proxy(cache, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== 'set') return typeof value === 'function' ? value.bind(target) : value;
        return (key: string, stored: unknown, given: SetOptions) => {
          ttls.push(given.ttl);
          return target.set(key, stored, given);
        };
      },
    });
    const world = await opened({ strategy: 'explicit', ttl: '1m', cache: noted, clock });
    const read = (config?: object) =>
      world.sound
        .select()
        .from(world.schema.users)
        .$withCache({ config: config ?? {} });
    const configs = [{}, { ex: 2 }, { px: 30 }, { pxat: clock.now() + 5000 }, { exat: clock.now() / 1000 + 7 }];
    for (const config of configs) {
      await world.sound.$cache.invalidate({ tables: 'users' });
      await read(config);
    }
    expect(ttls).toEqual(['1m', 2000, 30, 5000, 7000]);
    expect(await read({ ex: -1 })).toEqual([]);
    expect(world.faults).toMatchObject([{ code: 'E_TTL' }]);
  });

  test('autoInvalidate: false is an entry that writes leave', async () => {
    const world = await opened({ strategy: 'explicit' });
    const { users } = world.schema;
    const read = () => world.sound.select().from(users).$withCache({ autoInvalidate: false });
    expect(await hitAfter(world, read, () => world.sound.insert(users).values({ id: 1, name: 'x' }))).toBe(true);
  });
});

describe('functions of PostgreSQL', () => {
  beforeAll(startPglite, 120_000);
  const opened = async (given: Partial<SoundOptions> = {}) => {
    const world = worldOf(await openPglite(), given);
    await world.behind("create or replace function own() returns int language sql as 'select 1'");
    await world.behind('drop materialized view if exists names');
    return world;
  };

  test('a function of its own may write anything, unless it is told', async () => {
    const call = (world: World) => execute(world.sound, sql`select own()`);
    const unknown = await opened();
    expect(
      await hitAfter(
        unknown,
        () => unknown.sound.select().from(unknown.schema.users),
        () => call(unknown),
      ),
    ).toBe(false);
    const harmless = await opened({ functions: { own: {} } });
    expect(
      await hitAfter(
        harmless,
        () => harmless.sound.select().from(harmless.schema.users),
        () => call(harmless),
      ),
    ).toBe(true);
    const writing = await opened({ functions: { own: { writes: ['users'] } } });
    expect(
      await hitAfter(
        writing,
        () => writing.sound.select().from(writing.schema.users),
        () => call(writing),
      ),
    ).toBe(false);
    expect(
      await hitAfter(
        writing,
        () => writing.sound.select().from(writing.schema.audit),
        () => call(writing),
      ),
    ).toBe(true);
  });

  test('a query that calls one is cached once it is told what it reads', async () => {
    const world = await opened({ functions: { own: { reads: ['audit'] } } });
    const { users, audit } = world.schema;
    const read = () => world.sound.select({ id: users.id, own: sql`own()` }).from(users);
    expect(await hitAfter(world, read, async () => undefined)).toBe(true);
    expect(await hitAfter(world, read, () => world.sound.insert(audit).values({ id: 1, what: 'x' }))).toBe(false);
  });

  test('what calls a function of the system that may read anything goes past the cache', async () => {
    const world = await opened();
    const { users } = world.schema;
    const hits = (call: ReturnType<typeof sql>) => {
      const read = () => world.sound.select({ id: users.id, made: call }).from(users);
      return hitAfter(world, read, async () => undefined);
    };
    expect(await hits(sql`pg_relation_size('users')`)).toBe(false);
    expect(await hits(sql`upper('a')`)).toBe(true);
    expect(await hits(sql`unnest(array[1, 2])`)).toBe(true);
  });

  test('a materialized view changes when it is refreshed', async () => {
    const world = await opened();
    const view = pgMaterializedView('names').as((qb) =>
      qb.select({ name: world.schema.users.name }).from(world.schema.users),
    );
    await world.behind('create materialized view names as select name from users');
    await world.sound.insert(world.schema.users).values({ id: 1, name: 'x' });
    const read = () => world.sound.select().from(view);
    expect(await read()).toEqual([]);
    await world.sound.refreshMaterializedView(view);
    expect(await read()).toEqual([{ name: 'x' }]);
    await world.behind('drop materialized view names');
  });

  test('what locks is never served from the cache, and what varies is only cached when asked for', async () => {
    const world = await opened();
    const { users } = world.schema;
    expect(
      await hitAfter(
        world,
        () => world.sound.select().from(users).for('update'),
        async () => undefined,
      ),
    ).toBe(false);
    const varying = (db: typeof world.sound) => db.select({ at: sql`now()` }).from(users);
    expect(
      await hitAfter(
        world,
        () => varying(world.sound),
        async () => undefined,
      ),
    ).toBe(false);
    expect(
      await hitAfter(
        world,
        () => varying(world.sound.$cached()),
        async () => undefined,
      ),
    ).toBe(true);
  });

  test('tables of one name in two schemas go together', async () => {
    const world = await opened();
    await world.behind('create schema if not exists other; create table if not exists other.users (id int)');
    expect(
      await hitAfter(
        world,
        () => world.sound.select().from(world.schema.users),
        () => execute(world.sound, sql`insert into other.users values (1)`),
      ),
    ).toBe(false);
    await world.behind('drop schema other cascade');
  });

  test('a foreign key that is declared beside the columns counts', async () => {
    const { foreignKey } = await import('drizzle-orm/pg-core');
    const world = await opened();
    await world.behind('create table deep (id int, post_id int references posts(id) on delete set null)');
    const deep = pgTable('deep', { id: integer('id'), postId: integer('post_id') }, (table) => [
      foreignKey({ columns: [table.postId], foreignColumns: [world.schema.posts.id] }).onDelete('set null'),
    ]);
    await world.sound.insert(world.schema.users).values({ id: 1, name: 'x' });
    await world.sound.insert(world.schema.posts).values({ id: 1, userId: 1, title: 'x' });
    await world.sound.insert(deep).values({ id: 1, postId: 1 });
    const read = () => world.sound.select({ postId: deep.postId }).from(deep);
    expect(await read()).toEqual([{ postId: 1 }]);
    await world.sound.delete(world.schema.users).where(eq(world.schema.users.id, 1));
    expect(await read()).toEqual([{ postId: null }]);
    await world.behind('drop table deep');
  });
});

test('an outcome is known where the database itself answered', () => {
  const caused = (code: string) => new Error('wrapped', { cause: Object.assign(new Error('x'), { code }) });
  expect(
    ['23505', '40001', 'SQLITE_CONSTRAINT', 'ERR_SQLITE_ERROR'].map((code) => isOutcomeUnknown(caused(code))),
  ).toEqual([false, false, false, false]);
  expect(
    ['08006', 'ECONNRESET', 'CONNECTION_CLOSED', 'SQLITE_IOERR'].map((code) => isOutcomeUnknown(caused(code))),
  ).toEqual([true, true, true, true]);
});

test('answers with objects of classes are not stored; all else comes back the same', () => {
  class Own {}
  expect(packed([[new Own()]], true)).toBeUndefined();
  expect(packed({ rows: [[1]], own: new Own() }, false)).toBeUndefined();
  const cells = [
    null,
    undefined,
    1n,
    -0,
    Number.NaN,
    'x',
    new Date(5),
    Buffer.from('x'),
    new Uint8Array([1]),
    new ArrayBuffer(2),
    { a: [{ ['__proto__']: 1 }] },
  ];
  const stored = packed([cells], true);
  expect(stored).toBeDefined();
  const back = stored === undefined ? undefined : unpacked(stored);
  expect(back).toStrictEqual([cells]);
  expect(back).not.toBe(cells);
  // One row of some drivers is a list of cells, and bytes in it are no row.
  const row = packed(cells, true);
  expect(row && unpacked(row)).toStrictEqual(cells);
});
