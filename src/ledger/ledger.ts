// The fill protocol: stamp, compare, refuse.
//
// A fill takes its stamp before its source is read. Whatever was invalidated after that stamp is compared with the result
// when the result is stored, shared and served. A result that does not pass is refused. The ledger learns of changes from
// `apply` alone, in the order of the log: members that apply one log give the same verdicts.

import { type Fill, Fills, type Stamp } from './fills.ts';
import type { Invalidations, Subject } from './invalidations.ts';
import type { LogChange, Position } from './log.ts';

/** An entry as far as it tells whether it is outdated. */
export interface Stamped {
  readonly epoch: string;
  readonly stamp: Position;
  readonly tags: readonly string[];
}

/** The moment at which somebody asked: how many fills had begun, and how often a key had been replaced. */
export type Arrival = Stamp & Pick<Fills<unknown>, 'order' | 'turn'>;

/** Reads of a source count only while its changes are heard of. */
export interface SourceGate {
  /** Whether what carries the tags may be served or stored now. `isFromBefore`: the entry is older than this process. */
  allows(tags: readonly string[], isFromBefore: boolean): boolean;
  /** True: what carries the tags was read from a source. */
  isRead(tags: readonly string[]): boolean;
}

export type Refusal = 'invalidated-during-fill' | 'overtaken' | 'source-not-live' | 'intent-open';

export interface LedgerParts<Entry extends Stamped> {
  readonly invalidations: Invalidations;
  readonly subjectOf: (entry: Entry) => Subject;
  /** Default: every source counts. */
  readonly sources?: SourceGate;
  /** True: entries may have been stored by a process before. Default false. */
  readonly hasPast?: boolean;
}

export class Ledger<Entry extends Stamped, Holder = unknown> {
  readonly fills = new Fills<Holder>();
  readonly #invalidations: Invalidations;
  /** Without the soft ones; the same until the first soft one. */
  #hard: Invalidations;
  readonly #subjectOf: (entry: Entry) => Subject;
  #sources: SourceGate | undefined;
  /** Entries stamped up to here are of a process before. */
  readonly #beganAt: Position;
  /** URIs by the ids of the open intents on them, and how many intents each URI has. */
  readonly #intents = new Map<string, string>();
  readonly #intentsOn = new Map<string, number>();

  constructor({ invalidations, subjectOf, sources, hasPast = false }: LedgerParts<Entry>) {
    this.#invalidations = invalidations;
    this.#hard = invalidations;
    this.#subjectOf = subjectOf;
    this.#sources = sources;
    this.#beganAt = hasPast ? invalidations.applied : -1;
  }

  get applied(): Position {
    return this.#invalidations.applied;
  }

  get openIntents(): number {
    return this.#intentsOn.size;
  }

  /** From now on reads count only while this gate says so. */
  heed(sources: SourceGate): void {
    this.#sources = sources;
  }

  /** The next change of the log. */
  apply(position: Position, change: LogChange): void {
    if (change.kind === 'open') this.#open(change.intent, change.uri);
    else if (change.kind === 'close') this.#close(change.intent);
    else {
      const { selector, soft = false } = change;
      if (soft && this.#hard === this.#invalidations) this.#hard = this.#invalidations.copy();
      this.#invalidations.apply(selector, position);
      if (!soft && this.#hard !== this.#invalidations) this.#hard.apply(selector, position);
    }
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

  /** True: something that names the subject was invalidated after the stamp. */
  isAffectedSince(stamp: Stamp, subject: Subject): boolean {
    if (stamp.epoch !== this.#invalidations.epoch) return true;
    if (stamp.position === this.#invalidations.applied) return false;
    return this.#invalidations.lastAffecting(subject, stamp.position) > stamp.position;
  }

  /** Whether an invalidation since its stamp names the result of a fill, as far as the subject is known. */
  isAffected({ stamp, keyStamp }: Fill, subject: Subject): boolean {
    if (this.isAffectedSince(keyStamp, subject)) return true;
    return keyStamp !== stamp && this.isAffectedSince(stamp, { ...NAMELESS, tags: subject.tags });
  }

  /** Whether somebody may wait for the fill, and whether they may have its result: the tags are known only in the end. */
  mayShare(fill: Fill, arrival: Arrival, subject: Subject): boolean {
    const isBegunBefore = fill.order <= arrival.order;
    if (isBegunBefore && this.#sources?.allows(subject.tags, true) === false) return false;
    // While a source is not heard of, its changes have no position.
    const isUnheard = isBegunBefore && this.#sources?.isRead(subject.tags) === true;
    if (arrival.position <= fill.stamp.position && !isUnheard) return true;
    return !this.isAffected(fill, subject);
  }

  /** True: no invalidation affects the entry, so it may be served. Notes in `checkedUpTo` how far that is known. */
  isCurrent(entry: Entry & { checkedUpTo: Position }): boolean {
    if (entry.epoch !== this.#invalidations.epoch) return false;
    if (this.#sources !== undefined && !this.#isAllowed(entry)) return false;
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
    if (this.#hard === this.#invalidations || entry.epoch !== this.#hard.epoch || !this.#isAllowed(entry)) return false;
    return this.#hard.lastAffecting(this.#subjectOf(entry), entry.stamp) <= entry.stamp;
  }

  #isAllowed({ tags, stamp }: Entry): boolean {
    return this.#sources === undefined || this.#sources.allows(tags, stamp <= this.#beganAt);
  }

  /** Position of the last invalidation that names the subject; 0: none. Those up to `since` are of no interest. */
  lastAffecting(subject: Subject, since: Position = 0): Position {
    return this.#invalidations.lastAffecting(subject, since);
  }

  /**
   * Why a result is not stored under `entryKey`, which is the fill's key or that of a variant. `by`: its fill; or the stamp of
   * what it was made from.
   */
  judge(by: Fill | Stamp, subject: Subject, entryKey?: string): Refusal | undefined {
    const isFill = 'overtakenIn' in by;
    if (isFill ? this.isAffected(by, subject) : this.isAffectedSince(by, subject)) return 'invalidated-during-fill';
    if (isFill && by.overtakenIn.has(entryKey ?? by.key)) return 'overtaken';
    if (this.#sources?.allows(subject.tags, true) === false) return 'source-not-live';
    return this.#intentsOn.has(subject.uri) ? 'intent-open' : undefined;
  }

  /** While a write on a URI is under way, nothing is stored for it. */
  #open(intent: string, uri: string): void {
    this.#intents.set(intent, uri);
    this.#intentsOn.set(uri, (this.#intentsOn.get(uri) ?? 0) + 1);
  }

  #close(intent: string): void {
    const uri = this.#intents.get(intent);
    if (uri === undefined) return;
    this.#intents.delete(intent);
    const left = (this.#intentsOn.get(uri) as number) - 1;
    if (left === 0) this.#intentsOn.delete(uri);
    else this.#intentsOn.set(uri, left);
  }
}

const NAMELESS = { uri: '', origin: '' } as const;
