// The configuration of a gate on Workers: its type, and its defaults filled in.

import { DEFAULT_TENANT } from '../entry/key.ts';
import { type Duration, toMs } from '../options/durations.ts';
import type { ResolvedRoute } from '../site/resolved.ts';
import type { RouteConfig } from '../site/route-types.ts';
import type { WorkersOrigin } from './origins.ts';
import type { Bindings } from './platform.ts';
import type { Tier, WorkersSettings } from './settings.ts';

/** What `createGate` is given. A `Duration` is a number of ms or a string with a unit, e.g. `'5m'`. */
export interface WorkersConfig<Env = Bindings> {
  /** Origins by name; at least one. */
  readonly origins: { readonly [name: string]: WorkersOrigin<Env> };
  /** The first matching route wins, with routes of the most specific host first. Default: one route for all requests. */
  readonly routes?: readonly RouteConfig[] | undefined;
  /** Memory of each isolate for stored responses. Default 32 MiB. */
  readonly memory?: { readonly maxBytes?: number | undefined } | undefined;
  /** Where responses are stored, in this order: `memory`, `workers-cache`, `cache-api`, `kv`. Default `['memory']`. */
  readonly tiers?: readonly Tier[] | undefined;
  /** Of the tier `kv`. `binding`: of its namespace, default `TIDEGATE_KV`. */
  readonly kv?: { readonly binding?: string | undefined } | undefined;
  /** Name of this deployment's surroundings: each has stores of its own. Default `production`. */
  readonly environment?: string | undefined;
  /** How isolates agree on what is outdated. */
  readonly coherence?:
    | {
        /** Default `lease`. */
        readonly mode?: 'lease' | 'strict' | 'bounded' | undefined;
        /** How long an isolate serves without asking. Default 1 second. */
        readonly lease?: Duration | undefined;
        /** Name of the binding of the Durable Objects that hold the log. Default `TIDEGATE_LOG`. */
        readonly binding?: string | undefined;
        /** Which requests share a log. Default `one`: all of them. */
        readonly shard?: 'one' | 'host' | 'tenant' | undefined;
      }
    | undefined;
  /** The admin API. Default: none. */
  readonly admin?: { readonly path: string; readonly token: string } | undefined;
  /** Targeted cache control fields obeyed, in order of precedence (RFC 9213). Default `['cdn-cache-control']`. */
  readonly targetedFields?: readonly string[] | undefined;
  /** Name of this cache in Cache-Status. Default `tidegate`. */
  readonly cacheName?: string | undefined;
  /** Told of what nobody waits for. Default: nobody is. */
  readonly onFault?: ((error: unknown) => unknown) | undefined;
}

export function settingsOf(config: WorkersConfig): WorkersSettings {
  const names = Object.keys(config.origins);
  const { mode = 'lease', lease = '1s', binding = 'TIDEGATE_LOG', shard = 'one' } = config.coherence ?? {};
  const origins = Object.entries(config.origins).map(([name, origin]) => {
    const kind = 'url' in origin ? 'url' : 'service' in origin ? 'service' : 'handler';
    return [name, { ...origin, kind, timeoutMs: toMs(origin.timeout ?? '1m', 'a duration') }] as const;
  });
  return {
    origins: Object.fromEntries(origins),
    routes: (config.routes ?? [{}]).map((route, at) => routeOf(route, `route-${at + 1}`, names[0] as string)),
    targetedFields: (config.targetedFields ?? ['cdn-cache-control']).map((name) => name.toLowerCase()),
    cacheName: config.cacheName ?? 'tidegate',
    maxBytes: config.memory?.maxBytes ?? 32 * 1024 * 1024,
    tiers: config.tiers ?? ['memory'],
    kv: { binding: config.kv?.binding ?? 'TIDEGATE_KV' },
    environment: config.environment ?? 'production',
    coherence: { mode, leaseMs: toMs(lease, 'a duration'), binding, shard },
    admin: config.admin,
    onFault: config.onFault,
  };
}

function routeOf(route: RouteConfig, name: string, origin: string): ResolvedRoute {
  const ms = (given: Duration | undefined) => (given === undefined ? undefined : toMs(given, 'a duration'));
  const edits = (given: RouteConfig['request']) => ({ set: given?.set ?? {}, remove: given?.remove ?? [] });
  const { cookies, compress = false } = route;
  return {
    name: route.name ?? name,
    match: route.match ?? {},
    origin: route.origin ?? origin,
    tenant: route.tenant ?? DEFAULT_TENANT,
    profile: route.profile ?? 'safe',
    ttlMs: ms(route.ttl),
    defaultTtlMs: ms(route.defaultTtl),
    staleWhileRevalidateMs: toMs(route.staleWhileRevalidate ?? 0, 'a duration'),
    staleIfErrorMs: toMs(route.staleIfError ?? 0, 'a duration'),
    graceMs: ms(route.grace),
    negativeTtlMs: toMs(route.negativeTtl ?? 0, 'a duration'),
    cookies: cookies && { key: cookies.key ?? [], drop: cookies.drop ?? [] },
    clientDirectives: route.clientDirectives,
    maxBodyBytes: route.maxBodyBytes ?? 64 * 1024 * 1024,
    query: route.query ?? 'all',
    sortQuery: route.sortQuery ?? false,
    request: edits(route.request),
    response: edits(route.response),
    bypass: route.bypass ?? [],
    showTags: route.showTags ?? false,
    bodyOnGet: route.bodyOnGet ?? false,
    upgrade: route.upgrade ?? false,
    originHost: route.originHost,
    compress: compress === true || compress === false ? compress : false,
  };
}
