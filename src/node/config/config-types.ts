// What `tidegate.config.ts` exports, with what each key means and its default. Imports nothing, so that a configuration
// loads no more than it needs; config-schema.ts checks the same shape, and docs/configuration.md lists it.

/** What a configuration file exports by default. Times are in milliseconds. */
export interface TidegateConfig {
  /** Where clients connect. */
  readonly listen?: ListenConfig | undefined;
  /** Where operators connect. */
  readonly admin?: AdminConfig | undefined;
  readonly memory?: MemoryConfig | undefined;
  /** Keeps stored responses over a restart, and more of them than memory has room for. Default: none. */
  readonly disk?: DiskConfig | undefined;
  /** Origins by name; at least one. */
  readonly origins: { readonly [name: string]: OriginConfig };
  /** The first that matches is taken, those of the most specific host first. Default: one route for all requests. */
  readonly routes?: readonly RouteConfig[] | undefined;
  /** Limits of what clients send; each excess is answered with the status beside it. */
  readonly limits?: LimitsConfig | undefined;
  readonly log?: LogConfig | undefined;
  /** Peers whose Forwarded and X-Forwarded-* fields are believed: IP addresses and networks. Default: none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Targeted cache control fields obeyed, in order of precedence (RFC 9213). Default `['cdn-cache-control']`. */
  readonly targetedFields?: readonly string[] | undefined;
  /** Name of this cache in Cache-Status and Via. Default `tidegate`. */
  readonly cacheName?: string | undefined;
}

interface ListenConfig {
  /** Address to listen on. Default `127.0.0.1`: this machine only; `0.0.0.0` or `::` for all. */
  readonly host?: string | undefined;
  /** Default 8080. 0: any free port. */
  readonly port?: number | undefined;
}

interface AdminConfig {
  /** Address of the admin listener. Default `127.0.0.1`. An address that other machines can reach needs a token. */
  readonly host?: string | undefined;
  /** Default 8081. 0: any free port. */
  readonly port?: number | undefined;
  /** Bearer token of the admin API. Default: the environment variable TIDEGATE_ADMIN_TOKEN, else none. */
  readonly token?: string | undefined;
  /** File that holds the token, relative to the configuration's folder. Default: none. */
  readonly tokenFile?: string | undefined;
}

interface MemoryConfig {
  /** Memory for stored responses. Default 256 MiB. 0: none, so that only the disk tier keeps them. */
  readonly maxBytes?: number | undefined;
}

interface DiskConfig {
  /** Folder for the disk tier, relative to the configuration's; made if it is not there. One gate has it alone. Required. */
  readonly path: string;
  /** Room for stored responses; what is written down about them adds a few percent. Default 10 GiB. */
  readonly maxBytes?: number | undefined;
}

interface OriginConfig {
  /** Scheme, host and port, e.g. `http://127.0.0.1:3000`. Required. */
  readonly url: string;
  /** Time to connect. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Time until the response head. Default 60,000. */
  readonly headTimeoutMs?: number | undefined;
  /** Longest pause within a response body. Default 60,000. */
  readonly bodyTimeoutMs?: number | undefined;
  /** Connections kept at most; further requests queue. Default 128. */
  readonly connections?: number | undefined;
  /** Further attempts, each on a fresh connection, of a request that may reach the origin twice. Default 1. */
  readonly retries?: number | undefined;
  readonly circuitBreaker?: CircuitBreakerConfig | undefined;
  /** Host sent to this origin. Default: the client's. */
  readonly hostHeader?: string | undefined;
}

interface CircuitBreakerConfig {
  /** Failures in a row after which the origin is not asked for a while. Default 5. 0: never. */
  readonly failures?: number | undefined;
  /** How long it is not asked, until one request tries again. Default 5,000. */
  readonly openMs?: number | undefined;
}

