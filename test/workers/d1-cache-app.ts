// A Worker whose data cache, and Drizzle over it, share one log with other isolates: bundled by d1-cache.test.ts.

import { type SQL, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/d1';
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core';
import { type ByteStore, storeTier } from '../../src/cache/store-tier.ts';
import { withTidegate } from '../../src/orm/drizzle/index.ts';
import { createWorkersCache } from '../../src/workers/cache.ts';
import { type D1Database, d1Drain, installD1Feed } from '../../src/workers/d1/index.ts';
import { createGate } from '../../src/workers/index.ts';
import type { Query } from '../orm/drizzle/rows-databases.ts';

interface Env {
  readonly DB: D1Database;
  readonly BYTES: Fetcher;
}

interface Fetcher {
  fetch(url: string, init?: object): Promise<Response>;
}

const faults: string[] = [];
const objects = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, sqliteTable(name, { id: integer() })]));
const cacheOf = createWorkersCache({
  mode: 'strict',
  onFault: (error) => void faults.push(String(error)),
  // A store that all isolates share, as KV is one.
  tiers: (({ BYTES }: Env) => [storeTier({ name: 'shared', store: bytesOf(BYTES) })]) as never,
});

function bytesOf(store: Fetcher): ByteStore {
  const url = (key: string) => `http://bytes/${encodeURIComponent(key)}`;
  return {
    get: async (key) => {
      const response = await store.fetch(url(key));
      return response.status === 200 ? new Uint8Array(await response.arrayBuffer()) : undefined;
    },
    put: (key, bytes) => store.fetch(url(key), { method: 'PUT', body: bytes }),
    delete: async (keys) => {
      await Promise.all(keys.map((key) => store.fetch(url(key), { method: 'DELETE' })));
      return 0;
    },
  };
}

const madeOf = ({ text, values }: Query): SQL =>
  sql.join(
    text.split('?').flatMap((part, at) => (at === 0 ? [sql.raw(part)] : [sql`${values[at - 1]}`, sql.raw(part)])),
  );

interface Asked {
  readonly reads?: readonly Query[];
  readonly write?: Query;
  readonly tables?: readonly string[];
}

async function answer({ reads = [], write, tables }: Asked, env: Env, context: never): Promise<unknown> {
  if (tables !== undefined) {
    for (const text of tables) await env.DB.prepare(text).run();
    await installD1Feed(env.DB);
    return tables.length;
  }
  const cache = await cacheOf(env, context);
  const db = withTidegate(drizzle(env.DB as never), { cache, database: 'app', objects, effects: { a: ['b'] } });
  const shown = (rows: Promise<unknown>) =>
    rows.then(
      (found) => JSON.stringify(found),
      () => 'failed',
    );
  if (write !== undefined) return await shown(db.all(madeOf(write)));
  const wrong: string[] = [];
  for (const read of reads) {
    const cached = await shown(db.$cached().all(madeOf(read)));
    const truth = await shown(
      env.DB.prepare(read.text)
        .bind(...read.values)
        .all()
        .then(({ results }) => results),
    );
    if (cached !== truth) wrong.push(`${read.text} ${JSON.stringify(read.values)} gave ${cached} for ${truth}`);
  }
  const { hits, misses } = db.$cacheStats();
  return { wrong, hits, misses, faults, value: await cache.getOrSet('n', () => 1, { tables: ['a'] }) };
}

const gate = createGate<Env & Record<string, unknown>>({
  origins: { app: { handler: () => new Response('none') } },
  routes: [{ origin: 'app' }],
});

export const { TidegateLog } = gate;
export const Drain = d1Drain({
  ...{ source: 'app', names: ['app'], database: 'DB', shards: ['data'], drainEvery: '200ms' },
});

export default {
  async fetch(request: Request, env: Env, context: never): Promise<Response> {
    return Response.json(await answer((await request.json()) as Asked, env, context));
  },
};
