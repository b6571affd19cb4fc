// Rows read the same from the cache as from the driver, and to each reader his own. Synchronous drivers never ask a cache.

import type { PGlite } from '@electric-sql/pglite';
import { createClient } from '@libsql/client';
import BetterSqlite from 'better-sqlite3';
import { drizzle as better45 } from 'drizzle-orm/better-sqlite3';
import { drizzle as libsql45 } from 'drizzle-orm/libsql';
import * as pg45 from 'drizzle-orm/pg-core';
import { drizzle as pglite45 } from 'drizzle-orm/pglite';
import * as sqlite45 from 'drizzle-orm/sqlite-core';
import { drizzle as libsql1 } from 'drizzle-orm-next/libsql';
import { drizzle as nodeSqlite1 } from 'drizzle-orm-next/node-sqlite';
import * as pg1 from 'drizzle-orm-next/pg-core';
import { drizzle as pglite1 } from 'drizzle-orm-next/pglite';
import * as sqlite1 from 'drizzle-orm-next/sqlite-core';
import { afterAll, describe, expect, it } from 'vitest';
import { kept, restored } from '../../../src/orm/drizzle/driver-answers.ts';
import { startedPglite } from '../../kit/pglite.ts';
import { ours, settle } from './kit.ts';

/** Making one takes seconds. */
let pglite: PGlite | undefined;
const onePglite = async () => (pglite ??= await startedPglite());
afterAll(async () => await pglite?.close());

/** Through the real cache, which owns and freezes what it stores. */
async function roundTrip(response: unknown): Promise<unknown> {
  const { cache } = ours();
  await cache.set('key', kept(response));
  return restored((await cache.get('key')) as never);
}

/** Reads three times: from the database, then from the cache. */
async function thrice<T>(setup: ReturnType<typeof ours>, read: () => PromiseLike<T>): Promise<[T, T, T]> {
  setup.time.advance(10_000);
  await settle();
  const before = setup.hook.getStats();
  const all: [T, T, T] = [await read(), await read(), await read()];
  expect(setup.hook.getStats()).toMatchObject({ hits: before.hits + 2, stored: before.stored + 1, faults: 0 });
  return all;
}

describe.each([
  { version: '0.45', core: sqlite45, drizzle: libsql45 },
  { version: '1.0', core: sqlite1 as unknown as typeof sqlite45, drizzle: libsql1 as unknown as typeof libsql45 },
])('libSQL, drizzle-orm $version', ({ core, drizzle }) => {
  const things = core.sqliteTable('things', {
    id: core.integer('id').primaryKey(),
    big: core.blob('big', { mode: 'bigint' }),
    bytes: core.blob('bytes', { mode: 'buffer' }),
    day: core.integer('day', { mode: 'timestamp_ms' }),
    json: core.text('json', { mode: 'json' }),
    missing: core.text('missing'),
    real: core.real('real'),
  });

  it('gives the same from cache, of every type', async () => {
    const setup = ours();
    const client = createClient({ url: 'file::memory:' });
    const db = drizzle({ client, cache: setup.hook } as never) as unknown as ReturnType<typeof libsql45>;
    await client.execute(
      'create table things (id integer primary key, big blob, bytes blob, day integer, json text, missing text, real real)',
    );
    const row = {
      ...{ id: 1, big: 2n ** 70n, bytes: Buffer.from([0, 255, 7]), day: new Date(1e12), json: { a: [1, null] } },
      ...{ missing: null, real: -0.5 },
    };
    await db.insert(things).values(row);
    for (const result of await thrice(setup, () => db.select().from(things))) {
      expect(result).toEqual([row]);
      expect(result[0]?.bytes).toBeInstanceOf(Buffer);
      expect(result[0]?.day).toBeInstanceOf(Date);
    }
    const [read, ...cached] = await thrice(setup, () =>
      db.select({ bytes: things.bytes, id: things.id }).from(things).values(),
    );
    for (const result of cached) {
      expect(result).toEqual(read);
      expect(Object.getOwnPropertyDescriptors(result[0])).toEqual(Object.getOwnPropertyDescriptors(read[0]));
      expect(Array.from(result[0] as ArrayLike<unknown>)).toEqual(Array.from(read[0] as ArrayLike<unknown>));
    }
    // What one reader changes, no other sees.
    const [changed] = await db.select().from(things);
    (changed as { bytes: Buffer }).bytes[0] = 9;
    expect(await db.select().from(things)).toEqual([row]);
    client.close();
  });

  it('tells one row and none from the list of all', async () => {
    const setup = ours();
    const client = createClient({ url: 'file::memory:' });
    const db = drizzle({ client, cache: setup.hook } as never) as unknown as ReturnType<typeof libsql45>;
    await client.execute(
      'create table things (id integer primary key, big blob, bytes blob, day integer, json text, missing text, real real)',
    );
    await db.insert(things).values([{ id: 1 }, { id: 2 }]);
    setup.time.advance(10_000);
    await settle();
    for (let turn = 0; turn < 3; turn++) {
      expect((await db.select({ id: things.id }).from(things).get())?.id).toBe(1);
      expect(await db.select({ id: things.id }).from(things).all()).toEqual([{ id: 1 }, { id: 2 }]);
      expect(
        await db
          .select({ id: things.id })
          .from(things)

          .limit(0),
      ).toEqual([]);
    }
    expect(setup.hook.getStats()).toMatchObject({ faults: 0, unstorable: 0 });
    client.close();
  });
});

