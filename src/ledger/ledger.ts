// The fill protocol: stamp, compare, refuse.
//
// A fill takes its stamp before its source is read. Whatever was invalidated after that stamp is compared with the result
// when the result is stored, shared and served. A result that does not pass is refused. The ledger learns of changes from
// `apply` alone, in the order of the log: members that apply one log give the same verdicts.

import type { Invalidations, Subject } from './invalidations.ts';
import type { InvalidationsImage, LogEvent, Position } from './log.ts';
import { OpenIntents } from './open-intents.ts';

/** An entry as far as it tells whether it is outdated. */
export interface Stamped {
  readonly epoch: string;
  readonly stamp: Position;
  readonly tags: readonly string[];
}

/** The moment at which somebody asked: how many fills had begun, and how often a key had been replaced. */
export type Arrival = Stamp & Pick<Fills<unknown>, 'order' | 'turn'>;

/** Reads of a source count only while its changes are heard of. `hasAny`: some source was heard of, or is expected. */
export interface SourceGate {
  readonly hasAny: boolean;
  /** Whether what carries the tags may be served or stored now. `isFromBefore`: the entry is older than this process. */
  allows(tags: readonly string[], isFromBefore: boolean): boolean;
  /** True: what carries the tags was read from a source. */
  isRead(tags: readonly string[]): boolean;
}

export type LedgerRefusal = 'invalidated-during-fill' | 'overtaken' | 'source-not-live' | 'intent-open';

export class Ledger<Entry extends Stamped, Holder = unknown> {
  readonly fills = new Fills<Holder>();
  readonly #invalidations: Invalidations;
  /** Without the soft ones, from the first soft one on. */
  #hard: Invalidations | undefined;
  readonly #subjectOf: (entry: Entry) => Subject;
  /** Reads count only while it says so; undefined: every source counts. */
  sources: SourceGate | undefined;
  /** Entries stamped up to here are of a process before. */
  #beganAt: Position;
  #intents = new OpenIntents();

  /** `hasPast`: entries may have been stored by a process before. */
  constructor(invalidations: Invalidations, subjectOf: (entry: Entry) => Subject, hasPast = false) {
    this.#invalidations = invalidations;
    this.#subjectOf = subjectOf;
    this.#beganAt = hasPast ? invalidations.applied : -1;
  }

  get applied(): Position {
    return this.#invalidations.applied;
  }

  get openIntents(): number {
    return this.#intents.size;
  }

  /** The next event of the log. */
  apply(position: Position, event: LogEvent): void {
    switch (event.kind) {
      case 'open':
        return this.#intents.open(event);
      case 'close':
        return this.#intents.close(event.intent);
      case 'begin':
        return this.#begin(event.image);
      case 'invalidate':
        if (event.soft === true) this.#hard ??= this.#invalidations.copy();
        else this.#hard?.apply(event.selector, position);
        this.#invalidations.apply(event.selector, position);
    }
  }

  #begin(image: InvalidationsImage): void {
    this.#invalidations.begin(image);
    // Which invalidations were soft is not in an image: they outdate.
    this.#hard = undefined;
    this.#intents = new OpenIntents();
    if (this.#beganAt >= 0) this.#beganAt = image.applied;
  }

