// A gate that answers the admin API with fixed figures and remembers what it was asked.

import { adminCounts } from '../../src/admin/call-room.ts';
import type { AdminDeps, TailLine, TierHoldings } from '../../src/admin/contract.ts';
import type { EntrySummary, Explanation, GateStats, ListQuery, Route } from '../../src/engine/contract.ts';
import type { JobProgress } from '../../src/engine/populate/job.ts';
import type { GateCounts } from '../../src/engine/statistics/counts.ts';
import { StatsHistory } from '../../src/engine/statistics/history.ts';
import { SKETCH_BUCKETS } from '../../src/engine/statistics/sketch.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import { nothingHeld } from '../../src/memory/budget.ts';
import { CONFORMANCE_POLICY } from '../../src/semantics/policy.ts';

/** What bounds a listener of the admin API. */
export function adminBounds() {
  const rate = { perSecond: 1_000, burst: 1_000 };
  return { maxConnections: 100, calls: rate, wrongTokens: rate, counts: adminCounts() };
}

export const ROUTE: Route = {
  tenant: '-',
  originName: 'demo',
  origin: {
    forward: () => {
      throw new Error('an admin call must not go to the origin');
    },
  },
  policy: CONFORMANCE_POLICY,
  responseFields: { remove: new Set(), set: [] },
  cacheUri: (uri) => uri,
  retired: () => false,
  showTags: false,
};

export const ENTRY: EntrySummary = {
  key: '- demo GET http://example.org/users\naccept: */*\ncookie:sid=CANARY-COOKIE',
  uri: 'http://example.org/users',
  origin: 'demo',
  method: 'GET',
  status: 200,
  bodyBytes: 2048,
  ageMs: 12_000,
  ttlMs: 48_000,
  tags: ['users', 'user:1'],
  stamp: 7,
  outdated: false,
};

export const EXPLANATION: Explanation = {
  key: '- demo GET http://example.org/users',
  variantKey: ENTRY.key,
  verdict: 'serve',
  reason: 'fresh',
  section: 'RFC 9111 §4.2',
  entry: ENTRY,
  freshness: { lifetimeMs: 60_000, source: 'max-age', ageMs: 12_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 5_000 },
  position: { applied: 9, lastInvalidation: 3 },
  lastRefusal: { reason: 'no-store', section: 'RFC 9111 §5.2.2.5' },
};

export const STATS: GateStats = {
  requests: { hit: 40, stale: 1, validated: 2, collapsed: 3, miss: 4, bypass: 5, error: 6, refused: 7 },
  forwards: { bypass: 5, method: 1, 'uri-miss': 4, 'vary-miss': 0, miss: 0, request: 0, stale: 2, partial: 0 },
  details: {
    outdated: 1,
    validated: 2,
    'stale-while-revalidate': 1,
    'stale-if-error': 0,
    grace: 0,
    'hit-for-miss': 0,
    credentials: 0,
    'ambiguous-path': 0,
    'no-lease': 0,
    'invalidated-during-fill': 8,
    'intent-open': 0,
    'source-not-live': 0,
    'only-if-cached': 0,
    'origin-error': 6,
    overload: 0,
    refused: 7,
  },
  refusedStores: { 'no-store': 11, private: 12 },
  stores: 13,
  variantsDropped: 2,
  unknownPositions: 0,
  exceptions: { exchange: 0, unknown: 0 },
  invalidations: { url: 1, tag: 2, prefix: 3, pattern: 4, origin: 5, all: 6 },
  purges: 14,
  intentsOpen: 15,
  fillsInFlight: 16,
  position: 17,
  coding: { made: 20, bytesSaved: 21_000, skipped: { small: 22 } },
  memory: {
    ...{ entries: 18, bytes: 19_000, maxBytes: 20_000, evictions: 21, declined: 22 },
    held: {
      bytes: { ...nothingHeld(), fills: 23 },
      maxBytes: 24,
      uncollected: 26,
      refused: { ...nothingHeld(), uploads: 25 },
    },
  },
};

export const TAILED: TailLine & Record<string, unknown> = {
  ...{ time: '2026-01-01T00:00:00.000Z', route: 'route-1', method: 'GET', host: 'example.org', path: '/users' },
  ...{ key: '0123456789abcdef', status: 200, outcome: 'hit', bytes: 2048, durationMs: 0.123 },
};

const OF_ROUTE = {
  ...{ hit: 40, stale: 1, validated: 2, collapsed: 3, miss: 4, bypass: 5, error: 6, refused: 7 },
  ...{
    originRequests: 12,
    originFailures: 6,
    originMs: 300,
    fills: 6,
    fillMs: 240,
    fillQueries: 18,
    refills: 5,
    needlessRefills: 2,
  },
};

