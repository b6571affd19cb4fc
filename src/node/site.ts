// A site is what the configuration becomes once read: listeners, limits, and routes that the front can match. Types only;
// config.ts makes it, front.ts and serve.ts use it.

import type { Route } from '../engine/contract.ts';
import type { Fields } from '../semantics/fields.ts';

/** Which query parameters stay in the key, and so in the forwarded request. */
export type QueryRule =
  | { readonly kind: 'all' }
  | { readonly kind: 'keep'; readonly names: ReadonlySet<string> }
  | { readonly kind: 'drop'; readonly names: ReadonlySet<string> };

/** What the front does to a request before the engine sees it. */
export interface RequestRules {
  readonly query: QueryRule;
  /** True: parameters are ordered by name, stably; off by default, since some origins read meaning in the order. */
  readonly sortQuery: boolean;
  /** Names in lower case. Applied to the forwarded request, so to what an origin may answer by. */
  readonly fields: { readonly remove: ReadonlySet<string>; readonly set: Fields };
  /** True when the request goes to the origin without the cache. */
  readonly bypass: (method: string, path: string, fields: Fields) => boolean;
  /** False: a body on GET or HEAD is refused with 400. True: it is forwarded, never cached. */
  readonly bodyOnGet: boolean;
  /** Host sent to the origin; undefined: the client's. */
  readonly originHost: string | undefined;
  /** True: `Upgrade` requests are tunnelled to the origin; false: answered 501. */
  readonly upgrade: boolean;
}

export interface SiteRoute {
  readonly name: string;
  readonly route: Route;
  readonly request: RequestRules;
}

/** Finds the route of a request; undefined: no route, answered 404 (421 when no route has the host). */
export interface Router {
  match(host: string, path: string): SiteRoute | undefined;
  knowsHost(host: string): boolean;
}

/** Limits of the front; each excess is answered with the status beside it. */
export interface FrontLimits {
  /** 414. Default 8,192. */
  readonly maxTargetBytes: number;
  /** 431. Default 16,384. */
  readonly maxHeadBytes: number;
  /** 431. Default 100. */
  readonly maxFields: number;
  /** 429 on further connections. Default 10,000. */
  readonly maxConnections: number;
  /** 408: time for a complete request head. Default 10,000. */
  readonly headTimeoutMs: number;
  /** Time an idle connection is kept. Default 5,000. */
  readonly keepAliveMs: number;
  /** 413: request content. Default 1 GiB. */
  readonly maxRequestBodyBytes: number;
}
