// The type that `tidegate.config.ts` exports, with the meaning and default of each key. Imports types alone, so that a
// configuration loads no more than it needs; config-schema.ts checks the same shape, and docs/configuration.md lists
// it.

import type { Duration } from '../../options/durations.ts';
import type { PopulateConfig, ScheduleConfig } from '../../site/populate-types.ts';
import type { OriginPathsConfig, RouteConfig } from '../../site/route-types.ts';
import type { ClusterConfig, PositionsConfig } from './cluster-types.ts';

/** The default export of a configuration file. A `Duration` is a number of ms or a string with a unit, e.g. `'5m'`. */
export interface TidegateConfig {
  /** Where clients connect. */
  readonly listen?: ListenConfig | undefined;
  /** Where operators connect. */
  readonly admin?: AdminConfig | undefined;
  readonly memory?: MemoryConfig | undefined;
  /** Keeps stored responses over a restart, and more of them than memory has room for. Default: none. */
  readonly disk?: DiskConfig | undefined;
  /** Gates and data caches on other machines that hear of what this one invalidates, and this one of theirs. Default: none. */
  readonly cluster?: ClusterConfig | undefined;
  /** Origins by name; at least one. */
  readonly origins: { readonly [name: string]: OriginConfig };
  /** The first matching route wins, with routes of the most specific host first. Default: one route for all requests. */
  readonly routes?: readonly RouteConfig[] | undefined;
  /** Databases by name, for the commands `tidegate feed`; `serve` has no use for them. Default: none. */
  readonly sources?: { readonly [name: string]: SourceConfig } | undefined;
  readonly positions?: PositionsConfig | undefined;
  /** How entries are filled while no client waits for them. */
  readonly populate?: PopulateConfig | undefined;
  /** Repeated fills. Default: none. */
  readonly schedule?: readonly ScheduleConfig[] | undefined;
  /** Asks origins again for a sample of the hits, to say how many of them are outdated. */
  readonly prober?: ProberConfig | undefined;
  /** Limits of what clients send; each excess is answered with the status beside it. */
  readonly limits?: LimitsConfig | undefined;
  readonly log?: LogConfig | undefined;
  /**
   * Proxies before the gate: IP addresses and networks, or these and what is believed of them. `[]`: clients connect directly.
   * Default: unknown, so a peer with a private address is taken for no single client.
   */
  readonly trustedProxies?: readonly string[] | TrustedProxiesConfig | undefined;
  /** Targeted cache control fields obeyed, in order of precedence (RFC 9213). Default `['cdn-cache-control']`. */
  readonly targetedFields?: readonly string[] | undefined;
  /** Name of this cache in Cache-Status and Via. Default `tidegate`. */
  readonly cacheName?: string | undefined;
  /** Processes that serve clients on the one port. `auto`: as many as there are processors. Default 1: this process. */
  readonly workers?: number | 'auto' | undefined;
}

interface ListenConfig {
  /** Address to listen on. Default `127.0.0.1`: this machine only; `0.0.0.0` or `::` for all. */
  readonly host?: string | undefined;
  /** Default 8080. 0: any free port. */
  readonly port?: number | undefined;
  /** Default: none, HTTP without TLS. */
  readonly tls?: TlsConfig | undefined;
  /** Offers HTTP/2 to clients of TLS (ALPN); HTTP/1.1 is always offered. Default true. */
  readonly http2?: boolean | undefined;
  /** Requires a PROXY header, version 1 or 2, on every connection. Default false. */
  readonly proxyProtocol?: boolean | undefined;
}

interface TlsConfig {
  /** The first is for clients that name no host, or a host that no certificate has. Required. */
  readonly certificates: readonly CertificateConfig[];
  /** Lowest version accepted. Default `TLSv1.2`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

interface CertificateConfig {
  /** File with the certificate and its chain in PEM, relative to the configuration's folder. Required. */
  readonly cert: string;
  /** File with its private key in PEM. Required. */
  readonly key: string;
  /** Hosts it is shown for: `example.org`, `*.example.org`. Default: those in the certificate. */
  readonly hosts?: readonly string[] | undefined;
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
  /** Connections at a time; beyond it the oldest that has shown no token makes room. Default 1,000. */
  readonly maxConnections?: number | undefined;
  /** Calls; and by themselves as many reports of trackers. Beyond it 429. Default 1,000 a second, 5,000 at once. */
  readonly calls?: CallRateConfig | undefined;
  /** Calls of one address with a wrong token; beyond it 429, whatever the token. Default 1 a second, 20 at once. */
  readonly wrongTokens?: CallRateConfig | undefined;
}

