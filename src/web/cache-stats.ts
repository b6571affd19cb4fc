// `GET /cache-stats` of a program that has a data cache: its figures as JSON, for a program to mount where its operators may
// ask. Keys and values are not shown.
//
// Keys are counted by a walk over all of them. However often that is asked for, there is one walk at a time.

import type { Cache, CacheStats } from '../cache/contract.ts';
import type { AskedStats } from '../engine/values/value-contract.ts';

export interface CacheStatsAnswer extends CacheStats {
  /** Of hits, misses and what waited for another's fill; null: nothing was asked for. */
  readonly hitRatio: number | null;
  readonly namespaces: { readonly [name: string]: AskedStats & { readonly hitRatio: number | null } };
  /** Stored and not outdated, in all tiers. */
  readonly keys: number;
  /** The same by the tables that the entries were read from; one of several tables counts for each. */
  readonly keysByTable: { readonly [table: string]: number };
  /** False: there are more keys, which were not counted. */
  readonly isWhole: boolean;
}

/** Walking over them takes a thread some tens of milliseconds. */
const MOST_KEYS = 50_000;
const TABLE = 'table:';

/** A handler that answers GET and HEAD with the figures of the cache. Who may ask is the program's affair. */
export function cacheStats(cache: Pick<Cache, 'stats' | 'entries'>): (request: Request) => Promise<Response> {
  let counting: Promise<KeyCounts> | undefined;
  return async ({ method }) => {
    if (method !== 'GET' && method !== 'HEAD')
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
    counting ??= countKeys(cache).finally(() => {
      counting = undefined;
    });
    const keys = await counting;
    const stats = cache.stats();
    const named = Object.entries(stats.namespaces).map(([name, asked]) => [name, { ...asked, ...ratioOf(asked) }]);
    const namespaces = Object.fromEntries(named) as CacheStatsAnswer['namespaces'];
    const answer: CacheStatsAnswer = { ...ratioOf(stats), ...keys, ...stats, namespaces };
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    return new Response(method === 'HEAD' ? null : `${JSON.stringify(answer)}\n`, { headers });
  };
}

function ratioOf({ hits, stale, misses, collapsed }: AskedStats): { readonly hitRatio: number | null } {
  const asked = hits + stale + misses + collapsed;
  return { hitRatio: asked === 0 ? null : (hits + stale) / asked };
}

type KeyCounts = Pick<CacheStatsAnswer, 'keys' | 'keysByTable' | 'isWhole'>;

async function countKeys(cache: Pick<Cache, 'entries'>): Promise<KeyCounts> {
  const byTable = new Map<string, number>();
  let keys = 0;
  let left = MOST_KEYS;
  for await (const { state, tags } of cache.entries()) {
    if (left-- === 0) return { keys, keysByTable: Object.fromEntries(byTable), isWhole: false };
    if (state === 'outdated') continue;
    keys++;
    for (const tag of tags) {
      if (!tag.startsWith(TABLE)) continue;
      const table = tag.slice(TABLE.length);
      byTable.set(table, (byTable.get(table) ?? 0) + 1);
    }
  }
  return { keys, keysByTable: Object.fromEntries(byTable), isWhole: true };
}
