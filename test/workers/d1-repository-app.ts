// A Worker with repositories over D1, whose data cache has a slower tier that lags as KV does: bundled by d1-repository.test.ts.

import { type ByteStore, storeTier } from '../../src/cache/store-tier.ts';
import { createRepository, UnitOfWork } from '../../src/index.ts';
import type { LeaseMode } from '../../src/log/lease/member.ts';
import { createWorkersCache } from '../../src/workers/cache.ts';
import type { D1Database } from '../../src/workers/d1/index.ts';
import { createGate } from '../../src/workers/index.ts';

interface Env {
  readonly DB: D1Database;
  readonly BYTES: { fetch(url: string, init?: object): Promise<Response> };
  readonly MODE: LeaseMode;
}

export interface Post {
  readonly id: number;
  readonly author: number;
  readonly votes: number;
}

/** What a place is asked for; each answer comes with the truth, which D1 is asked for after it. */
export type Asked =
  | { readonly what: 'make' }
  | { readonly what: 'find'; readonly id: number }
  | { readonly what: 'list'; readonly author: number }
  | { readonly what: 'create'; readonly post: Post }
  | { readonly what: 'update'; readonly id: number; readonly votes: number }
  | { readonly what: 'move'; readonly from: number; readonly to: number }
  | { readonly what: 'delete'; readonly id: number };

const faults: string[] = [];
let cacheOf: ReturnType<typeof createWorkersCache> | undefined;

function bytesOf(store: Env['BYTES']): ByteStore {
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

async function postsOf({ DB, MODE }: Env, env: Env, context: never) {
  cacheOf ??= createWorkersCache({
    mode: MODE,
    lease: '150ms',
    // So that the slower tier is asked.
    memory: { maxEntries: 6 },
    onFault: (error) => void faults.push(String(error)),
    tiers: (({ BYTES }: Env) => [storeTier({ name: 'lagging', store: bytesOf(BYTES) })]) as never,
  });
  const cache = await cacheOf(env, context);
  const first = (sql: string, ...values: unknown[]) =>
    DB.prepare(sql)
      .bind(...values)
      .first() as Promise<Post | null>;
  const posts = createRepository({
    ...{ cache, entity: 'post', item: { ttl: '1h' }, list: { ttl: '1h' } },
    idOf: (post: Post) => post.id,
    findById: (id: number) => first('select * from posts where id = ?', id),
    findMany: async ({ author }: { readonly author: number }) =>
      (await DB.prepare('select * from posts where author = ? order by id').bind(author).all()).results as Post[],
    create: async ({ id, author, votes }: Post) =>
      (await first('insert or replace into posts values (?, ?, ?) returning *', id, author, votes)) as Post,
    update: (id, { votes }: { readonly votes: number }) =>
      first('update posts set votes = ? where id = ? returning *', votes, id),
    remove: async (id) => (await first('delete from posts where id = ? returning *', id)) !== null,
  });
  return { cache, posts };
}

async function answer(asked: Asked, env: Env, context: never): Promise<unknown> {
  const { DB } = env;
  if (asked.what === 'make') {
    return DB.exec('create table posts (id integer primary key, author integer, votes integer)');
  }
  const { cache, posts } = await postsOf(env, env, context);
  switch (asked.what) {
    case 'find':
      return (await posts.findById(asked.id)) ?? null;
    case 'list':
      return posts.findMany({ author: asked.author });
    case 'create':
      return posts.create(asked.post);
    case 'update':
      return posts.update(asked.id, { votes: asked.votes });
    case 'delete':
      return posts.delete(asked.id);
    case 'move': {
      // In one transaction of D1, past the repository.
      const unit = new UnitOfWork(cache);
      unit.note({ tags: [posts.itemKey(asked.from), posts.itemKey(asked.to), 'post:list'] });
      const vote = 'update posts set votes = votes + ? where id = ?';
      return unit.commit(() => DB.batch([DB.prepare(vote).bind(-1, asked.from), DB.prepare(vote).bind(1, asked.to)]));
    }
  }
}

export const { TidegateLog } = createGate({ origins: { app: { handler: () => new Response('none') } } });

export default {
  async fetch(request: Request, env: Env, context: never): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/stats') return Response.json([faults, (await postsOf(env, env, context)).cache.stats()]);
    try {
      return Response.json(await answer((await request.json()) as Asked, env, context));
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