interface CallRateConfig {
  /** On the average. */
  readonly perSecond?: number | undefined;
  /** At once, after a time without any. */
  readonly burst?: number | undefined;
}

interface MemoryConfig {
  /**
   * Memory in bytes for stored responses, and for the content of requests that is read ahead. Stored responses keep half of it at
   * least. Fills under way and answers to slow clients come on top. Default 256 MiB. 0: none are stored in memory, so that only the
   * disk tier keeps them.
   */
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
  /** Time to connect. Default `'5s'`. */
  readonly connectTimeout?: Duration | undefined;
  /** Time until the response head. Default `'1m'`. */
  readonly headTimeout?: Duration | undefined;
  /** Longest pause within a response body. Default `'1m'`. */
  readonly bodyTimeout?: Duration | undefined;
  /** Connections kept at most; further requests wait in a queue. Default 128. */
  readonly connections?: number | undefined;
  /** The part of the connections that one client alone comes to, above 0; 1: all. Default 0.5. */
  readonly perClient?: number | undefined;
  /** Requests that wait for a connection; clients are served in turn. 503 with Retry-After beyond it. */
  readonly queue?: OriginQueueConfig | undefined;
  /** Further attempts, each on a fresh connection, of a request that may reach the origin twice. Default 1. */
  readonly retries?: number | undefined;
  readonly circuitBreaker?: CircuitBreakerConfig | undefined;
  /** Host sent to this origin. Default: the client's. */
  readonly hostHeader?: string | undefined;
  /** Speaks HTTP/2 with an https origin that offers it (ALPN), else HTTP/1.1. Default true. */
  readonly http2?: boolean | undefined;
  readonly tls?: OriginTlsConfig | undefined;
  /** How it may read a path beside what it says: rules that restrict count every reading. */
  readonly paths?: OriginPathsConfig | undefined;
}

interface OriginQueueConfig {
  /** Requests that wait at most. Default 1,024. */
  readonly max?: number | undefined;
  /** How long one waits. Default `'10s'`. */
  readonly timeout?: Duration | undefined;
}

interface OriginTlsConfig {
  /** File with the certificates of the trusted authorities, in PEM, in place of Node's own. Default: none. */
  readonly ca?: string | undefined;
}

interface CircuitBreakerConfig {
  /** Failures in a row after which the origin is not asked for a while. Default 5. 0: never. */
  readonly failures?: number | undefined;
  /** How long it is not asked, until one request tries again. Default `'5s'`. */
  readonly open?: Duration | undefined;
}

/** Exactly one of `sqlite` and `postgres`. */
interface SourceConfig {
  /** File of the database, relative to the configuration's folder. Default: none. */
  readonly sqlite?: string | undefined;
  readonly postgres?: PostgresSourceConfig | undefined;
  /** Tables whose changes are told; tables of PostgreSQL with their schema unless it is `public`. Default: all. */
  readonly tables?: readonly string[] | undefined;
}

interface PostgresSourceConfig {
  /** Connection string of the primary. Default: the environment variable TIDEGATE_POSTGRES. */
  readonly connection?: string | undefined;
  /** `triggers`: for a role that may not replicate. Default `replication`. */
  readonly mode?: 'replication' | 'triggers' | undefined;
  /** Replication slot. Default `tidegate_` and the name of the source. */
  readonly slot?: string | undefined;
  /** Default: the name of the slot. */
  readonly publication?: string | undefined;
  /** How much of an old row the log holds. Default `full`. */
  readonly identity?: 'full' | 'key' | undefined;
}

interface ProberConfig {
  /** The part of the hits that is asked about, 0 to 1. Default 0: none, since every ask is a request that no client has sent. */
  readonly share?: number | undefined;
  /** Hits that are asked about in a second, on the average; one that differs is asked about twice more. Default 1. */
  readonly ratePerSecond?: number | undefined;
  /** What is done with an outdated answer that was found: its URL is invalidated, or it is only reported. Default `invalidate`. */
  readonly onOutdated?: 'report' | 'invalidate' | undefined;
}

