// The one place that knows what has been invalidated, and so whether an entry may be served and a fill be stored
// (docs/architecture.md, the fill protocol).
//
// The one complication: a forwarded write may change the origin's answer at any instant between its sending and its
// answer. While it is under way its URI has an open intent, and nothing filled for that URI is stored. Intents go through
// the log like invalidations, so that a gate that ends in the middle of a write knows of it when it begins again.

import { type Affectable, Invalidations } from '../dependency/invalidations.ts';
import type { LogChange } from '../dependency/log.ts';
import type { Position } from '../dependency/position.ts';
import type { Selector } from '../dependency/selector.ts';
import { keyParts } from '../entry/key.ts';
import type { EntryNote, StoredResponse } from '../entry/stored-response.ts';
import type { StoredValue } from '../entry/stored-value.ts';
import type { Eventually, InvalidationLog, Random } from '../ports.ts';

/** Taken before the origin is asked; the only ticket with which something may be stored. */
export interface Stamp {
  readonly epoch: string;
  readonly position: Position;
}

/** Why the result of a fill is not stored; undefined: it may be. */
export type StampRefusal = 'invalidated-during-fill' | 'intent-open' | 'source-not-live' | undefined;

/** What of an entry tells whether it is outdated. */
type Stamped = StoredResponse | StoredValue;

export interface InvalidatorParts {
  readonly invalidations: Invalidations;
  readonly log: InvalidationLog;
  /** Makes the ids of intents unlike those of other members, and of the time before a restart. */
  readonly random: Random;
  /** Told when what nobody waits for could not be made durable. */
  readonly fault: (error: unknown) => void;
  /** Whether what carries these tags may be served or stored at this instant; see SourceLeases. Default: it may. */
  readonly allows?: (tags: readonly string[], isFromBefore: boolean) => boolean;
  /** True: entries may have been stored before. Default false. */
  readonly hasPast?: boolean;
}

export class Invalidator {
  readonly #invalidations: Invalidations;
  /** Those that are not soft; the same until the first soft one. */
  #hard: Invalidations;
  readonly #log: InvalidationLog;
  readonly #fault: (error: unknown) => void;
  readonly #intentPrefix: string;
  #allows: InvalidatorParts['allows'];
  /** What is stamped up to there was stored before this member began. */
  readonly #beganAt: Position;
  #lastIntent = 0;
  /** URIs by the ids of the open intents on them, and how many each has. */
  readonly #intents = new Map<string, string>();
  readonly #intentsOn = new Map<string, number>();
  readonly #counts: Record<Selector['kind'], number> = { url: 0, tag: 0, prefix: 0, pattern: 0, origin: 0, all: 0 };

