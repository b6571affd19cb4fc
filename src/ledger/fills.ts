// Fills under way, in the order of their beginnings, and the values that were put in beside them.

import type { Position } from './log.ts';

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
  /** Keys of entries whose place something newer has taken. */
  readonly overtakenIn: Pick<ReadonlySet<string>, 'has' | 'size'>;
}

/** Changed here alone. */
type Running<Holder = unknown> = { -readonly [Name in keyof Fill<Holder>]: Fill<Holder>[Name] };

const NOWHERE: ReadonlySet<string> = new Set();
/** A fill may be under way for long, and variants may be named by whoever asks: beyond so many it is stored nowhere. */
const MAX_OVERTAKEN = 64;
const EVERYWHERE = { has: () => true, size: MAX_OVERTAKEN };
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
    return this.#add({ ...what, order: ++this.order, keyStamp: what.stamp, overtakenIn: NOWHERE });
  }

  /** Registers the read of `fill` once more, for a result that is made after `fill` ends. The caller ends this one, too. */
  again(fill: Fill<Holder>): Fill<Holder> {
    return this.#add({ ...fill, isJoinable: false });
  }

  #add(fill: Fill<Holder>): Fill<Holder> {
    const running = this.#running.get(fill.key);
    if (running === undefined) this.#running.set(fill.key, [fill]);
    else running.push(fill);
    return fill;
  }

  /** Those of the key, oldest first; with `since`, that one and those that began after it. */
  of(key: string, since?: Fill): readonly Running<Holder>[] {
    const running = this.#running.get(key) ?? [];
    return since === undefined ? running : running.filter(({ order }) => order >= since.order);
  }

  newestJoinable(key: string): Fill<Holder> | undefined {
    return this.#running.get(key)?.findLast(({ isJoinable }) => isJoinable);
  }

  end(fill: Fill<Holder>): void {
    this.#givenUp.delete(fill);
    const running = this.#running.get(fill.key);
    const at = running?.indexOf(fill) ?? -1;
    if (running === undefined || at < 0) return;
    if (running.length === 1) this.#running.delete(fill.key);
    else running.splice(at, 1);
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
    for (const turn of this.#olderTurns.values()) this.#forgotten = Math.max(this.#forgotten, turn);
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

  /** The result is the answer to a write, whose own invalidations end at `position`. */
  countFrom(fill: Running, position: Position): void {
    fill.stamp = { ...fill.stamp, position };
    fill.keyStamp = fill.stamp;
  }
}

function overtake(fill: Running, entryKey: string): void {
  fill.isJoinable &&= entryKey !== fill.key;
  const { overtakenIn } = fill;
  if (overtakenIn === NOWHERE) fill.overtakenIn = new Set([entryKey]);
  else if (overtakenIn.size === MAX_OVERTAKEN) fill.overtakenIn = EVERYWHERE;
  else (overtakenIn as Set<string>).add(entryKey);
}
