// `tidegate/workers`: the gate on Cloudflare Workers, and views. What `createGate` and `createViews` give is what a Worker's
// module exports.

import { DurableObject, WorkerEntrypoint, waitUntil } from 'cloudflare:workers';
import { newEpoch } from '../cache/platform.ts';
import type { View } from '../cache/views/view.ts';
import { LeasedLog, Owing } from '../log/lease/member.ts';
import type { LogKeeper } from '../log/lease/messages.ts';
import { refused } from '../options/sections.ts';
import { missingBindings } from '../site/bindings.ts';
import { checkedWorkersConfig } from '../site/workers-config.ts';
import type { OriginHandler as AnyOriginHandler, WorkersConfig as AnyWorkersConfig } from '../site/workers-types.ts';
import type { PlatformCache } from '../store/cache-api/cache-api-store.ts';
import { universalPlatform } from '../web/platform.ts';
import { Counters } from './bill.ts';
import { entrypointClass } from './cached-entrypoint.ts';
import { coordinatorClass } from './coordinator.ts';
import { WorkersGate } from './gate.ts';
import { objectsOf } from './objects.ts';
import type { GateExecutionContext } from './origins.ts';
import type { Bindings, ExecutionContext } from './platform.ts';
import type { ScheduleRun } from './scheduled.ts';
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
export type { GateExecutionContext } from './origins.ts';
export type { Bindings, ExecutionContext } from './platform.ts';
export type { ScheduleRun } from './scheduled.ts';
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
  /** Runs the schedules of the cron trigger. Rejects with E_POPULATE where a sitemap cannot be read. */
  scheduled(event: { readonly cron: string }, env: Env, context: ExecutionContext): Promise<readonly ScheduleRun[]>;
  /** The class of the Durable Objects that hold the log: export it as `TidegateLog`. */
  readonly TidegateLog: new (
    context: never,
    env: never,
  ) => object;
  /** For the tier `workers-cache`: export it as `TidegateStored`, and enable the platform's cache for it alone. */
  readonly TidegateStored: new (
    context: never,
    env: never,
  ) => object;
}

/** Throws E_CONFIG. */
export function createGate<Env = Bindings>(config: WorkersConfig<Env>): WorkersModule<Env> {
  const settings = checkedWorkersConfig(config);
  const { mode, leaseMs, binding } = settings.coherence;
  const platform = {
    ...universalPlatform(),
    waitUntil,
    cache: () => caches.default,
    fetch: (request: Request, init?: RequestInit) => fetch(request, init),
  };
  const { clock, tasks } = platform;
  const counters = new Counters();
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
  const gate = new WorkersGate(settings, {
    ...{ platform, counters },
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
  });
  let missing: readonly string[] | undefined;
  const complete = (env: unknown): Bindings => {
    // Bindings are known with a request only; they stay the same.
    missing ??= missingBindings(settings, env);
    if (missing.length > 0) throw refused('the Worker', missing);
    return env as Bindings;
  };
  return {
    fetch: async (request, env, context) => gate.fetch(request, complete(env), context),
    scheduled: async ({ cron }, env, context) => gate.scheduled(cron, complete(env), context),
    TidegateStored: entrypointClass(WorkerEntrypoint, (...call) => gate.cached.answer(...call)),
    // An isolate has the positions of each shard that it is a member of.
    TidegateLog: coordinatorClass(DurableObject, { buckets: settings.coherence.shard === 'one' ? 2 ** 17 : 2 ** 14 }),
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
  return viewsModule(views, options, DurableObject);
}
