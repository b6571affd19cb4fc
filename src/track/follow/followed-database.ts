// A database that is followed in this process, for a tracker; or for the clients of a feed process, whose data caches are
// targets that come and go.

import type { FeedPosition } from '../../dependency/change.ts';
import type { InMs } from '../../options/durations.ts';
import type { Cancel } from '../../ports.ts';
import type { DatabaseOptions, TrackerPlatform, TrackingTarget } from '../contract.ts';
import type { Tally } from '../tally.ts';
import { Publisher } from '../target/publisher.ts';
import { Follower } from './follower.ts';
import type { OpenDatabase } from './open-database.ts';
import type { Followed, FollowedStatus } from './registry-client.ts';

export interface DatabaseParts {
  readonly platform: TrackerPlatform;
  readonly tally: Tally;
  readonly onFault: (error: unknown) => void;
  /** Called after position, catalogue or registrations change. */
  readonly moved?: () => void;
}

export const LEASE_MS = 2_000;
const MAX_LAG_MS = 2_000;
const BEAT_MS = 20;

/** Rejects with the database's own error. */
export async function openDatabase(options: InMs<DatabaseOptions>, parts: DatabaseParts): Promise<FollowedDatabase> {
  const { source, database } = options;
  const opened = await database.open({ source, onFault: parts.onFault, ...parts.platform });
  return new FollowedDatabase(options, parts, opened);
}

export class FollowedDatabase implements Followed {
  readonly registry: Follower;
  readonly database: OpenDatabase;
  readonly leaseMs: number;
  readonly #options: InMs<DatabaseOptions>;
  readonly #parts: DatabaseParts;
  readonly #publishers = new Set<Publisher>();
  #cancelBeat: Cancel | undefined;
  #isStopped = false;

  constructor(options: InMs<DatabaseOptions>, parts: DatabaseParts, database: OpenDatabase) {
    this.#options = options;
    this.#parts = parts;
    this.database = database;
    this.leaseMs = options.leaseMs ?? LEASE_MS;
    const { maxLagMs = MAX_LAG_MS } = options;
    const publishers = this.#publishers;
    this.registry = new Follower({ ...options, ...parts, ...parts.platform, database, maxLagMs, publishers });
    for (const target of options.targets) this.#publishers.add(this.#publisherTo(target));
  }

  async begin(): Promise<void> {
    await this.database.feed.start(undefined, this.registry);
    // Nothing could be recorded before, and no lease is given.
    await this.registry.begun();
    this.#beat();
  }

  status(): FollowedStatus {
    const { isLive, position, instances } = this.registry;
    const targets = [...this.#publishers].map((publisher) => publisher.status());
    return { isLive, feed: this.database.feed.status(), position, instances, targets };
  }

  settled(isGivenUp: () => boolean): Promise<boolean> {
    return this.registry.settled(isGivenUp);
  }

  async latest(): Promise<FeedPosition | undefined> {
    return this.database.latest?.();
  }

  /** Adds a target: all of the source is outdated there, first of all. */
  add(target: TrackingTarget): Publisher {
    const publisher = this.#publisherTo(target);
    this.#publishers.add(publisher);
    publisher.restart();
    if (this.registry.isLive) publisher.renew();
    return publisher;
  }

  /** Removes a target that serves nothing any more of which it was not told. */
  remove(publisher: Publisher): void {
    publisher.stop();
    this.#publishers.delete(publisher);
    this.registry.progressed();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelBeat?.();
    this.registry.stop();
    await Promise.all([...this.#publishers].map((publisher) => publisher.stop()));
    await this.database.feed.stop();
    await this.database.close();
  }

  #publisherTo(target: TrackingTarget): Publisher {
    const { platform, onFault } = this.#parts;
    const progress = () => this.registry.progressed();
    const { leaseMs, registry } = this;
    const tells = { progress, answer: registry.answer.bind(registry), standing: () => registry.standing() };
    return new Publisher({ ...platform, ...tells, source: this.#options.source, target, leaseMs, onFault });
  }

  /** Renews the leases while the feed is as it should be. */
  #beat(): void {
    if (this.#isStopped) return;
    const { isLive } = this.registry;
    for (const publisher of this.#publishers) {
      if (isLive) publisher.renew();
      else publisher.hold();
    }
    this.#parts.moved?.();
    // Often at first, so that targets hear at once that the feed has begun.
    const delayMs = isLive ? this.leaseMs / 3 : Math.min(BEAT_MS, this.leaseMs / 3);
    this.#cancelBeat = this.#parts.platform.tasks.later(delayMs, () => this.#beat());
  }
}
