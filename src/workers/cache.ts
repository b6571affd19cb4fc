// `tidegate/workers/cache`: the data cache for Workers, with one log of invalidations for all isolates.

import type { Cache, CacheOptions } from '../cache/contract.ts';
import { newEpoch, platformTasks, requestClock } from '../cache/platform.ts';
import type { Schema, SchemaLike } from '../cache/schema.ts';
import type { CacheTier } from '../cache/tiers.ts';
import { LeasedLog, type LeaseMode, type Owed } from '../log/lease/member.ts';
import type { LogKeeper } from '../log/lease/messages.ts';
import type { Duration } from '../options/durations.ts';
import * as kit from '../options/kit.ts';
import { DataCache } from './data-cache.ts';
import { DrainStart, objectsOf } from './objects.ts';
import type { Bindings, ExecutionContext } from './platform.ts';

export interface WorkersCacheOptions extends Omit<CacheOptions, 'tiers' | 'clock' | 'log'> {
  /** As the gate's `coherence.mode`. Default `lease`. */
  readonly mode?: LeaseMode;
  /** As the gate's `coherence.lease`. Default 1 s. */
  readonly lease?: Duration;
  /** The name of the binding of the logs, whose class the gate gives. Default `TIDEGATE_LOG`. */
  readonly log?: string;
  /** Which of the logs: caches of one name hear of each other. Default `data`. */
  readonly shard?: string;
  /** The name of the binding of the Durable Object that drains the database. Default: `TIDEGATE_DRAIN`, where it is bound. */
  readonly drain?: string;
  /** Slower tiers, fastest first, made anew for each cache: `storeTier()` over KV, for one. Default none. */
  readonly tiers?: (env: never) => readonly CacheTier[];
}

const OWN: kit.Checks<Pick<WorkersCacheOptions, 'mode' | 'lease' | 'log' | 'shard' | 'drain' | 'tiers'>> = {
  mode: kit.oneOf('lease', 'strict', 'bounded'),
  lease: kit.duration,
  log: kit.text,
  shard: kit.text,
  drain: kit.text,
  tiers: kit.func,
};

/** Gives the cache for one request; it is called as soon as the request arrives. Rejects with E_CONFIG. */
export type CacheOfRequest<S extends SchemaLike<S> = Schema> = (
  env: object,
  context: Pick<ExecutionContext, 'waitUntil'>,
) => Promise<Cache<S>>;

/**
 * A data cache of all isolates: an invalidation resolves when no isolate serves what it names any more. Where the log cannot be
 * reached, fills run, nothing is stored, and invalidations fail with E_LOG. Throws E_CONFIG.
 */
export function createWorkersCache<S extends SchemaLike<S> = Schema>(
  options: WorkersCacheOptions = {},
): CacheOfRequest<S> {
  const { mode, lease, log, shard, drain: drainBinding, tiers, ...rest } = options;
  const own = kit.checkOptions(
    'createWorkersCache',
    defined({ mode, lease, log, shard, drain: drainBinding, tiers }),
    OWN,
  );
  const drain = new DrainStart(own.drain);
  const parts = { clock: requestClock, tasks: platformTasks };
  const owed: Owed = { changes: [] };
  const cache = new DataCache(rest, {
    ...parts,
    join: (env) => {
      const logs = objectsOf<LogKeeper>(env, { key: 'log', name: own.log ?? 'TIDEGATE_LOG', className: 'TidegateLog' });
      const stub = () => logs(own.shard ?? 'data');
      const keeper: LogKeeper = {
        renew: (request) => stub().renew(request),
        append: (request) => stub().append(request),
      };
      const lasts = { mode: own.mode ?? 'lease', leaseMs: own.leaseMs ?? 1_000 } as const;
      return new LeasedLog({ ...parts, ...lasts, keeper, owed, member: newEpoch() });
    },
    tiers: (env) => tiers?.(env as never) ?? [],
    onFault: rest.onFault ?? (() => undefined),
  });
  return async (env, context) => {
    drain.seen(env as Bindings, context);
    return (await cache.of(env as Bindings, context)) as unknown as Cache<S>;
  };
}

function defined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
