// How long an answer takes in workerd, by the tier that it comes from. The tiers are asked in turn, and compared by medians.
//
// Cache API, KV and Durable Objects are Miniflare's, on this machine: the ratios tell what the gate adds, not how far away the
// real ones are.

import { Miniflare, Response } from 'miniflare';
import { bundleOf } from '../../test/workers/platform/bundle.ts';
import { printTable } from '../report.ts';

export const LATENCY_TIERS = ['memory', 'cache-api', 'kv', 'origin'] as const;
type Tier = (typeof LATENCY_TIERS)[number];

export interface Latency {
  readonly tier: Tier;
  readonly us: number;
  /** To the isolate's memory. */
  readonly ratio: number;
  readonly outcome: string;
}

const BODY = 'x'.repeat(10_000);
const ROUNDS = 9;
const TIMES: Readonly<Record<Tier, number>> = { memory: 400, 'cache-api': 40, kv: 20, origin: 40 };

export async function latencies(): Promise<readonly Latency[]> {
  const worker = new Miniflare({
    modules: true,
    script: await bundleOf({ entry: `${import.meta.dirname}/latency-app.ts`, format: 'esm', minify: true }),
    compatibilityDate: '2026-07-01',
    durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', useSQLite: true } },
    kvNamespaces: ['TIDEGATE_KV'],
    serviceBindings: {
      ORIGIN: ({ url }: { readonly url: string }) =>
        new Response(BODY, { headers: { 'cache-control': url.endsWith('/kept') ? 'max-age=3600' : 'no-store' } }),
    },
  });
  try {
    await worker.ready;
    return await measured(worker);
  } finally {
    await worker.dispose();
  }
}

async function measured(worker: Miniflare): Promise<readonly Latency[]> {
  const ask = async (tier: Tier, times: number) => {
    const response = await worker.dispatchFetch(`http://bench.example/${tier}?times=${times}`);
    if (response.status !== 200)
      throw new Error(`expected 200 of ${tier}, got ${response.status}: ${await response.text()}`);
    return (await response.json()) as { readonly us: number; readonly outcome: string };
  };
  // What is put after the answer is there before the next request.
  for (const tier of LATENCY_TIERS) for (let time = 0; time < 3; time++) await ask(tier, 1);
  const samples = new Map<Tier, number[]>();
  const outcomes = new Map<Tier, string>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const tier of LATENCY_TIERS) {
      const { us, outcome } = await ask(tier, TIMES[tier]);
      samples.set(tier, [...(samples.get(tier) ?? []), us]);
      outcomes.set(tier, outcome);
    }
  }
  const median = (tier: Tier) => (samples.get(tier) ?? []).sort((one, other) => one - other)[ROUNDS >> 1] as number;
  const rows = LATENCY_TIERS.map((tier) => ({
    ...{ tier, us: median(tier), ratio: median(tier) / median('memory') },
    outcome: outcomes.get(tier) ?? '',
  }));
  printTable({
    title: 'latency in workerd by tier, 10 kB each, medians of interleaved rounds',
    columns: ['tier', 'microseconds', 'times memory', 'Cache-Status'],
    rows: rows.map(({ tier, us, ratio, outcome }) => [tier, us.toFixed(0), ratio.toFixed(1), outcome]),
  });
  return rows;
}
