// Drizzle's own cache hook, with the data cache behind it.

import { createClient } from '@libsql/client';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/libsql';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { createCache } from 'tidegate';
import { tidegateCache } from 'tidegate/drizzle';

const users = sqliteTable('users', { id: integer().primaryKey(), name: text().notNull() });

const client = createClient({ url: ':memory:' });
await client.execute('create table users (id integer primary key, name text not null)');
await client.execute("insert into users values (1, 'Ada'), (2, 'Grace')");

const queries = tidegateCache(createCache(), { database: 'app', ttl: '10m' });
const db = drizzle(client, { cache: queries });

const all = () => db.select().from(users).$withCache();
console.log(await all());
console.log(await all());

// A write invalidates what was read of its tables. It may not be committed yet: for 5 seconds nothing of them is stored.
await db.update(users).set({ name: 'Hedy' }).where(eq(users.id, 2));
console.log(await all());

const { hits, misses, guarded } = queries.getStats();
console.log({ hits, misses, guarded });
