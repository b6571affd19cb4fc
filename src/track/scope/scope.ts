// Records what one response reads, and gives the fields that say so.
//
// A body that is still being made may read after the fields have gone out. That read can no longer be named; so each
// response has a tag of its own, by which it is made outdated then.

import { sourceTag } from '../../dependency/source-tag.ts';
import { messageOf } from '../../errors.ts';
import type { Finished, FinishOptions, Scope, Untracked } from '../contract.ts';
import type { Following, Refusal, Side } from '../follow/follow-contract.ts';
import type { Problems } from '../problems.ts';
import type { Tally } from '../tally.ts';
import { type Budget, type Coarsened, coarsen, type Dependency, earlier } from './coarsen.ts';
import { refused } from './response-exchange.ts';
import type { Scopes } from './scopes.ts';

export interface ScopeParts {
  readonly source: string;
  readonly name: string;
  /** Undefined when there was none as the scope was opened. */
  readonly side: Side | undefined;
  readonly tally: Tally;
  readonly budget: Budget;
  readonly problems: Problems;
  readonly scopes: Scopes<RequestScope>;
}

export class RequestScope implements Scope {
  readonly #parts: ScopeParts;
  readonly #dependencies = new Map<string, Dependency>();
  readonly #reasons = new Set<string>();
  readonly #doubts = new Set<string>();
  readonly #adopted = new Set<RequestScope>();
  readonly #close: () => void;
  /** Generation of the catalogue, when the scope was opened. */
  readonly generation: number | undefined;
  #isAllowed = false;
  /** A read was recorded; */
  #isSeen = false;
  /** none is to be expected. */
  #isStatic = false;
  #hasWritten = false;
  #isUnsettled = false;
  #isFinished = false;
  #isStorable = false;
  #isOver = false;
  #isLate = false;
  #isTold = false;
  /** Reads that have begun and not ended. */
  #underWay = 0;
  /** Tags registered for a Cache-Tag of that length. */
  #coarsened: { readonly givenLength: number; readonly result: Coarsened } | undefined;

  constructor(parts: ScopeParts) {
    this.#parts = parts;
    this.generation = parts.side?.follower.generation;
    this.#close = parts.scopes.open(this);
  }

  run<T>(work: () => T): T {
    return this.#parts.scopes.run(this, work);
  }

  allow(reason: string): void {
    if (reason !== '') this.#isAllowed = true;
  }

