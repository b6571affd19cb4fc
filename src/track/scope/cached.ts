// A fill of the data cache whose reads become the entry's tags.
//
// A response in the making may get a value that was there already. The reads behind that value are unknown by then, so
// the response is not stored.

import type { Cache, Fill, FillOptions } from '../../cache/contract.ts';
import { type RequestScope, routeOfPath } from './scope.ts';
import { openShared, readsAnew, type Sharing, whileWaiting } from './shared-work.ts';

export interface CachedFill<T> {
  readonly cache: Pick<Cache, 'getOrSet'>;
  readonly key: string;
  readonly fill: Fill<T>;
  readonly options: FillOptions;
  readonly sharing: Sharing;
}

/** Callers that wait for a key of a cache. */
interface Waiting {
  callers: number;
  /** When the fill began of which the latest value is that may not be stored. */
  refusedBegunAt: number;
}

const waiting = new WeakMap<object, Map<string, Waiting>>();
let moments = 0;

/**
 * A caller who comes while a fill is under way may be given its value, since an invalidation of its tags tells whether
 * he may. No tags exist for a value that is not stored: a caller who came after its fill had begun asks again.
 */
export async function cachedBy<T>(parts: CachedFill<T>): Promise<T> {
  const { cache, key, sharing } = parts;
  const keys = waiting.get(cache) ?? new Map<string, Waiting>();
  waiting.set(cache, keys);
  const shared = keys.get(key) ?? { callers: 0, refusedBegunAt: 0 };
  keys.set(key, shared);
  shared.callers++;
  const cameAt = ++moments;
  const refusedBefore = shared.refusedBegunAt;
  const given = whileWaiting(sharing.current(), async () => {
    const value = await once(parts, shared);
    const { refusedBegunAt } = shared;
    const isAnothers = refusedBegunAt !== refusedBefore && refusedBegunAt < cameAt;
    return isAnothers ? await once(parts, shared) : value;
  });
  return given.finally(() => {
    shared.callers--;
    if (shared.callers === 0) keys.delete(key);
  });
}

async function once<T>({ cache, key, fill, options, sharing }: CachedFill<T>, shared: Waiting): Promise<T> {
  const outer = sharing.current();
  // The feed may not have told yet what the request wrote, so what is stored may be of before.
  const isAnew = readsAnew(outer);
  let own: { readonly scope: RequestScope; readonly value: T } | undefined;
  const value = await cache.getOrSet<T>(
    key,
    async (context) => {
      const scope = openShared(sharing, isAnew);
      const begunAt = ++moments;
      const filled = await scope.run(() => fill(context));
      await scope.registered();
      const { isStorable, tags } = scope.finish({ route: `the data cache, ${routeOfPath(key)}` });
      // Later reads are no part of the value.
      scope.end();
      own = { scope, value: filled };
      if (!isStorable) {
        shared.refusedBegunAt = begunAt;
        return context.skip(filled);
      }
      context.addTags(tags);
      return filled;
    },
    // Other tiers outlive this process, and with it what its values depend on.
    { ...options, ...(isAnew && { refresh: true }), tiers: 'memory' },
  );
  if (outer === undefined) return value;
  // A fill that failed or took too long may leave another's value.
  if (own === undefined) outer.untracked('cached-value', key);
  else outer.adopt(own.scope);
  return value;
}
