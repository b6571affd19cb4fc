// Records what one response reads, and gives the fields that say so.
//
// A body that is still being made may read after the fields have gone out. That read can no longer be named; so each
// response has a tag of its own, by which it is made outdated then.

import { messageOf } from '../../errors.ts';
import type { Finished, FinishOptions, Scope, Untracked } from '../contract.ts';
import type { Mark, Read, ReadRefusal, RegistryClient } from '../follow/registry-client.ts';
import type { Dependency } from './coarsen.ts';
import { Registrations, type RegistrationsParts } from './registrations.ts';
import type { Scopes } from './scopes.ts';

export interface ScopeParts extends Omit<RegistrationsParts, 'refused'> {
  readonly scopes: Scopes<RequestScope>;
}

export class RequestScope implements Scope {
  readonly registry: RegistryClient | undefined;
  readonly reads: Registrations;
  /**
   * Whether something other than a query was run, which may have changed the database. `unsettled`: on a connection of
   * its own, whose next reads may show what is not told yet.
   */
  writes: 'none' | 'settled' | 'unsettled' = 'none';
  readonly #parts: ScopeParts;
  readonly #verdict = new Verdict();
  readonly #adopted = new Set<RequestScope>();
  readonly #close: () => void;
  /** Reads that have begun and not ended. */
  #underWay = 0;

  constructor(parts: ScopeParts) {
    this.#parts = parts;
    this.registry = parts.registry;
    const refused = ({ kind, what }: ReadRefusal) => this.untracked(kind, what);
    this.reads = new Registrations({ ...parts, refused });
    this.#close = parts.scopes.open(this);
  }

  run<T>(work: () => T): T {
    return this.#parts.scopes.run(this, work);
  }

  allow(reason: string): void {
    if (reason !== '') this.#verdict.isAllowed = true;
  }

  refuse(reason: string): void {
    this.#verdict.refuse(reason);
  }

  readsNothing(isSo = true): void {
    this.#verdict.isStatic = isSo;
  }

  end(): void {
    this.reads.isOver = true;
    // Otherwise a renewed memo would hold all scopes it was renewed from.
    this.#adopted.clear();
    this.#close();
  }

  /** A statement wrote, or may have. `isOwn`: on a connection of its own. */
  wrote(isOwn: boolean): void {
    if (isOwn || this.writes === 'none') this.writes = isOwn ? 'unsettled' : 'settled';
  }

  /** Records a read, unless the registry refuses it. */
  register(tag: string, watched: Read, mark: Mark): void {
    if (this.reads.register(tag, watched, mark)) this.#add(tag, { watched, mark });
  }

  /** Takes over the dependencies of another scope, which began to read after this one was opened. */
  adopt(other: RequestScope): void {
    this.#join(other, (tag, dependency) => this.#add(tag, dependency));
  }

