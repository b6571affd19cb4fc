// The data cache on Workers: the caches of all isolates go by one invalidation log, as the gates do. A request asks for its cache,
// which takes a lease where there is none; without one it gets a cache that stores nothing and in which nothing can be invalidated.

import type { Cache, CacheOptions } from '../cache/contract.ts';
import { createCacheOn } from '../cache/create-cache.ts';
import { endingRequests, newEpoch, platformRandom, platformRoughNow } from '../cache/platform.ts';
import type { CacheTier } from '../cache/tiers.ts';
import { TidegateError } from '../errors.ts';
import { Invalidations } from '../ledger/invalidations.ts';
import type { LeasedLog } from '../log/lease/member.ts';
import type { Clock, Tasks } from '../ports.ts';
import type { Bindings, ExecutionContext } from './platform.ts';

export interface DataCacheParts {
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** A new member of the log. */
  readonly join: (env: Bindings) => LeasedLog;
  /** Made with each cache: a tier belongs to one. */
  readonly tiers: (env: Bindings) => readonly CacheTier[];
  readonly onFault: (error: unknown) => void;
}

type Waiting = Pick<ExecutionContext, 'waitUntil'>;

export class DataCache {
  readonly #options: CacheOptions;
  readonly #parts: DataCacheParts;
  #member: { readonly log: LeasedLog; cache: Cache | undefined } | undefined;

  constructor(options: CacheOptions, parts: DataCacheParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** For one request, as soon as it arrives. Rejects with E_CONFIG. */
  async of(env: Bindings, context: Waiting): Promise<Cache> {
    try {
      return await this.#leased(env, context);
    } catch (error) {
      if (!(error instanceof TidegateError) || error.code !== 'E_LOG') throw error;
      this.#parts.onFault(error);
      return this.#past();
    }
  }

  async #leased(env: Bindings, context: Waiting): Promise<Cache> {
    const { log } = this.#current(env);
    if (!log.isLeased()) {
      try {
        await log.renew();
      } catch (error) {
        if (log.ended === undefined) throw error;
        // The log began anew: what was stored before counts no more.
        await this.#current(env).log.renew();
      }
    } else if (log.renewalDue()) context.waitUntil(log.renew().catch(this.#parts.onFault));
    const member = this.#current(env);
    member.cache ??= this.#made(member.log, env);
    return member.cache;
  }

  #current(env: Bindings) {
    if (this.#member === undefined || this.#member.log.ended !== undefined) {
      this.#member = { log: this.#parts.join(env), cache: undefined };
    }
    return this.#member;
  }

  #made(log: LeasedLog, env: Bindings): Cache {
    const history = log.history();
    return this.#on({ ...this.#options, tiers: this.#parts.tiers(env) }, history);
  }

  /** Fills are run, nothing is stored, and an invalidation fails: nobody would hear of it. */
  #past(): Cache {
    const failed = new TidegateError('E_LOG', 'expected the log of invalidations to be in reach, got no answer');
    const log = { follow: () => undefined, append: () => Promise.reject(failed) };
    const history = { invalidations: new Invalidations({ epoch: newEpoch(), buckets: 1 }), log };
    return this.#on({ ...this.#options, memory: false }, history);
  }

  #on(options: CacheOptions, history: NonNullable<CacheTier['history']>): Cache {
    const { clock, tasks, onFault } = this.#parts;
    const platform = { clock, tasks, random: platformRandom, roughNow: platformRoughNow, epoch: newEpoch };
    return createCacheOn({ onFault, ...options }, { ...platform, ...endingRequests(), history });
  }
}
