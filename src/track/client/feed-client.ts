// The base of a tracker whose database is followed by a feed process.
//
// The process may be away, at the beginning too. The application runs all the same: nothing that it makes meanwhile is
// stored, and the client tries to connect again.

import type { FeedPosition } from '../../dependency/change.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { InMs } from '../../options/durations.ts';
import type { Cancel } from '../../ports.ts';
import { createPostgresParser } from '../../sql/postgres/parser.ts';
import { createSqliteParser } from '../../sql/sqlite/parser.ts';
import type { FeedProcessAddress, ProcessTrackerOptions } from '../contract.ts';
import { type DatabaseParts, LEASE_MS } from '../follow/followed-database.ts';
import type { Followed, FollowedStatus } from '../follow/registry-client.ts';
import {
  type Hello,
  type LatestReply,
  type Line,
  PROTOCOL,
  packageVersion,
  type SettledReply,
} from '../server/feed-wire.ts';
import { randomName } from '../tags.ts';
import { Backoff, keptAlive, pause } from '../timing.ts';
import { checkAddress } from '../tracker-options.ts';
import { ClientCaches } from './client-caches.ts';
import { FeedHttp, type Listening, RefusedError } from './feed-http.ts';
import { RemoteRegistry } from './remote-registry.ts';
import { ReportSender } from './report-sender.ts';

/** Address of a feed process: for `createTracker`, in place of a database. Throws E_CONFIG. */
export function feedProcess(address: FeedProcessAddress): FeedProcessAddress {
  checkAddress(address);
  return address;
}

const AGAIN_MS = 50;
const LATEST_MS = 1_000;
/** How long the end waits until the process knows what is outdated. */
const FLUSH_MS = 1_000;
const SETTLE_MS = 10_000;
/** Longer than the process waits. */
const SETTLE_TIMEOUT_MS = 12_000;

export class FeedClient implements Followed {
  readonly #options: InMs<ProcessTrackerOptions>;
  readonly #parts: Pick<DatabaseParts, 'platform' | 'onFault'>;
  readonly #client: string;
  readonly #http: FeedHttp;
  readonly #reports: ReportSender;
  readonly #caches: ClientCaches;
  /** Undefined until a process has said what it follows. */
  registry: RemoteRegistry | undefined;
  #listening: Listening | undefined;
  #isConnected = false;
  #isStopped = false;
  readonly #backoff = new Backoff();
  #problem: string | undefined;
  #cancelSilence: Cancel | undefined;
  #begun: PromiseWithResolvers<void> | undefined;

