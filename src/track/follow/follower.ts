// The registry that follows the database: takes reads, looks up each change among them, and tells the targets.
//
// A statement that was analysed before a change of the schema means other columns after it. So nothing is registered
// from the moment such a change is told until the catalogue was read again.

import type { ChangeSet, FeedPosition } from '../../dependency/change.ts';
import type { SourceAnswer, SourceQuestion } from '../../dependency/describe/describe.ts';
import { type Outdated, Registry } from '../../dependency/registry.ts';
import type { Dialect, Template } from '../../dependency/template.ts';
import type { Eventually, FeedListener, FeedStatus } from '../../ports.ts';
import type { Catalogue, Parser, Session } from '../../sql/ast.ts';
import type { TrackerPlatform } from '../contract.ts';
import { randomName } from '../tags.ts';
import type { Tally } from '../tally.ts';
import { answerOf } from '../target/answer.ts';
import { Deliveries, type Publisher } from '../target/publisher.ts';
import { pause, Waiters } from '../timing.ts';
import { boundRead, narrowLater } from '../wrap/statements.ts';
import { KnownCatalogue, type KnownCatalogueParts } from './known-catalogue.ts';
import type { Mark, Read, ReadRefusal, RegistryClient } from './registry-client.ts';

export interface FollowerParts extends TrackerPlatform, KnownCatalogueParts {
  readonly publishers: ReadonlySet<Publisher>;
  readonly tally: Tally;
  readonly maxLagMs: number;
  readonly maxInstances?: number | undefined;
}

/** Some 10 ms of work. */
const TAGS_AT_ONCE = 1_000;

