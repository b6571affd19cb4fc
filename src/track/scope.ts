// What was read while one response was made, and the fields that say so.
//
// The one complication: what is read after the fields have gone out, by a body that is still being made. It can no longer
// be named; so each response has a tag of its own, by which it is made outdated then.

import type { AsyncLocalStorage } from 'node:async_hooks';
import { sourceTag } from '../dependency/source-tag.ts';
import type { Dialect } from '../dependency/template.ts';
import type { Parser } from '../sql/ast.ts';
import { type Budget, coarsen, type Dependency, earlier } from './coarsen.ts';
import type { Finished, FinishOptions, OpenDatabase, Scope, Untracked } from './contract.ts';
import type { Follower } from './follower.ts';
import type { Tally } from './tally.ts';

/** The side that follows the database. */
export interface Side {
  readonly follower: Follower;
  readonly parser: Parser;
  readonly dialect: Dialect;
  readonly wake: () => void;
  readonly lookUp?: OpenDatabase['lookUp'];
}

export interface ScopeParts {
  readonly source: string;
  readonly name: string;
  /** Undefined: there was none when the scope was opened. */
  readonly side: Side | undefined;
  readonly tally: Tally;
  readonly budget: Budget;
  readonly storage: AsyncLocalStorage<RequestScope>;
}

export class RequestScope implements Scope {
  readonly #parts: ScopeParts;
  readonly #dependencies = new Map<string, Dependency>();
  readonly #reasons = new Set<string>();
  readonly #doubts = new Set<string>();
  #isAllowed = false;
  #hasWritten = false;
  #isUnsettled = false;
  #isFinished = false;
  #isStorable = false;
  #isOver = false;
  #isLate = false;

  constructor(parts: ScopeParts) {
    this.#parts = parts;
  }

  run<T>(work: () => T): T {
    const { storage } = this.#parts;
    return storage.run(this, () => begun(work()));
  }

  allow(reason: string): void {
    if (reason !== '') this.#isAllowed = true;
  }

  refuse(reason: string): void {
    if (!this.#isFinished) this.#reasons.add(reason);
  }

  end(): void {
    this.#isOver = true;
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

  wrote(): void {
    this.#hasWritten = this.#isUnsettled = true;
  }

  /** A function may have written. */
  ran(): void {
    this.#hasWritten = true;
  }

  settled(): void {
    this.#isUnsettled = false;
  }

  add(tag: string, dependency: Dependency): void {
    if (this.#isFinished) return this.late();
    const known = this.#dependencies.get(tag);
    const mark = known === undefined ? dependency.mark : earlier(known.mark, dependency.mark);
    this.#dependencies.set(tag, { watched: dependency.watched, mark });
  }

  /** All that another one depends on. */
  adopt(other: RequestScope): void {
    for (const [tag, dependency] of other.#dependencies) this.add(tag, dependency);
    for (const reason of other.#reasons) this.refuse(reason);
    if (!other.#isAllowed) for (const doubt of other.#doubts) this.#doubts.add(doubt);
  }

  untracked(kind: Untracked, what?: string): void {
    this.#parts.tally.untracked(kind);
    if (this.#isFinished) return this.late();
    (kind === 'uncacheable' ? this.#doubts : this.#reasons).add(what === undefined ? kind : `${kind}: ${what}`);
  }

  /** A read that the response's fields say nothing of. */
  late(): void {
    const { tally, side } = this.#parts;
    if (this.#isOver || this.#isLate || !this.#isStorable) return;
    this.#isLate = true;
    tally.untracked('late');
    side?.follower.publish([this.#ownTag]);
  }

  finish({ cacheTag }: FinishOptions = {}): Finished {
    const { side } = this.#parts;
    if (side?.follower.isLive !== true) this.untracked('not-live');
    this.#isFinished = true;
    const reasons = [...this.#reasons, ...(this.#isAllowed ? [] : this.#doubts)];
    if (reasons.length > 0 || side === undefined) return refused(reasons);
    try {
      return this.#tagged(side.follower, cacheTag ?? '');
    } catch (error) {
      this.#parts.tally.untracked('error');
      return refused([error instanceof Error ? error.message : String(error)]);
    }
  }

  get #ownTag(): string {
    return `s${this.#parts.name}`;
  }

  #tagged(follower: Follower, given: string): Finished {
    const { source, tally, budget } = this.#parts;
    const fixed = [sourceTag(source), this.#ownTag];
    const taken = given.length + fixed.join(', ').length + 4;
    const left = { maxTags: budget.maxTags - fixed.length, maxBytes: budget.maxBytes - taken };
    const { level, dependencies } = coarsen(source, this.#dependencies, left);
    if (level !== 'row') {
      tally.coarsened(level);
      for (const [tag, { watched, mark }] of dependencies) follower.register(tag, watched, mark);
    }
    this.#isStorable = true;
    const tags = [...fixed, ...dependencies.keys()];
    const value = [...(given === '' ? [] : [given]), ...tags].join(', ');
    const position = this.#position(follower);
    const stated = position === undefined ? [] : [['Tidegate-Position', `${source};${position}`] as const];
    return { isStorable: true, reasons: [], tags, fields: [['Cache-Tag', value], ...stated] };
  }

  /** Reads show all that was committed up to there, and perhaps more. */
  #position(follower: Follower): string | undefined {
    let first = follower.position;
    for (const { mark } of this.#dependencies.values()) {
      if (first === undefined || mark.position < first) first = mark.position;
    }
    return first;
  }
}

/** Queries of ORMs and of postgres.js begin when they are waited for, which may be outside of here. */
function begun<T>(result: T): T {
  if (typeof result !== 'object' || result === null || !('then' in result) || result.constructor === Promise)
    return result;
  return Promise.resolve(result) as T;
}

const MAX_SHOWN = 300;

function refused(reasons: readonly string[]): Finished {
  // Texts of databases and parsers are among them.
  const shown = reasons
    .join('; ')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, MAX_SHOWN);
  return {
    isStorable: false,
    reasons,
    tags: [],
    fields: [
      ['CDN-Cache-Control', 'no-store'],
      ['Tidegate-Untracked', shown],
    ],
  };
}
