// A Worker with the tier workers-cache, bundled by stored.test.ts and run in workerd. Where there is a binding PLATFORM, that is
// the platform's cache in front of the cached entrypoint.

import {
  adminApi,
  createGate,
  type ExecutionContext,
  type GateExecutionContext,
  workersCache,
} from '../../src/workers/index.ts';
import { behindImitation, entrypointAnswer } from './workerd/behind-imitation.ts';

interface Env {
  readonly TRUTH: { fetch(request: Request): Promise<Response> };
  readonly PLATFORM?: { fetch(request: Request): Promise<Response> };
  readonly PLACE: string;
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

const gate = createGate<Env>(
  {
    origins: { app: { handler: { fetch: answer } } },
    routes: [{ match: { path: '/held' }, outward: { maxAge: '5s', sMaxage: '7s' } }, {}],
    tiers: TIERS,
    coherence: { mode: 'lease', lease: '300ms' },
    admin: { path: '/_tidegate', token: 'TOKEN' as never },
    onFault: (error) => faults.push(String(error)),
  },
  { adminApi, workersCache },
);

export const { TidegateLog, TidegateStored } = gate;

export default {
  fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> | Response {
    const { pathname } = new URL(request.url);
    if (pathname === '/faults') return Response.json(faults);
    const inner = entrypointAnswer(request, context);
    if (inner !== undefined) return inner;
    const { PLATFORM, PLACE } = env;
    return gate.fetch(request, env, PLATFORM === undefined ? context : behindImitation(context, PLATFORM, PLACE));
  },
};