  constructor({ invalidations, log, random, fault, allows, hasPast = false }: InvalidatorParts) {
    this.#invalidations = invalidations;
    this.#hard = invalidations;
    this.#log = log;
    this.#fault = fault;
    this.#allows = allows;
    this.#beganAt = hasPast ? invalidations.applied : -1;
    this.#intentPrefix = `${Math.floor(random() * 2 ** 48).toString(36)}-`;
    log.follow((position, change) => this.#apply(position, change));
  }

  get applied(): Position {
    return this.#invalidations.applied;
  }

  get counts(): Readonly<Record<Selector['kind'], number>> {
    return this.#counts;
  }

  get openIntents(): number {
    return this.#intentsOn.size;
  }

  /** From now on, as if it had been given at the beginning. */
  heed(allows: NonNullable<InvalidatorParts['allows']>): void {
    this.#allows = allows;
  }

  /** The stamp of a fill or validation that begins now. */
  stamp(): Stamp {
    return { epoch: this.#invalidations.epoch, position: this.#invalidations.applied };
  }

  /**
   * Once there is a position, whatever `selector` names and was filled before is outdated on every member of this node,
   * also after a restart. The log says with a promise that it takes time; see InvalidationLog. `soft`: it is expired; see
   * isExpired.
   */
  invalidate(selector: Selector, soft = false): Eventually<Position> {
    this.#counts[selector.kind]++;
    return this.#log.append(soft ? { kind: 'invalidate', selector, soft } : { kind: 'invalidate', selector });
  }

  /** Outdates whatever is stored under the key, since something takes its place; not counted as an invalidation. */
  supersede(uri: string): Eventually<Position> {
    return this.#log.append({ kind: 'invalidate', selector: { kind: 'url', uri } });
  }

  /** The same where nobody waits for it. */
  invalidateSoon(selector: Selector): void {
    this.#unawaited(this.invalidate(selector));
  }

  /** True when no invalidation affects the entry: it reflects every change this node was told of. */
  isCurrent(entry: Stamped): boolean {
    if (entry.epoch !== this.#invalidations.epoch) return false;
    if (this.#allows !== undefined && !this.#allows(entry.tags, entry.stamp <= this.#beganAt)) return false;
    if (entry.checkedUpTo === this.#invalidations.applied) return true;
    if (this.lastAffecting(entry) > entry.stamp) return false;
    entry.checkedUpTo = this.#invalidations.applied;
    return true;
  }

  /** Whether what carries the tags may be given to anyone but those who asked for it themselves. */
  isShareable(tags: readonly string[]): boolean {
    return this.#allows === undefined || this.#allows(tags, true);
  }

  /** Of an entry that is not current: true when only soft invalidations affect it. */
  isExpired(entry: Pick<EntryNote, 'kind' | 'key' | 'tags' | 'epoch' | 'stamp'>): boolean {
    if (this.#hard === this.#invalidations || entry.epoch !== this.#invalidations.epoch) return false;
    if (this.#allows !== undefined && !this.#allows(entry.tags, entry.stamp <= this.#beganAt)) return false;
    return this.#hard.lastAffecting(affectable(entry), entry.stamp) <= entry.stamp;
  }

  /** True when an invalidation affects the entry, as far as its note tells; for operators. */
  isOutdated(note: EntryNote): boolean {
    return this.isAffectedSince({ epoch: note.epoch, position: note.stamp }, affectable(note));
  }

  /** Position of the last invalidation that affects the entry. */
  lastAffecting(entry: Stamped): Position {
    return this.#invalidations.lastAffecting(affectable(entry), Math.max(entry.stamp, entry.checkedUpTo));
  }

  /** Position of the last invalidation that names the URI or its origin, whatever is stored. */
  lastAffectingKey(key: string): Position {
    const { uri, origin } = keyParts(key);
    return this.#invalidations.lastAffecting({ uri, origin, tags: [] });
  }

  /** True when something was invalidated after the stamp that affects `what`. */
  isAffectedSince(stamp: Stamp, what: Affectable): boolean {
    if (stamp.epoch !== this.#invalidations.epoch) return true;
    if (stamp.position === this.#invalidations.applied) return false;
    return this.#invalidations.lastAffecting(what, stamp.position) > stamp.position;
  }

  /** Why a result stamped so may not be stored now. */
  refusal(stamp: Stamp, what: Affectable): StampRefusal {
    if (this.isAffectedSince(stamp, what)) return 'invalidated-during-fill';
    if (this.#allows !== undefined && !this.#allows(what.tags, true)) return 'source-not-live';
    return this.#intentsOn.has(what.uri) ? 'intent-open' : undefined;
  }

  /** Opens an intent on a URI; the result closes it, once. */
  openIntent(uri: string): () => void {
    const intent = `${this.#intentPrefix}${++this.#lastIntent}`;
    this.#unawaited(this.#log.append({ kind: 'open', intent, uri }));
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#unawaited(this.#log.append({ kind: 'close', intent }));
    };
  }

  #unawaited(appended: Eventually<Position>): void {
    if (appended instanceof Promise) appended.catch(this.#fault);
  }

  #apply(position: Position, change: LogChange): void {
    switch (change.kind) {
      case 'invalidate':
        this.#applyInvalidation(change.selector, { position, soft: change.soft === true });
        return;
      case 'open':
        this.#intents.set(change.intent, change.uri);
        this.#intentsOn.set(change.uri, (this.#intentsOn.get(change.uri) ?? 0) + 1);
        return;
      case 'close':
        this.#close(change.intent);
    }
  }

  #applyInvalidation(selector: Selector, { position, soft }: { position: Position; soft: boolean }): void {
    if (soft && this.#hard === this.#invalidations) this.#hard = copyOf(this.#invalidations);
    this.#invalidations.apply(selector, position);
    if (!soft && this.#hard !== this.#invalidations) this.#hard.apply(selector, position);
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

/** The key of a value is all of its name; it has no origin. */
function affectable({ kind, key, tags }: Pick<EntryNote, 'kind' | 'key' | 'tags'>): Affectable {
  if (kind === 'value') return { uri: key, origin: '', tags };
  const { uri, origin } = keyParts(key);
  return { uri, origin, tags };
}

/** As of now. */
function copyOf(invalidations: Invalidations): Invalidations {
  const image = invalidations.image();
  return new Invalidations({ from: { ...image, buckets: image.buckets.slice() } });
}
