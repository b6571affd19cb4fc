// `tidegate/workers`: the gate on Cloudflare Workers. What `createGate` gives is what a Worker's module exports.

import { DurableObject, waitUntil } from 'cloudflare:workers';
import { newEpoch } from '../cache/platform.ts';
import { LeasedLog } from '../log/lease/member.ts';
import type { LogKeeper } from '../log/lease/messages.ts';
import type { PlatformCache } from '../store/cache-api/cache-api-store.ts';
import { universalPlatform } from '../web/platform.ts';
import { Counters } from './bill.ts';
import { settingsOf, type WorkersConfig } from './config.ts';
import { coordinatorClass } from './coordinator.ts';
import { WorkersGate } from './gate.ts';
import type { Bindings, ExecutionContext, ObjectNamespace } from './platform.ts';
import { slowerTiers } from './tiers.ts';

export type { WorkersConfig } from './config.ts';
export type { GateExecutionContext, OriginHandler, WorkersOrigin } from './origins.ts';
export type { Bindings, ExecutionContext } from './platform.ts';

declare const caches: { readonly default: PlatformCache };

/** What the Worker's module exports: this as its default, and the class by name. */
export interface WorkersModule<Env = Bindings> {
  fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response>;
  /** The class of the Durable Objects that hold the log: export it as `TidegateLog`. */
  readonly TidegateLog: new (
    context: never,
    env: never,
  ) => object;
}

/** Throws E_CONFIG. */
export function createGate<Env = Bindings>(config: WorkersConfig<Env>): WorkersModule<Env> {
  const settings = settingsOf(config as WorkersConfig);
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
  const gate = new WorkersGate(settings, {
    ...{ platform, counters },
    join: (env, shard) => {
      const namespace = env[binding] as ObjectNamespace<LogKeeper>;
      // A stub belongs to the request that has made it.
      const stub = () => namespace.get(namespace.idFromName(shard));
      const keeper: LogKeeper = {
        renew: (request) => counted(stub().renew(request)),
        append: (request) => counted(stub().append(request)),
      };
      return new LeasedLog({ keeper, clock, tasks, member: newEpoch(), mode, leaseMs });
    },
    tiers: (env) => slowerTiers(settings, { env, platform, counters }),
  });
  return {
    fetch: (request, env, context) => gate.fetch(request, env as Bindings, context),
    // An isolate has the positions of each shard that it is a member of.
    TidegateLog: coordinatorClass(DurableObject, { buckets: settings.coherence.shard === 'one' ? 2 ** 17 : 2 ** 14 }),
  };
}