interface RouteConfig {
  /** Name in logs and metrics. Default `route-1` for the first route, and so on. */
  readonly name?: string | undefined;
  /** Which requests take this route. Default: all. */
  readonly match?: MatchConfig | undefined;
  /** Name of the origin asked. Default: the only origin. */
  readonly origin?: string | undefined;
  /** Tenant, part of the cache key: routes of different tenants share no entries. Default: the common tenant. */
  readonly tenant?: string | undefined;
  /** `safe` refuses what is legal but dangerous, `conformance` does all that RFC 9111 allows. Default `safe`. */
  readonly profile?: 'safe' | 'conformance' | undefined;
  /** Freshness lifetime in place of what the response says. Default: the response decides. */
  readonly ttlMs?: number | undefined;
  /** Freshness lifetime of a response that states none. Default: heuristic freshness (RFC 9111 §4.2.2). */
  readonly defaultTtlMs?: number | undefined;
  /** stale-while-revalidate of a response that states none (RFC 5861 §3). Default 0. */
  readonly staleWhileRevalidateMs?: number | undefined;
  /** stale-if-error of a response that states none (RFC 5861 §4). Default 0. */
  readonly staleIfErrorMs?: number | undefined;
  /** How long past its lifetime a response serves while the origin cannot be reached. Default 0; conformance: 1 day. */
  readonly graceMs?: number | undefined;
  /** How long an error answer without explicit freshness is kept. Default 0: not at all. */
  readonly negativeTtlMs?: number | undefined;
  /** Larger response bodies are forwarded and not stored. Default 64 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Query parameters in the cache key and in the forwarded request: all, only some, or all but some. Default `all`. */
  readonly query?: 'all' | { readonly keep: readonly string[] } | { readonly drop: readonly string[] } | undefined;
  /** Orders query parameters by name, those of one name as they came. Default false. */
  readonly sortQuery?: boolean | undefined;
  /** Fields of the forwarded request. */
  readonly request?: FieldEditsConfig | undefined;
  /** Fields of every response of the origin, edited before it is stored. */
  readonly response?: FieldEditsConfig | undefined;
  /** Requests that go past the cache: those that fulfil all conditions of a rule; `{}` is all. Default: none. */
  readonly bypass?: readonly BypassRuleConfig[] | undefined;
  /** Leaves Cache-Tag, Surrogate-Key, xkey and Cache-Groups in answers to clients. Default false. */
  readonly showTags?: boolean | undefined;
  /** Forwards GET and HEAD requests with a body, never cached, instead of answering 400. Default false. */
  readonly bodyOnGet?: boolean | undefined;
  /** Tunnels `Upgrade` requests, such as WebSocket, to the origin instead of answering 501. Default false. */
  readonly upgrade?: boolean | undefined;
  /** Host sent to the origin on this route. Default: `hostHeader` of the origin. */
  readonly originHost?: string | undefined;
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

interface BypassRuleConfig {
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

interface LimitsConfig {
  /** Longest request target; 414. Default 8,192. */
  readonly maxTargetBytes?: number | undefined;
  /** Largest request head; 431. Default 16,384. */
  readonly maxHeadBytes?: number | undefined;
  /** Most fields in a request; 431. Default 100. */
  readonly maxFields?: number | undefined;
  /** Client connections; 429 on further ones. Default 10,000. */
  readonly maxConnections?: number | undefined;
  /** Time for a complete request head; 408. Default 10,000. */
  readonly headTimeoutMs?: number | undefined;
  /** Time an idle client connection is kept. Default 5,000. */
  readonly keepAliveMs?: number | undefined;
  /** Largest request content; 413. Default 1 GiB. */
  readonly maxRequestBodyBytes?: number | undefined;
}

interface LogConfig {
  /** Default `info`, which writes a line for each request. */
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent' | undefined;
  /** `stdout`, or a file, relative to the configuration's folder. Default `stdout`. */
  readonly file?: string | undefined;
  /** Shows the values of query and path parameters in the access log, which may be secret. Default false. */
  readonly showValues?: boolean | undefined;
}

/** Returns the configuration as it is; gives an editor the types. */
export function defineConfig(config: TidegateConfig): TidegateConfig {
  return config;
}
