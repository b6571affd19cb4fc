// A Worker behind the gate that reads and writes D1: bundled by d1-gate.test.ts and run in workerd as several isolates.

import { env as workerEnv } from 'cloudflare:workers';
import { createD1Tracker, type D1Database, d1Drain, installD1Feed, withD1 } from '../../src/workers/d1/index.ts';
import { createGate, type GateExecutionContext } from '../../src/workers/index.ts';

interface Env extends Readonly<Record<string, unknown>> {
  readonly DB: D1Database;
  readonly DRAIN: { idFromName(name: string): unknown; get(id: unknown): { start(): Promise<void> } };
}

const faults: string[] = [];
const onFault = (error: unknown) => void faults.push(String(error));
const tracker = createD1Tracker({ source: 'shop', onFault });

/** The binding of the first request, as an application keeps it that calls `drizzle(env.DB)` once. */
let first: D1Database | undefined;
/** Of the first request too, and so is what was prepared of it. */
let prepared: ReturnType<D1Database['prepare']> | undefined;
let session: ReturnType<NonNullable<D1Database['withSession']>> | undefined;

/** /kept/WAY/1?open: reads by what an earlier request has made, which may still be open. */
async function kept({ pathname, searchParams }: URL, DB: D1Database): Promise<unknown> {
  first ??= DB;
  prepared ??= DB.prepare('select n from t where id = ?');
  session ??= DB.withSession?.('first-primary');
  if (searchParams.has('open')) await new Promise((done) => setTimeout(done, 1_500));
  const [, , way, id] = pathname.split('/');
  const text = 'select n from t where id = ?';
  if (way === 'binding') return first.prepare(text).bind(Number(id)).first('n');
  if (way === 'prepared') return prepared.bind(Number(id)).first('n');
  if (way === 'batch') return (await first.batch([prepared.bind(Number(id))]))[0]?.results;
  if (way === 'session') return (await session?.prepare(text).bind(Number(id)).all())?.results;
  return (workerEnv.DB as D1Database).prepare(text).bind(Number(id)).first('n');
}

/** GET /t/1, GET /t, PUT /t/1; /late reads after it has returned. */
async function answer(request: Request, { DB }: Env, context: GateExecutionContext): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const id = Number(pathname.split('/')[2] ?? 0);
  const headers = { 'cache-control': 'max-age=60' };
  const json = (value: unknown) => Response.json(value, { headers });
  if (request.method === 'PUT') {
    const write = (searchParams.has('kept') ? (first ?? DB) : DB)
      .prepare('update t set n = ?2 where id = ?1')
      .bind(id, Number(await request.text()));
    if (searchParams.has('late')) context.waitUntil(write.run());
    else await write.run();
    return new Response('done');
  }
  if (pathname === '/session') {
    const session = DB.withSession?.(searchParams.get('from') ?? undefined);
    return json((await session?.prepare('select n from t where id = 1').all())?.results);
  }
  if (pathname.startsWith('/kept/')) return json(await kept(new URL(request.url), DB));
  if (pathname === '/streamed' || pathname === '/kept-streamed') {
    const read = ((pathname === '/streamed' ? undefined : first) ?? DB).prepare('select n from t where id = 1');
    const body = new ReadableStream({
      async pull(controller) {
        controller.enqueue(new TextEncoder().encode(JSON.stringify(await read.first('n'))));
        controller.close();
      },
    });
    return new Response(body, { headers });
  }
  if (pathname === '/t') return json((await DB.prepare('select * from t order by id').all()).results);
  return json(await DB.prepare('select n from t where id = ?').bind(id).first('n'));
}

const gate = createGate<Env>({
  origins: { app: { handler: withD1<Env>(answer, { DB: tracker }, { drain: 'DRAIN' }) } },
  routes: [{ origin: 'app', showTags: true }],
  coherence: { mode: 'strict' },
  onFault,
});

export const { TidegateLog } = gate;
export const Drain = d1Drain({ source: 'shop', database: 'DB', drainEvery: '300ms' });

export default {
  async fetch(request: Request, env: Env, context: never): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/faults') return Response.json(faults);
    if (pathname === '/stats') return Response.json(tracker.stats());
    if (pathname !== '/install') return gate.fetch(request, env, context);
    await env.DB.batch([
      env.DB.prepare('create table t (id integer primary key, n integer)'),
      env.DB.prepare('insert into t values (1, 10), (2, 20)'),
    ]);
    const problems = await installD1Feed(env.DB);
    // The first drain of all invalidates what is stored.
    await env.DRAIN.get(env.DRAIN.idFromName('drain')).start();
    return Response.json(problems);
  },
};
