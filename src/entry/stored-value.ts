// An entry of the data cache: a value that a program put in, and what is needed to decide about its reuse.
//
// A value in the cache belongs to the cache alone (owned-value.ts), so that nobody
// changes it for others; how it is handed out depends on what it is made of. It lies in the entry itself: to follow one more
// reference would cost a hit as much as all else.

import type { Position } from '../ledger/log.ts';
import type { OwnedValue } from './owned-value.ts';

/** When an entry ends that is not used. */
export interface Sliding {
  /** It ends so long after it was used last, */
  readonly idleMs: number;
  /** and so long after `bornMs` in any case. */
  readonly limitMs: number;
  /** The lifetime that slower tiers have of it; Infinity: they are not to have it. */
  toldMs: number;
}

export interface StoredValue extends OwnedValue {
  readonly kind: 'value';
  /** The whole key, with namespace and version (see data-key.ts). */
  readonly key: string;
  /** The instant (ms since the Unix epoch) at which it was filled. */
  readonly bornMs: number;
  /** Fresh so long after `bornMs`; Infinity: for ever. With `sliding`, each use moves it. */
  lifetimeMs: number;
  /** So long after that it may still be given where a fill fails or takes long. */
  readonly graceMs: number;
  /** Time its fill took, for early refresh; 0: it was put in. */
  readonly fillMs: number;
  /** What the fill said of this version of the value, e.g. an ETag, for the next fill to ask with. */
  readonly validator: string | undefined;
  readonly tags: readonly string[];
  /** Log epoch in which the stamp counts. */
  readonly epoch: string;
  /** Log position as of which nothing had outdated it by its key and tags. */
  readonly stamp: Position;
  /** Log position at which its read began: what it did not have as a tag then counts from there. At most `stamp`. */
  readonly readAt: Position;
  /** Undefined: it lives for its ttl, used or not. */
  readonly sliding: Sliding | undefined;
  /** For the hit path; see hit-notes.ts. */
  readonly isPlain: boolean;
  readonly surelyFreshUntilSeconds: number;
  namedBy: object | undefined;
  /** The reader's note, as in StoredResponse. */
  checkedUpTo: Position;
}
