// Knows the statements behind cached entries, and finds which entries a change of the database makes outdated.
//
// A read and the feed run side by side. A change may be told before the read that missed it is registered, or after the
// registration of a read that saw it. So recent change sets are kept and gone through again at registration, and a read
// that knows what it saw is spared those.

import { affects } from './affected.ts';
import type { ChangeSet, FeedPosition, TableShape } from './change.ts';
import {
  type Described,
  type DescribedParts,
  type Description,
  describe,
  describeSource,
  keyProblem,
  mayShow,
  recordsNamed,
} from './describe/describe.ts';
import { fingerprintOf } from './fingerprint.ts';
import { DependencyIndex, type IndexedRead } from './index/dependency-index.ts';
import { isSeen, type ReadMark, RecentChanges, type Seen, seenByBoth } from './recent-changes.ts';
import { bareName, isOfSchema } from './table-name.ts';
import type { Instance } from './template.ts';

export interface RegistryOptions {
  /** Statements kept; the oldest are forgotten, and with that invalidated. Default 1,000,000. */
  readonly maxInstances?: number | undefined;
  /** Changes kept for reads under way. Default 20,000: ten seconds of 2,000 a second. */
  readonly maxChanges?: number;
  /** Where the feed stands. */
  readonly position: FeedPosition;
  /** Any number, unlike other processes': so nobody can foresee data that would make fingerprints collide. */
  readonly seed: number;
}

/** Tags to invalidate; those in `forgotten` by no change, but for want of room. */
export interface Outdated {
  readonly tags: readonly string[];
  readonly forgotten: readonly string[];
}

/** The meaning of a tag. `source`: any change of the database makes it outdated. */
export type TagMeaning = Instance | 'source';

interface Registered {
  readonly tag: string;
  readonly template: Instance['template'];
  readonly seen: Seen | undefined;
  readonly fingerprint: number;
}

/** Answers that one tag stands for before it is given up; they differ only while the feed is behind the reads. */
const MAX_PER_TAG = 8;
/** Tags described at once. */
const MAX_DESCRIBED = 1_000;
const MAX_LOOKS = 100_000;

export class Registry {
  readonly #index: DependencyIndex;
  readonly #recent: RecentChanges;
  readonly #seed: number;
  readonly #registered = new Map<number, Registered>();
  readonly #byTag = new Map<string, number[]>();
  readonly #ofSource = new Map<string, Seen | undefined>();
  #nextId = 0;

  constructor({ maxInstances = 1_000_000, maxChanges = 20_000, position, seed }: RegistryOptions) {
    this.#index = new DependencyIndex({ maxInstances });
    this.#recent = new RecentChanges(position, maxChanges);
    this.#seed = seed;
  }

  /** Take it before a read. `seen`: what the read will surely see. */
  mark(seen?: Seen): ReadMark {
    return this.#recent.mark(seen);
  }

  /** Statements that are registered. */
  get size(): number {
    return this.#registered.size + this.#ofSource.size;
  }

