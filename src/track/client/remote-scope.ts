// The side that follows, for one scope whose reads are registered with a feed process.
//
// A read is recorded at once, and registered a while later. A response that goes out before all its reads are
// registered is not stored.

import type { FeedPosition } from '../../dependency/change.ts';
import type { ReadMark } from '../../dependency/recent-changes.ts';
import type { Watched } from '../../dependency/registry.ts';
import type { Lookup, Template } from '../../dependency/template.ts';
import type { Cancel, Tasks } from '../../ports.ts';
import type { Catalogue, Session } from '../../sql/ast.ts';
import type { LookedUp } from '../contract.ts';
import type { Following, Refusal, Underway } from '../follow/follow-contract.ts';
import { lookupGiven } from '../server/process-lookups.ts';
import { encodeRegistration, type Registering, type RemoteMark } from '../server/process-registration.ts';
import type { RemoteFeed } from './remote-feed.ts';
import type { RemoteReports } from './remote-reports.ts';

export interface RemoteScopeParts {
  readonly source: string;
  readonly feed: RemoteFeed;
  readonly reports: RemoteReports;
  readonly tasks: Tasks;
  /** Whether the caches of this process have a lease. */
  readonly isLeased: () => boolean;
}

/** How long a response waits. */
const WAIT_MS = 250;
/** How long its end does, which is broken off then. */
const END_MS = 2_000;

export class RemoteScope implements Following, Underway {
  readonly #parts: RemoteScopeParts;
  /** The life of the process in which its reads are registered. */
  #session: string | undefined;
  #asked: { readonly lookups: readonly Lookup[]; readonly given: unknown[] | undefined } | undefined;
  #pending = 0;
  readonly #refused: Refusal[] = [];
  #waiters: (() => void)[] = [];

  constructor(parts: RemoteScopeParts) {
    this.#parts = parts;
  }

  get position(): FeedPosition | undefined {
    return this.#parts.feed.position;
  }

  get generation(): number {
    return this.#parts.feed.generation;
  }

  get isLive(): boolean {
    return this.#parts.feed.isLive && this.#parts.isLeased();
  }

  get isRefreshing(): boolean {
    return this.#parts.feed.isRefreshing;
  }

  mark(): RemoteMark | undefined {
    return this.#parts.feed.mark();
  }

  template(text: string, session?: Session): Template {
    return this.#parts.feed.template(text, session);
  }

  get catalogue(): Catalogue | undefined {
    return this.#parts.feed.catalogue;
  }

  /** The process says so, when it refuses. */
  uncovered(): undefined {
    return undefined;
  }

  /** Runs no look-ups here: they go along with the next registration. */
  readonly lookUp = (lookups: readonly Lookup[], parameters: readonly unknown[]): LookedUp => {
    this.#asked = { lookups, given: lookupGiven(lookups, parameters) };
    return lookups.map(() => undefined);
  };

  /** Whether a change was told before is in the answer of the process. */
  register(tag: string, watched: Watched, mark: ReadMark): true {
    const { lookups, given } = this.#asked ?? {};
    this.#asked = undefined;
    const isOfThis = watched !== 'source' && watched.template.lookups === lookups;
    this.#register({ tag, watched, mark: mark as RemoteMark, given: isOfThis ? given : undefined });
    return true;
  }

  publish(tags: readonly string[]): void {
    this.#parts.reports.publish(tags);
  }

  wait(): Promise<void> | undefined {
    if (this.#isDecided) return undefined;
    return this.#within(WAIT_MS, new Promise((resolve) => this.#waiters.push(() => resolve(true)))).then(
      () => undefined,
    );
  }

  refusals(): readonly Refusal[] {
    const isOther = this.#session !== undefined && this.#session !== this.#parts.feed.session;
    if (isOther) return [...this.#refused, { kind: 'not-registered', what: 'the feed process has begun anew' }];
    if (this.#pending === 0) return this.#refused;
    return [...this.#refused, { kind: 'not-registered', what: 'no word of the feed process' }];
  }

  published(): Promise<boolean> | undefined {
    const published = this.#parts.reports.published();
    return published && this.#within(END_MS, published);
  }

  get #isDecided(): boolean {
    return this.#pending === 0 || this.#refused.length > 0;
  }

  #register(read: Registering): void {
    const { feed, reports } = this.#parts;
    const { session } = read.mark;
    this.#session ??= session;
    if (!feed.isLive || session !== feed.session) {
      this.#refused.push({ kind: 'not-registered' });
      return;
    }
    const bytes = encodeRegistration(read);
    this.#pending++;
    reports.register(bytes, session, (refusal) => {
      this.#pending--;
      if (refusal !== undefined) this.#refused.push(refusal);
      if (this.#isDecided) for (const wake of this.#waiters.splice(0)) wake();
    });
  }

  /** Resolves to false when it takes longer. */
  #within(timeMs: number, word: Promise<boolean>): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel: Cancel = this.#parts.tasks.later(timeMs, () => resolve(false));
      void word.then((isSo) => {
        cancel();
        resolve(isSo);
      });
    });
  }
}
