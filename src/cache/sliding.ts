// The idle time of entries that end when they are not used, and the ttl that limits it.
//
// Options that say both must say what can be; but what says a shorter ttl alone, such as a
// kind or a call, ends the entry with that ttl and need not know that the defaults have it slide.

import { expected } from '../errors.ts';
import { type Duration, toMs } from '../options/durations.ts';

interface Ttls {
  readonly ttlMs: number;
  /** Undefined: the ttl. */
  readonly nullTtlMs: number | undefined;
}

/** In ms; Infinity: it does not slide. `before`: of the layers below the one that says `sliding`, or does not. Throws E_TTL. */
export function slidingWithin({ ttlMs, nullTtlMs }: Ttls, sliding: Duration | undefined, before: number): number {
  const idleMs = sliding === undefined ? before : toMs(sliding, 'sliding');
  if (idleMs === Number.POSITIVE_INFINITY) return idleMs;
  if (ttlMs === Number.POSITIVE_INFINITY) expected('E_TTL', `ttl to have an end with sliding of ${idleMs} ms`, ttlMs);
  if (nullTtlMs === Number.POSITIVE_INFINITY)
    expected('E_TTL', `nullTtl to have an end with sliding of ${idleMs} ms`, nullTtlMs);
  if (sliding === undefined) return idleMs;
  if (idleMs === 0) expected('E_TTL', 'sliding to be above 0 ms', idleMs);
  // With a ttl of 0 nothing is stored.
  if (idleMs > ttlMs && ttlMs > 0) expected('E_TTL', `sliding to be at most the ttl, which is ${ttlMs} ms`, idleMs);
  return idleMs;
}