interface TrustedProxiesConfig {
  /** IP addresses, and networks such as `10.0.0.0/8`. Required. */
  readonly from: readonly string[];
  /**
   * The client is the rightmost hop of X-Forwarded-For, or of Forwarded (RFC 7239), that is none of them. The name of one of the two: the
   * proxies write this one, and pass the other on. Default true: where both are there, they must agree.
   */
  readonly client?: boolean | 'x-forwarded-for' | 'forwarded' | undefined;
  /** X-Forwarded-Host is the host, part of the cache key. Default false. */
  readonly host?: boolean | undefined;
  /** X-Forwarded-Proto is the scheme, part of the cache key. Default false. */
  readonly scheme?: boolean | undefined;
  /** Fields such as X-Original-URL and X-HTTP-Method-Override reach the origin, past the cache; X-Real-IP too. Default false. */
  readonly overrides?: boolean | undefined;
  /** Cache-Control and Pragma are obeyed whatever the route says (RFC 9111 §5.2.1). Default false. */
  readonly directives?: boolean | undefined;
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
  /** Time for a complete request head; 408. Default `'10s'`. */
  readonly headTimeout?: Duration | undefined;
  /** Time an idle client connection is kept. Default `'5s'`. */
  readonly keepAlive?: Duration | undefined;
  /** Largest request content; 413. Default 1 GiB. */
  readonly maxRequestBodyBytes?: number | undefined;
  /** Content of a request that is read into memory before its origin is asked. Default 1 MiB. */
  readonly bufferedRequestBytes?: number | undefined;
  /** Of an answer that is not stored, what is taken off its origin ahead of a slow client. Default 1 MiB. */
  readonly bufferedAnswerBytes?: number | undefined;
  /** Content beyond it that is read into files of the disk tier, of all requests together. Default 1 GiB. */
  readonly spooledRequestBytes?: number | undefined;
  /** Bytes of content a second that a client sends at least; 408. Default 500. 0: none. */
  readonly minRequestRate?: number | undefined;
  /** The time over which that rate is taken. Default `'20s'`. */
  readonly minRequestRateWindow?: Duration | undefined;
  /** Bytes of answers a second that a client takes at least, while it is waited for, or it is cut. Default 500. 0: one in the window. */
  readonly minAnswerRate?: number | undefined;
  /** The time over which that rate is taken. Default `'1m'`. */
  readonly minAnswerRateWindow?: Duration | undefined;
  /** Tunnels of one process, such as WebSocket; 503 for further ones. Default 1,000. */
  readonly maxTunnels?: number | undefined;
  /** Tunnels of one client, which is an address or a /64 of IPv6; 503 for further ones. Default 250. */
  readonly maxTunnelsPerClient?: number | undefined;
  /** How long a tunnel may be silent in both directions. Default `'10m'`. 0: for ever. */
  readonly tunnelIdle?: Duration | undefined;
  /** Writes under way, each of which keeps its URL out of the cache. */
  readonly writes?: WritesConfig | undefined;
  /** When a process counts as overloaded: then misses and writes get 503, and hits go on. */
  readonly overload?: OverloadConfig | undefined;
}

/** Bounds of one process. A write whose outcome is unknown counts until its URL may be stored again. */
interface WritesConfig {
  /** Of all clients together; 503. Default 16,384. */
  readonly max?: number | undefined;
  /** Of one client; 429. Default 1,024. */
  readonly perClient?: number | undefined;
  /** Writes to a route that a client may break off within the window; 429 on further ones. Default 5. 0: no bound. */
  readonly brokenOff?: number | undefined;
  /** Default `'10m'`. */
  readonly brokenOffWindow?: Duration | undefined;
}

/** Bounds of one process; 0: none. */
interface OverloadConfig {
  /** Mean delay of the event loop over half a second. Default `'500ms'`. */
  readonly eventLoopDelay?: Duration | undefined;
  /** Part of V8's heap limit that is in use, 0 to 1. Default 0.9. */
  readonly heap?: number | undefined;
  /** Part of the descriptors that the process may have (`ulimit -n`), 0 to 1; on Linux. Default 0.9. */
  readonly descriptors?: number | undefined;
}

interface LogConfig {
  /** Default `info`, which writes a line for each request. */
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent' | undefined;
  /** `stdout`, or a file, relative to the configuration's folder. Default `stdout`. */
  readonly file?: string | undefined;
  /** Shows values of parameters, and what looks like a token in a path, in the log; they may be secret. Default false. */
  readonly showValues?: boolean | undefined;
  /** Paths that the log does not show. Default: none. */
  readonly hidePaths?: string | readonly string[] | undefined;
}

/** Returns the configuration as it is; gives an editor the types. */
export function defineConfig(config: TidegateConfig): TidegateConfig {
  return config;
}
