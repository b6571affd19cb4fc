// A Worker behind the gate that reads D1 past the env of its handler: bundled by d1-bare.test.ts and run in workerd.

import { env as workerEnv } from 'cloudflare:workers';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/d1';
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core';
import { createD1Tracker, type D1Database, installD1Feed, withD1 } from '../../src/workers/d1/index.ts';
import { createGate } from '../../src/workers/index.ts';

interface Env extends Readonly<Record<string, unknown>> {
  readonly DB: D1Database;
  readonly OTHER: D1Database;
}

const t = sqliteTable('t', { id: integer().primaryKey(), n: integer() });
const binding = workerEnv.DB as D1Database;
const db = drizzle(binding as never);
const text = 'select n from t where id = ?';
const early = binding.prepare(text);
const session = binding.withSession?.('first-primary') as ReturnType<NonNullable<D1Database['withSession']>>;
const tracker = createD1Tracker({ source: 'shop' });
/** Prepared after `withD1` has been called, and before any request. */
let later: ReturnType<D1Database['prepare']> | undefined;

const READS: Readonly<Record<string, (id: number, env: Env) => Promise<unknown>>> = {
  drizzle: async (id) => (await db.select().from(t).where(eq(t.id, id)))[0]?.n,
  list: async () => (await db.select().from(t).orderBy(t.id)).map(({ n }) => n),
  batch: async (id) => (await binding.batch([binding.prepare(text).bind(id)]))[0]?.results,
  later: async (id) => (later as NonNullable<typeof later>).bind(id).first('n'),
  own: async (id, { DB }) => DB.prepare(text).bind(id).first('n'),
  early: async (id) => early.bind(id).first('n'),
  'early-batch': async (id) => (await binding.batch([early.bind(id)]))[0]?.results,
  session: async (id) => (await session.prepare(text).bind(id).all()).results,
  'session-batch': async (id) => (await session.batch([session.prepare(text).bind(id)]))[0]?.results,
  exec: async () => binding.exec('select n from t'),
  other: async (_, { OTHER }) => OTHER.prepare('select 7 as n').first('n'),
  'other-session': async (_, { OTHER }) => OTHER.withSession?.().prepare('select 7 as n').first('n'),
  'other-exec': async (_, { OTHER }) => OTHER.exec('select 7'),
};

const WRITES: Readonly<Record<string, (id: number, n: number) => Promise<unknown>>> = {
  drizzle: (id, n) => db.update(t).set({ n }).where(eq(t.id, id)),
  returning: (id, n) => db.update(t).set({ n }).where(eq(t.id, id)).returning(),
  batch: (id, n) => db.batch([db.update(t).set({ n }).where(eq(t.id, id))]),
  session: (id, n) => session.prepare('update t set n = ?2 where id = ?1').bind(id, n).run(),
  exec: (id, n) => binding.exec(`update t set n = ${n} where id = ${id}`),
};

/** GET or PUT /WAY/1. */
async function answer(request: Request, env: Env): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, way = '', id] = pathname.split('/');
  if (request.method === 'PUT') {
    await WRITES[way]?.(Number(id), Number(await request.text()));
    return new Response('done');
  }
  if (searchParams.has('slow')) await new Promise((done) => setTimeout(done, 500));
  const headers = { 'cache-control': 'max-age=60' };
  return Response.json((await READS[way]?.(Number(id), env)) ?? null, { headers });
}

const gate = createGate<Env>({
  origins: { app: { handler: withD1<Env>(answer, { DB: tracker }) } },
  routes: [{ origin: 'app', showTags: true }],
  coherence: { mode: 'strict' },
});
later = binding.prepare(text);

export const { TidegateLog } = gate;

export default {
  async fetch(request: Request, env: Env, context: never): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/stats') return Response.json(tracker.stats());
    if (pathname === '/past-the-gate') return Response.json(await early.bind(1).first('n'));
    if (pathname === '/past-the-gate/other') return Response.json(await env.OTHER.prepare('select 7 as n').first('n'));
    if (pathname !== '/install') return gate.fetch(request, env, context);
    await env.DB.exec('create table t (id integer primary key, n integer)');
    await env.DB.exec('insert into t values (1, 10), (2, 20), (3, 30)');
    return Response.json(await installD1Feed(env.DB));
  },
};
