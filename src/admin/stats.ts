// The statistics of a gate as an operator sees them: the counts of a span of time in figures that can be shown.

import type { GateStats } from '../engine/contract.ts';
import { OUTCOME_CLASSES } from '../engine/outcome-class.ts';
import type { SourceState } from '../engine/source-leases.ts';
import { type GateCounts, labelsOf, type RouteCounts } from '../engine/statistics/counts.ts';
import type { Span, StatsHistory } from '../engine/statistics/history.ts';
import { percentilesOf } from '../engine/statistics/sketch.ts';
import type { AdminDeps, PopulateState } from './contract.ts';
import type {
  OriginHealth,
  RequestFigures,
  StatsDocument,
  StatsFigures,
  StatsPoint,
  TopUrls,
} from './stats-contract.ts';

const MINUTE_MS = 60_000;

/** What the document has beside the counts. */
interface StatsBeside {
  readonly gate: GateStats;
  /** Absent on Workers. */
  readonly history?: StatsHistory;
  readonly origins?: readonly OriginHealth[];
  readonly sources?: readonly SourceState[];
  readonly populate?: PopulateState;
  readonly urls?: TopUrls;
}

export async function gateStatistics(deps: AdminDeps): Promise<StatsDocument> {
  const { gate, origins, sources, populate, history } = deps;
  const whole = await history.whole();
  return statsDocument(whole, {
    ...{ gate: await gate.stats(), history, origins: await origins() },
    ...{ sources: sources.sources(), populate: await populate.state() },
    urls: await deps.topUrls(),
  });
}

export function statsDocument(whole: Span, beside: StatsBeside): StatsDocument {
  const { gate, history, origins = [], sources = [], populate, urls = null } = beside;
  const averages = averagesOf(whole.counts);
  const figures = (span: Span) => figuresOf(span, averages);
  return {
    ...{ version: 1, at: whole.toMs, startedAt: whole.fromMs, total: figures(whole) },
    lastMinute: history === undefined ? null : figures(history.last(whole, MINUTE_MS)),
    lastTenMinutes: history === undefined ? null : figures(history.last(whole, 10 * MINUTE_MS)),
    tiers: tiersOf(gate),
    origins,
    sources: sources.map(({ source, live, gaps, expirations, lagMs, heardMs }) => {
      const known = lagMs !== undefined && heardMs !== undefined;
      return { source, live, gaps, expirations, lagMs: known ? lagMs + heardMs : null };
    }),
    populate: populate === undefined ? null : populateOf(populate),
    ...{ urls, gate },
  };
}

export async function statsHistory({ history }: Pick<AdminDeps, 'history'>): Promise<{ points: StatsPoint[] }> {
  return { points: history.steps(await history.whole()).map(pointOf) };
}

function pointOf({ fromMs, toMs, counts }: Span): StatsPoint {
  const { requests, hits, misses, originRequests } = requestFigures(sumOf(Object.values(counts.routes)), UNKNOWN);
  const [ofHits, ofMisses] = [percentilesOf(counts.latency.hits), percentilesOf(counts.latency.misses)];
  return {
    ...{ at: toMs, seconds: (toMs - fromMs) / 1000, requests, hits, misses },
    ...{ hitP50: ofHits.p50, hitP99: ofHits.p99, missP50: ofMisses.p50, missP99: ofMisses.p99 },
    ...{ originRequests, invalidations: invalidationsOf(counts).count, bytes: counts.bytes },
  };
}

/** What a fill took on average, or hits did without; null: nobody knows. */
type Saved = Pick<RequestFigures, 'originMsSaved' | 'queriesSaved'>;
/** For one hit, by the route's key. */
type Averages = ReadonlyMap<string, Saved>;

const UNKNOWN: Saved = { originMsSaved: null, queriesSaved: null };

function averagesOf({ routes }: GateCounts): Averages {
  const known = Object.entries(routes).filter(([, { fills }]) => fills > 0);
  return new Map(
    known.map(([key, { fillMs, fillQueries, fills }]) => {
      return [key, { originMsSaved: fillMs / fills, queriesSaved: fillQueries === 0 ? null : fillQueries / fills }];
    }),
  );
}

