// The routes of a configuration, of Node and of Workers: what each key means, and its default. Imports types alone.

import type { CookieOptions } from '../engine/answers/edits.ts';
import type { Duration } from '../options/durations.ts';
import type { VariantLists } from '../semantics/preferences.ts';

/** How an origin may read a path beside what it says. Rules that restrict count every reading; `false`: this origin does not. */
export interface OriginPathsConfig {
  /** It may read `//` as `/`. Default true. */
  readonly mergeSlashes?: boolean | undefined;
  /** It may read `%2F` and `%5C` as `/`. Default true. */
  readonly decodeSlash?: boolean | undefined;
  /** It may drop `;a=1` from the end of a segment. Default true. */
  readonly parameters?: boolean | undefined;
  /** It may take `/Account` for `/account`. Default true. */
  readonly caseInsensitive?: boolean | undefined;
}

export interface RouteConfig {
  /** Name in logs and metrics. Default `route-1` for the first route, and so on. */
  readonly name?: string | undefined;
  /** Which requests take this route. Default: all. */
  readonly match?: MatchConfig | undefined;
  /** Name of the origin asked. Default: the only origin. */
  readonly origin?: string | undefined;
  /** Tenant, part of the cache key: routes of different tenants share no entries. Default: the common tenant. */
  readonly tenant?: string | undefined;
  /**
   * `safe` refuses legal but dangerous behaviour, `conformance` does everything that RFC 9111 allows. Default `safe`.
   */
  readonly profile?: 'safe' | 'conformance' | undefined;
  /** Freshness lifetime in place of the response's own. Default: the response decides. */
  readonly ttl?: Duration | undefined;
  /** Freshness lifetime of a response that states none. Default: heuristic freshness (RFC 9111 §4.2.2). */
  readonly defaultTtl?: Duration | undefined;
  /** stale-while-revalidate of a response that states none (RFC 5861 §3). Default 0. */
  readonly staleWhileRevalidate?: Duration | undefined;
  /** stale-if-error of a response that states none (RFC 5861 §4). Default 0. */
  readonly staleIfError?: Duration | undefined;
  /** How long past its lifetime a response serves while the origin cannot be reached. Default 0; conformance: 1 day. */
  readonly grace?: Duration | undefined;
  /** How long an error answer without explicit freshness is kept. Default 0: not at all. */
  readonly negativeTtl?: Duration | undefined;
  /** Cookies of a GET or HEAD. Default: the origin's affair; with a freshness of the route's own, requests with cookies bypass it. */
  readonly cookies?: CookieOptions | undefined;
  /** What answers differ by: of these the one that suits a GET or HEAD best selects its variant, and is forwarded. */
  readonly variants?: VariantLists | undefined;
  /** Cache-Control and Pragma of a GET or HEAD. Default `ignore`; conformance: `honour`. */
  readonly clientDirectives?: 'ignore' | 'honour' | undefined;
  /**
   * Methods that are forwarded; any other is answered 405. `all`: any but CONNECT and TRACE. Default: GET, HEAD, OPTIONS, POST, PUT,
   * PATCH and DELETE.
   */
  readonly methods?: 'all' | readonly string[] | undefined;
  /** Larger response bodies are forwarded and not stored. Default 64 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Query parameters in the cache key and in the forwarded request: all, only some, or all but some. Default `all`. */
  readonly query?: 'all' | { readonly keep: readonly string[] } | { readonly drop: readonly string[] } | undefined;
  /** Orders query parameters by name; parameters of one name keep their order. Default false. */
  readonly sortQuery?: boolean | undefined;
  /** Fields of the forwarded request. */
  readonly request?: FieldEditsConfig | undefined;
  /** Fields of every response of the origin, edited before it is stored. */
  readonly response?: FieldEditsConfig | undefined;
  /** Requests that bypass the cache: those that fulfil all conditions of a rule; `{}` matches all. Default: none. */
  readonly bypass?: readonly BypassRuleConfig[] | undefined;
  /** Leaves the fields of tags, and all `Tidegate-…` fields, in answers to clients. Default false. */
  readonly showTags?: boolean | undefined;
  /** Forwards GET and HEAD requests with a body, never cached, instead of answering 400. Default false. */
  readonly bodyOnGet?: boolean | undefined;
  /** Forwards the content of requests as it comes, instead of when it is there. Default false. */
  readonly streamRequests?: boolean | undefined;
  /** Tunnels `Upgrade` requests, such as WebSocket, to the origin instead of answering 501. Default false. */
  readonly upgrade?: boolean | undefined;
  /** Host sent to the origin on this route. Default: `hostHeader` of the origin. */
  readonly originHost?: string | undefined;
  /** How long caches outside the gate may hold its answers, from each answer on. Default: the origin's affair. */
  readonly outward?: OutwardConfig | undefined;
  /** Stores responses in content codings too and serves each client its best. Default false: the origin's affair. */
  readonly compress?: boolean | CompressConfig | undefined;
}

interface OutwardConfig {
  /** Browsers. Default 0: they ask each time. */
  readonly maxAge?: Duration | undefined;
  /** Shared caches, such as a CDN. Default 0: they store nothing. */
  readonly sMaxage?: Duration | undefined;
  /** How much longer shared caches may serve while they ask again. Default 0. */
  readonly staleWhileRevalidate?: Duration | undefined;
}

interface CompressConfig {
  /** Codings offered, the one preferred among equals first. Default `['zstd', 'br', 'gzip']`. */
  readonly codings?: readonly ('zstd' | 'br' | 'gzip')[] | undefined;
  /** Smaller bodies are left as they are. Default 1,024. */
  readonly minBytes?: number | undefined;
  /** Media types, or patterns of them, in place of those known to be worth it. */
  readonly types?: readonly string[] | undefined;
}

interface MatchConfig {
  /** `example.org` (any port), `example.org:8443`, `*.example.org`, or a list of such. Default: any host. */
  readonly host?: string | readonly string[] | undefined;
  /** Path without the query, or a pattern (`*` any characters, `?` one), or a list of such. Default: any path. */
  readonly path?: string | readonly string[] | undefined;
}

interface FieldEditsConfig {
  /** Fields set, replacing any of that name: `{ 'cache-control': 'max-age=60' }`. Default: none. */
  readonly set?: { readonly [name: string]: string } | undefined;
  /** Names of the fields removed. Default: none. */
  readonly remove?: readonly string[] | undefined;
}

export interface BypassRuleConfig {
  /** Method, or a list of such. Default: any. */
  readonly method?: string | readonly string[] | undefined;
  /** Path or pattern, or a list of such. Default: any. */
  readonly path?: string | readonly string[] | undefined;
  /** Name of a request field, or its name and a pattern of its value. Default: no condition. */
  readonly header?: string | NamedValueConfig | undefined;
  /** Name of a cookie, or its name and a pattern of its value. Default: no condition. */
  readonly cookie?: string | NamedValueConfig | undefined;
}

interface NamedValueConfig {
  readonly name: string;
  /** A pattern: `*` any characters, `?` one. */
  readonly value: string;
}
