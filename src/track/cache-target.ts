// A data cache of this process as a target.
//
// The one complication: it has no lease. So when there is none any more, what was read from the source is made outdated,
// and `cached` stores nothing until the feed is live again.

import type { Cache } from '../cache/contract.ts';
import { sourceTag } from '../dependency/source-tag.ts';
import type { SourceReply, TrackingTarget } from './contract.ts';

export interface CacheTargetOptions {
  /** For status and messages. Default `cache`. */
  readonly name?: string;
}

export function cacheTarget(
  cache: Pick<Cache, 'invalidate'>,
  { name = 'cache' }: CacheTargetOptions = {},
): TrackingTarget {
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
