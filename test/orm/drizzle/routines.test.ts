// Functions of the application under any name, the system's among them: what may call one goes past the cache, unless
// the program says what it reads.

import { DatabaseSync } from 'node:sqlite';
import Database from 'better-sqlite3';
import { sql } from 'drizzle-orm';
import { drizzle as drizzleSync } from 'drizzle-orm/better-sqlite3';
import { drizzle as drizzleProxy } from 'drizzle-orm/pg-proxy';
import { drizzle as drizzleNode } from 'drizzle-orm-next/node-sqlite';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createCache } from '../../../src/index.ts';
import type { SoundOptions } from '../../../src/orm/drizzle/options.ts';
import { withTidegate } from '../../../src/orm/drizzle/with-tidegate.ts';
import { openPgliteNext } from './drizzle-next.ts';
import { openNodeSqlite, openPglite, startPglite } from './worlds.ts';
import { LITE_TABLES, liteSchema, pgSchema, type World, worldOf } from './wrapped-kit.ts';

/** Whether the second of two reads is answered from the cache. */
async function isCached(world: World, read: () => PromiseLike<unknown>): Promise<boolean> {
  await read();
  const { hits } = world.sound.$cacheStats();
  await read();
  return world.sound.$cacheStats().hits > hits;
}

describe.each([
  ['PGlite', openPglite],
  ['1.0: PGlite', openPgliteNext],
])('%s', (_name, open) => {
  beforeAll(startPglite, 120_000);

  const undo: string[] = [];
  let last: World | undefined;
  afterEach(async () => {
    for (const text of undo.splice(0).reverse()) await last?.behind(text);
  });

  const made = async (ddl: readonly (readonly [make: string, drop: string])[], given: Partial<SoundOptions> = {}) => {
    const world = worldOf(await open(), given);
    last = world;
    for (const [make, drop] of ddl) {
      undo.push(drop);
      await world.behind(make);
    }
    return world;
  };
  const selecting = (world: World, part: string) => () =>
    world.sound.select({ id: world.schema.users.id, made: world.orm.sql.raw(part) }).from(world.schema.users);

  const LOWER = [
    "create function public.lower(int) returns text stable language sql as 'select max(what) from audit'",
    'drop function public.lower(int)',
  ] as const;
  const LESS = [
    "create function public.before_now(text, int) returns boolean stable language sql as 'select exists (select from audit)'",
    'drop function public.before_now(text, int)',
  ] as const;

  test('a foreign key that no object of Drizzle tells of', async () => {
    const world = await made([
      [
        'alter table audit add column owner integer references users (id) on delete cascade',
        'alter table audit drop column owner',
      ],
    ]);
    const { sound, schema, orm } = world;
    await sound.insert(schema.users).values({ id: 71, name: 'Ada' });
    await world.behind("insert into audit (id, what, owner) values (71, 'hers', 71)");
    const read = () => sound.select({ id: schema.audit.id }).from(schema.audit).where(orm.eq(schema.audit.id, 71));
    expect(await isCached(world, read)).toBe(true);
    await sound.delete(schema.users).where(orm.eq(schema.users.id, 71));
    expect(await read()).toEqual([]);
  });

  test('a function under the name of one of the system', async () => {
    const world = await made([LOWER]);
    expect(await isCached(world, selecting(world, 'lower(1)'))).toBe(false);
    expect(await isCached(world, selecting(world, "upper('a')"))).toBe(true);
    expect(world.sound.$cacheStats().passed).toMatchObject({ 'unknown tables': 2 });
    const told = await made([], { functions: { lower: { reads: ['audit'] } } });
    expect(await isCached(told, selecting(told, 'lower(1)'))).toBe(true);
  });

  test('one that is made later, by the same program', async () => {
    const world = await made([]);
    const read = selecting(world, "lower('A')");
    expect(await isCached(world, read)).toBe(true);
    undo.push(LOWER[1]);
    await world.sound.execute(world.orm.sql.raw(LOWER[0]));
    expect(await isCached(world, read)).toBe(false);
  });

  test('an operator', async () => {
    const operator = (name: string) =>
      [
        `create operator public.${name} (leftarg = text, rightarg = int, function = public.before_now)`,
        `drop operator public.${name} (text, int)`,
      ] as const;
    const world = await made([LESS, operator('<<<')]);
    expect(await isCached(world, selecting(world, "'a' <<< 1"))).toBe(false);
    expect(await isCached(world, selecting(world, '1 < 2'))).toBe(true);
    // BETWEEN and IN call it without its name.
    const compared = await made([operator('<=')]);
    expect(await isCached(compared, selecting(compared, '1 between 2 and 3'))).toBe(false);
    const told = await made([], { functions: { before_now: { reads: ['audit'] } } });
    expect(await isCached(told, selecting(told, '1 between 2 and 3'))).toBe(true);
  });

  test('a cast, a domain, a view, and a function in field notation', async () => {
    const world = await made([
      ["create type mood as enum ('low')", 'drop type mood cascade'],
      [
        "create function mood_number(mood) returns int stable language sql as 'select max(id) from audit'",
        'drop function mood_number(mood) cascade',
      ],
      ['create cast (mood as int) with function mood_number(mood)', 'drop cast (mood as int)'],
      [
        "create function label(users) returns text stable language sql as 'select max(what) from audit'",
        'drop function label(users)',
      ],
      ['create view labelled as select u.id, u.label from users u', 'drop view labelled'],
      ['create view again as select id from labelled', 'drop view again'],
      ['create table feelings (id int primary key, felt mood)', 'drop table feelings'],
    ]);
    const run = (text: string) => () =>
      world.sound.$cached({}).execute(world.orm.sql.raw(text)) as PromiseLike<unknown>;
    expect(await isCached(world, selecting(world, "'low'::mood::int"))).toBe(false);
    expect(await isCached(world, selecting(world, '(users).label'))).toBe(false);
    for (const table of ['labelled', 'again', 'feelings']) {
      expect(await isCached(world, run(`select u.id from users u, ${table}`)), table).toBe(false);
      const byHand = () =>
        world.sound.$cached({ tables: ['audit'] }).execute(world.orm.sql.raw(`select 1 from ${table}`));
      expect(await isCached(world, byHand as () => PromiseLike<unknown>), table).toBe(true);
    }
    expect(await isCached(world, run('select id from users'))).toBe(true);
  });
});

