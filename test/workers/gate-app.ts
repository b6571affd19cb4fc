// A Worker behind the gate, bundled by gate.test.ts and run in workerd as several isolates that share the log. The truth is
// kept outside, behind a service binding.

import { DurableObject } from 'cloudflare:workers';
import {
  adminApi,
  createGate,
  type GateExecutionContext,
  schedules,
  type WorkersConfig,
} from '../../src/workers/index.ts';

interface Env {
  readonly TRUTH: { fetch(request: Request): Promise<Response> };
  readonly MODE: 'lease' | 'strict' | 'bounded';
  /** Names of tiers, with commas between them. */
  readonly TIERS?: string;
}

async function answer(request: Request, env: Env, context: GateExecutionContext): Promise<Response> {
  if (request.method !== 'GET') {
    if (request.url.endsWith('/told')) await context.tidegate.invalidate({ tag: 'told' });
    return env.TRUTH.fetch(request);
  }
  context.tidegate.tags('told');
  const truth = await env.TRUTH.fetch(request);
  return new Response(await truth.text(), { headers: { 'cache-control': 'max-age=600', 'cache-tag': 'all' } });
}

const COHERENCE = {
  lease: { lease: '600ms' },
  strict: { mode: 'strict' },
  bounded: { mode: 'bounded', bound: '600ms' },
} as const;

const faults: string[] = [];

function gateOf({ MODE: mode, TIERS = 'memory' }: Pick<Env, 'MODE' | 'TIERS'>) {
  const configuration: WorkersConfig<Env> = {
    origins: { app: { handler: { fetch: answer } }, remote: { service: 'TRUTH' } },
    routes: [{ match: { path: '/remote/*' }, origin: 'remote', defaultTtl: '1m' }, { origin: 'app' }],
    tiers: TIERS.split(',') as ['memory'],
    coherence: COHERENCE[mode],
    populate: { subrequests: 25 },
    schedule: [
      { cron: '*/5 * * * *', urls: Array.from({ length: 4 }, (_, at) => `http://app.example/warm/${at}`) },
      { cron: '0 3 * * *', sitemap: 'http://app.example/none.xml' },
    ],
    admin: { path: '/_tidegate', token: 'TOKEN' },
    onFault: (error) => faults.push(String(error)),
  };
  return createGate(configuration, { adminApi, schedules });
}

let gate: ReturnType<typeof gateOf> | undefined;

/** Objects that know nothing of a log. */
export class Silent extends DurableObject {}

export const { TidegateLog } = gateOf({ MODE: 'lease' });

export default {
  async scheduled(event: { readonly cron: string }, env: Env, context: never): Promise<void> {
    gate ??= gateOf(env);
    await gate.scheduled(event, env, context);
  },
  fetch(request: Request, env: Env, context: never): Promise<Response> | Response {
    if (request.url.endsWith('/faults')) return Response.json(faults);
    gate ??= gateOf(env);
    return gate.fetch(request, env, context);
  },
};
