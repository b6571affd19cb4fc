// A Worker that asks its gates itself, one gate for each tier, and takes the time: what a client adds would hide the rest.

import { createGate, type ExecutionContext, type WorkersConfig } from '../../src/workers/index.ts';

type Bindings = Readonly<Record<string, unknown>>;

const ORIGINS = { site: { service: 'ORIGIN' } };
const TIERS: Readonly<Record<string, Pick<WorkersConfig, 'tiers'>>> = {
  memory: { tiers: ['memory'] },
  'cache-api': { tiers: ['cache-api'] },
  kv: { tiers: ['kv'] },
  origin: { tiers: ['memory'] },
};

const gates = new Map(
  Object.entries(TIERS).map(([tier, config]) => {
    // Every tier has answers of its own, and a lease that outlives the measurement.
    const cacheName = `bench-${tier}`;
    return [tier, createGate({ origins: ORIGINS, cacheName, coherence: { lease: '60s' }, ...config })] as const;
  }),
);

export const { TidegateLog } = gates.get('memory') as ReturnType<typeof createGate>;

interface Sample {
  readonly us: number;
  /** Where the last answer came from (Cache-Status). */
  readonly outcome: string;
}

export default {
  /** `/TIER?times=N`: so many requests to the tier one after another. */
  async fetch(request: Request, env: Bindings, context: ExecutionContext): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const tier = pathname.slice(1);
    const gate = gates.get(tier);
    if (gate === undefined) return new Response(`expected a tier, got ${tier}`, { status: 404 });
    const times = Number(searchParams.get('times'));
    const url = `https://site.example/${tier === 'origin' ? 'passed' : 'kept'}`;
    let outcome = '';
    const begin = performance.now();
    for (let time = 0; time < times; time++) {
      const response = await gate.fetch(new Request(url), env, context);
      await response.arrayBuffer();
      outcome = response.headers.get('cache-status') ?? '';
    }
    const sample: Sample = { us: ((performance.now() - begin) * 1_000) / times, outcome };
    return Response.json(sample);
  },
};
