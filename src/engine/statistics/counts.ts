// The counts that statistics are made of, and how they combine. They only grow, and each stands under a name, or at a place of
// a list: so those of several processes are added, and those of two moments subtracted, whatever they count.

import type { OutcomeClass } from '../outcome-class.ts';

/** Who invalidated: a caller of the API, a client's write, a source's tracker, an origin's answer, the prober, changed rules, an exception. */
export const INVALIDATION_CAUSES = ['call', 'write', 'source', 'origin', 'prober', 'rules', 'fault'] as const;
export type InvalidationCause = (typeof INVALIDATION_CAUSES)[number];

/** Of one route: its exchanges by their class, and what its origin was asked. */
export interface RouteCounts extends Readonly<Record<OutcomeClass, number>> {
  readonly originRequests: number;
  /** Of them: those that no answer came to. */
  readonly originFailures: number;
  /** From sending a request to the head of its answer, in all. */
  readonly originMs: number;
  /** The same of the answers that are to be stored. */
  readonly fills: number;
  readonly fillMs: number;
  /** Statements of databases that they took, as far as their trackers say. */
  readonly fillQueries: number;
  /** Entries that were filled again after an invalidation; and those of them that had not changed. */
  readonly refills: number;
  readonly needlessRefills: number;
}

export interface GateCounts {
  /** By `routeKey`. */
  readonly routes: { readonly [key: string]: RouteCounts };
  /** Hits by the name of the tier that had the entry. */
  readonly tiers: { readonly [tier: string]: number };
  /** `entries`: what the fastest tier held of them. */
  readonly invalidations: {
    readonly [cause in InvalidationCause]: { readonly count: number; readonly entries: number };
  };
  /** As a sketch has them. */
  readonly latency: { readonly hits: Float64Array; readonly misses: Float64Array };
  /** Bytes of content sent to clients. */
  readonly bytes: number;
}

/** Whose counts they are: a route under its name, with the tenant and the origin that it has now. */
export interface RouteLabels {
  readonly tenant: string;
  readonly origin: string;
  readonly route: string;
}

export function routeKey({ tenant, origin, route }: RouteLabels): string {
  return JSON.stringify([tenant, origin, route]);
}

export function labelsOf(key: string): RouteLabels {
  const [tenant, origin, route] = JSON.parse(key) as [string, string, string];
  return { tenant, origin, route };
}

type Named = Readonly<Record<string, unknown>>;

/** Adds numbers, and tables by name or place; takes the first of any other values. */
export function added<Value>(one: Value, other: Value): Value {
  return combined(one, other, (a, b) => a + b) as Value;
}

/** What was counted since `before`. */
export function since<Value>(now: Value, before: Value): Value {
  return combined(now, before, (a, b) => a - b) as Value;
}

function combined(one: unknown, other: unknown, by: (one: number, other: number) => number): unknown {
  if (isCount(one) && isCount(other)) return one === other && one === undefined ? undefined : by(one ?? 0, other ?? 0);
  if (one instanceof Float64Array && other instanceof Float64Array)
    return one.map((count, at) => by(count, other[at] ?? 0));
  if (!isTable(one ?? other) || !isTable(other ?? one)) return one ?? other;
  const [of, beside] = [(one ?? {}) as Named, (other ?? {}) as Named];
  const names = new Set([...Object.keys(of), ...Object.keys(beside)]);
  return Object.fromEntries([...names].map((name) => [name, combined(of[name], beside[name], by)]));
}

function isCount(value: unknown): value is number | undefined {
  return value === undefined || typeof value === 'number';
}

function isTable(value: unknown): value is Named {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
