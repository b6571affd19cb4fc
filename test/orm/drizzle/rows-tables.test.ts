// By rows: what becomes of it where tables change, where their names are odd, and where several objects share a cache.

import { PGlite } from '@electric-sql/pglite';
import { type Client, createClient } from '@libsql/client';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/libsql';
import { pgTable } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core';
import { describe, expect, test } from 'vitest';
import { type Cache, createCache } from '../../../src/index.ts';
import { withTidegate } from '../../../src/orm/drizzle/index.ts';

const ODD = ['t/', 't§', 't§0123456789ab/'];
const objects = Object.fromEntries(['t', ...ODD, 'u'].map((name) => [name, sqliteTable(name, { id: integer() })]));

interface Options {
  readonly around?: Around;
  readonly tenant?: string;
}

async function clientWith(...statements: readonly string[]): Promise<Client> {
  const client = createClient({ url: ':memory:' });
  for (const statement of statements) await client.execute(statement);
  return client;
}

/** `around`: what is done with each statement in the place of sending it. */
type Around = (text: string, send: () => Promise<unknown>) => Promise<unknown>;

function wrapped(client: Client, cache: Cache, { around = async (_, send) => await send(), tenant }: Options = {}) {
  const through = new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'execute') return value.bind(target);
      return (statement: { sql: string; args: [] }) => around(statement.sql, () => target.execute(statement));
    },
  });
  const db = withTidegate(drizzle(through), { cache, database: 'app', objects, ...(tenant && { tenant }) });
  return {
    db,
    read: async (text: string) => await db.$cached().all(sql.raw(text)),
    write: async (text: string) => await db.run(sql.raw(text)),
  };
}

describe('a table', () => {
  test.each(ODD)('whose name is %s is invalidated', async (name) => {
    const client = await clientWith(`create table "${name}" (id integer primary key, k integer)`);
    const { read, write } = wrapped(client, createCache());
    for (const text of [`select * from "${name}"`, `select * from "${name}" where id = 1`]) {
      expect(await read(text)).toEqual([]);
      await write(`insert into "${name}" values (1, 10)`);
      expect(await read(text)).toEqual([{ id: 1, k: 10 }]);
      await write(`delete from "${name}" where id = 1`);
      expect(await read(text)).toEqual([]);
    }
  });
});

const PLAIN = ['create table t (id integer primary key, k integer)', 'insert into t values (1, 10), (2, 20)'];
const ONE = 'select * from t where id = 1';
const TRIGGER = 'create trigger more after update on t when new.id = 2 begin update t set k = 5 where id = 1; end';

describe('tables that are changed while the database is asked for them', () => {
  const asked = { half: "type = 'trigger'", wholly: 'schema_version' } as const;
  test.each([
    ['half', 'by another program', (client: Client) => client.execute(TRIGGER)],
    ['half', 'through another object', (client: Client, cache: Cache) => wrapped(client, cache).write(TRIGGER)],
    ['wholly', 'through another object', (client: Client, cache: Cache) => wrapped(client, cache).write(TRIGGER)],
  ] as const)('once it has answered %s, %s, are asked for anew', async (when, _, change) => {
    const client = await clientWith(...PLAIN);
    const cache = createCache();
    let left: number = when === 'half' ? 1 : 2;
    const { read, write } = wrapped(client, cache, {
      around: async (text, send) => {
        const answer = await send();
        if (text.includes(asked[when]) && --left === 0) await change(client, cache);
        return answer;
      },
    });
    await read(ONE);
    await read(ONE);
    expect(left).toBeLessThan(1);
    await write('update t set k = 21 where id = 2');
    expect(await read(ONE)).toEqual([{ id: 1, k: 5 }]);
  });
});

