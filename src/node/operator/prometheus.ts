// Metrics for Prometheus, by prom-client. Only the origin's latency is counted here: the engine counts as it works,
// and each scrape copies its counters, so a request costs nothing more.

import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { GateStats } from '../../engine/contract.ts';
import type { SourceState } from '../../engine/source-leases.ts';
import type { Metrics, MetricsSources } from './metrics.ts';

/** One time series by `label`, or several; copied from the engine at each scrape. */
interface Series<Stats> {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly label?: string;
  readonly read: (stats: Stats) => number | { readonly [label: string]: number };
}

type Copied = Series<GateStats>;

/** Without a disk tier they are 0. */
const DISK: readonly Copied[] = [
  gauge('disk_entries', 'Entries on the disk, lists of variants among them.', ({ disk }) => disk?.entries ?? 0),
  gauge('disk_bytes', 'Bytes of the files of the disk tier.', ({ disk }) => disk?.bytes ?? 0),
  gauge('disk_max_bytes', 'Bytes that the disk tier may take.', ({ disk }) => disk?.maxBytes ?? 0),
  counter('disk_evictions', 'Entries evicted from the disk for room.', ({ disk }) => disk?.evictions ?? 0),
  counter('disk_declined', 'Entries that the disk did not take in.', ({ disk }) => disk?.declined ?? 0),
  counter('disk_reinserted_bytes', 'Bytes written again to keep what is asked for.', ({ disk }) => {
    return disk?.reinsertedBytes ?? 0;
  }),
  counter('disk_corrupt', 'Entries found damaged on the disk, and dropped.', ({ disk }) => disk?.corrupt ?? 0),
  counter('disk_write_failures', 'Writes to the disk that failed.', ({ disk }) => disk?.writeFailures ?? 0),
  gauge(
    'invalidations_durable',
    '1: a restart knows what was invalidated. 0: there is no disk tier, or it cannot be written.',
    ({ disk }) => {
      return disk?.invalidationsDurable === true ? 1 : 0;
    },
  ),
];

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
  counter('exceptions', 'Exceptions that nothing expected; those of unknown scope flush what is stored.', {
    read: (stats) => stats.exceptions,
    label: 'scope',
  }),
  counter('purges', 'Purges.', (stats) => stats.purges),
  counter('coded', 'Stored responses put in a content coding.', (stats) => stats.coding.made),
  counter('coded_saved_bytes', 'Bytes by which that made them smaller.', (stats) => stats.coding.bytesSaved),
  counter('coding_skipped', 'Stored responses not put in a content coding, by the reason.', {
    read: (stats) => stats.coding.skipped,
    label: 'reason',
  }),
  counter('evictions', 'Entries evicted from memory for room.', (stats) => stats.memory.evictions),
  counter('declined', 'Entries that memory did not take in.', (stats) => stats.memory.declined),
  gauge('entries', 'Entries in memory.', (stats) => stats.memory.entries),
  gauge('memory_bytes', 'Bytes of the entries in memory.', (stats) => stats.memory.bytes),
  gauge('memory_max_bytes', 'Bytes that entries may take in memory.', (stats) => stats.memory.maxBytes),
  ...DISK,
  gauge('position', 'Position in the log of invalidations.', (stats) => stats.position),
  gauge('intents_open', 'Unsafe requests under way.', (stats) => stats.intentsOpen),
  gauge('fills_in_flight', 'Fills under way.', (stats) => stats.fillsInFlight),
];

const ORIGIN_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createPrometheus({ stats, clientBytes, sources }: MetricsSources): Omit<Metrics, 'load'> {
  const registry = new Registry();
  let latest: GateStats | undefined;
  const current = () => latest ?? stats();
  const copied = clientBytes === undefined ? COPIED : [...COPIED, clientCounter(clientBytes)];
  const copiedNames = new Set([...copied, ...OF_SOURCES].map(({ name }) => name));
  for (const one of copied) register(registry, one, current);
  if (sources !== undefined) for (const one of OF_SOURCES) register(registry, { ...one, kind: 'gauge' }, sources);
  const originSeconds = new Histogram({
    name: 'tidegate_origin_seconds',
    help: "Time from forwarding a request to the head of the origin's answer.",
    labelNames: ['origin'],
    buckets: ORIGIN_BUCKETS_SECONDS,
    registers: [registry],
  });
  collectDefaultMetrics({ register: registry });
  return {
    text: async (others = []) => {
      // Taken once, so that the figures of a scrape agree with each other.
      latest = stats();
      if (others.length === 0) return registry.metrics();
      return AggregatorRegistry.aggregate([await registry.getMetricsAsJSON(), ...others]).metrics();
    },
    measured: async () => (await registry.getMetricsAsJSON()).filter(({ name }) => !copiedNames.has(name)),
    observeForward: ({ request, forwardMs }) => {
      if (forwardMs !== undefined) originSeconds.observe({ origin: request.route.originName }, forwardMs / 1000);
    },
  };
}

/** The trackers' reports by source. An unknown lag has no series. */
const OF_SOURCES: readonly Omit<Series<readonly SourceState[]>, 'kind'>[] = [
  {
    name: 'tidegate_source_live',
    help: '1: what was read from the source may be served, as its tracker is heard of.',
    label: 'source',
    read: (states) => Object.fromEntries(states.map(({ source, live }) => [source, live ? 1 : 0])),
  },
  {
    name: 'tidegate_source_lag_seconds',
    help: 'Time since the moment up to which all changes of the source are known here.',
    label: 'source',
    read: (states) =>
      Object.fromEntries(
        states.flatMap(({ source, lagMs, heardMs }) => {
          return lagMs === undefined || heardMs === undefined ? [] : [[source, (lagMs + heardMs) / 1000]];
        }),
      ),
  },
];

function counter(name: string, help: string, of: Pick<Copied, 'read' | 'label'> | Copied['read']): Copied {
  return { name: `tidegate_${name}_total`, help, kind: 'counter', ...(typeof of === 'function' ? { read: of } : of) };
}

function clientCounter(clientBytes: () => number): Copied {
  return counter('client_bytes', 'Bytes of content sent to clients.', clientBytes);
}

function gauge(name: string, help: string, read: Copied['read']): Copied {
  return { name: `tidegate_${name}`, help, kind: 'gauge', read };
}

function register<Stats>(registry: Registry, copied: Series<Stats>, stats: () => Stats): void {
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
