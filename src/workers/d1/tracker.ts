// Exact invalidation on D1. The binding is wrapped for one request, so that no asynchronous context is needed: what is read
// through it puts tags on the request's response, and what is written invalidates by the rows that the write's own batch tells.
//
// Whatever is not understood costs a stored response, never an outdated one: the response is refused, or all that was read of
// the database is invalidated.

import { be, type Checks, checkOptions, func, required } from '../../options/kit.ts';
import type { D1Database, TaggedRequest } from './binding.ts';
import { D1Request } from './request.ts';
import { D1Tables } from './tables.ts';
import { TrackedBinding } from './wrapped.ts';

export interface D1TrackerOptions {
  /** Name of the database in tags: the same in all Workers that share it, and of no other. 1 to 100 characters. */
  readonly source: string;
  /** Hears of what costs stored responses and is not the application's fault, e.g. that no feed is installed. Default: nobody. */
  readonly onFault?: (error: unknown) => void;
}

/** Counted since the isolate began. */
export interface D1TrackerStats {
  /** Statements that put tags on a response. */
  readonly reads: number;
  /** Of those, reads by whole tables because they asked for too many values. */
  readonly coarsened: number;
  /** Responses that are not stored, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  readonly writes: number;
  /** Writes after which all that was read of the database was invalidated. */
  readonly opaqueWrites: number;
}

export interface D1Tracker {
  /**
   * The binding for the handler of one request; `request`: `context.tidegate`. Every method gives what the binding itself
   * gives, and fails as it does.
   */
  wrap<D extends D1Database>(database: D, request: TaggedRequest): D;
  stats(): D1TrackerStats;
}

const OPTIONS: Checks<D1TrackerOptions> = {
  source: required(
    be('a name of 1 to 100 characters', (value) => typeof value === 'string' && value !== '' && value.length <= 100),
  ),
  onFault: func,
};

/** One for each database and isolate, made where the module begins. Throws E_CONFIG. */
export function createD1Tracker(options: D1TrackerOptions): D1Tracker {
  const { source, onFault = () => undefined } = checkOptions('createD1Tracker', options, OPTIONS);
  const tables = new D1Tables();
  const refused: Record<string, number> = {};
  const requests = new WeakMap<TaggedRequest, D1Request>();
  const counts = { reads: 0, coarsened: 0, refused, writes: 0, opaqueWrites: 0 };
  return {
    wrap: <D extends D1Database>(database: D, request: TaggedRequest) => {
      const own = new D1Request({ source, onFault, tables, counts, database, request, requests });
      return new TrackedBinding(own, database) as unknown as D;
    },
    stats: () => ({ ...counts, refused: { ...refused } }),
  };
}
