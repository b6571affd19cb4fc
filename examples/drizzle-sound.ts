// A Drizzle database whose reads are cached: whatever is written through it, the next read is right.

import { createClient } from '@libsql/client';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/libsql';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { createCache } from 'tidegate';
import { withTidegate } from 'tidegate/drizzle';

const users = sqliteTable('users', { id: integer().primaryKey(), name: text().notNull() });

const client = createClient({ url: ':memory:' });
await client.execute('create table users (id integer primary key, name text not null)');
await client.execute("insert into users values (1, 'Ada'), (2, 'Grace')");

const db = withTidegate(drizzle(client), { cache: createCache(), database: 'app' });

const all = () =>
  db
    .$cached({ ttl: '10m', tags: ['all-users'] })
    .select()
    .from(users);
console.log(await all());
console.log(await all());

await db.update(users).set({ name: 'Hedy' }).where(eq(users.id, 2));
console.log(await all());
console.log(await all());

const { hits, misses, writes } = db.$cacheStats();
console.log({ hits, misses, writes });
