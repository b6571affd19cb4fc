// Recent change sets, for reads that were under way when they came.
//
// A read that began before the oldest kept change set may have missed anything.

import type { Change, ChangeSet, FeedPosition } from './change.ts';

/** The changes that a read has surely seen. */
export type Seen =
  /** Every change set up to there. */
  | { readonly kind: 'up-to'; readonly position: FeedPosition }
  /** The transactions below `below` that are not among `running` (PostgreSQL's `pg_current_snapshot`). */
  | { readonly kind: 'snapshot'; readonly below: bigint; readonly running: ReadonlySet<bigint> };

/** Taken before a read. */
export interface ReadMark {
  /** The feed had been applied up to there, */
  readonly position: FeedPosition;
  /** with that many gaps before. */
  readonly gaps: number;
  /** Undefined when it may have seen nothing of what came after `position`. */
  readonly seen: Seen | undefined;
}

/** Whether a read that saw this much saw the change set. */
export function isSeen(set: ChangeSet, seen: Seen | undefined): boolean {
  if (seen === undefined) return false;
  if (seen.kind === 'up-to') return set.position <= seen.position;
  const { transaction } = set;
  return transaction !== undefined && transaction < seen.below && !seen.running.has(transaction);
}

/** The changes that both reads have surely seen. */
export function seenByBoth(one: Seen | undefined, other: Seen | undefined): Seen | undefined {
  if (one === undefined || other === undefined) return undefined;
  if (one.kind === 'up-to' && other.kind === 'up-to') return one.position <= other.position ? one : other;
  if (one.kind !== 'snapshot' || other.kind !== 'snapshot') return undefined;
  const first = one.below < other.below ? one : other;
  return { kind: 'snapshot', below: first.below, running: new Set([...one.running, ...other.running]) };
}

export class RecentChanges {
  readonly #maxChanges: number;
  #sets: ChangeSet[] = [];
  #changes = 0;
  /** Change sets up to this position are no longer kept. */
  #keptAfter: FeedPosition;
  #position: FeedPosition;
  #gaps = 0;

  constructor(position: FeedPosition, maxChanges: number) {
    this.#position = this.#keptAfter = position;
    this.#maxChanges = maxChanges;
  }

  /** The mark for a read that begins now. */
  mark(seen: Seen | undefined): ReadMark {
    return { position: this.#position, gaps: this.#gaps, seen };
  }

  add(set: ChangeSet): void {
    if (set.position <= this.#position) {
      throw new RangeError(`expected a change set after position ${this.#position}, got ${set.position}`);
    }
    this.#position = set.position;
    this.#sets.push(set);
    this.#changes += set.changes.length;
    if (this.#changes <= this.#maxChanges) return;
    // Half of them at once, since each removal moves the rest.
    let dropped = 0;
    while (this.#changes > this.#maxChanges / 2) this.#changes -= (this.#sets[dropped++] as ChangeSet).changes.length;
    this.#keptAfter = (this.#sets[dropped - 1] as ChangeSet).position;
    this.#sets = this.#sets.slice(dropped);
  }

  /** Nothing more was changed up to there. */
  reached(position: FeedPosition): void {
    if (position > this.#position) this.#position = position;
  }

  /** Changes before `position` are unknown. */
  restart(position: FeedPosition): void {
    this.#gaps++;
    this.#position = this.#keptAfter = position;
    this.#sets = [];
    this.#changes = 0;
  }

  /** Whether the read missed a change that matters, or may have. */
  some(mark: ReadMark, matters: (change: Change) => boolean): boolean {
    if (mark.gaps !== this.#gaps) return true;
    if (mark.position < this.#keptAfter) {
      // It may have seen all change sets, kept or not.
      return mark.seen?.kind !== 'up-to' || mark.seen.position < this.#position;
    }
    for (let at = this.#sets.length - 1; at >= 0; at--) {
      const set = this.#sets[at] as ChangeSet;
      if (set.position <= mark.position) return false;
      if (!isSeen(set, mark.seen) && set.changes.some(matters)) return true;
    }
    return false;
  }
}
