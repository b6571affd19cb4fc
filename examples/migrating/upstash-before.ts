// Drizzle's upstashCache, of drizzle-orm 0.45.

import { createClient } from '@libsql/client';
import { upstashCache } from 'drizzle-orm/cache/upstash';
import { drizzle } from 'drizzle-orm/libsql';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

const users = sqliteTable('users', { id: integer().primaryKey(), name: text().notNull() });
const client = createClient({ url: 'file:app.db' });

const db = drizzle(client, {
  cache: upstashCache({
    url: process.env.UPSTASH_URL ?? '',
    token: process.env.UPSTASH_TOKEN ?? '',
    global: false,
    config: { ex: 600 },
  }),
});

console.log(await db.select().from(users).$withCache({ tag: 'all-users' }));
await db.$cache.invalidate({ tags: 'all-users' });
await db.$cache.invalidate({ tables: [users] });
