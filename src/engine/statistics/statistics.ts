// What a gate counts for its statistics: plain numbers, incremented where things happen. A hit pays for a look-up of its route
// and four increments, two of them where its front tells how long it took.
//
// Routes are as many as a configuration has, and a reload may bring others: so their number is bounded, and the counts of what
// comes after that stand together.

import type { Route } from '../contract.ts';
import { OUTCOME_CLASSES, type OutcomeClass, zeros } from '../outcome-class.ts';
import { type GateCounts, type RouteCounts, type RouteLabels, routeKey } from './counts.ts';
import { count, SKETCH_BUCKETS } from './sketch.ts';

const MAX_ROUTES = 200;
/** Whose names no configuration can have. */
const OTHERS: RouteLabels = { tenant: '(others)', origin: '(others)', route: '(others)' };

type Mutable<Of> = { -readonly [name in keyof Of]: Of[name] };

interface Row extends RouteLabels {
  readonly counts: Mutable<RouteCounts>;
}

type RouteOf = Pick<Route, 'tenant' | 'originName' | 'name'>;

export class Statistics {
  /** By the name of the route; more than one where tenants or origins have routes of that name. */
  readonly #rows = new Map<string, Row[]>();
  #others: Row | undefined;
  #routes = 0;
  /** By the place of the tier. */
  readonly #tiers: number[] = [0, 0, 0];
  readonly #hits = new Float64Array(SKETCH_BUCKETS);
  readonly #misses = new Float64Array(SKETCH_BUCKETS);
  #bytes = 0;

  /** An answer begins. */
  answered(route: RouteOf, kind: OutcomeClass): void {
    this.#rowOf(route).counts[kind]++;
  }

  /** A hit's entry came from the tier at that place. */
  foundIn(tier: number): void {
    this.#tiers[tier] = (this.#tiers[tier] ?? 0) + 1;
  }

  /** A request is sent to the origin. */
  forwarded(route: RouteOf): void {
    this.#rowOf(route).counts.originRequests++;
  }

  /** The head of its answer is there, after so long. `queries`: that a fill took; undefined: it is none. */
  heard(route: RouteOf, ms: number, queries: number | undefined): void {
    const { counts } = this.#rowOf(route);
    counts.originMs += ms;
    if (queries === undefined) return;
    counts.fills++;
    counts.fillMs += ms;
    counts.fillQueries += queries;
  }

  /** No answer came. */
  failed(route: RouteOf): void {
    this.#rowOf(route).counts.originFailures++;
  }

  /** An entry that was invalidated is filled again. `isSame`: it had not changed. */
  refilled(route: RouteOf, isSame: boolean): void {
    const { counts } = this.#rowOf(route);
    counts.refills++;
    if (isSame) counts.needlessRefills++;
  }

  /** An exchange is over, for its client. `kind`: undefined where there was no answer of the gate. */
  ended(kind: OutcomeClass | undefined, ms: number, bytes: number): void {
    this.#bytes += bytes;
    if (kind === 'hit' || kind === 'stale') count(this.#hits, ms);
    else if (kind === 'miss' || kind === 'validated' || kind === 'collapsed') count(this.#misses, ms);
  }

  /** All exchanges by their class. */
  outcomes(): Record<OutcomeClass, number> {
    const sums = zeros(OUTCOME_CLASSES);
    for (const { counts } of this.#all()) for (const kind of OUTCOME_CLASSES) sums[kind] += counts[kind];
    return sums;
  }

  /** `tiers`: their names, in order. */
  counts(tiers: readonly string[]): Omit<GateCounts, 'invalidations'> {
    return {
      routes: Object.fromEntries(this.#all().map((row) => [routeKey(row), { ...row.counts }])),
      tiers: Object.fromEntries(tiers.map((name, at) => [name, this.#tiers[at] ?? 0])),
      latency: { hits: this.#hits.slice(), misses: this.#misses.slice() },
      bytes: this.#bytes,
    };
  }

  #all(): readonly Row[] {
    return [...[...this.#rows.values()].flat(), ...(this.#others === undefined ? [] : [this.#others])];
  }

  #rowOf(route: RouteOf): Row {
    const rows = this.#rows.get(route.name ?? route.originName);
    if (rows !== undefined)
      for (const row of rows) if (row.origin === route.originName && row.tenant === route.tenant) return row;
    return this.#newRow(route);
  }

  #newRow({ tenant, originName: origin, name: route = origin }: RouteOf): Row {
    if (this.#routes === MAX_ROUTES) {
      this.#others ??= rowFor(OTHERS);
      return this.#others;
    }
    this.#routes++;
    const row = rowFor({ tenant, origin, route });
    this.#rows.set(route, [...(this.#rows.get(route) ?? []), row]);
    return row;
  }
}

/** What counts; another may take its place, such as one that counts nothing. */
export type Recorder = Pick<Statistics, keyof Statistics>;

const OF_ORIGIN = [
  'originRequests',
  'originFailures',
  'originMs',
  'fills',
  'fillMs',
  'fillQueries',
  'refills',
  'needlessRefills',
] as const;

function rowFor(labels: RouteLabels): Row {
  return { ...labels, counts: zeros([...OUTCOME_CLASSES, ...OF_ORIGIN]) };
}
