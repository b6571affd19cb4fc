// The base of a tracker whose database is followed by a feed process.
//
// The process may be away, at the beginning too. The application runs all the same: nothing that it makes meanwhile is
// stored, and the client tries to connect again.

import { messageOf, TidegateError } from '../../errors.ts';
import type { Cancel } from '../../ports.ts';
import { createPostgresParser } from '../../sql/postgres/parser.ts';
import { createSqliteParser } from '../../sql/sqlite/parser.ts';
import type { FeedProcessAddress, ProcessTrackerOptions, TrackerPlatform } from '../contract.ts';
import type { Followed, FollowedStatus, Side } from '../follow/follow-contract.ts';
import { LEASE_MS } from '../follow/followed-database.ts';
import { type Hello, type Line, PROTOCOL, packageVersion, type SettledReply } from '../server/process-wire.ts';
import { randomName } from '../tags.ts';
import { keptAlive } from '../target/keep-alive-timer.ts';
import { checkAddress } from '../tracker-options.ts';
import { RemoteCaches } from './remote-caches.ts';
import { RemoteFeed } from './remote-feed.ts';
import { type Listening, RefusedError, RemoteHttp } from './remote-http.ts';
import { RemoteReports } from './remote-reports.ts';
import { RemoteScope } from './remote-scope.ts';

/** Address of a feed process: for `createTracker`, in place of a database. Throws E_CONFIG. */
export function feedProcess(address: FeedProcessAddress): FeedProcessAddress {
  checkAddress(address);
  return address;
}

export interface ProcessParts {
  readonly platform: TrackerPlatform;
  readonly onFault: (error: unknown) => void;
}

const RETRY_MS = 50;
const RETRY_MAX_MS = 2_000;
/** How long the end waits until the process knows what is outdated. */
const FLUSH_MS = 1_000;
const SETTLE_MS = 10_000;
/** Longer than the process waits. */
const SETTLE_TIMEOUT_MS = 12_000;

export class FollowedProcess implements Followed {
  readonly #options: ProcessTrackerOptions;
  readonly #parts: ProcessParts;
  readonly #client: string;
  readonly #http: RemoteHttp;
  readonly #feed: RemoteFeed;
  readonly #reports: RemoteReports;
  readonly #caches: RemoteCaches;
  #listening: Listening | undefined;
  #isConnected = false;
  #isStopped = false;
  #retries = 0;
  #problem: string | undefined;
  #cancelWait: Cancel | undefined;
  #cancelSilence: Cancel | undefined;
  #begun: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;

