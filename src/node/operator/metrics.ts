// Metrics for Prometheus, by prom-client. Only the origin's latency is counted here: the engine counts as it works,
// and each scrape copies its counters, so a request costs nothing more.
//
// Prom-client loads 80 modules, which would delay a starting gate. The first caller that needs it loads it, or `load`
// does; earlier observations are recorded then.

import type { Histogram, Registry } from 'prom-client';
import { type AdminCounts, adminCounts } from '../../admin/call-room.ts';
import type { ClusterFigures } from '../../admin/cluster-api.ts';
import type { TenantFigures } from '../../admin/tenants-contract.ts';
import type { ExchangeReport, GateStats } from '../../engine/contract.ts';
import type { SourceState } from '../../engine/source-leases.ts';
import type { GateCounts } from '../../engine/statistics/counts.ts';
import { GATE_MEASURES, metricOf } from '../../metrics/gate-measures.ts';
import type { PredictionFigures } from '../../prediction/prediction.ts';
import type { TunnelCounts } from '../front/connection/tunnel-room.ts';
import type { UploadCounts } from '../front/http1/read-ahead.ts';
import type { CutCounts } from '../front/min-rate.ts';
import type { QueueFigures, QueueRefusal } from '../origin/origin-queue.ts';
import type { Overload } from '../overload.ts';
import type { WriteRoom } from '../write-room.ts';
import { OF_CLUSTER } from './cluster-metrics.ts';
import { type Copy, copyOf, counter, countsOf, gauge } from './metric-copies.ts';
import { OF_PREDICTION } from './prediction-metrics.ts';
import { OF_PROBER } from './prober-metrics.ts';
import { OF_TENANTS } from './tenant-metrics.ts';

export interface MetricsSources {
  readonly stats: () => GateStats;
  readonly counts: () => GateCounts;
  /** Undefined in a process that asks no origin. */
  readonly overload?: Pick<Overload, 'state' | 'shed'>;
  readonly uploads?: UploadCounts;
  readonly cut?: CutCounts;
  readonly tunnels?: TunnelCounts;
  readonly refusedWrites?: WriteRoom['counts'];
  /** Of the queues before origins, by the origin's name. */
  readonly queues?: () => ReadonlyMap<string, QueueFigures>;
  /** It gives undefined where nothing is predicted. */
  readonly prediction?: () => PredictionFigures | undefined;
  /** Undefined when sources are not shown. */
  readonly sources?: () => readonly SourceState[];
  /** Undefined outside of a cluster. */
  readonly cluster?: (() => ClusterFigures) | undefined;
  /** Of provisioned tenants, by name. */
  readonly tenants?: () => Readonly<Record<string, TenantFigures>>;
}

/** A snapshot of prom-client; only `name` is read here. */
export type MetricsSnapshot = readonly { readonly name: string }[];

export interface Metrics {
  /** Counted by the listener of the admin API. */
  readonly refusedCalls: AdminCounts;
  /** Everything in the text format, plus the measurements of other processes. */
  text(others?: readonly MetricsSnapshot[]): Promise<string>;
  /** Metrics measured here and not copied from the engine, as plain data. */
  measured(): Promise<MetricsSnapshot>;
  /** Called for each exchange; counts those that asked the origin. */
  observeForward(report: Pick<ExchangeReport, 'request' | 'forwardMs'>): void;
  /** Begins to measure the process: its memory, its event loop. */
  load(): Promise<void>;
}

