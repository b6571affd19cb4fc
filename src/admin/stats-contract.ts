// What `GET /v1/stats` and `GET /v1/stats/history` answer. Types only. Times and durations are in ms; null: nothing of the kind
// was counted, so nothing is known.

import type { GateStats } from '../engine/contract.ts';
import type { OutcomeClass } from '../engine/outcome-class.ts';
import type { SourceState } from '../engine/source-leases.ts';
import type { InvalidationCause, RouteLabels } from '../engine/statistics/counts.ts';
import type { Percentiles } from '../engine/statistics/sketch.ts';

export interface StatsDocument {
  readonly version: 1;
  /** When it was made, and when the gate began, in ms since the Unix epoch. */
  readonly at: number;
  readonly startedAt: number;
  readonly total: StatsFigures;
  /** Null on Workers, whose isolates keep no history. */
  readonly lastMinute: StatsFigures | null;
  readonly lastTenMinutes: StatsFigures | null;
  readonly tiers: readonly TierFigures[];
  readonly origins: readonly OriginHealth[];
  readonly sources: readonly SourceFigures[];
  /** Null on Workers. */
  readonly populate: PopulateFigures | null;
  /** Null on Workers. */
  readonly urls: TopUrls | null;
  /** The answer of `GET /stats`. */
  readonly gate: GateStats;
}

/** What was counted in a time of so many seconds. */
export interface StatsFigures extends RequestFigures {
  readonly seconds: number;
  /** Of content sent to clients. */
  readonly bytes: number;
  /** Until the answer was handed to the connection: of a miss, the end of it. */
  readonly latency: { readonly hits: Percentiles; readonly misses: Percentiles };
  /** Fastest first, then `origin`. */
  readonly answeredBy: readonly AnsweredBy[];
  readonly invalidations: InvalidationFigures;
  /** Most requests first. */
  readonly routes: readonly (RouteLabels & RequestFigures)[];
  readonly byOrigin: readonly ({ readonly origin: string } & RequestFigures)[];
  readonly byTenant: readonly ({ readonly tenant: string } & RequestFigures)[];
}

export interface RequestFigures {
  readonly requests: number;
  /** Answered by what is stored: `hit` and `stale`. */
  readonly hits: number;
  /** Answered by the origin's word on it: `miss`, `validated` and `collapsed`. */
  readonly misses: number;
  /** Past the cache. */
  readonly passes: number;
  /** `error` and `refused`. */
  readonly errors: number;
  /** Of hits and misses together. */
  readonly hitRatio: number | null;
  readonly outcomes: { readonly [outcome in OutcomeClass]: number };
  /** All that the origin was asked, with what no client waited for. */
  readonly originRequests: number;
  readonly originFailures: number;
  /** Until the head of each answer. */
  readonly originMs: number;
  /** An estimate: what a fill of the route has taken on average since the start, times its hits. */
  readonly originMsSaved: number | null;
  /** The same of statements of databases; null also where no tracker tells of them. */
  readonly queriesSaved: number | null;
  /** Entries that were filled again after an invalidation, and those of them that had not changed. */
  readonly refills: number;
  readonly needlessRefills: number;
}

/** The URLs that are first by answers, by misses and passes, or by waiting, of the last so many ms. */
export interface TopUrls {
  readonly sinceMs: number;
  /** Most answers first. */
  readonly urls: readonly UrlFigures[];
}

export interface UrlFigures {
  /** Host and path, as the access log shows them. */
  readonly url: string;
  /** An estimate where there are many: then one of sixteen is counted, for all. */
  readonly hits: number;
  readonly misses: number;
  readonly passes: number;
  /** Time that clients waited for misses and passes, in all. */
  readonly waitedMs: number;
}

interface AnsweredBy {
  readonly tier: string;
  readonly answers: number;
  /** Of hits, misses and passes together. */
  readonly part: number | null;
}

interface InvalidationFigures {
  readonly count: number;
  /** Named by them. */
  readonly entries: number;
  readonly byCause: {
    readonly [cause in InvalidationCause]: { readonly count: number; readonly entries: number };
  };
}

interface TierFigures {
  readonly tier: string;
  readonly entries: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly evictions: number;
  readonly declined: number;
  /** Of the disk: entries found damaged, and writes that failed. */
  readonly faults: number;
}

/** Over all processes of the gate. */
export interface OriginHealth {
  readonly origin: string;
  /** Processes that ask it, and those of them whose circuit breaker is open. */
  readonly processes: number;
  readonly open: number;
  /** Requests that wait for a connection now; that had to, and that were refused one, since the start. */
  readonly waiting: number;
  readonly queued: number;
  readonly refused: number;
}

interface SourceFigures extends Pick<SourceState, 'source' | 'live' | 'gaps' | 'expirations'> {
  /** Time since the moment up to which all changes of the source are known here. */
  readonly lagMs: number | null;
}

interface PopulateFigures {
  readonly waiting: number;
  readonly inFlight: number;
  readonly runningJobs: number;
  /** URLs of the jobs that `GET /populate` lists, by how they ended. */
  readonly stored: number;
  readonly fresh: number;
  readonly refused: number;
  readonly failed: number;
}

/** One step of the history. */
export interface StatsPoint {
  /** Its end, in ms since the Unix epoch, and its length. */
  readonly at: number;
  readonly seconds: number;
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
  readonly hitP50: number | null;
  readonly hitP99: number | null;
  readonly missP50: number | null;
  readonly missP99: number | null;
  readonly originRequests: number;
  readonly invalidations: number;
  readonly bytes: number;
}
