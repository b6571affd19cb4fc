// How a client reads what it wrote, where isolates may be behind: the answer to its write has the position of the log, and
// its later requests come back with it (own-writes.ts). Each log has a name of its own there: a client may write in several.
//
// Only the mode `bounded` needs it. In the others every isolate knows of a write by the time that it is answered.

import { positionCookie, positionsIn } from '../engine/http/own-writes.ts';
import { fnv1a } from '../ledger/hashes.ts';

/** The positions in the log of the shard that the client says to have seen. */
export function wantedPositions(headers: Headers, shard: string): readonly string[] {
  const fields = ['tidegate-position', 'cookie'].flatMap((name) => [name, headers.get(name) ?? '']);
  const wanted = sourceOf(shard);
  return [...positionsIn(fields)].flatMap(([source, position]) => (source === wanted ? position : []));
}

/** The cookie of the position in the log of the shard, for the answer to a request for the URI. */
export function ownCookie(uri: string, shard: string, position: string): string {
  return positionCookie(uri, [sourceOf(shard), position]);
}

/** Two shards of one hash have different keys: the position of one is unknown to the other. */
function sourceOf(shard: string): string {
  return shard === 'one' ? 'log' : `log-${(fnv1a(shard) >>> 0).toString(36)}`;
}