  stamp(): Stamp {
    return { epoch: this.#invalidations.epoch, position: this.#invalidations.applied };
  }

  /** To be called before the source is read. `isJoinable`: others may wait for the result. */
  begin(key: string, holder: Holder, isJoinable = true): Fill<Holder> {
    return this.fills.begin({ key, holder, stamp: this.stamp(), isJoinable });
  }

  arrive(): Arrival {
    return { ...this.stamp(), order: this.fills.order, turn: this.fills.turn };
  }

  /**
   * True: something that names the subject was invalidated after the stamp, and not after `until`. Most often nothing at all was.
   */
  isAffectedSince({ epoch, position }: Stamp, subject: Subject, until: Position = this.applied): boolean {
    if (epoch !== this.#invalidations.epoch) return true;
    if (position >= until) return false;
    const last = this.lastAffecting(subject, position);
    return last > position && (last <= until || this.#invalidations.mayAffectWithin(subject, position, until));
  }

  /** Whether an invalidation since its stamp names the result of a fill, as far as the subject is known. */
  isAffected({ stamp, keyStamp }: Fill, subject: Subject, until: Position = this.applied): boolean {
    if (this.isAffectedSince(keyStamp, subject, until)) return true;
    return keyStamp !== stamp && this.isAffectedSince(stamp, { uri: '', origin: '', tags: subject.tags }, until);
  }

  /** Whether somebody may wait for the fill, and whether they may have its result: the tags are known only in the end. */
  mayShare(fill: Fill, arrival: Arrival, subject: Subject): boolean {
    const isBegunBefore = fill.order <= arrival.order;
    if (isBegunBefore && this.sources?.allows(subject.tags, true) === false) return false;
    // While a source is not heard of, its changes have no position.
    const isUnheard = isBegunBefore && this.sources?.isRead(subject.tags) === true;
    return !this.isAffected(fill, subject, isUnheard ? this.applied : arrival.position);
  }

  /** True: no invalidation affects the entry, so it may be served. Notes in `checkedUpTo` how far that is known. */
  isCurrent(entry: Entry & { checkedUpTo: Position }): boolean {
    if (entry.epoch !== this.#invalidations.epoch) return false;
    if (this.sources !== undefined && !this.#isAllowed(entry)) return false;
    return entry.checkedUpTo === this.#invalidations.applied || this.#isUnaffected(entry);
  }

  /** A method of its own, so that V8 can inline the common case into a hit. */
  #isUnaffected(entry: Entry & { checkedUpTo: Position }): boolean {
    const since = Math.max(entry.stamp, entry.checkedUpTo);
    if (this.lastAffecting(this.#subjectOf(entry), since) > entry.stamp) return false;
    entry.checkedUpTo = this.#invalidations.applied;
    return true;
  }

  /** Of an entry that is not current. True: soft invalidations alone affect it. */
  isExpired(entry: Entry): boolean {
    if (this.#hard === undefined || entry.epoch !== this.#hard.epoch || !this.#isAllowed(entry)) return false;
    return this.#hard.lastAffecting(this.#subjectOf(entry), entry.stamp) <= entry.stamp;
  }

  #isAllowed({ tags, stamp }: Entry): boolean {
    const isFromBefore = stamp <= this.#beganAt;
    if (this.sources === undefined || !(isFromBefore || this.sources.hasAny)) return true;
    return this.sources.allows(tags, isFromBefore);
  }

  /** Position of the last invalidation that names the subject; 0: none. Those up to `since` are of no interest. */
  lastAffecting(subject: Subject, since: Position = 0): Position {
    return this.#invalidations.lastAffecting(subject, since);
  }

  /**
   * Why a result is not stored under `entryKey`, which is the fill's key or that of a variant. `by`: its fill; or the stamp of
   * what it was made from.
   */
  judge(by: Fill | Stamp, subject: Subject, entryKey?: string): LedgerRefusal | undefined {
    const isFill = 'overtakenIn' in by;
    if (isFill ? this.isAffected(by, subject) : this.isAffectedSince(by, subject)) return 'invalidated-during-fill';
    if (isFill && (by.overtakenIn.size > MAX_OVERTAKEN || by.overtakenIn.has(entryKey ?? by.key))) return 'overtaken';
    if (this.sources?.allows(subject.tags, true) === false) return 'source-not-live';
    return this.#intents.isUnderWay(subject.uri) ? 'intent-open' : undefined;
  }
}

/** A place in the log of one epoch. */
export interface Stamp {
  readonly epoch: string;
  readonly position: Position;
}

/** A read of a source for one key. `Ledger.begin` makes it before the source is asked; nothing is stored without one. */
export interface Fill<Holder = unknown> {
  readonly key: string;
  /** The work that reads, for whoever finds the fill by its key. */
  readonly holder: Holder;
  readonly order: number;
  /** The result reflects the log up to here. */
  readonly stamp: Stamp;
  /** The result reflects whatever names its key up to here: later than `stamp` once an older result has superseded the key. */
  readonly keyStamp: Stamp;
  /** True: others may wait for its result. */
  readonly isJoinable: boolean;
  /** Keys of entries whose place something newer has taken; of every entry, once there are too many. */
  readonly overtakenIn: ReadonlySet<string>;
}

/** Changed here alone. */
type Running<Holder = unknown> = { -readonly [Name in keyof Fill<Holder>]: Fill<Holder>[Name] };

/** A fill may be under way for long, and variants may be named by whoever asks: beyond so many it is stored nowhere. */
const MAX_OVERTAKEN = 64;
const MAX_GIVEN_UP = 1_000;
/** So many keys, at least, are known by their last replacement. */
const MIN_TURNS = 10_000;

export class Fills<Holder> {
  /** How many have begun. */
  order = 0;
  /** How often a key was replaced. */
  turn = 0;
  readonly #running = new Map<string, Running<Holder>[]>();
  readonly #givenUp = new Set<Running<Holder>>();
  #turns = new Map<string, number>();
  #olderTurns = new Map<string, number>();
  /** Replacements up to this turn may be forgotten. */
  #forgotten = 0;

  begin(what: Pick<Fill<Holder>, 'key' | 'holder' | 'stamp' | 'isJoinable'>): Fill<Holder> {
    return this.#add({ ...what, order: ++this.order, keyStamp: what.stamp, overtakenIn: new Set() });
  }

  /** Registers the read of `fill` once more, for a result that is made after `fill` ends. The caller ends this one, too. */
  again(fill: Fill<Holder>): Fill<Holder> {
    return this.#add({ ...fill, isJoinable: false });
  }

  #add(fill: Fill<Holder>): Fill<Holder> {
    const running = this.#running.get(fill.key) ?? [];
    running.push(fill);
    this.#running.set(fill.key, running);
    return fill;
  }

  /** Those of the key, oldest first; with `since`, that one and those that began after it. */
  of(key: string, since?: Fill): readonly Running<Holder>[] {
    const running = this.#running.get(key) ?? [];
    return since === undefined ? running : running.filter(({ order }) => order >= since.order);
  }

  newestJoinable(key: string): Fill<Holder> | undefined {
    return this.of(key).findLast(({ isJoinable }) => isJoinable);
  }

  end(fill: Fill<Holder>): void {
    this.#givenUp.delete(fill);
    const running = this.#running.get(fill.key) ?? [];
    const at = running.indexOf(fill);
    if (at >= 0) running.splice(at, 1);
    if (running.length === 0) this.#running.delete(fill.key);
  }

  /** Its callers have left, but its result may still be stored. The work may never end, so a bounded number is kept. */
  giveUp(fill: Running<Holder>): void {
    fill.isJoinable = false;
    const [oldest] = this.#givenUp.add(fill);
    if (this.#givenUp.size <= MAX_GIVEN_UP || oldest === undefined) return;
    this.end(oldest);
    overtake(oldest, oldest.key);
  }

  /** The result of the fill is stored: fills that began before it must not take its place. */
  settle({ key, order }: Fill, entryKey: string = key): void {
    for (const fill of this.of(key)) if (fill.order < order) overtake(fill, entryKey);
  }

  /** Something newer than any fill under way is put in under the key, or what is there is removed. */
  replace(key: string): void {
    for (const fill of this.of(key)) overtake(fill, key);
    this.#turns.set(key, ++this.turn);
    if (this.#turns.size < MIN_TURNS) return;
    this.#forgotten = Math.max(0, ...this.#olderTurns.values());
    this.#olderTurns = this.#turns;
    this.#turns = new Map();
  }

  /** True: the key was replaced after that turn, or it is not known. */
  wasReplacedSince(key: string, turn: number): boolean {
    return (this.#turns.get(key) ?? this.#olderTurns.get(key) ?? this.#forgotten) > turn;
  }

  /**
   * The invalidation at `position` outdated what stood under the key, to make room for a result or entry that was current
   * until then, as of `from`. Nothing has named the key since `from`, so to fills that began then or later it is none.
   */
  supersede(key: string, position: Position, from: Position): void {
    for (const fill of this.of(key)) {
      const known = fill.keyStamp.position;
      if (known >= from && known < position) fill.keyStamp = { ...fill.keyStamp, position };
    }
  }

  /** The result reflects the log up to `position` and no further. `order`: 0 where its read began before all others. */
  countFrom(fill: Running, position: Position, order = fill.order): void {
    Object.assign(fill, { order, stamp: { ...fill.stamp, position }, keyStamp: { ...fill.stamp, position } });
  }
}

function overtake(fill: Running, entryKey: string): void {
  fill.isJoinable &&= entryKey !== fill.key;
  if (fill.overtakenIn.size <= MAX_OVERTAKEN) (fill.overtakenIn as Set<string>).add(entryKey);
}