test('a database that refuses to tell its tables is a fault, once: all is by tables then', async () => {
  const { db, read, write } = wrapped(await clientWith(...PLAIN), createCache(), {
    around: async (text, send) => {
      if (text.includes('schema_version')) throw new Error('not authorized');
      return await send();
    },
  });
  await read(ONE);
  await read(ONE);
  expect(db.$cacheStats()).toMatchObject({ hits: 1, misses: 1, faults: 1 });
  await write('update t set k = 21 where id = 2');
  await read(ONE);
  expect(db.$cacheStats()).toMatchObject({ hits: 1, misses: 2, faults: 1 });
});

describe('several objects for one cache', () => {
  test('a write that may come late is fenced also once another has changed the tables', async () => {
    const client = await clientWith(...PLAIN);
    const cache = createCache();
    const a = wrapped(client, cache, {
      around: async (text, send) => {
        if (text.startsWith('update')) throw new Error('connection lost');
        return await send();
      },
    });
    const b = wrapped(client, cache);
    await a.read(ONE);
    await expect(a.write('update t set k = 11 where id = 1')).rejects.toThrow();
    await b.write('create table other (a)');
    await a.read(ONE);
    await a.read(ONE);
    await client.execute('update t set k = 11 where id = 1');
    expect(await a.read(ONE)).toEqual([{ id: 1, k: 11 }]);
  });

  test('a write whose connection is lost after another has changed the tables is fenced as well', async () => {
    const client = await clientWith(...PLAIN);
    const cache = createCache();
    const b = wrapped(client, cache);
    const a = wrapped(client, cache, {
      around: async (text, send) => {
        if (!text.startsWith('update')) return await send();
        await b.write('create table other (a)');
        await a.read(ONE);
        throw new Error('connection lost');
      },
    });
    await a.read(ONE);
    await expect(a.write('update t set k = 11 where id = 1')).rejects.toThrow();
    await a.read(ONE);
    await client.execute('update t set k = 11 where id = 1');
    expect(await a.read(ONE)).toEqual([{ id: 1, k: 11 }]);
  });

  test('those of databases with other tables do not ask for them for ever', async () => {
    const cache = createCache();
    let questions = 0;
    const around: Around = async (text, send) => {
      if (text.includes('pragma_schema_version')) questions++;
      return await send();
    };
    const [one, two] = [await clientWith(...PLAIN), await clientWith(...PLAIN, 'create table other (a)')];
    const both = [wrapped(one, cache, { around, tenant: 'one' }), wrapped(two, cache, { around, tenant: 'two' })];
    for (let time = 0; time < 60; time++) {
      for (const { read, write } of both) {
        await write(`update t set k = ${time} where id = 1`);
        expect(await read(ONE)).toEqual([{ id: 1, k: time }]);
      }
    }
    expect(questions).toBeLessThan(60);
    for (const { read } of both) await read(ONE);
    const hits = both.map(({ db }) => db.$cacheStats().hits);
    for (const { read } of both) await read(ONE);
    expect(both.map(({ db }) => db.$cacheStats().hits)).toEqual(hits.map((before) => before + 1));
  });
});

test('a key of PostgreSQL that is dropped between two lives counts no more', async () => {
  const client = await PGlite.create();
  for (const text of ['create table t (id integer primary key default 1, k integer)', 'insert into t values (1, 10)'])
    await client.query(text);
  const cache = createCache();
  const life = () => withTidegate(drizzlePglite(client), { cache, database: 'app', objects: { t: pgTable('t', {}) } });
  const read = async (db: ReturnType<typeof life>, id: number) =>
    (await db.$cached().execute(sql.raw(`select id, k from t where id = ${id}`))).rows;
  expect(await read(life(), 1)).toEqual([{ id: 1, k: 10 }]);
  await client.query('alter table t drop constraint t_pkey');
  const second = life();
  await read(second, 2);
  await second.execute(sql`insert into t (k) values (20)`);
  expect(await read(second, 1)).toEqual([
    { id: 1, k: 10 },
    { id: 1, k: 20 },
  ]);
  await client.close();
});
