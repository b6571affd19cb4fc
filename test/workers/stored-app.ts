// A Worker with the tier workers-cache, bundled by stored.test.ts and run in workerd. Where there is a binding PLATFORM, that is
// the platform's cache in front of the cached entrypoint; it comes back by the path /inner.

import { createGate, type ExecutionContext, type GateExecutionContext } from '../../src/workers/index.ts';

interface Env {
  readonly TRUTH: { fetch(request: Request): Promise<Response> };
  readonly PLATFORM?: { fetch(request: Request): Promise<Response> };
  readonly PLACE: string;
}

interface Entrypoint {
  fetch(request: Request, init?: object): Promise<Response>;
}

/** Put in by the test. */
declare const TIERS: readonly ['memory'];

async function answer(request: Request, env: Env, context: GateExecutionContext): Promise<Response> {
  context.tidegate.tags('told');
  const truth = await env.TRUTH.fetch(request);
  const { pathname } = new URL(request.url);
  if (pathname === '/counted') await context.tidegate.invalidate({ tag: 'count' });
  if (pathname === '/miscounted') await context.tidegate.invalidate({ nothing: 'count' } as never);
  return new Response(truth.body, { headers: { 'cache-control': 'max-age=600', 'cache-tag': 'all', etag: '"1"' } });
}

const faults: string[] = [];

const gate = createGate<Env>({
  origins: { app: { handler: { fetch: answer } } },
  routes: [{ match: { path: '/held' }, outward: { maxAge: '5s', sMaxage: '7s' } }, {}],
  tiers: TIERS,
  coherence: { mode: 'lease', lease: '300ms' },
  admin: { path: '/_tidegate', token: 'TOKEN' as never },
  onFault: (error) => faults.push(String(error)),
});

export const { TidegateLog, TidegateStored } = gate;

/** The context with the imitated platform between the gate and its entrypoint. */
function besidePlatform(context: ExecutionContext, { PLATFORM, PLACE }: Env): ExecutionContext {
  if (PLATFORM === undefined) return context;
  const fetch = (request: Request, { cf }: { cf: { cacheKey: string } }) => {
    const headers = new Headers(request.headers);
    headers.set('x-cache-key', cf.cacheKey);
    headers.set('x-place', PLACE);
    return PLATFORM.fetch(new Request(request, { headers }));
  };
  const purge = async (what: object) => {
    const body = JSON.stringify(what);
    const headers = { 'x-place': PLACE };
    return (await PLATFORM.fetch(new Request('http://platform/purge', { method: 'POST', headers, body }))).json();
  };
  return { waitUntil: (work) => context.waitUntil(work), exports: { TidegateStored: () => ({ fetch, purge }) } };
}

export default {
  fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> | Response {
    const { pathname } = new URL(request.url);
    if (pathname === '/faults') return Response.json(faults);
    if (!request.headers.has('x-inner')) return gate.fetch(request, env, besidePlatform(context, env));
    const headers = new Headers(request.headers);
    const props = JSON.parse(headers.get('x-inner') as string) as object;
    for (const name of ['x-inner', 'x-cache-key', 'x-place']) headers.delete(name);
    const entrypoint = context.exports?.TidegateStored as (options: { props: object }) => Entrypoint;
    return entrypoint({ props }).fetch(new Request(request, { headers }));
  },
};