function figuresOf({ fromMs, toMs, counts }: Span, averages: Averages): StatsFigures {
  const routes = Object.entries(counts.routes)
    .map(([key, one]) => ({ ...labelsOf(key), counts: one, saved: savedBy(one, averages.get(key) ?? UNKNOWN) }))
    .filter(({ counts: one }) => Object.values(one).some((count) => count !== 0))
    .sort((one, other) => answersIn(other.counts) - answersIn(one.counts));
  const together = (some: typeof routes) => requestFigures(sumOf(some.map((route) => route.counts)), summed(some));
  const all = together(routes);
  return {
    seconds: (toMs - fromMs) / 1000,
    ...all,
    bytes: counts.bytes,
    latency: { hits: percentilesOf(counts.latency.hits), misses: percentilesOf(counts.latency.misses) },
    answeredBy: answeredBy(counts, all),
    invalidations: invalidationsOf(counts),
    routes: routes.map(({ tenant, origin, route, counts: one, saved }) => {
      return { tenant, origin, route, ...requestFigures(one, saved) };
    }),
    byOrigin: [...Map.groupBy(routes, ({ origin }) => origin)].map(([origin, some]) => ({ origin, ...together(some) })),
    byTenant: [...Map.groupBy(routes, ({ tenant }) => tenant)].map(([tenant, some]) => ({ tenant, ...together(some) })),
  };
}

function hitsIn({ hit, stale }: RouteCounts): number {
  return hit + stale;
}

function answersIn(counts: RouteCounts): number {
  return OUTCOME_CLASSES.reduce((sum, kind) => sum + counts[kind], 0);
}

function savedBy(counts: RouteCounts, { originMsSaved, queriesSaved }: Saved): Saved {
  const hits = hitsIn(counts);
  const times = (average: number | null) => (average === null ? null : average * hits);
  return { originMsSaved: times(originMsSaved), queriesSaved: times(queriesSaved) };
}

function summed(routes: readonly { readonly saved: Saved }[]): Saved {
  const sum = (name: keyof Saved) => {
    const known = routes.flatMap(({ saved }) => saved[name] ?? []);
    return known.length === 0 ? null : known.reduce((total, one) => total + one, 0);
  };
  return { originMsSaved: sum('originMsSaved'), queriesSaved: sum('queriesSaved') };
}

const NOTHING: RouteCounts = {
  ...{ hit: 0, stale: 0, validated: 0, collapsed: 0, miss: 0, bypass: 0, error: 0, refused: 0 },
  ...{
    originRequests: 0,
    originFailures: 0,
    originMs: 0,
    fills: 0,
    fillMs: 0,
    fillQueries: 0,
    refills: 0,
    needlessRefills: 0,
  },
};

function sumOf(routes: readonly RouteCounts[]): RouteCounts {
  const names = Object.keys(NOTHING) as (keyof RouteCounts)[];
  return Object.fromEntries(
    names.map((name) => [name, routes.reduce((sum, route) => sum + route[name], 0)]),
  ) as unknown as RouteCounts;
}

function requestFigures(counts: RouteCounts, saved: Saved): RequestFigures {
  const {
    fills: _,
    fillMs: __,
    fillQueries: ___,
    originRequests,
    originFailures,
    originMs,
    refills,
    needlessRefills,
    ...outcomes
  } = counts;
  const hits = hitsIn(counts);
  const misses = outcomes.miss + outcomes.validated + outcomes.collapsed;
  return {
    ...{
      requests: answersIn(counts),
      hits,
      misses,
      passes: outcomes.bypass,
      errors: outcomes.error + outcomes.refused,
    },
    ...{ hitRatio: ratio(hits, hits + misses), outcomes, originRequests, originFailures, originMs, ...saved },
    ...{ refills, needlessRefills },
  };
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function answeredBy({ tiers }: GateCounts, { misses, passes, hits }: RequestFigures): StatsFigures['answeredBy'] {
  const by = [...Object.entries(tiers), ['origin', misses + passes] as const];
  return by.map(([tier, answers]) => ({ tier, answers, part: ratio(answers, hits + misses + passes) }));
}

function invalidationsOf({ invalidations }: GateCounts): StatsFigures['invalidations'] {
  const all = Object.values(invalidations);
  const sum = (name: 'count' | 'entries') => all.reduce((total, one) => total + one[name], 0);
  return { count: sum('count'), entries: sum('entries'), byCause: invalidations };
}

function tiersOf({ memory, disk }: GateStats): StatsDocument['tiers'] {
  const { entries, bytes, maxBytes, evictions, declined } = memory;
  const first = { tier: 'memory', entries, bytes, maxBytes, evictions, declined, faults: 0 };
  if (disk === undefined) return [first];
  const faults = disk.corrupt + disk.writeFailures;
  return [
    first,
    {
      ...{ tier: 'disk', entries: disk.entries, bytes: disk.bytes, maxBytes: disk.maxBytes },
      ...{ evictions: disk.evictions, declined: disk.declined, faults },
    },
  ];
}

function populateOf({ waiting, inFlight, jobs }: PopulateState): StatsDocument['populate'] {
  const sum = (name: 'stored' | 'fresh' | 'refused' | 'failed') => jobs.reduce((total, job) => total + job[name], 0);
  const runningJobs = jobs.filter(({ state }) => state === 'running').length;
  return {
    ...{ waiting, inFlight, runningJobs },
    ...{ stored: sum('stored'), fresh: sum('fresh'), refused: sum('refused'), failed: sum('failed') },
  };
}
