// The invalidations a node has applied, in a form that answers "may this entry still be served?" in constant time.
//
// What has to be remembered grows without end, so it is forgotten on purpose, and what is
// forgotten is invalid. Tags, URIs and origins share hashed buckets that hold the position of the last invalidation (a
// collision invalidates too much, never too little). Prefixes and patterns are kept as a bounded list; when one is
// dropped from it, everything filled before that one counts as affected. "All" is one number, the floor.

import { globMatcher } from './glob.ts';
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
        this.#mark('u', selector.uri);
        break;
      case 'tag':
        this.#mark('t', selector.tag);
        break;
      case 'origin':
        this.#mark('o', selector.origin);
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

  #record(selector: PatternEntry['selector']): void {
    this.#patterns.push({ position: this.#applied, selector, matches: matcherOf(selector) });
    if (this.#patterns.length <= this.#maxPatterns) return;
    const forgotten = this.#patterns.splice(0, Math.ceil(this.#maxPatterns / 2));
    this.#patternFloor = (forgotten.at(-1) as PatternRecord).position;
  }

  #mark(kind: string, name: string): void {
    this.#lastInBucket[bucketOf(kind, name, this.#mask)] = this.#applied;
  }

  #lastOf(kind: string, name: string): Position {
    return this.#lastInBucket[bucketOf(kind, name, this.#mask)] as Position;
  }
}

function matcherOf(selector: PatternEntry['selector']): (uri: string) => boolean {
  return selector.kind === 'prefix' ? (uri) => uri.startsWith(selector.prefix) : globMatcher(selector.pattern);
}

/** FNV-1a over UTF-16 code units. `hash`: of what stands before the text. */
export function fnv1a(text: string, hash = 0x811c9dc5): number {
  let added = hash;
  for (let at = 0; at < text.length; at++) added = Math.imul(added ^ text.charCodeAt(at), 0x01000193);
  return added;
}

/** The hash is mixed once more, since its low bits choose the bucket. `mask`: the number of buckets, less one. */
function bucketOf(kind: string, name: string, mask: number): number {
  const hash = fnv1a(name, fnv1a(kind));
  return (hash ^ (hash >>> 15)) & mask;
}

/** It differs where another version of the code chooses buckets in another way: this version cannot read those buckets. */
export const BUCKET_FORM: string = ['u', 't', 'o'].map((kind) => bucketOf(kind, 'tidegate', 2 ** 30 - 1)).join('.');

function unreachable(selector: never): never {
  throw new TypeError(`expected a selector, got ${JSON.stringify(selector)}`);
}