  /**
   * Makes `tag` stand for what was read, and returns undefined. If a change that the read missed, or may have missed,
   * makes it outdated already, returns what is to be invalidated and registers nothing.
   */
  register(tag: string, watched: TagMeaning, mark: ReadMark): Outdated | undefined {
    const isMissed = this.#recent.some(mark, (change) => {
      return watched === 'source' || watched.reads.some((read) => affects(read, change) !== undefined);
    });
    if (isMissed) return this.#outdated([tag], NONE);
    if (watched === 'source') {
      // The read that saw less counts.
      const seen = this.#ofSource.has(tag) ? seenByBoth(this.#ofSource.get(tag), mark.seen) : mark.seen;
      this.#ofSource.set(tag, seen);
      return undefined;
    }
    const fingerprint = fingerprintOf(watched, this.#seed);
    const known = this.#find(tag, fingerprint);
    // The rows are equal, their shown columns need not be: here too the read that saw less counts.
    if (known !== undefined) return limitSeen(this.#registered, known, mark.seen);
    if ((this.#byTag.get(tag)?.length ?? 0) >= MAX_PER_TAG) return this.#outdated([tag], [tag]);
    const forgotten = this.#add(watched, { tag, template: watched.template, seen: mark.seen, fingerprint });
    if (forgotten.length === 0) return undefined;
    const tags = [...new Set(forgotten.map((one) => (this.#registered.get(one) as Registered).tag))];
    return this.#outdated(tags, tags);
  }

  /**
   * A number by which the registration can be narrowed as long as it lasts: a later one under an equal tag, after a
   * change, has another number. Returns undefined when it is not registered.
   */
  registrationOf(tag: string, instance: Instance): number | undefined {
    return this.#find(tag, fingerprintOf(instance, this.#seed));
  }

  /**
   * Narrows a registration of which more is known by now. Does nothing where it is outdated meanwhile. All changes
   * since were matched against the wider one.
   */
  narrow(registration: number, to: Instance): void {
    const known = this.#registered.get(registration);
    if (known === undefined) return;
    const { tag, seen } = known;
    const fingerprint = fingerprintOf(to, this.#seed);
    const same = this.#find(tag, fingerprint);
    if (same === registration) return;
    this.#index.remove(registration);
    this.#registered.delete(registration);
    this.#byTag.set(tag, this.#byTag.get(tag)?.filter((id) => id !== registration) ?? []);
    if (same !== undefined) return limitSeen(this.#registered, same, seen);
    // There is room: one has just gone.
    this.#add(to, { ...known, fingerprint });
  }

  /** Returns what the index forgot to make room. */
  #add(instance: Instance, registered: Registered): readonly number[] {
    const id = this.#nextId++;
    const forgotten = this.#index.add(id, instance);
    this.#registered.set(id, registered);
    this.#byTag.set(registered.tag, [...(this.#byTag.get(registered.tag) ?? []), id]);
    return forgotten;
  }

  #find(tag: string, fingerprint: number): number | undefined {
    return this.#byTag.get(tag)?.find((id) => this.#registered.get(id)?.fingerprint === fingerprint);
  }

  /** Describes tags; unknown ones are left out. */
  describe(tags: readonly string[]): Description {
    const described: Described[] = [];
    for (const tag of tags.slice(0, MAX_DESCRIBED)) {
      const id = this.#byTag.get(tag)?.at(-1);
      if (id !== undefined) described.push(this.#describe(id));
      else if (this.#ofSource.has(tag)) described.push(describeSource(tag));
    }
    return { described, isWhole: tags.length <= MAX_DESCRIBED };
  }

  /** Whether any statement reads the table. */
  isRead(table: string): boolean {
    return this.#index.shapesOf(nameIn(this.#index, table)).size > 0;
  }

  /** Tags of reads that show the record, or may: they do not say what they show. `key` is in the operator's words. */
  tagsOfRecord(asked: string, key: readonly string[]): Description {
    const table = nameIn(this.#index, asked);
    const shapes = [...this.#index.shapesOf(table)];
    const records = shapes.flatMap((shape) => recordsNamed(shape, key));
    const problem = shapes.length > 0 && records.length === 0 ? keyProblem(shapes[0] as TableShape, key) : undefined;
    if (problem !== undefined) return { described: [], isWhole: true, problem };
    const listing = new Map(records.flatMap((record) => [...this.#index.listing(table, record.key)]));
    const isWanted = (read: IndexedRead) => read.keys === undefined && mayShow(read, records);
    return this.#gathered(table, isWanted, listing);
  }

  /** Tags of reads of the table. */
  tagsOfTable(asked: string): Description {
    return this.#gathered(nameIn(this.#index, asked), () => true, new Map());
  }

  /** `listed`: reads to describe in any case, by their slots, with the ids of their instances. */
  #gathered(table: string, isWanted: (read: IndexedRead) => boolean, listed: ReadonlyMap<number, number>): Description {
    let looks = 0;
    const ids = new Set(listed.values());
    let isWhole = ids.size <= MAX_DESCRIBED;
    const wanted = new Set([...ids].slice(0, MAX_DESCRIBED));
    for (const [id, read] of this.#index.readsOf(table)) {
      const isNew = !wanted.has(id) && isWanted(read);
      if (isNew ? wanted.size >= MAX_DESCRIBED : ++looks >= MAX_LOOKS) {
        isWhole = false;
        break;
      }
      if (isNew) wanted.add(id);
    }
    const described = [...wanted].map((id) => this.#describe(id, listed));
    for (const tag of this.#ofSource.keys()) described.push(describeSource(tag));
    return { described, isWhole };
  }

  #describe(id: number, listed?: DescribedParts['listed']): Described {
    const { tag, template } = this.#registered.get(id) as Registered;
    return describe({ tag, template, view: (see) => this.#index.view(id, see), listed });
  }

  /** Applies a change set of the feed; they come in its order. Tags that it makes outdated are no longer registered. */
  apply(set: ChangeSet): Outdated {
    this.#recent.add(set);
    const tags = new Set<string>();
    for (const id of this.#index.match(set.changes).ids) {
      const { tag, seen } = this.#registered.get(id) as Registered;
      if (!isSeen(set, seen)) tags.add(tag);
    }
    if (set.changes.length > 0) for (const [tag, seen] of this.#ofSource) if (!isSeen(set, seen)) tags.add(tag);
    return this.#outdated([...tags], NONE);
  }

  /**
   * Outdates `most` tags of reads of the table, ahead of a change of all of it. Returns undefined when there are no
   * more than `most`; they are left to `apply`.
   */
  outdateReads(table: string, most: number): Outdated | undefined {
    const tags = new Set<string>();
    for (const [id] of this.#index.readsOf(table)) {
      if (tags.size >= most) return this.#outdated([...tags], NONE);
      tags.add((this.#registered.get(id) as Registered).tag);
    }
    return undefined;
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

function limitSeen(registered: Map<number, Registered>, id: number, seen: Seen | undefined): undefined {
  const one = registered.get(id) as Registered;
  registered.set(id, { ...one, seen: seenByBoth(one.seen, seen) });
}

/** The table as statements name it: `users` for `public.users`. */
function nameIn(index: DependencyIndex, asked: string): string {
  const bare = bareName(asked);
  if (bare === asked || index.shapesOf(asked).size > 0) return asked;
  const [shape] = index.shapesOf(bare);
  return shape !== undefined && isOfSchema(asked, shape) ? bare : asked;
}
