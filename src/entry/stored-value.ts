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

export interface StoredValue extends OwnedValue, HitNotes {
  readonly kind: 'value';
  /** The whole key, with namespace and version (see cache/keys/key-space.ts). */
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

/** Replaces the program's text in keys that were generated for it; a key without the mark is as the program wrote it. */
export const KEY_MARK = '§';

/**
 * The time that a hit goes by may be this far behind: no program keeps its thread this long without a turn of the
 * event loop, whose end renews the time. A program that does so may be given an entry that ended meanwhile.
 */
const ROUGH_MS = 60_000;

const LARGEST_SMALL = 2 ** 31 - 1;

/**
 * Facts about an entry that a hit needs at a glance, computed when the entry is made. V8 stores a number above 2^31 as a
 * separate object, and reading one costs a hit half as much as everything else. So besides the instants in ms there is one in
 * whole seconds, which stays small enough until 2038 and decides for nearly every entry.
 */
export interface HitNotes {
  /** Whether the key is as the program wrote it. */
  readonly isPlain: boolean;
  /**
   * Seconds since the Unix epoch until which a rough time suffices to call it fresh; after that, hits use the exact
   * time.
   */
  readonly surelyFreshUntilSeconds: number;
  /** The reader's note: a caller that names its entries by this object found all tags there. */
  namedBy: object | undefined;
}

export function hitNotes({
  key,
  bornMs,
  lifetimeMs,
  sliding,
}: Pick<StoredValue, 'key' | 'bornMs' | 'lifetimeMs' | 'sliding'>): HitNotes {
  // An entry that slides notes each use at its exact time.
  const untilSeconds = sliding === undefined ? Math.floor((bornMs + lifetimeMs - ROUGH_MS) / 1000) : 0;
  return {
    isPlain: !key.includes(KEY_MARK),
    surelyFreshUntilSeconds: Math.min(untilSeconds, LARGEST_SMALL),
    namedBy: undefined,
  };
}

const LEFT_OUT = `out${KEY_MARK}`;

/**
 * Marks a tag of its call that a fill left out (`setTags`). Later calls with that tag must not bring it back, so the entry
 * keeps it in a form that no invalidation names.
 */
export function leftOut(tag: string): string {
  return LEFT_OUT + tag;
}

/** Whether the entry has all the wanted tags. Written for the hit path. */
export function hasTags(tags: readonly string[], wanted: readonly string[]): boolean {
  for (const tag of wanted) if (!tags.includes(tag)) return false;
  return true;
}

/** The wanted tags that the entry neither has nor leaves out. */
export function lateTags(tags: readonly string[], wanted: readonly string[]): readonly string[] {
  if (wanted === tags || hasTags(tags, wanted)) return NONE;
  return wanted.filter((tag) => !tags.includes(tag) && !tags.includes(leftOut(tag)));
}

const NONE: readonly string[] = Object.freeze([]);