test('where PostgreSQL does not tell its functions nothing is cached, and that is told', async () => {
  const faults: unknown[] = [];
  const db = drizzleProxy(async () => ({ rows: [] }), { schema: pgSchema });
  const options = {
    cache: createCache(),
    database: 'd',
    strategy: 'all',
    onFault: (error: unknown) => faults.push(error),
  };
  const sound = withTidegate(db, options as never);
  for (let at = 0; at < 2; at++) expect(await sound.select().from(pgSchema.users)).toEqual([]);
  expect(sound.$cacheStats()).toMatchObject({ hits: 0, passed: { fault: 2 } });
  expect(faults.map(String)).toEqual(Array(2).fill('TypeError: expected the functions of the database, got none'));
});

describe('SQLite', () => {
  test('a function that is not one of its own goes past the cache, and writes nothing here', async () => {
    const world = worldOf(await openNodeSqlite(), {});
    const { users } = world.schema;
    const part = (text: string) => () => world.sound.select({ id: users.id, made: sql.raw(text) }).from(users);
    for (const known of ["lower('A')", "json_extract('{}', '$')", 'count(*)', 'row_number() over (order by id)']) {
      expect(await isCached(world, part(known)), known).toBe(true);
    }
    const plain = () => world.sound.select().from(users);
    await plain();
    for (const unknown of ['stock(1)', '"stock"(1)', "name regexp 'a'"]) {
      await expect(part(unknown)()).rejects.toThrow();
    }
    expect(world.sound.$cacheStats().passed).toMatchObject({ 'unknown tables': 3 });
    expect(await isCached(world, plain)).toBe(true);
    const told = worldOf(await openNodeSqlite(), { functions: { stock: { reads: ['audit'] } } });
    await expect(told.sound.select({ made: sql`stock(1)` }).from(users)).rejects.toThrow();
    expect(told.sound.$cacheStats().passed).toEqual({});
  });

  interface SyncDb {
    readonly $client: { function(name: string, make: () => unknown): unknown };
    all(query: unknown): unknown;
  }
  const withTables = <Client extends { exec(text: string): unknown }>(client: Client): Client => {
    for (const text of LITE_TABLES) client.exec(text);
    return client;
  };
  test.each([
    [
      'better-sqlite3',
      (): SyncDb => drizzleSync(withTables(new Database(':memory:')), { schema: liteSchema }) as unknown as SyncDb,
    ],
    [
      '1.0: node:sqlite',
      (): SyncDb => drizzleNode({ client: withTables(new DatabaseSync(':memory:')) }) as unknown as SyncDb,
    ],
  ])('%s: a function in the place of one of its own, made before or after', (_name, open) => {
    const opened = (db: SyncDb) => withTidegate(db, { cache: createCache(), database: 'd', objects: liteSchema });
    const hitsOf = (sound: ReturnType<typeof opened>) => {
      const before = sound.$cacheStats().hits;
      for (let at = 0; at < 2; at++) sound.$cached().all(sql`select id from users where name like 'a%'`);
      return sound.$cacheStats().hits - before;
    };
    const sound = opened(open());
    expect(hitsOf(sound)).toBe(1);
    sound.$client.function('other', () => 1);
    expect(hitsOf(sound)).toBe(2);
    sound.$client.function('like', () => 1);
    expect(hitsOf(sound)).toBe(0);
    expect(sound.$cacheStats().passed).toEqual({ 'session settings': 2 });
    const db = open();
    db.$client.function('like', () => 1);
    expect(hitsOf(opened(db))).toBe(0);
  });
});
