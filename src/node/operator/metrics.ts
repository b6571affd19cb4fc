// Metrics for Prometheus. Nothing is counted here but the origin's latency: the engine counts as it works, and each
// scrape copies its counters, so a request costs nothing more.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ExchangeReport, GateStats } from '../../engine/contract.ts';

export interface MetricsSources {
  readonly stats: () => GateStats;
  /** Bytes of content sent to clients since the start; undefined: not counted. */
  readonly clientBytes?: () => number;
}

export interface Metrics {
  readonly contentType: string;
  /** Everything in the text format. */
  text(): Promise<string>;
  /** Told of each exchange; counts those for which the origin was asked. */
  observeForward(report: Pick<ExchangeReport, 'request' | 'forwardMs'>): void;
}

/** One time series by `label`, or several; copied from the engine at each scrape. */
interface Copied {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly label?: string;
  readonly read: (stats: GateStats) => number | { readonly [label: string]: number };
}

const COPIED: readonly Copied[] = [
  counter('requests', 'Exchanges by how they ended.', { read: (stats) => stats.requests, label: 'outcome' }),
  counter('forwards', 'Requests sent to an origin, by the reason (RFC 9211).', {
    read: (stats) => stats.forwards,
    label: 'reason',
  }),
  counter('details', 'Exchanges by the detail of their outcome.', { read: (stats) => stats.details, label: 'detail' }),
  counter('collapsed', "Requests answered by another request's fill.", (stats) => stats.requests.collapsed),
  counter('stores', 'Answers stored.', (stats) => stats.stores),
  counter('refused_stores', 'Answers not stored, by the reason.', {
    read: (stats) => stats.refusedStores,
    label: 'reason',
  }),
  counter('invalidations', 'Invalidations by what they named.', {
    read: (stats) => stats.invalidations,
    label: 'kind',
  }),
  counter('purges', 'Purges.', (stats) => stats.purges),
  counter('evictions', 'Entries evicted from memory for room.', (stats) => stats.memory.evictions),
  counter('declined', 'Entries that memory did not take in.', (stats) => stats.memory.declined),
  gauge('entries', 'Entries in memory.', (stats) => stats.memory.entries),
  gauge('memory_bytes', 'Bytes of the entries in memory.', (stats) => stats.memory.bytes),
  gauge('memory_max_bytes', 'Bytes that entries may take in memory.', (stats) => stats.memory.maxBytes),
  gauge('position', 'Position in the log of invalidations.', (stats) => stats.position),
  gauge('intents_open', 'Unsafe requests under way.', (stats) => stats.intentsOpen),
  gauge('fills_in_flight', 'Fills under way.', (stats) => stats.fillsInFlight),
];

const ORIGIN_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics({ stats, clientBytes }: MetricsSources): Metrics {
  const registry = new Registry();
  let latest: GateStats | undefined;
  const current = () => latest ?? stats();
  for (const copied of COPIED) register(registry, copied, current);
  if (clientBytes !== undefined) {
    register(registry, counter('client_bytes', 'Bytes of content sent to clients.', clientBytes), current);
  }
  const originSeconds = new Histogram({
    name: 'tidegate_origin_seconds',
    help: "Time from forwarding a request to the head of the origin's answer.",
    labelNames: ['origin'],
    buckets: ORIGIN_BUCKETS_SECONDS,
    registers: [registry],
  });
  collectDefaultMetrics({ register: registry });
  return {
    contentType: registry.contentType,
    text: () => {
      // Taken once, so that the figures of a scrape agree with each other.
      latest = stats();
      return registry.metrics();
    },
    observeForward: ({ request, forwardMs }) => {
      if (forwardMs !== undefined) originSeconds.observe({ origin: request.route.originName }, forwardMs / 1000);
    },
  };
}

function counter(name: string, help: string, of: Pick<Copied, 'read' | 'label'> | Copied['read']): Copied {
  return { name: `tidegate_${name}_total`, help, kind: 'counter', ...(typeof of === 'function' ? { read: of } : of) };
}

function gauge(name: string, help: string, read: Copied['read']): Copied {
  return { name: `tidegate_${name}`, help, kind: 'gauge', read };
}

function register(registry: Registry, copied: Copied, stats: () => GateStats): void {
  const { name, help, kind, label, read } = copied;
  const options = { name, help, labelNames: label === undefined ? [] : [label], registers: [registry] };
  const collect = (metric: { reset(): void; inc(labels: object, by: number): void }): void => {
    const value = read(stats());
    const series = typeof value === 'number' ? { '': value } : value;
    metric.reset();
    for (const [name, figure] of Object.entries(series)) {
      metric.inc(label === undefined ? {} : { [label]: name }, figure);
    }
  };
  if (kind === 'counter') {
    new Counter({
      ...options,
      collect() {
        collect(this);
      },
    });
  } else {
    new Gauge({
      ...options,
      collect() {
        collect(this);
      },
    });
  }
}
