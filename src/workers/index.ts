// `tidegate/workers`: the gate on Cloudflare Workers, and views. What `createGate` and `createViews` give is what a Worker's
// module exports.

import { DurableObject, WorkerEntrypoint, waitUntil } from 'cloudflare:workers';
import { newEpoch } from '../cache/platform.ts';
import type { View } from '../cache/views/view.ts';
import { LeasedLog, Owing } from '../log/lease/member.ts';
import type { LogKeeper } from '../log/lease/messages.ts';
import { refused } from '../options/sections.ts';
import { missingBindings } from '../site/bindings.ts';
import { checkedWorkersConfig, type ResolvedWorkersConfig } from '../site/workers-config.ts';
import type {
  OriginHandler as AnyOriginHandler,
  WorkersConfig as AnyWorkersConfig,
  WorkersTier,
} from '../site/workers-types.ts';
import type { PlatformCache } from '../store/cache-api/cache-api-store.ts';
import { universalPlatform } from '../web/platform.ts';
import type { WorkersCachePart } from './cache-side.ts';
import { coordinatorClass } from './coordinator.ts';
import { Counters, type Dataset } from './counters.ts';
import { WorkersGate } from './gate.ts';
import { objectsOf } from './objects.ts';
import type { GateExecutionContext } from './origins.ts';
import { checkedParts, type GateParts } from './parts.ts';
import type { Bindings, ExecutionContext, WorkersPlatform } from './platform.ts';
import type { ScheduleRun } from './scheduled.ts';
import { Shards, type ShardsParts } from './shards.ts';
import { slowerTiers } from './tiers.ts';
import { type ViewsModule, viewsModule, type WorkersViewsOptions } from './views/module.ts';

export type { Flush } from '../cache/views/flusher.ts';
export type { ViewAnswer, ViewFailure } from '../cache/views/slot.ts';
export type { ViewStats } from '../cache/views/stats.ts';
export {
  type View,
  type ViewContext,
  type ViewEvent,
  type ViewOptions,
  type ViewParameters,
  view,
} from '../cache/views/view.ts';
export { type AdminApiPart, adminApi } from './admin.ts';
export { type WorkersCachePart, workersCache } from './cache-side.ts';
export type { GateExecutionContext } from './origins.ts';
export type { GateParts } from './parts.ts';
export type { Bindings, ExecutionContext } from './platform.ts';
export type { ScheduleRun } from './scheduled.ts';
export { type SchedulesPart, schedules } from './schedules.ts';
export { type CacheVariables, cacheVariables } from './variables.ts';
export type { ViewsModule, WorkersViewsOptions } from './views/module.ts';
export type { ViewsReader } from './views/reader.ts';

declare const caches: { readonly default: PlatformCache };
/** What `createGate` is given. A `Duration` is a number of ms or a string with a unit, e.g. `'5m'`. */
export type WorkersConfig<Env = Bindings> = AnyWorkersConfig<Env, GateExecutionContext>;

/** A function, or an object with a method `fetch`, such as an application of Hono. */
export type OriginHandler<Env = Bindings> = AnyOriginHandler<Env, GateExecutionContext>;

/** What the Worker's module exports: this as its default, and the class by name. */
export interface WorkersModule<Env = Bindings> {
  fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response>;
  /** Runs the schedules of the cron trigger. Rejects with E_POPULATE where a sitemap cannot be read. Does nothing without the part `schedules`. */
  scheduled(event: { readonly cron: string }, env: Env, context: ExecutionContext): Promise<readonly ScheduleRun[]>;
  /** The class of the Durable Objects that hold the log: export it as `TidegateLog`. */
  readonly TidegateLog: new (
    context: never,
    env: never,
  ) => object;
}

/** With the part `workersCache`. */
export interface CachedWorkersModule<Env = Bindings> extends WorkersModule<Env> {
  /** The entrypoint of the tier `workers-cache`: export it as `TidegateStored`, and enable the platform's cache for it alone. */
  readonly TidegateStored: new (
    context: never,
    env: never,
  ) => object;
}

/** All gates and views of the isolate count in these. */
const counters = new Counters();

/**
 * The gate of a Worker. `given`: the parts that its configuration uses, so that the bundle holds no others. Throws E_CONFIG, also
 * where a part is missing.
 */
