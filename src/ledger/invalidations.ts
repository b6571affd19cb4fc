// The invalidations a node has applied, in a form that answers "may this entry still be served?" in constant time.
//
// What has to be remembered grows without end, so it is forgotten on purpose, and what is
// forgotten is invalid. Tags, URIs and origins share hashed buckets that hold the position of the last invalidation (a
// collision invalidates too much, never too little; the epoch, which no client knows, keys the hash, so that none can aim at a
// bucket). Prefixes and patterns are kept as a bounded list; when one is
// dropped from it, everything filled before that one counts as affected. "All" is one number, the floor.

import { globMatcher } from './glob.ts';
import { type HashKey, keyedHash, keyOf } from './hashes.ts';
import type { Position } from './log.ts';
import type { Selector } from './selector.ts';

/** What an invalidation can be matched against. */
export interface Subject {
  readonly uri: string;
  readonly origin: string;
  readonly tags: readonly string[];
}

/** A prefix or pattern that is remembered. */
export interface PatternEntry {
  readonly position: Position;
  readonly selector: Extract<Selector, { kind: 'prefix' | 'pattern' }>;
}

/** All that a node knows of what was invalidated, to be written down and begun from again. See invalidations.ts. */
export interface InvalidationsImage {
  readonly epoch: string;
  readonly applied: Position;
  readonly floor: Position;
  readonly patternFloor: Position;
  readonly patterns: readonly PatternEntry[];
  /** Position of the last invalidation in each hashed bucket; the array the node works with, so copy it to keep it. */
  readonly buckets: Float64Array;
}

interface PatternRecord extends PatternEntry {
  readonly matches: (uri: string) => boolean;
}

export interface InvalidationsOptions {
  /** Identity of the log; positions of another epoch mean nothing here. A function: made when it is first asked for. */
  readonly epoch: string | (() => string);
  /** Number of hashed buckets, a power of two; 8 bytes each. Default 2^20. */
  readonly buckets?: number | undefined;
  /** Prefix and pattern records kept. Default 1,024. */
  readonly maxPatterns?: number;
}

export class Invalidations {
  #epoch: string | (() => string);
  readonly #maxPatterns: number;
  readonly #lastInBucket: Float64Array;
  readonly #mask: number;
  #patterns: PatternRecord[] = [];
  #key: HashKey | undefined;
  #applied: Position = 0;
  /** Everything stamped below this is invalid. */
  #floor: Position = 0;
  #patternFloor: Position = 0;

  /** `from`: begins from what was written down; its buckets are taken over, and with them their number. */
  constructor(
    options: InvalidationsOptions | (Pick<InvalidationsOptions, 'maxPatterns'> & { readonly from: InvalidationsImage }),
  ) {
    this.#maxPatterns = options.maxPatterns ?? 1024;
    if ('from' in options) {
      const { from } = options;
      this.#epoch = from.epoch;
      this.#lastInBucket = from.buckets;
      this.#applied = from.applied;
      this.#floor = from.floor;
      this.#patternFloor = from.patternFloor;
      this.#patterns = from.patterns.map((entry) => ({ ...entry, matches: matcherOf(entry.selector) }));
    } else {
      this.#epoch = options.epoch;
      this.#lastInBucket = new Float64Array(options.buckets ?? 2 ** 20);
    }
    this.#mask = this.#lastInBucket.length - 1;
  }

  get epoch(): string {
    if (typeof this.#epoch !== 'string') this.#epoch = this.#epoch();
    return this.#epoch;
  }

  /** What there is to be known, as of now; it goes on to change. */
  image(): InvalidationsImage {
    return {
      epoch: this.epoch,
      applied: this.#applied,
      floor: this.#floor,
      patternFloor: this.#patternFloor,
      patterns: this.#patterns.map(({ position, selector }) => ({ position, selector })),
      buckets: this.#lastInBucket,
    };
  }

  /** The same, as of now. */
  copy(): Invalidations {
    return new Invalidations({ from: { ...this.image(), buckets: this.#lastInBucket.slice() } });
  }

  /** The position up to which invalidations have been applied: the stamp of a fill that begins now. */
  get applied(): Position {
    return this.#applied;
  }

  /** Applies the invalidation that stands at `position`, by default the next; positions ascend. Returns the position. */
  apply(selector: Selector, position: Position = this.#applied + 1): Position {
    this.#applied = position;
    switch (selector.kind) {
      case 'url':
        this.#mark(URI, selector.uri);
        break;
      case 'tag':
        this.#mark(TAG, selector.tag);
        break;
      case 'origin':
        this.#mark(ORIGIN, selector.origin);
        break;
      case 'prefix':
      case 'pattern':
        this.#record(selector);
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
  lastAffecting(what: Subject, since: Position = 0): Position {
    let last = this.#floor;
    last = Math.max(last, this.#lastOf(URI, what.uri), this.#lastOf(ORIGIN, what.origin));
    for (const tag of what.tags) last = Math.max(last, this.#lastOf(TAG, tag));
    if (this.#patternFloor > since) last = Math.max(last, this.#patternFloor);
    for (let at = this.#patterns.length - 1; at >= 0; at--) {
      const record = this.#patterns[at] as PatternRecord;
      if (record.position <= since || record.position <= last) break;
      if (record.matches(what.uri)) last = record.position;
    }
    return last;
  }

  #record(selector: PatternEntry['selector']): void {
    this.#patterns.push({ position: this.#applied, selector, matches: matcherOf(selector) });
    if (this.#patterns.length <= this.#maxPatterns) return;
    const forgotten = this.#patterns.splice(0, Math.ceil(this.#maxPatterns / 2));
    this.#patternFloor = (forgotten.at(-1) as PatternRecord).position;
  }

  #mark(kind: Kind, name: string): void {
    this.#lastInBucket[this.#bucketOf(kind, name)] = this.#applied;
  }

  #lastOf(kind: Kind, name: string): Position {
    return this.#lastInBucket[this.#bucketOf(kind, name)] as Position;
  }

  #bucketOf(kind: Kind, name: string): number {
    this.#key ??= keyOf(this.epoch);
    return keyedHash(name, this.#key, kind) & this.#mask;
  }
}

function matcherOf(selector: PatternEntry['selector']): (uri: string) => boolean {
  return selector.kind === 'prefix' ? (uri) => uri.startsWith(selector.prefix) : globMatcher(selector.pattern);
}

/** What a name in a bucket names. */
type Kind = 1 | 2 | 3;
const URI: Kind = 1;
const TAG: Kind = 2;
const ORIGIN: Kind = 3;

/** It differs where another version of the code chooses buckets in another way: this version cannot read those buckets. */
export const BUCKET_FORM: string = [URI, TAG, ORIGIN]
  .map((kind) => keyedHash('tidegate', keyOf('tidegate'), kind))
  .join('.');

function unreachable(selector: never): never {
  throw new TypeError(`expected a selector, got ${JSON.stringify(selector)}`);
}
