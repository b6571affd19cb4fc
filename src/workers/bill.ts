// What a Worker's operations cost: Cloudflare's prices in one table, and the estimate that follows from them and from counters.

import { type Counts, countsOf, OPERATIONS, type Operation } from './counters.ts';

/** Cloudflare's prices beyond what the plan includes, in US dollars. Prices change: compare them with `source`. */
export const PRICES = {
  asOf: '2026-11',
  source: 'https://developers.cloudflare.com/workers/platform/pricing/',
  plan: 'Workers Paid, standard usage model',
  /** For one million of each. */
  perMillion: {
    /** Requests to the Worker. A hit of the Workers Cache in front of it counts too; a call of a binding does not. */
    requests: 0.3,
    /** Milliseconds of CPU time. */
    cpuMs: 0.02,
    /** Calls of other services during a request: free of charge, limited in number. */
    subrequests: 0,
    /** Keys read, those that are not there among them. */
    kvReads: 0.5,
    kvWrites: 5,
    kvDeletes: 5,
    /** Pages of a list. */
    kvLists: 5,
    /** Calls of a Durable Object, by RPC or fetch, and its alarms. */
    objectRequests: 0.15,
    /** Gigabyte-seconds that a Durable Object of 128 MB runs. */
    objectGbSeconds: 12.5,
    /** Rows that SQLite in a Durable Object scans. */
    objectRowsRead: 0.001,
    objectRowsWritten: 1,
    /** Rows that D1 scans. */
    d1RowsRead: 0.001,
    d1RowsWritten: 1,
    /** Data points of Analytics Engine. */
    dataPoints: 0.25,
  } satisfies { readonly [operation in Operation]: number },
  /** For one gigabyte a month. Not part of an estimate by requests. */
  storagePerGbMonth: { kv: 0.5, objects: 0.2, d1: 0.75 },
} as const;

export interface Bill {
  /** Operations for 1,000 requests. */
  readonly per1000Requests: Counts;
  /** US dollars for a million requests, by operation; those that cost nothing are left out. */
  readonly usdPerMillionRequests: { readonly [operation in Operation]?: number };
  readonly totalUsdPerMillionRequests: number;
  /** Year and month of the prices. */
  readonly pricesAsOf: string;
  readonly source: string;
}

/** The estimate is at the margin: what the plan includes is not taken off. All is 0 without a request. */
export function billOf(counts: Counts): Bill {
  const each = (count: number) => (counts.requests === 0 ? 0 : count / counts.requests);
  const costs = OPERATIONS.map((name) => [name, each(counts[name]) * PRICES.perMillion[name]] as const);
  return {
    per1000Requests: countsOf((name) => each(counts[name]) * 1000),
    usdPerMillionRequests: Object.fromEntries(costs.filter(([, usd]) => usd > 0)),
    totalUsdPerMillionRequests: costs.reduce((sum, [, usd]) => sum + usd, 0),
    pricesAsOf: PRICES.asOf,
    source: PRICES.source,
  };
}