export const COUNTS: GateCounts = {
  routes: { '["-","demo","pages"]': OF_ROUTE },
  tiers: { memory: 38, disk: 3 },
  invalidations: {
    ...{ call: { count: 4, entries: 9 }, write: { count: 2, entries: 3 }, source: { count: 1, entries: 1 } },
    ...{ origin: { count: 0, entries: 0 }, rules: { count: 0, entries: 0 }, fault: { count: 0, entries: 0 } },
    prober: { count: 0, entries: 0 },
  },
  latency: { hits: new Float64Array(SKETCH_BUCKETS), misses: new Float64Array(SKETCH_BUCKETS) },
  bytes: 4096,
};

const NEVER = { clock: { now: () => 1_767_225_600_000 }, tasks: { later: () => () => {} }, fault: () => {} };

export const JOB: JobProgress = {
  ...{ id: 'a-1', cause: 'operator', name: '2 URLs', state: 'running', sealed: true },
  ...{
    total: 2,
    done: 1,
    stored: 1,
    fresh: 0,
    refused: 0,
    failed: 0,
    reasons: {},
    notStored: [],
    perSecond: 1,
    startedAt: 0,
  },
};

const HOLDINGS: TierHoldings = {
  memory: { entries: 18, bytes: 19_000, maxBytes: 20_000 },
  disk: { entries: 20, bytes: 90_000, maxBytes: 100_000, segments: 3, largeBodies: 1, indexLoaded: true },
  manifest: { rows: 20, bytes: 88_000 },
};

export interface FakeGate {
  readonly deps: AdminDeps;
  /** Calls that change something: `invalidate` or `purge`, and the selector. */
  readonly changes: [string, Selector][];
  readonly lists: ListQuery[];
  /** Tiers that were emptied alone. */
  readonly cleared: string[];
  readonly explained: { method: string; uri: string; fields: readonly string[] }[];
}

/** Routes only `example.org`, whose key leaves out `utm`. */
export function fakeGate(overrides: Partial<AdminDeps> = {}): FakeGate {
  const changes: FakeGate['changes'] = [];
  const lists: ListQuery[] = [];
  const explained: FakeGate['explained'] = [];
  const cleared: string[] = [];
  const act = (name: string) => async (selector: Selector) => {
    changes.push([name, selector]);
    return { position: changes.length, matched: 2 };
  };
  const deps: AdminDeps = {
    gate: {
      invalidate: act('invalidate'),
      purge: act('purge'),
      list: async (query) => {
        lists.push(query);
        return { entries: [ENTRY], next: ENTRY.key };
      },
      explain: async ({ method, uri, fields }) => {
        explained.push({ method, uri, fields });
        return EXPLANATION;
      },
      stats: () => STATS,
      counts: () => COUNTS,
    },
    history: new StatsHistory({ ...NEVER, counts: () => COUNTS }),
    topUrls: () => ({
      sinceMs: 60_000,
      urls: [{ url: 'example.org/users', hits: 41, misses: 9, passes: 5, waitedMs: 300 }],
    }),
    origins: () => [{ origin: 'demo', processes: 1, open: 0, waiting: 0, queued: 3, refused: 1 }],
    isReady: () => ({ ready: true }),
    explainRequest: ({ method, uri, fields }) =>
      uri.startsWith('http://example.org/')
        ? { route: ROUTE, method, uri: uri.replace(/[?&]utm=[^&]*/, ''), fields, bypass: false }
        : undefined,
    populate: {
      begin: () => JOB,
      give: () => {},
      state: () => ({ waiting: 0, inFlight: 0, queue: [], schedules: [], jobs: [JOB] }),
      progress: (id) => (id === JOB.id ? JOB : undefined),
      follow: (_id, listener) => {
        listener(JOB);
        return () => {};
      },
      cancel: () => true,
      hooks: () => ({}),
    },
    tiers: {
      holdings: async () => HOLDINGS,
      check: async () => ({ agree: true, memory: { entries: 18, notOnDisk: 0, differing: 0 }, examples: [] }),
      clear: async (what) => {
        cleared.push(what);
        return 18;
      },
    },
    sources: {
      reportSource: async ({ sequence }) => ({ gap: sequence === 1, token: 't1' }),
      sources: () => [{ source: 'shop', live: true, leftMs: 1500, reports: 4, gaps: 1, expirations: 0 }],
      askSource: async () => ({ kind: 'silent' }),
    },
    tail: {
      listen: (_filter, hear) => {
        hear(TAILED);
        return () => {};
      },
    },
    recent: {
      list: (after) =>
        after < 17 ? [{ position: 17, at: 1_767_225_600_000, kind: 'url', what: 'http://example.org/users' }] : [],
    },
    prober: {
      settings: { share: 0.01, ratePerSecond: 1, onOutdated: 'invalidate' },
      examples: () => [],
      prove: async ({ uri }) =>
        uri.startsWith('http://example.org/')
          ? { verdict: 'same', reason: 'The origin gives what is stored.', origin: [] }
          : undefined,
    },
    originNames: () => ['api', 'app', 'demo'],
    metricsText: async () => 'tidegate_entries 18\n',
    ...overrides,
  };
  return { deps, changes, lists, explained, cleared };
}
