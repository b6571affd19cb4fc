// The same with Tidegate: the call of `drizzle` alone changes.

import { createClient } from '@libsql/client';
import { drizzle } from 'drizzle-orm/libsql';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { createCache } from 'tidegate';
import { tidegateCache } from 'tidegate/drizzle';

const users = sqliteTable('users', { id: integer().primaryKey(), name: text().notNull() });
const client = createClient({ url: ':memory:' });
await client.execute("create table users as select 1 as id, 'Ada' as name");

const db = drizzle(client, {
  cache: tidegateCache(createCache(), { database: 'app', strategy: 'explicit', ttl: '10m' }),
});

console.log(await db.select().from(users).$withCache({ tag: 'all-users' }));
await db.$cache.invalidate({ tags: 'all-users' });
await db.$cache.invalidate({ tables: [users] });
