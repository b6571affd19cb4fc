// A fill of the data cache whose reads become the entry's tags.
//
// The one complication: a value that was there already, within the making of a response. What it was read from is not
// known any more, so that response is not stored.

import type { Cache, Fill, FillOptions } from '../cache/contract.ts';
import type { RequestScope } from './scope.ts';

export interface CachedFill<T> {
  readonly cache: Pick<Cache, 'getOrSet'>;
  readonly key: string;
  readonly fill: Fill<T>;
  readonly options: FillOptions;
  readonly open: () => RequestScope;
  /** That of the response. */
  readonly outer: RequestScope | undefined;
}

export async function cachedBy<T>({ cache, key, fill, options, open, outer }: CachedFill<T>): Promise<T> {
  let own: { readonly scope: RequestScope; readonly value: T } | undefined;
  const value = await cache.getOrSet<T>(
    key,
    async (context) => {
      const scope = open();
      const filled = await scope.run(() => fill(context));
      const { isStorable, tags } = scope.finish();
      // What is read from now on is no part of the value.
      scope.end();
      own = { scope, value: filled };
      if (!isStorable) return context.skip(filled);
      context.addTags(tags);
      return filled;
    },
    // Other tiers outlive this process, and with it what its values depend on.
    { ...options, tiers: 'memory' },
  );
  if (outer === undefined) return value;
  // A fill that failed or took too long may leave another's value.
  if (own === undefined) outer.untracked('cached-value', key);
  else outer.adopt(own.scope);
  return value;
}