  refuse(reason: string): void {
    if (!this.#isFinished) this.#reasons.add(reason);
  }

  readsNothing(isSo = true): void {
    this.#isStatic = isSo;
  }

  end(): void {
    this.#isOver = true;
    // Otherwise a renewed memo would hold all scopes it was renewed from.
    this.#adopted.clear();
    this.#close();
  }

  get side(): Side | undefined {
    return this.#parts.side;
  }

  /** Something other than a query was run, which may have changed the database. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  /** Since the last time that all was told, */
  get isUnsettled(): boolean {
    return this.#isUnsettled;
  }

  /** A statement wrote, or may have. `isOwn`: on a connection of its own, whose next reads may show changes not told yet. */
  wrote(isOwn: boolean): void {
    this.#hasWritten = true;
    this.#isUnsettled ||= isOwn;
  }

  settled(): void {
    this.#isUnsettled = false;
  }

  add(tag: string, dependency: Dependency): void {
    if (this.#isFinished) return this.late();
    this.#isSeen ||= dependency.watched === 'source' || dependency.watched.reads.length > 0;
    const known = this.#dependencies.get(tag);
    const mark = known === undefined ? dependency.mark : earlier(known.mark, dependency.mark);
    this.#dependencies.set(tag, { watched: dependency.watched, mark });
    this.#coarsened = undefined;
  }

  /** Takes over the dependencies of another scope, which began to read after this one was opened. */
  adopt(other: RequestScope): void {
    if (!this.#isNew(other)) return;
    for (const [tag, dependency] of other.#dependencies) this.add(tag, dependency);
    this.#share(other);
  }

  /** Adopts a scope that may have read before: first it looks for a change since then, which was told already. */
  renew(other: RequestScope): void {
    if (!this.#isNew(other)) return;
    const { follower } = this.side ?? {};
    const mark = follower?.mark();
    if (follower === undefined || mark === undefined) return this.untracked('not-live');
    if (!this.#isOfOneSchema(other)) return this.untracked('schema-change');
    for (const [tag, { watched, mark: before }] of other.#dependencies) {
      if (!follower.register(tag, watched, before)) this.untracked('overtaken');
      // The other scope's reads missed nothing up to now.
      this.add(tag, { watched, mark });
    }
    this.#share(other);
  }

  #isNew(other: RequestScope): boolean {
    if (other === this || this.#adopted.has(other)) return false;
    if (other.#isFinished) this.#adopted.add(other);
    return true;
  }

  #share(other: RequestScope): void {
    for (const reason of other.#reasons) this.refuse(reason);
    if (!other.#isAllowed) for (const doubt of other.#doubts) this.#doubts.add(doubt);
    if (other.#hasWritten) this.wrote(other.#isUnsettled);
  }

  #isOfOneSchema({ side: other, generation }: RequestScope): boolean {
    const { side } = this;
    if (side === undefined || side.follower.isRefreshing || side.follower.generation !== generation) return false;
    // Marks of a feed process say of which of its lives they are; one side in this process is one life.
    return side.underway === undefined ? side === other : other?.underway !== undefined;
  }

  /** `isFirm`: it cannot be allowed. */
  untracked(kind: Untracked, what?: string, isFirm = kind !== 'uncacheable'): void {
    this.#parts.tally.untracked(kind);
    if (this.#isFinished) return this.late();
    // A statement that may be allowed was seen.
    this.#isSeen ||= kind === 'uncacheable';
    (isFirm ? this.#reasons : this.#doubts).add(what === undefined ? kind : `${kind}: ${what}`);
  }

  /** A read begins; call the returned function once it has ended. */
  begin(): () => void {
    // Count before the read: anyone who waits for a change after the read then waits for this, too.
    if (this.#isFinished) this.late();
    this.#underWay++;
    return () => {
      this.#underWay--;
    };
  }

  /** A read that the response's fields say nothing of. */
  late(): void {
    const { tally, side } = this.#parts;
    if (this.#isOver || this.#isLate || !this.#isStorable) return;
    this.#isLate = true;
    tally.untracked('late');
    side?.follower.publish([this.#ownTag]);
  }

  /** Whether late reads are known to outdate the response: if not, its body may not end whole. Undefined when it may. */
  told(): Promise<boolean> | undefined {
    const { underway, follower } = this.#parts.side ?? {};
    if (!this.#isLate || this.#isTold) return undefined;
    if (follower?.isStopped === true) return Promise.resolve(false);
    const published = underway?.published();
    // Tags that others publish later need no wait here.
    this.#isTold = published === undefined;
    return published?.then((isTold) => {
      this.#isTold ||= isTold;
      return isTold;
    });
  }

  /** Whether the response's fields allow storing it. */
  get isStorable(): boolean {
    return this.#isStorable;
  }

  registered({ cacheTag = '' }: FinishOptions = {}): Promise<void> | undefined {
    const { underway, follower } = this.#parts.side ?? {};
    if (underway === undefined || follower === undefined || this.#isFinished) return undefined;
    if (this.#isRefused || !follower.isLive) return undefined;
    this.#coarse(follower, cacheTag);
    return underway.wait();
  }

  finish(options: FinishOptions = {}): Finished {
    const { cacheTag = '' } = options;
    const { side, tally } = this.#parts;
    if (side?.follower.isLive !== true) this.untracked('not-live');
    // Reads that are still under way cannot be named any more.
    if (this.#underWay > 0) this.untracked('late', 'a statement that has not answered');
    let coarsened: Coarsened | undefined;
    try {
      if (side !== undefined && !this.#isRefused) coarsened = this.#coarse(side.follower, cacheTag);
    } catch (error) {
      tally.untracked('error');
      this.#reasons.add(messageOf(error));
    }
    if (!this.#isRefused) for (const { kind, what } of this.#refusals()) this.untracked(kind, what);
    if (!this.#isRefused && !this.#isSeen && !this.#isStatic) this.#unseen(options);
    this.#isFinished = true;
    if (this.#isRefused || side === undefined || coarsened === undefined) return refused(this.#whyNot);
    return this.#tagged(side.follower, cacheTag, coarsened);
  }

  /** Its driver may be one that is not wrapped. */
  #unseen({ route, mayStore = true }: FinishOptions): void {
    const { tally, problems } = this.#parts;
    this.#reasons.add(`nothing-read: ${SEE}`);
    if (!mayStore) return;
    tally.untracked('nothing-read');
    const got = 'got none, so it is not stored';
    const what = `expected a read of a wrapped driver for ${route ?? 'a response'}`;
    problems.tell(`nothing-read ${route}`, `${what}, ${got}: ${SEE}`);
  }

  get #isRefused(): boolean {
    return this.#reasons.size > 0 || (this.#doubts.size > 0 && !this.#isAllowed);
  }

  get #whyNot(): readonly string[] {
    return [...this.#reasons, ...(this.#isAllowed ? [] : this.#doubts)];
  }

  #refusals(): readonly Refusal[] {
    return this.#parts.side?.underway?.refusals() ?? [];
  }

  get #ownTag(): string {
    return `s${this.#parts.name}`;
  }

  get #fixedTags(): readonly string[] {
    return [sourceTag(this.#parts.source), this.#ownTag];
  }

  /** Wider tags are registered here, once. */
  #coarse(follower: Following, given: string): Coarsened {
    const { source, tally, budget } = this.#parts;
    if (this.#coarsened?.givenLength === given.length) return this.#coarsened.result;
    const taken = given.length + this.#fixedTags.join(', ').length + 4;
    const left = { maxTags: budget.maxTags - this.#fixedTags.length, maxBytes: budget.maxBytes - taken };
    const result = coarsen(source, this.#dependencies, left);
    if (result.level !== 'row') {
      tally.coarsened(result.level);
      for (const [tag, { watched, mark }] of result.dependencies) {
        if (!follower.register(tag, watched, mark)) this.untracked('overtaken');
      }
    }
    this.#coarsened = { givenLength: given.length, result };
    return result;
  }

  #tagged(follower: Following, given: string, { dependencies }: Coarsened): Finished {
    this.#isStorable = true;
    const tags = [...this.#fixedTags, ...dependencies.keys()];
    const value = [...(given === '' ? [] : [given]), ...tags].join(', ');
    const position = this.#position(follower);
    const stated = position === undefined ? [] : [['Tidegate-Position', `${this.#parts.source};${position}`] as const];
    return { isStorable: true, reasons: [], tags, fields: [['Cache-Tag', value], ...stated] };
  }

  /** Reads show all that was committed up to there, and perhaps more. */
  #position(follower: Following): string | undefined {
    let first = follower.position;
    for (const { mark } of this.#dependencies.values()) {
      if (first === undefined || mark.position < first) first = mark.position;
    }
    return first;
  }
}

const SEE = 'wrap the driver that it reads with (tracker.wrap), or say that it reads nothing (tracker.static)';
