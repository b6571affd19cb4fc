// The measures of a gate's statistics that both kinds of metrics offer, by name: what they count, and where it is read.

import { OUTCOME_CLASSES } from '../engine/outcome-class.ts';
import { type GateCounts, labelsOf, type RouteCounts } from '../engine/statistics/counts.ts';
import { percentilesOf } from '../engine/statistics/sketch.ts';
import type { Metric, Series } from './collected.ts';

export interface GateMeasure {
  /** Words, to be joined as each system does. */
  readonly name: readonly string[];
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  /** UCUM, as OpenTelemetry asks. */
  readonly unit: string;
  readonly labelNames: readonly string[];
  readonly read: (counts: GateCounts) => Series[];
}

export const GATE_MEASURES: readonly GateMeasure[] = [
  {
    ...{ name: ['client', 'bytes'], help: 'Bytes of content sent to clients.', kind: 'counter', unit: 'By' },
    labelNames: [],
    read: ({ bytes }) => [{ labels: {}, value: bytes }],
  },
  {
    ...{
      name: ['route', 'requests'],
      help: 'Exchanges of a route by how they ended.',
      kind: 'counter',
      unit: '{request}',
    },
    labelNames: ['tenant', 'origin', 'route', 'outcome'],
    read: (counts) =>
      rowsOf(counts).flatMap(([labels, row]) => {
        const known = OUTCOME_CLASSES.filter((outcome) => row[outcome] > 0);
        return known.map((outcome) => ({ labels: { ...labels, outcome }, value: row[outcome] }));
      }),
  },
  {
    ...{ name: ['tier', 'hits'], help: 'Hits by the tier that had the entry.', kind: 'counter', unit: '{request}' },
    labelNames: ['tier'],
    read: ({ tiers }) => Object.entries(tiers).map(([tier, value]) => ({ labels: { tier }, value })),
  },
  ofRoutes('origin requests', 'Requests sent to the origin, also with no client waiting.', {
    unit: '{request}',
    read: (row) => row.originRequests,
  }),
  ofRoutes('origin failures', 'Requests to the origin that no answer came to.', {
    unit: '{request}',
    read: (row) => row.originFailures,
  }),
  ofRoutes('origin busy seconds', "Time from requests to the heads of the origin's answers, in all.", {
    unit: 's',
    read: (row) => row.originMs / 1000,
  }),
  ofRoutes('refills', 'Entries filled again after an invalidation.', {
    unit: '{entry}',
    read: (row) => row.refills,
  }),
  ofRoutes('needless refills', 'Entries filled again after an invalidation that had not changed.', {
    unit: '{entry}',
    read: (row) => row.needlessRefills,
  }),
  {
    ...{ name: ['invalidations', 'caused'], help: 'Invalidations by their cause.', kind: 'counter' },
    ...{ unit: '{invalidation}', labelNames: ['cause'] },
    read: ({ invalidations }) => byCause(invalidations, 'count'),
  },
  {
    ...{ name: ['invalidated', 'entries'], help: 'Entries named by invalidations, by the cause.', kind: 'counter' },
    ...{ unit: '{entry}', labelNames: ['cause'] },
    read: ({ invalidations }) => byCause(invalidations, 'entries'),
  },
  {
    name: ['answer', 'seconds'],
    help: 'Time that hits and misses took since the start, by the part of them that took no longer.',
    ...{ kind: 'gauge', unit: 's', labelNames: ['result', 'quantile'] },
    read: ({ latency: { hits, misses } }) => [...quantiles('hit', hits), ...quantiles('miss', misses)],
  },
];

/** As Prometheus names it. */
export function metricOf({ name, kind, help, labelNames }: GateMeasure): Metric {
  const whole = `tidegate_${name.join('_')}${kind === 'counter' ? '_total' : ''}`;
  return { kind, name: whole, help, labelNames: [...labelNames] };
}

function ofRoutes(
  words: string,
  help: string,
  { unit, read }: { readonly unit: string; readonly read: (row: RouteCounts) => number },
): GateMeasure {
  return {
    ...{ name: ['route', ...words.split(' ')], help, kind: 'counter', unit, labelNames: ['tenant', 'origin', 'route'] },
    read: (counts) => rowsOf(counts).map(([labels, row]) => ({ labels, value: read(row) })),
  };
}

function rowsOf({ routes }: GateCounts): (readonly [Series['labels'], RouteCounts])[] {
  return Object.entries(routes).map(([key, row]) => [{ ...labelsOf(key) }, row]);
}

function byCause(invalidations: GateCounts['invalidations'], name: 'count' | 'entries'): Series[] {
  return Object.entries(invalidations).map(([cause, one]) => ({ labels: { cause }, value: one[name] }));
}

function quantiles(result: string, sketch: Float64Array): Series[] {
  const { p50, p90, p99, max } = percentilesOf(sketch);
  const known = Object.entries({ '0.5': p50, '0.9': p90, '0.99': p99, '1': max });
  return known.flatMap(([quantile, ms]) => (ms === null ? [] : { labels: { result, quantile }, value: ms / 1000 }));
}