export function createGate<Env = Bindings>(
  config: WorkersConfig<Env>,
  given: GateParts & { readonly workersCache: WorkersCachePart },
): CachedWorkersModule<Env>;
export function createGate<Env = Bindings>(config: WorkersConfig<Env>, given?: GateParts): WorkersModule<Env>;
export function createGate<Env>(config: WorkersConfig<Env>, given: GateParts = {}): WorkersModule<Env> {
  const settings = checkedWorkersConfig(config);
  const { adminApi, schedules, workersCache } = checkedParts(settings, given);
  const { tiers, coherence, analytics, cacheName } = settings;
  const platform: WorkersPlatform = {
    ...universalPlatform(),
    waitUntil,
    cache: () => caches.default,
    fetch: (request, init) => fetch(request, init),
  };
  const shared = shardsParts(settings, platform, counters);
  const shardsOf = (some: readonly WorkersTier[]) => new Shards(settings, shared, some);
  const at = tiers.indexOf('workers-cache');
  const behind = at < 0 ? [] : tiers.slice(at + 1);
  const gate: WorkersGate = new WorkersGate(settings, {
    ...{ platform, shards: shardsOf(at < 0 ? tiers : tiers.slice(0, at)) },
    before: (origin, call) => (at < 0 ? undefined : cache?.before(origin, call)) ?? origin,
    used: (uri, passage) => filling?.used(uri, passage),
  });
  const cache = workersCache?.of(gate, behind.length > 0 ? shardsOf(behind) : undefined);
  const filling = schedules?.of(gate);
  const operated = { gate, counters, cache: at < 0 ? undefined : cache };
  let missing: readonly string[] | undefined;
  const complete = (env: unknown): Bindings => {
    // Bindings are known with a request only; they stay the same.
    missing ??= missingBindings(settings, env);
    if (missing.length > 0) throw refused('the Worker', missing);
    return env as Bindings;
  };
  return {
    fetch: async (request, bound, context) => {
      const env = complete(bound);
      counters.add('requests');
      if (analytics !== undefined)
        counters.tellDue(env[analytics.binding] as Dataset, cacheName, platform.clock.monotonic());
      return adminApi?.answer({ request, env, context }, operated) ?? gate.fetch(request, env, context);
    },
    scheduled: async ({ cron }, env, context) => filling?.run(cron, { env: complete(env), context }) ?? [],
    TidegateLog: coordinatorClass(schedules?.noting(DurableObject) ?? DurableObject, {
      // An isolate has the positions of each shard that it is a member of.
      buckets: coherence.shard === 'one' ? 2 ** 17 : 2 ** 14,
    }),
    ...(cache && { TidegateStored: workersCache?.stored(WorkerEntrypoint, cache) }),
  };
}

/** What the platform gives to every shard. */
function shardsParts(settings: ResolvedWorkersConfig, platform: WorkersPlatform, counters: Counters): ShardsParts {
  const { mode, leaseMs, binding } = settings.coherence;
  const { clock, tasks } = platform;
  const counted = <T>(call: Promise<T>): Promise<T> => {
    counters.add('objectRequests');
    return call;
  };
  // Work that was due is done by whatever request comes next, and that may be answered first. And a client may leave.
  const kept = <T>(call: Promise<T>): Promise<T> => {
    waitUntil(call.catch(() => undefined));
    return call;
  };
  const owing = new Owing();
  return {
    platform,
    join: (env, shard) => {
      const logs = objectsOf<LogKeeper>(env, { key: 'coherence.binding', name: binding, className: 'TidegateLog' });
      const stub = () => logs(shard);
      const keeper: LogKeeper = {
        renew: (request) => counted(stub().renew(request)),
        append: (request) => kept(counted(stub().append(request))),
      };
      return new LeasedLog({ keeper, clock, tasks, member: newEpoch(), mode, leaseMs, owed: owing.of(shard) });
    },
    tiers: (env) => slowerTiers(settings, { env, platform, counters }),
  };
}

/**
 * Views in a Durable Object: computed on its alarm, kept in its storage, judged by the log of the gate. Export the class, and read them by
 * `open(env).get(view, params)`. Throws E_CONFIG.
 */
export function createViews<Env = Bindings>(
  views: readonly View[],
  options: WorkersViewsOptions = {},
): ViewsModule<Env> {
  return viewsModule(views, options, { Base: DurableObject, waitUntil, counters });
}
