// By rows: what becomes of it where tables change, where their names are odd, and where several objects share a cache.

import { type Client, createClient } from '@libsql/client';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/libsql';
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core';
import { describe, expect, test } from 'vitest';
import { type Cache, createCache } from '../../../src/index.ts';
import { withTidegate } from '../../../src/orm/drizzle/index.ts';

const objects = Object.fromEntries(['t', 't/', 't§', 'u'].map((name) => [name, sqliteTable(name, { id: integer() })]));

async function clientWith(...statements: readonly string[]): Promise<Client> {
  const client = createClient({ url: ':memory:' });
  for (const statement of statements) await client.execute(statement);
  return client;
}

function wrapped(client: Client, cache: Cache) {
  const db = withTidegate(drizzle(client), { cache, database: 'app', objects });
  return {
    db,
    read: async (text: string) => await db.$cached().all(sql.raw(text)),
    write: async (text: string) => await db.run(sql.raw(text)),
  };
}

describe('a table', () => {
  test.each(['t/', 't§'])('whose name is %s is invalidated', async (name) => {
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
