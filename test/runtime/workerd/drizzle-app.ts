// A Worker that reads D1 through Drizzle: bundled by drizzle.test.ts and run in workerd.

import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/d1';
import { integer as pgInteger, pgTable } from 'drizzle-orm/pg-core';
import { drizzle as overPostgres } from 'drizzle-orm/pg-proxy';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { createCache } from '../../../src/cache/create-cache.ts';
import { tidegateCache, withTidegate } from '../../../src/orm/drizzle/index.ts';

const users = sqliteTable('users', { id: integer().primaryKey(), name: text() });
const posts = pgTable('posts', { id: pgInteger().primaryKey() });

type D1 = Parameters<typeof drizzle>[0];

let db: ReturnType<typeof opened> | undefined;
const opened = (d1: D1) => ({
  sound: withTidegate(drizzle(d1), { cache: createCache(), database: 'app', objects: { users } }),
  dropIn: drizzle(d1, { cache: tidegateCache(createCache(), { database: 'app', strategy: 'all' }) }),
});

const faults: string[] = [];
const postgres = withTidegate(
  overPostgres(async () => ({ rows: [[1]] })),
  {
    cache: createCache(),
    database: 'other',
    objects: { posts },
    onFault: (error) => void faults.push(String(error)),
  },
);

async function answer(path: string, d1: D1): Promise<unknown> {
  db ??= opened(d1);
  const { sound, dropIn } = db;
  switch (path) {
    case '/made':
      await d1.exec('create table users (id integer primary key, name text)');
      return sound.insert(users).values({ id: 1, name: 'Ada' }).returning();
    case '/read':
      return sound.$cached().select().from(users);
    case '/drop-in':
      return dropIn.select().from(users);
    case '/write':
      return sound.update(users).set({ name: 'Grace' }).where(eq(users.id, 1)).returning();
    case '/postgres':
      return [await postgres.$cached().select().from(posts), await postgres.$cached().select().from(posts)];
    case '/stats':
      return sound.$cacheStats();
    default:
      return { stats: postgres.$cacheStats(), faults };
  }
}

export default {
  async fetch(request: Request, env: { readonly DB: D1 }): Promise<Response> {
    return Response.json({ value: await answer(new URL(request.url).pathname, env.DB) });
  },
};