const COPIED: readonly Copy<GateStats>[] = [
  counter('requests{outcome}', 'Exchanges by how they ended.', (stats) => stats.requests),
  counter('forwards{reason}', 'Requests sent to an origin, by the reason (RFC 9211).', (stats) => stats.forwards),
  counter('details{detail}', 'Exchanges by the detail of their outcome.', (stats) => stats.details),
  counter('collapsed', "Requests answered by another request's fill.", (stats) => stats.requests.collapsed),
  counter('stores', 'Answers stored.', (stats) => stats.stores),
  counter('variants_dropped', 'Variants that made room for others of their URL.', (stats) => stats.variantsDropped),
  counter('refused_stores{reason}', 'Answers not stored, by the reason.', (stats) => stats.refusedStores),
  counter('invalidations{kind}', 'Invalidations by what they named.', (stats) => stats.invalidations),
  counter('exceptions{scope}', 'Unexpected exceptions; of unknown scope: all is flushed.', (stats) => stats.exceptions),
  counter('purges', 'Purges.', (stats) => stats.purges),
  counter('unknown_positions', 'Requests with a position unknown here.', (stats) => stats.unknownPositions),
  counter('coded', 'Stored responses put in a content coding.', (stats) => stats.coding.made),
  counter('coded_saved_bytes', 'Bytes by which that made them smaller.', (stats) => stats.coding.bytesSaved),
  counter(
    'coding_skipped{reason}',
    'Stored responses not put in a content coding, by the reason.',
    (stats) => stats.coding.skipped,
  ),
  counter('evictions', 'Entries evicted from memory for room.', (stats) => stats.memory.evictions),
  counter('declined', 'Entries that memory did not take in.', (stats) => stats.memory.declined),
  gauge('entries', 'Entries in memory.', (stats) => stats.memory.entries),
  gauge('memory_bytes', 'Bytes of the entries in memory.', (stats) => stats.memory.bytes),
  gauge('memory_max_bytes', 'Bytes that entries may take in memory.', (stats) => stats.memory.maxBytes),
  gauge('held_bytes{kind}', 'Bytes held in memory besides the entries, by why.', ({ memory: { held } }: GateStats) =>
    held ? { ...held.bytes, uncollected: held.uncollected } : {},
  ),
  gauge('held_max_bytes', 'Bytes that may be held besides the entries.', ({ memory }) => memory.held?.maxBytes ?? 0),
  counter(
    'held_refused{kind}',
    'Times that bytes were to be held and did not fit, by why.',
    ({ memory }) => memory.held?.refused ?? {},
  ),
  // Without a disk tier they are 0.
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
    ({ disk }) => (disk?.invalidationsDurable === true ? 1 : 0),
  ),
  ...OF_PROBER,
  gauge('position', 'Position in the log of invalidations.', (stats) => stats.position),
  gauge('intents_open', 'Unsafe requests under way.', (stats) => stats.intentsOpen),
  gauge('fills_in_flight', 'Fills under way.', (stats) => stats.fillsInFlight),
];

/** What statistics have beside those. */
const OF_STATISTICS: readonly Copy<GateCounts>[] = GATE_MEASURES.map((measure) => {
  return { metric: metricOf(measure), read: measure.read };
});

const ORIGIN_SECONDS = {
  name: 'tidegate_origin_seconds',
  help: "Time from forwarding a request to the head of the origin's answer.",
  labelNames: ['origin'] as const,
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
};

interface Loaded {
  readonly registry: Registry;
  readonly originSeconds: Histogram<'origin'>;
}

type Collect = <Stats>(copies: readonly Copy<Stats>[], now: () => Stats) => void;

function collectOthers(collect: Collect, others: Omit<MetricsSources, 'stats' | 'counts'>): void {
  const { overload, queues, uploads, cut, tunnels, refusedWrites, sources, prediction, tenants, cluster } = others;
  if (cluster !== undefined) collect(OF_CLUSTER, cluster);
  if (prediction !== undefined) collect(OF_PREDICTION, prediction);
  if (sources !== undefined) collect(OF_SOURCES, sources);
  if (tenants !== undefined) collect(OF_TENANTS, tenants);
  if (overload !== undefined) collect(OF_OVERLOAD, () => overload);
  if (queues !== undefined) collect(OF_QUEUES, queues);
  if (uploads !== undefined) collect([OF_UPLOADS], () => uploads);
  if (cut !== undefined) collect([OF_CUT], () => cut);
  if (tunnels !== undefined) collect(OF_TUNNELS, () => tunnels);
  if (refusedWrites !== undefined) collect(OF_WRITES, () => refusedWrites);
}

export function createMetrics({ stats, counts, ...others }: MetricsSources): Metrics {
  const refusedCalls = adminCounts();
  const copiedNames = new Set([...COPIED, ...OF_SOURCES, ...OF_STATISTICS].map(({ metric }) => metric.name));
  let latest: { readonly stats: GateStats; readonly counts: GateCounts } | undefined;
  let loading: Promise<Loaded> | undefined;
  const load = async (): Promise<Loaded> => {
    const prom = await import('prom-client');
    const { registerCollected } = await import('../../metrics/collected.ts');
    const registry = new prom.Registry();
    const collect: Collect = (copies, now) => {
      for (const { metric, read } of copies) registerCollected(registry, metric, () => read(now()));
    };
    collect(COPIED, () => latest?.stats ?? stats());
    collect(OF_STATISTICS, () => latest?.counts ?? counts());
    collectOthers(collect, others);
    collect([OF_ADMIN], () => refusedCalls);
    const originSeconds = new prom.Histogram({ ...ORIGIN_SECONDS, registers: [registry] });
    prom.collectDefaultMetrics({ register: registry });
    return { registry, originSeconds };
  };
  const ready = () => (loading ??= load());
  return {
    refusedCalls,
    load: async () => void (await ready()),
    text: async (others = []) => {
      const { registry } = await ready();
      // Taken once, so that the figures of a scrape agree with each other.
      latest = { stats: stats(), counts: counts() };
      if (others.length === 0) return registry.metrics();
      const { AggregatorRegistry } = await import('prom-client');
      return AggregatorRegistry.aggregate([await registry.getMetricsAsJSON(), ...others]).metrics();
    },
    measured: async () => {
      const { registry } = await ready();
      return (await registry.getMetricsAsJSON()).filter(({ name }) => !copiedNames.has(name));
    },
    observeForward: ({ request, forwardMs }) => {
      if (forwardMs === undefined) return;
      const origin = request.route.originName;
      // If loading fails, callers that ask for the metrics get the error.
      ready().then(
        ({ originSeconds }) => originSeconds.observe({ origin }, forwardMs / 1000),
        () => {},
      );
    },
  };
}