  constructor(options: ProcessTrackerOptions, parts: ProcessParts) {
    const { source, feed, caches = [], maxTemplates } = options;
    const { clock, tasks, random } = parts.platform;
    const { onFault } = parts;
    this.#options = options;
    this.#parts = parts;
    this.#client = randomName(random);
    this.#http = new RemoteHttp(feed, tasks);
    this.#feed = new RemoteFeed(clock, maxTemplates);
    this.#reports = new RemoteReports({
      source,
      http: this.#http,
      tasks,
      timeoutMs: () => this.#feed.leaseMs ?? LEASE_MS,
      heard: (state) => this.#feed.noted(state),
      onFault,
    });
    const said = (delivered: { readonly id: number; readonly isDone: boolean }) => this.#reports.delivered(delivered);
    this.#caches = new RemoteCaches({ source, targets: caches, clock, tasks, said, onFault });
  }

  /** Resolves also where the process cannot be reached. Rejects with E_FEED where it does not want this client. */
  begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#begun = { resolve, reject };
      void this.#connect();
    });
  }

  side(): Side | undefined {
    const feed = this.#feed;
    const { dialect, parser } = feed;
    if (dialect === undefined || parser === undefined) return undefined;
    const { source } = this.#options;
    const { tasks } = this.#parts.platform;
    const isLeased = () => this.#caches.isLeased;
    const scope = new RemoteScope({ source, feed, reports: this.#reports, tasks, isLeased });
    const wake = () => this.#reports.wrote();
    return { follower: scope, underway: scope, parser, dialect, wake, lookUp: scope.lookUp };
  }

  status(): FollowedStatus {
    const { isLive, position, instances } = this.#feed;
    return {
      isLive: isLive && this.#caches.isLeased,
      feed: this.#feedStatus(),
      position,
      instances,
      targets: this.#caches.status(),
    };
  }

  /** The process alone could tell. */
  async latest(): Promise<undefined> {
    return undefined;
  }

  async settled(isGivenUp: () => boolean): Promise<boolean> {
    const isOver = () => this.#isStopped || isGivenUp();
    while (!isOver()) {
      try {
        const path = `/settled?waitMs=${SETTLE_MS}`;
        const text = await this.#http.ask({ path, timeoutMs: SETTLE_TIMEOUT_MS, isGivenUp: isOver });
        const { isSettled, state } = JSON.parse(text) as SettledReply;
        this.#feed.noted(state);
        if (isSettled) return true;
      } catch (error) {
        if (!isOver()) await this.#pause(RETRY_MS);
        this.#problem ??= messageOf(error);
      }
    }
    return false;
  }

  async stop(): Promise<void> {
    await keptAlive(this.#reports.flush(FLUSH_MS));
    this.#isStopped = true;
    this.#cancelWait?.();
    this.#cancelSilence?.();
    this.#listening?.abort();
    this.#reports.stop();
    this.#http.close();
    this.#begun?.resolve();
    await this.#caches.stop();
  }

  #feedStatus(): FollowedStatus['feed'] {
    const { feed, position, silentMs } = this.#feed;
    const problems = [...(this.#problem === undefined ? [] : [this.#problem]), ...(feed?.problems ?? [])];
    if (this.#isConnected && feed !== undefined) return { ...feed, lagMs: feed.lagMs + silentMs, problems };
    return { state: this.#isStopped ? 'stopped' : 'retrying', position, lagMs: silentMs, problems };
  }

  #pause(timeMs: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.platform.tasks.later(timeMs, resolve));
  }

  async #connect(): Promise<void> {
    while (!this.#isStopped) {
      let error: unknown = new TidegateError('E_FEED', 'expected a feed process that goes on, got its end');
      try {
        await this.#listen();
      } catch (thrown) {
        error = thrown;
      }
      this.#isConnected = false;
      this.#reports.disconnected();
      if (this.#isStopped) return;
      this.#failed(error);
      const delayMs = Math.min(RETRY_MS * 2 ** this.#retries, RETRY_MAX_MS);
      this.#retries = Math.min(this.#retries + 1, 10);
      await new Promise<void>((resolve) => {
        this.#cancelWait = this.#parts.platform.tasks.later(delayMs, resolve);
      });
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
    try {
      await listening.ended;
    } catch (error) {
      throw fault ?? error;
    } finally {
      this.#cancelSilence?.();
    }
    if (fault !== undefined) throw fault;
  }

  /** A connection on which nothing comes may be one that nobody knows of any more. */
  #awaitMore(): void {
    this.#cancelSilence?.();
    const silentMs = 2 * Math.max(this.#feed.leaseMs ?? LEASE_MS, 1_000);
    this.#cancelSilence = this.#parts.platform.tasks.later(silentMs, () => this.#listening?.abort());
  }

  async #take(line: Line): Promise<void> {
    if (this.#isStopped) return;
    switch (line.kind) {
      case 'hello':
        return this.#greet(line);
      case 'catalogue':
        return this.#feed.learned(line.generation, line.data);
      case 'state':
        this.#feed.heard(line);
        break;
      case 'deliver':
        // Do not wait for it: the process tells the feed's position meanwhile.
        void this.#caches.deliver(line);
        break;
    }
    if (this.#begun === undefined || this.#feed.isRefreshing || !this.status().isLive) return;
    this.#begun.resolve();
    this.#begun = undefined;
  }

  async #greet(hello: Hello): Promise<void> {
    const version = packageVersion();
    const { source } = this.#options;
    if (hello.source !== source) throw new RefusedError(`expected a feed of ${source}, got one of ${hello.source}`);
    const isOther = hello.version !== undefined && version !== undefined && hello.version !== version;
    if (hello.protocol !== PROTOCOL || isOther) {
      const got = `${hello.version ?? 'another one'} (${hello.protocol})`;
      throw new RefusedError(`expected a feed process of version ${version ?? ''} (${PROTOCOL}), got ${got}`);
    }
    const parser = hello.dialect === 'sqlite' ? createSqliteParser() : await createPostgresParser();
    this.#feed.greeted(hello, parser);
    this.#caches.connected();
    this.#reports.connected({ session: hello.session, stream: hello.stream });
    this.#isConnected = true;
    this.#problem = undefined;
    this.#retries = 0;
  }
}
