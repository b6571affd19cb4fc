// How a client reads what it wrote, where isolates may be behind: the answer to its write has the position of the log, and
// its later requests come back with it (own-writes.ts). Each log has a name of its own there: a client may write in several.
//
// Only the mode `bounded` needs it. In the others every isolate knows of a write by the time that it is answered.

import { fnv1a } from '../ledger/hashes.ts';

const MAX_AGE_SECONDS = 300;

/** The position in the log of the shard that the client has seen; undefined: it says none. */
export function wantedPosition(headers: Headers, shard: string): string | undefined {
  const source = sourceOf(shard);
  return (
    seen(headers.get('tidegate-position'), `${source};`) ?? seen(headers.get('cookie'), `tidegate-position-${source}=`)
  );
}

function seen(text: string | null, name: string): string | undefined {
  return text === null ? undefined : new RegExp(`(?:^|[,;]\\s*)${name}([\\w.-]{1,100})`).exec(text)?.[1];
}

export function tellPosition(headers: Headers, shard: string, position: string): void {
  const source = sourceOf(shard);
  headers.set('tidegate-position', `${source};${position}`);
  const attributes = `Path=/; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax`;
  headers.append('set-cookie', `tidegate-position-${source}=${position}; ${attributes}`);
}

/** Two shards of one hash tell their epochs apart: the position of one is unknown to the other. */
function sourceOf(shard: string): string {
  return shard === 'one' ? 'log' : `log-${(fnv1a(shard) >>> 0).toString(36)}`;
}
