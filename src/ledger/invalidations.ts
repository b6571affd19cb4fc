// The invalidations a node has applied, in a form that answers "may this entry still be served?" in constant time.
//
// What has to be remembered grows without end, so it is forgotten on purpose, and what is
// forgotten is invalid. Tags, URIs and origins share hashed buckets that hold the position of the last invalidation (a
// collision invalidates too much, never too little; the epoch, which no client knows, keys the hash, so that none can aim at a
// bucket). Prefixes and patterns are kept as a bounded list; when one is
// dropped from it, everything filled before that one counts as affected. "All" is one number, the floor.
// The latest invalidations are known one by one, so that those between two positions are.

import { globMatcher } from './glob.ts';
import { type HashKey, keyedHash, keyOf } from './hashes.ts';
import type { InvalidationsImage, PatternEntry, Position } from './log.ts';
import type { Selector } from './selector.ts';

/** What an invalidation can be matched against. */
export interface Subject {
  readonly uri: string;
  readonly origin: string;
  readonly tags: readonly string[];
}

interface PatternRecord extends PatternEntry {
  readonly matches: (uri: string) => boolean;
}

interface LateRecord {
  readonly position: Position;
  readonly affects: (what: Subject) => boolean;
}

export interface InvalidationsOptions {
  /** Identity of the log; positions of another epoch mean nothing here. A function: made when it is first asked for. */
  readonly epoch: string | (() => string);
  /** Number of hashed buckets, a power of two; 8 bytes each. Default 2^20. */
  readonly buckets?: number | undefined;
  /** Prefix and pattern records kept. Default 1,024. */
  readonly maxPatterns?: number;
  /** Latest invalidations that are known one by one. Default 256. */
  readonly maxLatest?: number;
}

export class Invalidations {
  #epoch: string | (() => string);
  readonly #maxPatterns: number;
  readonly #maxLatest: number;
  #lastInBucket: Float64Array;
  #mask: number;
  #patterns: PatternRecord[] = [];
  #latest: LatestInvalidations;
  #key: HashKey | undefined;
  #applied: Position = 0;
  /** Everything stamped below this is invalid. */
  #floor: Position = 0;
  #patternFloor: Position = 0;

  /** `from`: begins from what was written down; its buckets are taken over, and with them their number. */
  constructor(
    options:
      | InvalidationsOptions
      | (Pick<InvalidationsOptions, 'maxPatterns' | 'maxLatest'> & { readonly from: InvalidationsImage }),
  ) {
    this.#maxPatterns = options.maxPatterns ?? 1024;
    this.#maxLatest = options.maxLatest ?? 256;
    this.#latest = new LatestInvalidations(this.#maxLatest, 0);
    this.#epoch = 'from' in options ? '' : options.epoch;
    this.#lastInBucket = 'from' in options ? options.from.buckets : new Float64Array(options.buckets ?? 2 ** 20);
    this.#mask = this.#lastInBucket.length - 1;
    if ('from' in options) this.begin(options.from);
  }

  /** Goes on from what was written down elsewhere; its buckets are taken over. */
  begin({ epoch, applied, floor, patternFloor, patterns, buckets }: InvalidationsImage): void {
    this.#epoch = epoch;
    this.#key = undefined;
    this.#applied = applied;
    this.#floor = floor;
    this.#patternFloor = patternFloor;
    this.#patterns = patterns.map((entry) => ({ ...entry, matches: matcherOf(entry.selector) }));
    this.#lastInBucket = buckets;
    this.#mask = buckets.length - 1;
    this.#latest = new LatestInvalidations(this.#maxLatest, applied);
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
    this.#latest.add({ position, affects: this.#take(selector) });
    return position;
  }

  /** What it affects. */
  #take(selector: Selector): LateRecord['affects'] {
    switch (selector.kind) {
      case 'url':
        this.#mark(URI, selector.uri);
        return ({ uri }) => uri === selector.uri;
      case 'tag':
        this.#mark(TAG, selector.tag);
        return ({ tags }) => tags.includes(selector.tag);
      case 'origin':
        this.#mark(ORIGIN, selector.origin);
        return ({ origin }) => origin === selector.origin;
      case 'prefix':
      case 'pattern': {
        const { matches } = this.#record(selector);
        return ({ uri }) => matches(uri);
      }
      case 'all':
        this.#floor = this.#applied;
        this.#patterns = [];
        return () => true;
      default:
        return unreachable(selector);
    }
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

  /** Whether an invalidation after `since` and not after `until` affects `what`; true also where that is forgotten. */
  mayAffectWithin(what: Subject, since: Position, until: Position): boolean {
    return this.#latest.mayAffectWithin(what, since, until);
  }

  #record(selector: PatternEntry['selector']): PatternRecord {
    const record = { position: this.#applied, selector, matches: matcherOf(selector) };
    this.#patterns.push(record);
    if (this.#patterns.length <= this.#maxPatterns) return record;
    const forgotten = this.#patterns.splice(0, Math.ceil(this.#maxPatterns / 2));
    this.#patternFloor = (forgotten.at(-1) as PatternRecord).position;
    return record;
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

class LatestInvalidations {
  readonly #most: number;
  /** All those after `#from`. */
  readonly #records: LateRecord[] = [];
  #from: Position;

  constructor(most: number, from: Position) {
    this.#most = most;
    this.#from = from;
  }

  add(record: LateRecord): void {
    this.#records.push(record);
    if (this.#records.length <= this.#most) return;
    const forgotten = this.#records.splice(0, Math.ceil(this.#most / 2));
    this.#from = (forgotten.at(-1) as LateRecord).position;
  }

  mayAffectWithin(what: Subject, since: Position, until: Position): boolean {
    if (since < this.#from) return true;
    return this.#records.some(({ position, affects }) => position > since && position <= until && affects(what));
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