  /** Adopts a scope that may have read before: first it looks for a change since then, which was told already. */
  renew(other: RequestScope): void {
    const now = this.registry?.mark();
    this.#join(other, (tag, { watched, mark }) => {
      if (now === undefined) return this.untracked('not-live');
      this.reads.register(tag, watched, mark);
      // The other scope's reads missed nothing up to now.
      this.#add(tag, { watched, mark: now });
    });
  }

  /** `isFirm`: it cannot be allowed. */
  untracked(kind: Untracked, what?: string, isFirm = kind !== 'uncacheable'): void {
    this.#parts.tally.untracked(kind);
    if (this.#verdict.isFinal) return this.reads.readLate();
    // A statement that may be allowed was seen.
    this.#verdict.isSeen ||= kind === 'uncacheable';
    const reason = what === undefined ? kind : `${kind}: ${what}`;
    if (isFirm) this.#verdict.refuse(reason);
    else this.#verdict.doubts.add(reason);
  }

  /** A read begins; call the returned function once it has ended. */
  begin(): () => void {
    // Count before the read: anyone who waits for a change after the read then waits for this, too.
    if (this.#verdict.isFinal) this.reads.readLate();
    this.#underWay++;
    return () => {
      this.#underWay--;
    };
  }

  registered({ cacheTag = '' }: FinishOptions = {}): Promise<void> | undefined {
    if (this.registry?.isRemote !== true || this.#verdict.isFinal) return undefined;
    if (this.#verdict.isRefused || !this.registry.isLive) return undefined;
    this.reads.tagsBeside(cacheTag);
    return this.reads.confirmed();
  }

  finish(options: FinishOptions = {}): Finished {
    const { cacheTag = '' } = options;
    const verdict = this.#verdict;
    if (this.registry?.isLive !== true) this.untracked('not-live');
    // Reads that are still under way cannot be named any more.
    if (this.#underWay > 0) this.untracked('late', 'a statement that has not answered');
    let tags: readonly string[] = [];
    try {
      if (!verdict.isRefused) tags = this.reads.tagsBeside(cacheTag);
    } catch (error) {
      this.#parts.tally.untracked('error');
      verdict.refuse(messageOf(error));
    }
    const unconfirmed = verdict.isRefused ? undefined : this.reads.unconfirmed();
    if (unconfirmed !== undefined) this.untracked(unconfirmed.kind, unconfirmed.what);
    if (!verdict.isRefused && !verdict.isSeen && !verdict.isStatic) refuseUnseen(verdict, this.#parts, options);
    verdict.isFinal = true;
    if (verdict.isRefused) return refused(verdict.whyNot);
    this.reads.isStorable = true;
    const { position } = this.reads;
    const value = [...(cacheTag === '' ? [] : [cacheTag]), ...tags].join(', ');
    const stated = position === undefined ? [] : [['Tidegate-Position', `${this.#parts.source};${position}`] as const];
    const queries = ['Tidegate-Queries', String(this.reads.byTag.size)] as const;
    return { isStorable: true, reasons: [], tags, fields: [['Cache-Tag', value], queries, ...stated] };
  }

  #add(tag: string, dependency: Dependency): void {
    if (this.#verdict.isFinal) return this.reads.readLate();
    const { watched } = dependency;
    this.#verdict.isSeen ||= watched === 'source' || watched.template.reads.length > 0;
    this.reads.add(tag, dependency);
  }

  #join(other: RequestScope, take: (tag: string, dependency: Dependency) => void): void {
    if (other === this || this.#adopted.has(other)) return;
    if (other.#verdict.isFinal) this.#adopted.add(other);
    for (const [tag, dependency] of other.reads.byTag) take(tag, dependency);
    this.#verdict.join(other.#verdict);
    if (other.writes !== 'none') this.wrote(other.writes === 'unsettled');
  }
}

/** The driver may be one that is not wrapped. */
function refuseUnseen(verdict: Verdict, { tally }: ScopeParts, options: FinishOptions): void {
  const { route, mayStore = true } = options;
  verdict.refuse(`nothing-read: ${SEE}`);
  if (!mayStore) return;
  tally.untracked('nothing-read');
  const what = `expected a read of a wrapped driver for ${route ?? 'a response'}`;
  tally.tell(`nothing-read ${route}`, `${what}, got none, so it is not stored: ${SEE}`);
}

const SEE = 'wrap the driver that it reads with (tracker.wrap), or say that it reads nothing (tracker.static)';

class Verdict {
  readonly #reasons = new Set<string>();
  /** Reasons that the application may overrule. */
  readonly doubts = new Set<string>();
  isAllowed = false;
  /** It was given: later reasons come too late. */
  isFinal = false;
  /** A read was recorded. */
  isSeen = false;
  /** No read is to be expected. */
  isStatic = false;

  get isRefused(): boolean {
    return this.#reasons.size > 0 || (this.doubts.size > 0 && !this.isAllowed);
  }

  get whyNot(): readonly string[] {
    return [...this.#reasons, ...(this.isAllowed ? [] : this.doubts)];
  }

  refuse(reason: string): void {
    if (!this.isFinal) this.#reasons.add(reason);
  }

  /** Takes over the reasons of work that the response shows. */
  join(other: Verdict): void {
    for (const reason of other.#reasons) this.refuse(reason);
    if (!other.isAllowed) for (const doubt of other.doubts) this.doubts.add(doubt);
  }
}

export interface Exchange {
  readonly method: string;
  readonly status: number;
  /** The route as the framework names it, or a path. */
  readonly route: string;
  readonly field: (name: 'cache-control' | 'cache-tag') => string | undefined;
}

const NOT_SHARED = /(?:^|[\s,])(?:no-store|private)\b/i;

export function finishOptionsOf({ method, status, route, field }: Exchange): FinishOptions {
  const isRead = method === 'GET' || method === 'HEAD';
  const mayStore = isRead && status < 500 && !NOT_SHARED.test(field('cache-control') ?? '');
  return { cacheTag: field('cache-tag'), route: `${method} ${route}`, mayStore };
}

const MAX_SEGMENT = 40;

/** A route, or a kind of key, for messages: identifiers in it are left out, or each would be one of its own. */
export function routeOfPath(target: string): string {
  const path = target.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/[?#].*$/s, '');
  return path.replace(/[^/:]+/g, (one) => (/\d/.test(one) || one.length > MAX_SEGMENT ? '*' : one)) || '/';
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