  constructor(options: InMs<ProcessTrackerOptions>, parts: Pick<DatabaseParts, 'platform' | 'onFault'>) {
    const { source, feed, caches = [] } = options;
    const { clock, tasks, random } = parts.platform;
    const { onFault } = parts;
    this.#options = options;
    this.#parts = parts;
    this.#client = randomName(random);
    this.#http = new FeedHttp(feed, tasks);
    this.#reports = new ReportSender({
      ...{ source, http: this.#http, tasks, onFault },
      timeoutMs: () => this.#leaseMs,
      heard: (state) => this.registry?.noted(state),
    });
    const said = this.#reports.delivered.bind(this.#reports);
    this.#caches = new ClientCaches({ source, targets: caches, clock, tasks, said, onFault });
  }

  get #leaseMs(): number {
    return this.registry?.hello.leaseMs ?? LEASE_MS;
  }

  /** Resolves also where the process cannot be reached. Rejects with E_FEED where it does not want this client. */
  begin(): Promise<void> {
    this.#begun = Promise.withResolvers();
    void this.#connect();
    return this.#begun.promise;
  }

  status(): FollowedStatus {
    const { isLive = false, position, state } = this.registry ?? {};
    const instances = state?.instances ?? 0;
    return { isLive, feed: this.#feedStatus(), position, instances, targets: this.#caches.status() };
  }

  async latest(): Promise<FeedPosition | undefined> {
    const reply = JSON.parse(await this.#http.ask({ path: '/latest', timeoutMs: LATEST_MS })) as LatestReply;
    return reply.position;
  }

  async settled(isGivenUp: () => boolean): Promise<boolean> {
    const isOver = () => this.#isStopped || isGivenUp();
    while (!isOver()) {
      try {
        const path = `/settled?waitMs=${SETTLE_MS}`;
        const asked = this.#http.ask({ path, timeoutMs: SETTLE_TIMEOUT_MS, isGivenUp: isOver });
        const { isSettled, state } = JSON.parse(await asked) as SettledReply;
        this.registry?.noted(state);
        if (isSettled) return true;
      } catch (error) {
        if (!isOver()) await pause(this.#parts.platform.tasks, AGAIN_MS);
        this.#problem ??= messageOf(error);
      }
    }
    return false;
  }

  async stop(): Promise<void> {
    await keptAlive(this.#reports.flush(FLUSH_MS));
    this.#isStopped = true;
    this.#cancelSilence?.();
    this.#listening?.abort();
    this.#reports.stop();
    this.#http.close();
    this.#begun?.resolve();
    await this.#caches.stop();
  }

  #feedStatus(): FollowedStatus['feed'] {
    const { state, position, silentMs = Number.POSITIVE_INFINITY } = this.registry ?? {};
    const feed = state?.feed;
    const problems = [...(this.#problem === undefined ? [] : [this.#problem]), ...(feed?.problems ?? [])];
    if (this.#isConnected && feed !== undefined) return { ...feed, lagMs: feed.lagMs + silentMs, problems };
    return { state: this.#isStopped ? 'stopped' : 'retrying', position, lagMs: silentMs, problems };
  }

  async #connect(): Promise<void> {
    while (!this.#isStopped) {
      const error = await this.#listen().then(
        () => new TidegateError('E_FEED', 'expected a feed process that goes on, got its end'),
        (thrown: unknown) => thrown,
      );
      this.#isConnected = false;
      this.#reports.disconnected();
      if (this.#isStopped) return;
      this.#failed(error);
      await pause(this.#parts.platform.tasks, this.#backoff.failed());
    }
  }

  #failed(error: unknown): void {
    if (this.#begun !== undefined && error instanceof RefusedError) this.#begun.reject(error);
    else {
      // Report each outage once, not each attempt.
      if (this.#problem === undefined) this.#parts.onFault(error);
      this.#begun?.resolve();
    }
    this.#begun = undefined;
    this.#problem = messageOf(error);
  }

  async #listen(): Promise<void> {
    const { caches = [] } = this.#options;
    const path = `/stream?client=${this.#client}&caches=${caches.length > 0 ? 1 : 0}`;
    let taken = Promise.resolve();
    let fault: unknown;
    const listening = this.#http.listen(path, (text) => {
      this.#awaitMore();
      taken = taken
        .then(() => this.#take(JSON.parse(text) as Line))
        .catch((error: unknown) => {
          fault ??= error;
          listening.abort();
        });
    });
    this.#listening = listening;
    this.#awaitMore();
    await listening.ended.catch((error: unknown) => {
      fault ??= error;
    });
    this.#cancelSilence?.();
    if (fault !== undefined) throw fault;
  }

  /** A connection on which nothing comes may be one that nobody knows of any more. */
  #awaitMore(): void {
    this.#cancelSilence?.();
    const silentMs = 2 * Math.max(this.#leaseMs, 1_000);
    this.#cancelSilence = this.#parts.platform.tasks.later(silentMs, () => this.#listening?.abort());
  }

  async #take(line: Line): Promise<void> {
    if (this.#isStopped) return;
    switch (line.kind) {
      case 'hello':
        return this.#greet(line);
      case 'catalogue':
        return this.registry?.learned(line.generation, line.data);
      case 'state':
        this.registry?.noted(line, true);
        break;
      case 'deliver':
        // Do not wait for it: the process tells the feed's position meanwhile.
        void this.#caches.deliver(line);
        break;
    }
    if (this.registry?.isLive !== true || this.registry.isRefreshing) return;
    this.#begun?.resolve();
    this.#begun = undefined;
  }

  async #greet(hello: Hello): Promise<void> {
    const version = packageVersion();
    const { source, maxTemplates } = this.#options;
    if (hello.source !== source) throw new RefusedError(`expected a feed of ${source}, got one of ${hello.source}`);
    const isOther = hello.version !== undefined && version !== undefined && hello.version !== version;
    if (hello.protocol !== PROTOCOL || isOther) {
      const got = `${hello.version ?? 'another one'} (${hello.protocol})`;
      throw new RefusedError(`expected a feed process of version ${version ?? ''} (${PROTOCOL}), got ${got}`);
    }
    const parser = hello.dialect === 'sqlite' ? createSqliteParser() : await createPostgresParser();
    const parts = { ...this.#parts.platform, maxTemplates, reports: this.#reports, caches: this.#caches };
    this.registry ??= new RemoteRegistry(parts, hello, parser);
    this.registry.greeted(hello, parser);
    this.#caches.connected();
    this.#reports.connected(hello.stream);
    this.#isConnected = true;
    this.#problem = undefined;
    this.#backoff.succeeded();
  }
}
