// A site is the processed configuration: listeners, limits, and routes that the front can match. Types only; config.ts
// makes it, front.ts and serve.ts use it.

import type { Route } from '../engine/contract.ts';
import type { Fields } from '../semantics/fields.ts';

/** Which query parameters stay in the key, and so in the forwarded request. */
export type QueryRule =
  | { readonly kind: 'all' }
  | { readonly kind: 'keep'; readonly names: ReadonlySet<string> }
  | { readonly kind: 'drop'; readonly names: ReadonlySet<string> };

/** The front's changes to a request before the engine sees it. */
export interface RequestRules {
  readonly query: QueryRule;
  /** Whether to order parameters by name, stably; off by default, since some origins give the order a meaning. */
  readonly sortQuery: boolean;
  /** Names in lower case. Applied to the forwarded request, so to every field that may change an origin's answer. */
  readonly fields: { readonly remove: ReadonlySet<string>; readonly set: Fields };
  /** Whether the request goes to the origin without the cache. */
  readonly bypass: (method: string, path: string, fields: Fields) => boolean;
  /** Whether to forward a body on GET or HEAD, never cached; otherwise 400 refuses it. */
  readonly bodyOnGet: boolean;
  /** Host sent to the origin; undefined means the client's. */
  readonly originHost: string | undefined;
  /** Whether to tunnel `Upgrade` requests to the origin; otherwise they get 501. */
  readonly upgrade: boolean;
}

export interface SiteRoute {
  readonly name: string;
  readonly route: Route;
  readonly request: RequestRules;
}

/** Finds the route of a request; undefined means no route: 404, or 421 when no route has the host. */
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
