// An entry of the data cache: a program's value and the data needed to decide about its reuse.
//
// A value in the cache belongs to the cache alone (owned-value.ts), so that no caller changes it for others; its parts
// decide how it is handed out. It lies in the entry itself: one more reference to follow would cost a hit as much as
// everything else.

import type { Position } from '../ledger/log.ts';
import type { OwnedValue } from './owned-value.ts';

/** When an unused entry ends. */
export interface Sliding {
  /** It ends this long after its last use, */
  readonly idleMs: number;
  /** and this long after `bornMs` in any case. */
  readonly limitMs: number;
  /** The lifetime that slower tiers were told; Infinity: they must not have it. */
  toldMs: number;
}

export interface StoredValue extends OwnedValue {
  readonly kind: 'value';
  /** The whole key, with namespace and version (see data-key.ts). */
  readonly key: string;
  /** The instant (ms since the Unix epoch) at which it was filled. */
  readonly bornMs: number;
  /** Time after `bornMs` that it stays fresh; Infinity: for ever. With `sliding`, each use moves it. */
  lifetimeMs: number;
  /** Time after that during which it may still be served when a fill fails or takes long. */
  readonly graceMs: number;
  /** Duration of its fill, for early refresh; 0 when a program put it in. */
  readonly fillMs: number;
  /** The fill's mark for this version of the value, e.g. an ETag, for the next fill to send. */
  readonly validator: string | undefined;
  readonly tags: readonly string[];
  /** Log epoch of the stamp. */
  readonly epoch: string;
  /** Log position as of which nothing had outdated it by its key and tags. */
  readonly stamp: Position;
  /** Log position at which its read began: tags added later count from there. At most `stamp`. */
  readonly readAt: Position;
  /** Undefined when it lives for its ttl, used or not. */
  readonly sliding: Sliding | undefined;
  /** For the hit path; see hit-notes.ts. */
  readonly isPlain: boolean;
  readonly surelyFreshUntilSeconds: number;
  namedBy: object | undefined;
  /** The reader's note, as in StoredResponse. */
  checkedUpTo: Position;
}

/** Turns owned values into bytes and back. What comes back is owned as well. */
export interface OwnedCodec {
  /** Marks the record: bytes written under another name are not read, and count as a miss. */
  readonly name: string;
  encode(value: unknown): Uint8Array;
  /** Throws when the bytes are not what `encode` wrote. */
  decode(bytes: Uint8Array): unknown;
}
