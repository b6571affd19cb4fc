// The invalidations a node has applied, in a form that answers "may this entry still be served?" in constant time.
//
// The one complication: what has to be remembered grows without end, so it is forgotten on purpose, and what is
// forgotten is invalid. Tags, URIs and origins share hashed buckets that hold the position of the last invalidation (a
// collision invalidates too much, never too little). Prefixes and patterns are kept as a bounded list; when one is
// dropped from it, everything filled before that one counts as affected. "All" is one number, the floor.

import { globMatcher } from './glob.ts';
import type { Position } from './position.ts';
import type { Selector } from './selector.ts';

/** What an invalidation can be matched against. */
export interface Affectable {
  readonly uri: string;
  readonly origin: string;
  readonly tags: readonly string[];
}

interface PatternRecord {
  readonly position: Position;
  readonly matches: (uri: string) => boolean;
}

export interface InvalidationsOptions {
  /** Identity of the log; positions of another epoch mean nothing here. */
  readonly epoch: string;
  /** Number of hashed buckets, a power of two; 8 bytes each. Default 2^20. */
  readonly buckets?: number;
  /** Prefix and pattern records kept. Default 1,024. */
  readonly maxPatterns?: number;
}

export class Invalidations {
  readonly epoch: string;
  readonly #maxPatterns: number;
  readonly #lastInBucket: Float64Array;
  readonly #mask: number;
  #patterns: PatternRecord[] = [];
  #applied: Position = 0;
  /** Everything stamped below this is invalid. */
  #floor: Position = 0;
  #patternFloor: Position = 0;

  constructor(options: InvalidationsOptions) {
    const buckets = options.buckets ?? 2 ** 20;
    this.epoch = options.epoch;
    this.#maxPatterns = options.maxPatterns ?? 1024;
    this.#lastInBucket = new Float64Array(buckets);
    this.#mask = buckets - 1;
  }

  /** The position up to which invalidations have been applied: the stamp of a fill that begins now. */
  get applied(): Position {
    return this.#applied;
  }

  /** Appends and applies one invalidation; returns its position. */
  apply(selector: Selector): Position {
    const position = ++this.#applied;
    switch (selector.kind) {
      case 'url':
        this.#mark('u', selector.uri);
        break;
      case 'tag':
        this.#mark('t', selector.tag);
        break;
      case 'origin':
        this.#mark('o', selector.origin);
        break;
      case 'prefix':
        this.#record((uri) => uri.startsWith(selector.prefix));
        break;
      case 'pattern':
        this.#record(globMatcher(selector.pattern));
        break;
      case 'all':
        this.#floor = position;
        this.#patterns = [];
        break;
      default:
        return unreachable(selector);
    }
    return position;
  }

  /**
   * Position of the last invalidation that affects `what`, 0 when none does. `since`: invalidations up to there are
   * known not to matter and need not be looked at.
   */
  lastAffecting(what: Affectable, since: Position = 0): Position {
    let last = this.#floor;
    last = Math.max(last, this.#lastOf('u', what.uri), this.#lastOf('o', what.origin));
    for (const tag of what.tags) last = Math.max(last, this.#lastOf('t', tag));
    if (this.#patternFloor > since) last = Math.max(last, this.#patternFloor);
    for (let at = this.#patterns.length - 1; at >= 0; at--) {
      const record = this.#patterns[at] as PatternRecord;
      if (record.position <= since || record.position <= last) break;
      if (record.matches(what.uri)) last = record.position;
    }
    return last;
  }

  #record(matches: (uri: string) => boolean): void {
    this.#patterns.push({ position: this.#applied, matches });
    if (this.#patterns.length <= this.#maxPatterns) return;
    const forgotten = this.#patterns.splice(0, Math.ceil(this.#maxPatterns / 2));
    this.#patternFloor = (forgotten.at(-1) as PatternRecord).position;
  }

  #mark(kind: string, name: string): void {
    this.#lastInBucket[bucketHash(kind, name) & this.#mask] = this.#applied;
  }

  #lastOf(kind: string, name: string): Position {
    return this.#lastInBucket[bucketHash(kind, name) & this.#mask] as Position;
  }
}

/** FNV-1a over UTF-16 code units, mixed once more since the low bits choose the bucket. */
function bucketHash(kind: string, name: string): number {
  let hash = Math.imul(0x811c9dc5 ^ kind.charCodeAt(0), 0x01000193);
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}

function unreachable(selector: never): never {
  throw new TypeError(`expected a selector, got ${JSON.stringify(selector)}`);
}
