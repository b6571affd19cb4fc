// The reads of one response, by their tags, and how far the registry knows of them.
//
// A read is recorded at once; a feed process confirms its registration a while later. A response that goes out before
// all of its reads are confirmed is not stored. The fields that have gone out say nothing of what the body reads from then
// on: so the response becomes outdated by its own tag, and its body may not end whole before that is told.

import type { FeedPosition } from '../../dependency/change.ts';
import { sourceTag } from '../../entry/key.ts';
import type { Tasks } from '../../ports.ts';
import { BEGUN_ANEW } from '../follow/follower.ts';
import type { Mark, Read, ReadRefusal, RegistryClient } from '../follow/registry-client.ts';
import type { Tally } from '../tally.ts';
import { within } from '../timing.ts';
import { addDependency, type Budget, coarsen, type Dependency } from './coarsen.ts';

export interface RegistrationsParts {
  readonly source: string;
  /** The tag of this response alone. */
  readonly ownTag: string;
  /** Undefined when there was none as the scope was opened. */
  readonly registry: RegistryClient | undefined;
  readonly budget: Budget;
  readonly tasks: Tasks;
  readonly tally: Tally;
  readonly refused: (refusal: ReadRefusal) => void;
}

/** How long a response waits for word of its reads. */
const WAIT_MS = 250;
/** How long the body's end waits, which is broken off then. */
const END_MS = 2_000;

export class Registrations {
  readonly #parts: RegistrationsParts;
  readonly byTag = new Map<string, Dependency>();
  /** Whether the response's fields allow storing it. */
  isStorable = false;
  /** Its response has gone out whole. */
  isOver = false;
  #isLate = false;
  #isTold = false;
  #isRefused = false;
  /** Those without an answer yet. */
  #pending = 0;
  #waiters: (() => void)[] = [];
  /** Registered for a Cache-Tag of that length. */
  #coarsened: { readonly givenLength: number; readonly tags: readonly string[] } | undefined;

  constructor(parts: RegistrationsParts) {
    this.#parts = parts;
  }

  /** Registers the read. Returns false when it is refused already. */
  register(tag: string, watched: Read, mark: Mark): boolean {
    const answer = this.#parts.registry?.register(tag, watched, mark);
    if (!(answer instanceof Promise)) return this.#answered(answer);
    this.#pending++;
    void answer.then((refusal) => {
      this.#pending--;
      this.#answered(refusal);
      if (this.#isDecided) for (const wake of this.#waiters.splice(0)) wake();
    });
    return true;
  }

  /** Notes a read that is registered. */
  add(tag: string, dependency: Dependency): void {
    addDependency(this.byTag, tag, dependency);
    this.#coarsened = undefined;
  }

  /** Tags of the response that fit beside those that it has already. Wider ones are registered here, once. */
  tagsBeside(given: string): readonly string[] {
    if (this.#coarsened?.givenLength === given.length) return this.#coarsened.tags;
    const { source, ownTag, budget, tally } = this.#parts;
    // Those that the response has whatever it reads.
    const fixedTags = [sourceTag(source), ownTag];
    const taken = given.length + fixedTags.join(', ').length + 4;
    const left = { maxTags: budget.maxTags - fixedTags.length, maxBytes: budget.maxBytes - taken };
    const { level, dependencies } = coarsen(source, this.byTag, left);
    if (level !== 'row') {
      tally.coarsened(level);
      for (const [tag, { watched, mark }] of dependencies) this.register(tag, watched, mark);
    }
    const tags = [...fixedTags, ...dependencies.keys()];
    this.#coarsened = { givenLength: given.length, tags };
    return tags;
  }

  /** The reads show all that was committed up to there, and perhaps more. */
  get position(): FeedPosition | undefined {
    let first = this.#parts.registry?.position;
    for (const { mark } of this.byTag.values()) {
      if (first === undefined || mark.position < first) first = mark.position;
    }
    return first;
  }

  /** Resolves once there is word of all, or none is waited for any longer; undefined when there is word of all. */
  confirmed(): Promise<void> | undefined {
    if (this.#isDecided) return undefined;
    return within(this.#parts.tasks, WAIT_MS, new Promise<void>((resolve) => this.#waiters.push(resolve)));
  }

  /** Why the reads may not be stored, besides what was refused. */
  unconfirmed(): ReadRefusal | undefined {
    const session = this.#parts.registry?.session;
    for (const { mark } of this.byTag.values()) if (mark.session !== session) return BEGUN_ANEW;
    return this.#pending === 0 ? undefined : { kind: 'not-registered', what: 'no word of the feed process' };
  }

  /** A read that the fields say nothing of. */
  readLate(): void {
    if (this.isOver || this.#isLate || !this.isStorable) return;
    this.#isLate = true;
    const { tally, registry, ownTag } = this.#parts;
    tally.untracked('late');
    registry?.publish([ownTag]);
  }

  /** Whether late reads are known to outdate the response: if not, its body may not end whole. Undefined when it may. */
  told(): Promise<boolean> | undefined {
    if (!this.#isLate || this.#isTold) return undefined;
    const published = this.#parts.registry?.published() ?? false;
    // Tags that others publish later need no wait here.
    this.#isTold = published === true;
    if (this.#isTold) return undefined;
    return within(this.#parts.tasks, END_MS, Promise.resolve(published)).then((isTold = false) => {
      this.#isTold ||= isTold;
      return isTold;
    });
  }

  get #isDecided(): boolean {
    return this.#pending === 0 || this.#isRefused;
  }

  #answered(refusal: ReadRefusal | undefined): boolean {
    if (refusal === undefined) return true;
    this.#isRefused = true;
    this.#parts.refused(refusal);
    return false;
  }
}
