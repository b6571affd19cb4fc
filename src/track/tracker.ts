// `createTracker` joins two sides: one records reads, the other follows the database.
//
// Nothing can be recorded before the feed has given its position; responses until then are not stored.

import type { Cache, Fill, FillOptions } from '../cache/contract.ts';
import { platformClock, platformRandom, platformTasks } from '../cache/platform.ts';
import type { FeedPosition } from '../dependency/change.ts';
import { TidegateError } from '../errors.ts';
import type { InMs } from '../options/durations.ts';
import { FeedClient } from './client/feed-client.ts';
import type { Finished, Scope, TrackerOptions, TrackerPlatform, TrackerStatus } from './contract.ts';
import { openDatabase } from './follow/followed-database.ts';
import type { Followed } from './follow/registry-client.ts';
import { cachedBy } from './scope/cached.ts';
import type { Budget } from './scope/coarsen.ts';
import { watchDataLoaders } from './scope/data-loader.ts';
import { type Middleware, middlewareOf, readingNothing } from './scope/middleware.ts';
import { RequestScope } from './scope/scope.ts';
import { Scopes } from './scope/scopes.ts';
import type { LoadBatch, Loader, LoaderOptions, MemoOptions, Sharing } from './scope/shared-work.ts';
import { loaderOf, memoOf } from './scope/shared-work.ts';
import { randomName } from './tags.ts';
import { Tally } from './tally.ts';
import { keptAlive, within } from './timing.ts';
import { checkTracker } from './tracker-options.ts';
import { Drivers } from './wrap/drivers.ts';
import { Recorder } from './wrap/recorder.ts';

export interface Tracker extends Middleware {
  /** Begins to follow the database; earlier reads of the source are outdated in all targets. Rejects with E_FEED. */
  start(): Promise<void>;
  /** Targets stop serving by themselves once their lease has run out. */
  stop(): Promise<void>;
  status(): TrackerStatus;
  /**
   * Resolves once no target serves anything from before the latest commit of now. Rejects with E_FEED where the tracker
   * is stopped before.
   */
  settled(): Promise<void>;
  /**
   * Wraps a driver of the database, so that its reads are recorded. `scope`: where there is no AsyncLocalStorage.
   * Throws E_CONFIG.
   */
  wrap<T extends object>(driver: T, scope?: Scope): T;
  /** Runs the work in a scope of its own, or in none. */
  scope<T>(work: (scope: Scope) => T): T;
  outside<T>(work: () => T): T;
  /** For callers that make responses by other means. */
  openScope(): Scope;
  /** The scope of the request that is being answered. */
  current(): Scope | undefined;
  /** Reads in batches what requests load at one time; a batch's reads count for each of them. Throws E_CONFIG. */
  loader<K, V>(load: LoadBatch<K, V>, options?: LoaderOptions): Loader<K, V>;
  /**
   * Keeps the result of `work` until a change of its reads is told; a response that shows it has the same dependencies.
   * Kept within the process and while the tracker is live. Throws E_CONFIG.
   */
  memo<A extends readonly unknown[], T>(
    work: (...given: A) => T | PromiseLike<T>,
    options?: MemoOptions<A>,
  ): (...given: A) => Promise<T>;
  /**
   * Wraps the handler, or any function: what it makes shows nothing of a database, so it may be stored without a read.
   * If it hands the request on by a function that it is given last (`next`), that function answers for itself.
   */
  static<F extends (...given: never[]) => unknown>(handler: F): F;
  /** `cache.getOrSet`, with the tags of the fill's reads. `cache` has to be among the targets, or the caches. */
  cached<T>(cache: Pick<Cache, 'getOrSet'>, key: string, how: { readonly fill: Fill<T> } & FillOptions): Promise<T>;
}

const PLATFORM: TrackerPlatform = { clock: platformClock, tasks: platformTasks, random: platformRandom };
const SETTLE_MS = 2_000;
/** Beyond, the answer to a write goes out without a position. */
const LATEST_MS = 200;
const MAX_TAGS = 200;
const MAX_TAG_BYTES = 8_192;
/** The most tags of an entry in a data cache. */
const MAX_CACHE_TAGS = 100;

/** Throws E_CONFIG. `platform`: for tests in simulated time. */
export function createTracker(options: TrackerOptions, platform: TrackerPlatform = PLATFORM): Tracker {
  const tracker = new SourceTracker(checkTracker(options), platform);
  return Object.assign(tracker, middlewareOf(tracker));
}