/** Measured in each process, and summed up over workers. */
const OF_OVERLOAD: readonly Copy<Pick<Overload, 'state' | 'shed'>>[] = [
  gauge('overload{short_of}', 'Processes that are short of it, and so ask no origin.', ({ state }) => state),
  counter(
    'shed',
    'Requests not forwarded as the process was overloaded: clients got 503, fills and the prober nothing.',
    ({ shed }: Pick<Overload, 'shed'>) => shed,
  ),
];

const OF_QUEUES: readonly Copy<ReadonlyMap<string, QueueFigures>>[] = [
  gauge('origin_waiting{origin}', 'Requests that wait for a connection to the origin.', (queues: Queues) =>
    byOrigin(queues, ({ waiting }) => waiting),
  ),
  copyOf('counter', 'origin_queued{origin}', {
    help: 'Requests that had to wait for a connection to the origin.',
    read: (queues: Queues) => byOrigin(queues, ({ queued }) => queued),
  }),
  copyOf('counter', 'origin_queue_refused{reason}', {
    help: 'Requests answered 503 since no connection to an origin was free: the queue was full, or they waited too long (late).',
    read: (queues: Queues) => {
      const refused = [...queues.values()].map((queue) => queue.refused);
      const total = (reason: QueueRefusal) => refused.reduce((sum, one) => sum + one[reason], 0);
      return { full: total('full'), late: total('late') };
    },
  }),
];

const OF_TUNNELS: readonly Copy<TunnelCounts>[] = [
  gauge('tunnels', 'Tunnels open now, such as WebSocket.', ({ open }) => open),
  counter('tunnel_bytes{direction}', 'Bytes through tunnels.', ({ bytes }: TunnelCounts) => bytes),
  copyOf('counter', 'tunnels_stopped{reason}', {
    help: 'Tunnels that were refused as there were too many in all (full) or of the client, or ended as they were silent (idle).',
    read: ({ stopped }) => stopped,
  }),
];

const OF_UPLOADS = countsOf(
  'uploads{content}',
  'Requests with content, by where that was when they went on: in memory (buffered), on the disk (spooled), still on its way (streamed); slow: sent too slowly, and refused.',
);

const OF_CUT = countsOf(
  'clients_cut{reason}',
  'Answers cut as their client took them below the least rate (slow), or was behind while memory was short (behind); and connections ended as they were idle while memory was short (idle).',
);

const OF_WRITES: readonly Copy<WriteRoom['counts']>[] = [
  copyOf('counter', 'writes_refused{bound}', {
    help: 'Writes that were refused: their client had too many under way (client) or had broken off too many (broken_off), or all clients together had too many (all).',
    read: ({ perClient, brokenOff, all }: WriteRoom['counts']) => ({ client: perClient, broken_off: brokenOff, all }),
  }),
];

const OF_ADMIN = countsOf(
  'admin_refused{reason}',
  'Calls of the admin API that were refused: too many (calls, reports, wrong-tokens), no right token (unauthorized), from another site, too large or too slow, an answer that was not read; connections: ended to make room.',
);

type Queues = ReadonlyMap<string, QueueFigures>;

function byOrigin(queues: Queues, read: (figures: QueueFigures) => number) {
  return Object.fromEntries([...queues].map(([name, figures]) => [name, read(figures)]));
}

/** The trackers' reports by source. An unknown lag has no series. */
const OF_SOURCES: readonly Copy<readonly SourceState[]>[] = [
  gauge(
    'source_live{source}',
    '1: what was read from the source may be served, as its tracker is heard of.',
    (states: readonly SourceState[]) => Object.fromEntries(states.map(({ source, live }) => [source, live ? 1 : 0])),
  ),
  gauge(
    'source_lag_seconds{source}',
    'Time since the moment up to which all changes of the source are known here.',
    (states: readonly SourceState[]) => {
      const known = states.filter(({ lagMs, heardMs }) => lagMs !== undefined && heardMs !== undefined);
      return Object.fromEntries(
        known.map(({ source, lagMs, heardMs }) => [source, ((lagMs as number) + (heardMs as number)) / 1000]),
      );
    },
  ),
];