describe.each([
  { version: '0.45', core: pg45, drizzle: pglite45 },
  { version: '1.0', core: pg1 as unknown as typeof pg45, drizzle: pglite1 as unknown as typeof pglite45 },
])('PGlite, drizzle-orm $version', ({ core, drizzle }) => {
  it('gives the same from cache, of every type', { timeout: 120_000 }, async () => {
    const things = core.pgTable('things', {
      id: core.bigint('id', { mode: 'bigint' }).primaryKey(),
      at: core.timestamp('at', { withTimezone: true }),
      day: core.date('day', { mode: 'date' }),
      span: core.interval('span'),
      exact: core.numeric('exact'),
      json: core.jsonb('json'),
      list: core.text('list').array(),
      yes: core.boolean('yes'),
      place: core.point('place'),
      nothing: core.text('nothing'),
    });
    const setup = ours();
    const client = await onePglite();
    const db = drizzle({ client, cache: setup.hook } as never) as unknown as ReturnType<typeof pglite45>;
    await client.exec(
      'drop table if exists things; create table things (id bigint primary key, at timestamptz, day date, span interval, exact numeric, json jsonb, list text[], yes boolean, place point, nothing text)',
    );
    const row = {
      ...{ id: 2n ** 62n, at: new Date(1e12), day: new Date('2026-02-03'), span: '1 day 02:00:00', exact: '1.50' },
      ...{
        json: { rows: [1, { deep: null }] },
        list: ['a', 'b'],
        yes: true,
        place: [1, 2] as [number, number],
        nothing: null,
      },
    };
    await db.insert(things).values(row);
    for (const result of await thrice(setup, () => db.select().from(things))) expect(result).toEqual([row]);
  });
});

describe('what a driver gives', () => {
  it('comes back as it was', async () => {
    for (const response of [
      [],
      [[1, 'a', null]],
      { rows: [[1n]] },
      { rows: [1, new Date(5)] },
      [{ a: { b: [Buffer.from('x')] } }],
      { id: 1, _id: 2 },
    ]) {
      expect(await roundTrip(response)).toEqual(response);
    }
  });

  it('is left to the driver where it is of a class', () => {
    class Money {
      readonly cents = 1;
    }
    expect(kept([[new Money()]])).toBe(undefined);
    expect(kept([{ a: [new Money()] }])).toBe(undefined);
    expect(kept([[() => 1]])).toBe(undefined);
    expect(kept(new Money())).toBe(undefined);
    expect(kept(undefined)).toBe(undefined);
  });

  it('loses its class where that is the class of the result', async () => {
    class Result {
      readonly rows = [[1]];
      readonly rowCount = 1;
      readonly _types = new Map();
      readonly parse = () => 1;
    }
    class Rows extends Array {
      readonly command = 'SELECT';
    }
    expect(await roundTrip(new Result())).toEqual({ rows: [[1]], rowCount: 1 });
    expect(await roundTrip(Rows.from([[1]]))).toEqual([[1]]);
  });
});

describe('synchronous drivers', () => {
  it('never ask a cache', async () => {
    const setup = ours();
    const things = sqlite45.sqliteTable('things', { id: sqlite45.integer('id') });
    const client = new BetterSqlite(':memory:');
    client.exec('create table things (id integer)');
    const db = better45({ client, cache: setup.hook } as never);
    expect(db.select().from(things).all()).toEqual([]);
    expect(await db.select().from(things)).toEqual([]);
    const next = nodeSqlite1({ cache: setup.hook } as never);
    const nextThings = sqlite1.sqliteTable('things', { id: sqlite1.integer('id') });
    next.$client.exec('create table things (id integer)');
    expect(next.select().from(nextThings).all()).toEqual([]);
    expect(setup.hook.getStats()).toMatchObject({ hits: 0, misses: 0, stored: 0, guarded: 0 });
    client.close();
  });
});
