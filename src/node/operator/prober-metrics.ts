// What the prober's counts say, for /metrics. They are among the figures of the engine, so those of workers are added up before.

import type { GateStats } from '../../engine/contract.ts';
import { outdatedShare } from '../../engine/prober/counts.ts';
import type { Metric } from '../../metrics/collected.ts';
import { seriesOf } from '../../metrics/measures.ts';

const VERDICTS: Metric = {
  kind: 'counter',
  name: 'tidegate_probed_hits_total',
  help: 'Sampled hits, by what the origin says of them.',
  labelNames: ['verdict'],
};

const SHARE: Metric = {
  kind: 'gauge',
  name: 'tidegate_outdated_share',
  help: 'Part of the served hits that were outdated (estimate), and its 95 % interval (low, high); absent without a sample.',
  labelNames: ['bound'],
};

export const OF_PROBER = [
  { metric: VERDICTS, read: ({ prober }: GateStats) => seriesOf(prober?.verdicts ?? {}, 'verdict') },
  { metric: SHARE, read: ({ prober }: GateStats) => seriesOf(shareFigures(prober), 'bound') },
];

function shareFigures(counts: GateStats['prober']): { readonly [bound: string]: number } {
  if (counts === undefined) return {};
  const { rate, interval } = outdatedShare(counts);
  return rate === undefined ? {} : { estimate: rate, ...interval };
}
