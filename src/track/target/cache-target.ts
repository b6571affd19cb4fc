// A data cache of this process as a target.
//
// Timers may be late, after a pause of the whole process for one. So a cache of this package has a lease, as gates do, which
// it asks for whenever it serves. Anything else that can invalidate has none: the tracker says when it is over.

import { insideOf } from '../../cache/cache.ts';
import type { Cache } from '../../cache/contract.ts';
import { sourceTag } from '../../entry/key.ts';
import type { SourceReply, TrackingTarget } from '../contract.ts';

export interface CacheTargetOptions {
  /** For status and messages. Default `cache`. */
  readonly name?: string;
}

export function cacheTarget(
  cache: Pick<Cache, 'invalidate'>,
  { name = 'cache' }: CacheTargetOptions = {},
): TrackingTarget {
  const sources = insideOf(cache)?.shared.engine.sources();
  if (sources === undefined) return untimed(cache, name);
  let answered: { readonly session: string; readonly token: string } | undefined;
  return {
    name,
    async deliver({ source, session, sequence, leaseMs, tags }, leftMs): Promise<SourceReply> {
      const repeated = answered?.session === session ? { token: answered.token } : {};
      const { gap, token } = await sources.report({ source, session, sequence, leaseMs, tags, ...repeated }, leftMs);
      answered = { session, token };
      return { gap };
    },
    lapse: (source) => sources.end(source),
  };
}

function untimed(cache: Pick<Cache, 'invalidate'>, name: string): TrackingTarget {
  return {
    name,
    async deliver({ source, sequence, tags }): Promise<SourceReply> {
      const outdated = sequence === 1 ? [sourceTag(source), ...tags] : tags;
      if (outdated.length > 0) await cache.invalidate({ tags: outdated });
      return { gap: false };
    },
    lapse: (source) => cache.invalidate({ tags: [sourceTag(source)] }),
  };
}
