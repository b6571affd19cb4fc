// Follows the database: what changes there is looked up among what was read, and told to the targets.
//
// The one complication: the schema. A statement analysed before a change of it means other columns after. So from the
// moment such a change is told until the catalogue was read again nothing is registered.

import type { ChangeSet, FeedPosition } from '../dependency/change.ts';
import type { ReadMark } from '../dependency/recent-changes.ts';
import { type Outdated, Registry, type Watched } from '../dependency/registry.ts';
import type { Template } from '../dependency/template.ts';
import type { Cancel, Clock, FeedListener, Random, Tasks } from '../ports.ts';
import { Templates } from '../sql/templates.ts';
import type { OpenDatabase } from './contract.ts';
import type { Publisher } from './publisher.ts';
import { anyChangeTag } from './tags.ts';
import type { Tally } from './tally.ts';

export interface FollowerParts {
  readonly source: string;
  readonly database: OpenDatabase;
  readonly publishers: readonly Publisher[];
  readonly tally: Tally;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  readonly maxLagMs: number;
  readonly maxInstances: number | undefined;
  readonly maxTemplates: number | undefined;
  readonly onFault: (error: unknown) => void;
}

const REFRESH_RETRY_MS = 200;
const WAIT_MS = 10;
const NEVER = () => false;