class SourceTracker implements Omit<Tracker, keyof Middleware> {
  readonly outside: Tracker['outside'] = (work) => this.#scopes.outside(work);
  readonly loader: Tracker['loader'] = (load, options) => loaderOf(this.#sharing, load, options);
  readonly memo: Tracker['memo'] = (work, options) => memoOf(this.#sharing, work, options);
  readonly static: Tracker['static'] = (handler) => readingNothing(this.#scopes, handler);
  readonly cached: Tracker['cached'] = (cache, key, { fill, ...options }) => {
    const { maxTags, maxBytes } = this.#budget;
    const open = () => this.#open({ maxTags: Math.min(maxTags, MAX_CACHE_TAGS), maxBytes });
    return cachedBy({ cache, key, fill, options, sharing: { ...this.#sharing, open } });
  };
  readonly #options: InMs<TrackerOptions>;
  readonly #platform: TrackerPlatform;
  readonly #scopes: Scopes<RequestScope>;
  readonly #tally: Tally;
  readonly #onFault: (error: unknown) => void;
  readonly #sharing: Sharing = {
    current: () => this.#scopes.current,
    open: () => this.#open({ maxTags: Infinity, maxBytes: Infinity }),
  };
  readonly #drivers: Drivers;
  #isChecked = false;
  #unwatch: () => void = () => undefined;
  #state: 'stopped' | 'starting' | 'running' = 'stopped';
  #followed: Followed | undefined;

  constructor(options: InMs<TrackerOptions>, platform: TrackerPlatform) {
    this.#options = options;
    this.#platform = platform;
    this.#onFault = (error) => options.onFault?.(error);
    this.#tally = new Tally(this.#onFault);
    this.#scopes = new Scopes(options.share === 'union');
    this.#drivers = new Drivers(options.feed === undefined);
  }

  async start(): Promise<void> {
    if (this.#state !== 'stopped')
      throw new TidegateError('E_FEED', 'expected a tracker that is stopped, got one that runs');
    this.#state = 'starting';
    this.#isChecked = false;
    this.#unwatch = watchDataLoaders(this.#sharing);
    try {
      await keptAlive(this.#begin());
      this.#state = 'running';
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const followed = this.#followed;
    this.#state = 'stopped';
    this.#followed = undefined;
    this.#unwatch();
    await followed?.stop();
  }

  status(): TrackerStatus {
    const { isLive, feed, position, instances = 0, targets = [] } = this.#followed?.status() ?? {};
    const state = this.#state === 'running' ? (isLive === true ? 'live' : 'lagging') : this.#state;
    const { source } = this.#options;
    const problems = [...this.#tally.problems, ...this.#drivers.unwrapped().values()];
    return { source, state, feed, position, instances, targets, problems, counts: this.#tally.counts() };
  }

  async settled(): Promise<void> {
    const settled = this.#followed?.settled(() => false);
    const isSettled = settled !== undefined && (await keptAlive(settled));
    if (!isSettled) throw new TidegateError('E_FEED', 'expected a tracker that runs, got one that is stopped');
  }

  wrap<T extends object>(driver: T, scope?: Scope): T {
    const parts = { scopes: this.#scopes, tally: this.#tally, onFault: this.#onFault };
    const registry = () => this.#followed?.registry;
    return this.#drivers.wrap(driver, new Recorder({ ...parts, registry }, scope as RequestScope | undefined));
  }

  scope<T>(work: (scope: Scope) => T): T {
    const scope = this.openScope();
    return scope.run(() => work(scope));
  }

  openScope(): RequestScope {
    if (!this.#isChecked && this.#state === 'running') {
      // With the first request all drivers are wrapped.
      this.#isChecked = true;
      for (const message of this.#drivers.unwrapped().values()) this.#onFault(new TidegateError('E_UNSEEN', message));
    }
    return this.#open(this.#budget);
  }

  current(): Scope | undefined {
    return this.#scopes.current;
  }

  get #budget(): Budget {
    const { maxTags = MAX_TAGS, maxTagBytes = MAX_TAG_BYTES } = this.#options;
    return { maxTags, maxBytes: maxTagBytes };
  }

  #open(budget: Budget): RequestScope {
    const { random, tasks } = this.#platform;
    const own = { ownTag: `s${randomName(random)}`, source: this.#options.source, registry: this.#followed?.registry };
    return new RequestScope({ ...own, tasks, budget, tally: this.#tally, scopes: this.#scopes });
  }

  async #begin(): Promise<void> {
    const options = this.#options;
    const parts = { platform: this.#platform, tally: this.#tally, onFault: this.#onFault };
    this.#followed = options.feed === undefined ? await openDatabase(options, parts) : new FeedClient(options, parts);
    await this.#followed.begin();
  }

  /** Waits for the answer to a write; returns fields when it took too long. */
  async settle(): Promise<Finished['fields']> {
    const { clock, tasks } = this.#platform;
    const { source, settleMs = SETTLE_MS } = this.#options;
    const begunAt = clock.monotonic();
    try {
      const settled = this.#followed?.settled(() => clock.monotonic() - begunAt >= settleMs);
      if (settled !== undefined && (await within(tasks, settleMs, settled)) === true) return [];
    } catch (error) {
      this.#onFault(error);
    }
    this.#tally.unsettled++;
    const what = `expected targets of ${source} to be told of a write within ${settleMs} ms, got no word of all`;
    this.#onFault(new TidegateError('E_FEED', what));
    const position = await this.#latest();
    const unsettled = [['Tidegate-Settled', 'no']] as const;
    return position === undefined ? unsettled : [...unsettled, ['Tidegate-Position', `${source};${position}`]];
  }

  /** The position by which a gate knows that it has heard of what was just written. */
  async #latest(): Promise<FeedPosition | undefined> {
    try {
      const latest = this.#followed?.latest();
      // The database may hang.
      return latest && (await within(this.#platform.tasks, LATEST_MS, latest));
    } catch (error) {
      this.#onFault(error);
      return undefined;
    }
  }
}
