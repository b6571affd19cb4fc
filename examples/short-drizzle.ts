// The README's example of Drizzle with the data cache.

import { createClient } from '@libsql/client';
import { drizzle } from 'drizzle-orm/libsql';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { createCache } from 'tidegate';
import { withTidegate } from 'tidegate/drizzle';

const users = sqliteTable('users', { id: integer().primaryKey(), name: text().notNull() });
const client = createClient({ url: ':memory:' });
await client.execute("create table users as select 7 as id, 'Ada' as name");

const db = withTidegate(drizzle(client), { cache: createCache(), database: 'app' });

console.log(await db.$cached({ ttl: '1h' }).select().from(users));
await db.update(users).set({ name: 'Grace' });
console.log(await db.$cached({ ttl: '1h' }).select().from(users));