export class Follower implements FeedListener {
  readonly #parts: FollowerParts;
  readonly #templates: Templates;
  #registry: Registry | undefined;
  #position: FeedPosition | undefined;
  #generation = 0;
  #isRefreshing = false;
  #isStale = false;
  #isStopped = false;
  #cancelRefresh: Cancel | undefined;
  /** Positions applied, with the places in the queues at which they are delivered. */
  #unacknowledged: { readonly position: FeedPosition; readonly places: readonly number[] }[] = [];
  #waiters: (() => void)[] = [];

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    const { maxTemplates } = parts;
    this.#templates = new Templates(parts.database.parts, maxTemplates === undefined ? {} : { maxTemplates });
  }

  get position(): FeedPosition | undefined {
    return this.#position;
  }

  get instances(): number {
    return this.#registry?.size ?? 0;
  }

  /** Differs once statements may mean something else. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the feed is up to date. */
  get isLive(): boolean {
    if (this.#registry === undefined || this.#isStopped) return false;
    const { state, lagMs } = this.#parts.database.feed.status();
    return state === 'live' && lagMs <= this.#parts.maxLagMs;
  }

  get isRefreshing(): boolean {
    return this.#isRefreshing;
  }

  /** To be taken before a read; undefined: nothing can be registered now. */
  mark(): ReadMark | undefined {
    return this.#registry?.mark();
  }

  template(text: string): Template {
    return this.#templates.get(text);
  }

  covers(template: Extract<Template, { kind: 'tracked' }>): string | undefined {
    return template.reads.find(({ table }) => !this.#parts.database.covers(table.name))?.table.name;
  }

  /** `tag` stands for what was read from now on, or is outdated already. */
  register(tag: string, watched: Watched, mark: ReadMark): void {
    const outdated = this.#registry?.register(tag, watched, mark);
    if (outdated === undefined) return;
    // A cache takes the stamp of a fill before it asks for the response, and this comes after: the response that is being
    // made is not stored under a tag that was invalidated since, and one that was stored before is no longer served. So
    // nothing else needs to be said in the response itself.
    if (outdated.forgotten.length === 0) this.#parts.tally.overtaken++;
    this.#tell(outdated);
  }

  registerSource(mark: ReadMark): string {
    const tag = anyChangeTag(this.#parts.source);
    this.register(tag, 'source', mark);
    return tag;
  }

  publish(tags: readonly string[]): void {
    for (const publisher of this.#parts.publishers) publisher.publish(tags);
  }

  changed(set: ChangeSet): void {
    if (this.#registry === undefined || this.#isStopped) return;
    const { tally } = this.#parts;
    tally.changes += set.changes.length;
    const mayBeSchema = set.changes.some(({ kind }) => kind === 'truncate');
    if (mayBeSchema) this.#isRefreshing = true;
    try {
      this.#tell(this.#registry.apply(set));
    } catch (error) {
      this.#parts.onFault(error);
      this.#restart(set.position);
    }
    this.#applied(set.position);
    if (mayBeSchema) this.#refresh();
  }

  gap(_reason: string, position: FeedPosition): void {
    if (this.#isStopped) return;
    this.#parts.tally.gaps++;
    this.#isRefreshing = true;
    this.#restart(position);
    this.#applied(position);
    this.#refresh();
  }

  reached(position: FeedPosition): void {
    if (this.#isStopped) return;
    this.#registry?.reached(position);
    this.#applied(position);
  }

  /** A target took something in. */
  progressed(): void {
    const done = this.#unacknowledged.findIndex(({ places }) => !this.#isDelivered(places));
    const taken = this.#unacknowledged.splice(0, done < 0 ? this.#unacknowledged.length : done);
    const last = taken.at(-1);
    if (last !== undefined) this.#parts.database.feed.acknowledge(last.position);
    this.#wakeWaiters();
  }

  /** Resolves once no target serves what was before the latest commit that there is now. False: it was stopped. */
  async settled(isGivenUp: () => boolean): Promise<boolean> {
    const { database, clock, publishers } = this.#parts;
    const calledAt = clock.monotonic();
    database.wake();
    const head = await database.head();
    const isTold = () => {
      if (head !== undefined && this.#position !== undefined && this.#position >= head) return true;
      // Asked for before the lag is, which must not seem smaller than it is.
      const now = clock.monotonic();
      const { state, lagMs } = database.feed.status();
      return state === 'live' && now - lagMs >= calledAt;
    };
    if (!(await this.#until(isTold, isGivenUp))) return false;
    const places = publishers.map(({ givenUpTo }) => givenUpTo);
    return this.#until(() => this.#isDelivered(places), isGivenUp);
  }

  /** Resolves once reads can be registered. */
  async begun(): Promise<void> {
    await this.#until(() => this.isLive && !this.#isRefreshing, NEVER);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelRefresh?.();
    this.#wakeWaiters();
  }

  async #until(isTrue: () => boolean, isGivenUp: () => boolean): Promise<boolean> {
    while (!isTrue()) {
      if (this.#isStopped || isGivenUp()) return false;
      await new Promise<void>((resolve) => {
        // The lag of a feed may become smaller without a word.
        const cancel = this.#parts.tasks.later(WAIT_MS, () => resolve());
        this.#waiters.push(() => {
          cancel();
          resolve();
        });
      });
    }
    return true;
  }

  #wakeWaiters(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  #isDelivered(places: readonly number[]): boolean {
    return this.#parts.publishers.every(({ deliveredUpTo }, at) => deliveredUpTo >= (places[at] as number));
  }

  #tell({ tags, forgotten }: Outdated): void {
    this.#parts.tally.outdated += tags.length - forgotten.length;
    this.#parts.tally.forgotten += forgotten.length;
    this.publish(tags);
  }

  #restart(position: FeedPosition): void {
    const { maxInstances, random, publishers } = this.#parts;
    const bound = maxInstances === undefined ? {} : { maxInstances };
    if (this.#registry !== undefined) this.#registry.restart(position);
    else this.#registry = new Registry({ ...bound, position, seed: Math.floor(random() * 2 ** 32) });
    for (const publisher of publishers) publisher.restart();
  }

  #applied(position: FeedPosition): void {
    if (this.#position === undefined || position > this.#position) this.#position = position;
    const places = this.#parts.publishers.map(({ givenUpTo }) => givenUpTo);
    const last = this.#unacknowledged.at(-1);
    // Of positions with nothing between them the last one says it all.
    if (last?.places.every((place, at) => place === places[at]) === true) this.#unacknowledged.pop();
    this.#unacknowledged.push({ position, places });
    this.progressed();
  }

  #refresh(): void {
    this.#isStale = true;
    if (this.#cancelRefresh === undefined)
      this.#cancelRefresh = this.#parts.tasks.later(0, () => this.#readCatalogue());
  }

  #readCatalogue(): void {
    this.#isStale = false;
    this.#tryCatalogue().then(
      () => {
        this.#cancelRefresh = undefined;
        if (this.#isStale) this.#refresh();
        else this.#isRefreshing = false;
      },
      (error: unknown) => {
        this.#parts.onFault(error);
        if (this.#isStopped) return;
        this.#cancelRefresh = this.#parts.tasks.later(REFRESH_RETRY_MS, () => this.#readCatalogue());
      },
    );
  }

  async #tryCatalogue(): Promise<void> {
    const catalogue = await this.#parts.database.refresh();
    // Also where it is as it was: between two readings it may have been another.
    this.#generation++;
    if (catalogue !== undefined) this.#templates.replaceCatalogue(catalogue);
  }
}
