// Which statements were run for what is cached, and what a change of the database makes outdated among it.
//
// The one complication: a read and the feed run side by side. A change may be told before the read that missed it is
// registered, or after the registration of a read that saw it. So recent change sets are kept and gone through again at
// registration, and a read that knows what it saw is spared what it saw.

import { affects } from './affected.ts';
import type { Change, ChangeSet, FeedPosition } from './change.ts';
import { DependencyIndex } from './dependency-index.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Instance } from './instance.ts';
import { isSeen, type ReadMark, RecentChanges, type Seen, seenByBoth } from './recent-changes.ts';

export interface RegistryOptions {
  /** Statements kept; the oldest are forgotten, and with that invalidated. Default 1,000,000. */
  readonly maxInstances?: number;
  /** Changes kept for reads under way. Default 100,000. */
  readonly maxChanges?: number;
  /** Where the feed stands. */
  readonly position: FeedPosition;
  /** Any number, unlike that of other processes: it keeps what data could be made to collide from being foreseen. */
  readonly seed: number;
}

/** What is to be invalidated, and what of it by no change: for want of room. */
export interface Outdated {
  readonly tags: readonly string[];
  readonly forgotten: readonly string[];
}

/** What a tag stands for. `source`: any change of the database makes it outdated. */
export type Watched = Instance | 'source';

interface Registered {
  readonly tag: string;
  readonly seen: Seen | undefined;
  readonly fingerprint: number;
}

/** Answers that one tag stands for before it is given up; they differ only while the feed is behind the reads. */
const MAX_PER_TAG = 8;

export class Registry {
  readonly #index: DependencyIndex;
  readonly #recent: RecentChanges;
  readonly #seed: number;
  readonly #registered = new Map<number, Registered>();
  readonly #byTag = new Map<string, number[]>();
  readonly #ofSource = new Map<string, Seen | undefined>();
  #nextId = 0;

  constructor({ maxInstances = 1_000_000, maxChanges = 100_000, position, seed }: RegistryOptions) {
    this.#index = new DependencyIndex({ maxInstances });
    this.#recent = new RecentChanges(position, maxChanges);
    this.#seed = seed;
  }

  /** To be taken before a read. `seen`: what the read will surely see. */
  mark(seen?: Seen): ReadMark {
    return this.#recent.mark(seen);
  }

  /** Statements that are registered. */
  get size(): number {
    return this.#registered.size + this.#ofSource.size;
  }

  /**
   * `tag` stands for what was read. Undefined: it does from now on. Else a change that the read missed, or may have missed,
   * makes it outdated already: what is to be invalidated, and nothing is registered.
   */
  register(tag: string, watched: Watched, mark: ReadMark): Outdated | undefined {
    const isMissed = this.#recent.some(mark, (change) => watched === 'source' || isAffected(watched, change));
    if (isMissed) return this.#outdated([tag], NONE);
    if (watched === 'source') {
      // Of two reads the one that saw less counts.
      const seen = this.#ofSource.has(tag) ? seenByBoth(this.#ofSource.get(tag), mark.seen) : mark.seen;
      this.#ofSource.set(tag, seen);
      return undefined;
    }
    const fingerprint = fingerprintOf(watched, this.#seed);
    const ids = this.#byTag.get(tag) ?? [];
    for (const id of ids) {
      const one = this.#registered.get(id);
      if (one?.fingerprint !== fingerprint) continue;
      // The rows are the same, what was shown of them need not be: here too the one that saw less counts.
      this.#registered.set(id, { ...one, seen: seenByBoth(one.seen, mark.seen) });
      return undefined;
    }
    if (ids.length >= MAX_PER_TAG) return this.#outdated([tag], [tag]);
    const id = this.#nextId++;
    const forgotten = this.#index.add(id, watched);
    this.#registered.set(id, { tag, seen: mark.seen, fingerprint });
    this.#byTag.set(tag, [...ids, id]);
    if (forgotten.length === 0) return undefined;
    const tags = [...new Set(forgotten.map((one) => (this.#registered.get(one) as Registered).tag))];
    return this.#outdated(tags, tags);
  }

  /** A change set of the feed; they come in its order. What it makes outdated is no longer registered. */
  apply(set: ChangeSet): Outdated {
    this.#recent.add(set);
    const tags = new Set<string>();
    for (const id of this.#index.match(set.changes).ids) {
      const { tag, seen } = this.#registered.get(id) as Registered;
      if (!isSeen(set, seen)) tags.add(tag);
    }
    if (set.changes.length > 0) {
      for (const [tag, seen] of this.#ofSource) if (!isSeen(set, seen)) tags.add(tag);
    }
    return this.#outdated([...tags], NONE);
  }

  /** Nothing more was changed up to there. */
  reached(position: FeedPosition): void {
    this.#recent.reached(position);
  }

  /** Continuity is lost: nothing is registered any more, and everything read from the source is outdated. */
  restart(position: FeedPosition): void {
    this.#recent.restart(position);
    for (const id of this.#registered.keys()) this.#index.remove(id);
    this.#registered.clear();
    this.#byTag.clear();
    this.#ofSource.clear();
  }

  #outdated(tags: readonly string[], forgotten: readonly string[]): Outdated {
    for (const tag of tags) {
      for (const id of this.#byTag.get(tag) ?? []) {
        this.#index.remove(id);
        this.#registered.delete(id);
      }
      this.#byTag.delete(tag);
      this.#ofSource.delete(tag);
    }
    return { tags, forgotten };
  }
}

const NONE: readonly string[] = [];

function isAffected(instance: Instance, change: Change): boolean {
  return instance.reads.some((read) => affects(read, change) !== undefined);
}