export class Follower implements FeedListener, RegistryClient {
  readonly dialect: Dialect;
  readonly parser: Parser;
  readonly isRemote = false;
  readonly session: string;
  readonly #parts: FollowerParts;
  #registry: Registry | undefined;
  position: FeedPosition | undefined;
  #isStopped = false;
  readonly #catalogue: KnownCatalogue;
  readonly #deliveries: Deliveries;
  readonly #waiters: Waiters;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.dialect = parts.database.parts.dialect;
    this.parser = parts.database.parts.parser;
    this.session = randomName(parts.random);
    this.#deliveries = new Deliveries(parts.publishers);
    this.#waiters = new Waiters(parts.tasks);
    this.#catalogue = new KnownCatalogue(parts);
  }

  get instances(): number {
    return this.#registry?.size ?? 0;
  }

  get catalogue(): Catalogue {
    return this.#catalogue.current;
  }

  get generation(): number {
    return this.#catalogue.generation;
  }

  get isLive(): boolean {
    if (this.#registry === undefined || this.#isStopped) return false;
    const { state, lagMs } = this.#parts.database.feed.status();
    return state === 'live' && lagMs <= this.#parts.maxLagMs;
  }

  get isRefreshing(): boolean {
    return this.#catalogue.isDue;
  }

  mark(): Mark | undefined {
    const mark = this.#registry?.mark();
    return mark && { ...mark, session: this.session, generation: this.generation };
  }

  template(text: string, session?: Session): Template {
    return this.#catalogue.templates.get(text, session);
  }

  /** Why reads of that mark are refused, whatever they read. */
  staleness({ session, generation }: Mark): ReadRefusal | undefined {
    if (session !== this.session) return BEGUN_ANEW;
    return generation !== this.generation || this.isRefreshing ? { kind: 'schema-change' } : undefined;
  }

  register(tag: string, read: Read, mark: Mark): ReadRefusal | undefined {
    const registry = this.#registry;
    const stale = this.staleness(mark);
    if (stale !== undefined) return stale;
    // No registry gave a mark beyond its own position.
    if (registry === undefined || this.position === undefined || mark.position > this.position) return UNKNOWN_MARK;
    const { database, tally, onFault } = this.#parts;
    // Of a read of the whole source, each statement was looked at.
    const reads = read === 'source' ? [] : read.template.reads;
    const uncovered = reads.find(({ table }) => !database.covers(table.name));
    if (uncovered !== undefined) return { kind: 'uncovered-table', what: uncovered.table.name };
    const isRun = read !== 'source' && 'parameters' in read;
    const outdated = registry.register(tag, isRun ? boundRead(read, database) : read, mark);
    // The tag is told all the same: other responses may have it, and nothing is registered under it any more.
    if (outdated !== undefined) this.#tell(outdated);
    if (outdated !== undefined && outdated.forgotten.length === 0) {
      tally.overtaken++;
      return { kind: 'overtaken' };
    }
    if (isRun) narrowLater(read, { tag, registry }, database).catch(onFault);
    return undefined;
  }

  publish(tags: readonly string[]): void {
    for (const publisher of this.#parts.publishers) publisher.publish(tags);
  }

  published(): boolean {
    return !this.#isStopped;
  }

  wake(): void {
    this.#parts.database.wake();
  }

  answer(question: SourceQuestion): SourceAnswer {
    const covers = (table: string) => this.#parts.database.covers(table);
    return answerOf(question, { registry: this.#registry, covers });
  }

  /** All up to the position has been published. */
  standing(): Pick<FeedStatus, 'position' | 'lagMs'> {
    return { position: this.position, lagMs: this.#parts.database.feed.status().lagMs };
  }

  changed(set: ChangeSet): Eventually<void> {
    if (this.#registry === undefined || this.#isStopped) return;
    this.#parts.tally.changes += set.changes.length;
    const truncated = set.changes.filter(({ kind }) => kind === 'truncate').map(({ table }) => table.name);
    // A truncate may be a change of the schema.
    if (truncated.length > 0) this.#catalogue.expect();
    if (this.#registry.size > TAGS_AT_ONCE && truncated.length > 0) {
      return this.#outdateReads(truncated).then(() => this.#apply(set, true));
    }
    this.#apply(set, truncated.length > 0);
  }

  /**
   * So many statements may read a truncated table that outdating all of them at once would hold the thread. The position
   * stays until the change set itself is applied, so these tags go out with an earlier one.
   */
  async #outdateReads(tables: readonly string[]): Promise<void> {
    for (const table of tables) {
      while (!this.#isStopped) {
        const outdated = this.#registry?.outdateReads(table, TAGS_AT_ONCE);
        if (outdated === undefined) break;
        this.#tell(outdated);
        await pause(this.#parts.tasks, 0);
      }
    }
  }

  #apply(set: ChangeSet, mayBeSchema: boolean): void {
    if (this.#registry === undefined || this.#isStopped) return;
    // Move first: the tags told now go out with the position.
    this.#moveTo(set.position);
    try {
      this.#tell(this.#registry.apply(set));
    } catch (error) {
      this.#parts.onFault(error);
      this.#restart(set.position);
    }
    this.#applied(set.position);
    if (mayBeSchema) this.#catalogue.begin();
  }

  gap(_reason: string, position: FeedPosition): void {
    if (this.#isStopped) return;
    this.#parts.tally.gaps++;
    this.#catalogue.expect();
    // Another log's position may be lower.
    this.position = position;
    this.#restart(position);
    this.#applied(position);
    this.#catalogue.begin();
  }

  reached(position: FeedPosition): void {
    if (this.#isStopped) return;
    this.#registry?.reached(position);
    this.#applied(position);
  }

  /** A target took something in. */
  progressed(): void {
    const position = this.#deliveries.taken();
    if (position !== undefined) this.#parts.database.feed.acknowledge(position);
    this.#waiters.wake();
  }

  async settled(isGivenUp: () => boolean): Promise<boolean> {
    const { database, clock } = this.#parts;
    const calledAt = clock.monotonic();
    const isOver = () => this.#isStopped || isGivenUp();
    database.wake();
    const head = await database.head();
    const isTold = () => {
      if (head !== undefined && this.position !== undefined && this.position >= head) return true;
      // Read the clock before the lag, which must not seem smaller than it is.
      const now = clock.monotonic();
      const { state, lagMs } = database.feed.status();
      return state === 'live' && now - lagMs >= calledAt;
    };
    if (!(await this.#waiters.until(isTold, isOver))) return false;
    const places = this.#deliveries.places();
    return this.#waiters.until(() => this.#deliveries.isDelivered(places), isOver);
  }

  async begun(): Promise<void> {
    await this.#waiters.until(
      () => this.isLive && !this.isRefreshing,
      () => this.#isStopped,
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#catalogue.stop();
    this.#waiters.wake();
  }

  #tell({ tags, forgotten }: Outdated): void {
    this.#parts.tally.outdated += tags.length - forgotten.length;
    this.#parts.tally.forgotten += forgotten.length;
    this.publish(tags);
  }

  #restart(position: FeedPosition): void {
    const { maxInstances, random, publishers } = this.#parts;
    if (this.#registry !== undefined) this.#registry.restart(position);
    else this.#registry = new Registry({ maxInstances, position, seed: Math.floor(random() * 2 ** 32) });
    for (const publisher of publishers) publisher.restart();
  }

  #moveTo(position: FeedPosition): void {
    if (this.position === undefined || position > this.position) this.position = position;
  }

  #applied(position: FeedPosition): void {
    this.#moveTo(position);
    this.#deliveries.applied(position);
    this.progressed();
    this.#parts.moved?.();
  }
}

export const BEGUN_ANEW: ReadRefusal = { kind: 'not-registered', what: 'the feed process has begun anew' };
const UNKNOWN_MARK: ReadRefusal = { kind: 'not-registered', what: 'a position that the feed has not come to' };
