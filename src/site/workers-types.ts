// The configuration of a gate on Workers: what each key means, and its default. Its checks are in workers-config.ts.

import type { Duration } from '../options/durations.ts';
import type { PopulateConfig, ScheduleConfig } from './populate-types.ts';
import type { OriginPathsConfig, RouteConfig } from './route-types.ts';

/** Where responses are kept, fastest first. */
export type WorkersTier = 'memory' | 'workers-cache' | 'cache-api' | 'kv';

/**
 * What a gate on Workers is given. `Env`: the bindings of the Worker; `Context`: the third argument of its handlers. A `Duration`
 * is a number of ms or a string with a unit, e.g. `'5m'`.
 */
export interface WorkersConfig<Env = Readonly<Record<string, unknown>>, Context = never> {
  /** Origins by name; at least one. */
  readonly origins: { readonly [name: string]: WorkersOriginConfig<Env, Context> };
  /** The first matching route wins, with routes of the most specific host first. Default: one route for all requests. */
  readonly routes?: readonly WorkersRouteConfig[] | undefined;
  /** Where responses are kept: some of memory, workers-cache, cache-api and kv, in this order. Default `['memory']`. */
  readonly tiers?: readonly WorkersTier[] | undefined;
  readonly memory?: WorkersMemoryConfig | undefined;
  /** For the tier `kv`. */
  readonly kv?: KvConfig<Env> | undefined;
  /** Name of this deployment's surroundings, such as `preview`: each has names of its own in the tiers. Default `production`. */
  readonly environment?: string | undefined;
  /** How isolates agree on what is outdated. */
  readonly coherence?: CoherenceConfig<Env> | undefined;
  /** The admin API on a path of the Worker. Default: none. */
  readonly admin?: WorkersAdminConfig | undefined;
  /** A dataset of Analytics Engine, which gets what each isolate has counted, about once a minute. Default: none. */
  readonly analytics?: AnalyticsConfig | undefined;
  /** How entries are filled while no client waits for them. */
  readonly populate?: WorkersPopulateConfig | undefined;
  /** Repeated fills, run by the cron triggers of the Worker. Default: none. */
  readonly schedule?: readonly Omit<ScheduleConfig, 'every' | 'file' | 'concurrency' | 'ratePerSecond'>[] | undefined;
  /** Targeted cache control fields obeyed, in order of precedence (RFC 9213). Default `['cdn-cache-control']`. */
  readonly targetedFields?: readonly string[] | undefined;
  /** Name of this cache in Cache-Status. Default `tidegate`. */
  readonly cacheName?: string | undefined;
  /** Told of what nobody waits for, such as a tier that failed. Default: nobody is. */
  readonly onFault?: ((error: unknown) => unknown) | undefined;
}

/** A route without what the platform does itself or cannot do. */
export type WorkersRouteConfig = Omit<RouteConfig, 'bodyOnGet' | 'compress' | 'originHost' | 'streamRequests'>;

type BindingName<Env> = keyof Env & string;

/** A function, or an object with a method `fetch`, such as an application of Hono. */
export type OriginHandler<Env, Context> =
  | ((request: Request, env: Env, context: Context) => Response | Promise<Response>)
  | { fetch(request: Request, env: Env, context: Context): Response | Promise<Response> };

/** Exactly one of `url`, `service` and `handler`. */
export interface WorkersOriginConfig<Env = Readonly<Record<string, unknown>>, Context = never> {
  /** Scheme, host and port of a server, e.g. `https://app.example.org`. */
  readonly url?: string | undefined;
  /** Name of a service binding: another Worker. */
  readonly service?: BindingName<Env> | undefined;
  /** What this Worker itself answers with. */
  readonly handler?: OriginHandler<Env, Context> | undefined;
  /** Time until the response head. Default `'1m'`. */
  readonly headTimeout?: Duration | undefined;
  /** Longest pause within a response body. Default `'1m'`. */
  readonly bodyTimeout?: Duration | undefined;
  /** How it may read a path beside what it says: rules that restrict count every reading. */
  readonly paths?: OriginPathsConfig | undefined;
}

interface WorkersPopulateConfig extends Pick<PopulateConfig, 'concurrency'> {
  /**
   * Subrequests that one run of a schedule may make: 50 on the free plan of the platform, 10,000 on the paid one. What does not
   * fit is filled by the next run. Default 50.
   */
  readonly subrequests?: number | undefined;
}

interface AnalyticsConfig {
  /** Name of the binding of the dataset. Required. */
  readonly binding: string;
}

interface WorkersMemoryConfig {
  /** Memory of each isolate for stored responses, at most 64 MiB of the 128 MB that an isolate has. Default 32 MiB. */
  readonly maxBytes?: number | undefined;
}

interface KvConfig<Env> {
  /** Name of the binding of the KV namespace. Default `TIDEGATE_KV`. */
  readonly binding?: BindingName<Env> | undefined;
}

interface CoherenceConfig<Env> {
  /**
   * `lease`: an invalidation is acknowledged when no isolate serves without knowing of it. `strict`: isolates ask before each
   * request. `bounded`: acknowledged at once, outdated for at most `bound`. Default `lease`.
   */
  readonly mode?: 'lease' | 'strict' | 'bounded' | undefined;
  /** How long an isolate serves without asking, in the mode `lease`; at most a minute. Default `'1s'`. */
  readonly lease?: Duration | undefined;
  /** How long answers may be outdated, at most a minute. Required in the mode `bounded`. */
  readonly bound?: Duration | undefined;
  /** Name of the binding of the Durable Objects that hold the log of invalidations. Default `TIDEGATE_LOG`. */
  readonly binding?: BindingName<Env> | undefined;
  /** Which requests share a log: all of them, those of a host, those of a tenant. Default `one`. */
  readonly shard?: 'one' | 'host' | 'tenant' | undefined;
}

interface WorkersAdminConfig {
  /** Path under which the admin API stands, e.g. `/.tidegate`. Required. */
  readonly path: string;
  /** Name of the secret that holds its bearer token, not the token itself. Required. */
  readonly token: string;
}
