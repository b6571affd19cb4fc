// PostgreSQL's commits without the right of replication: from a log that triggers write. A NOTIFY wakes the feed. It also
// polls at each heartbeat, since notifications may get lost.
//
// A row in the log is a text without column names. It is read by the columns of the catalogue of the same snapshot. A table
// that changed since the last look is told as truncated instead.

import type { FeedPosition } from '../../../dependency/change.ts';
import { messageOf, TidegateError } from '../../../errors.ts';
import type { Cancel, Clock, FeedListener, FeedStatus, Tasks } from '../../../ports.ts';
import { LateTables } from '../../late-tables.ts';
import type { PostgresFeed } from '../logical/feed.ts';
import type { ShapeOf } from '../relations.ts';
import type { ConnectPostgres, PostgresSession } from '../session.ts';
import { CHANNEL } from './install.ts';
import { lowestOf, TRIM_LOG, triggerPlace } from './log.ts';
import { TriggerReader } from './reader.ts';

export interface PostgresTriggerFeedOptions {
  readonly connect: ConnectPostgres;
  readonly shapeOf: ShapeOf;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Time between polls. Default 500. */
  readonly heartbeatMs?: number;
  /** More rows at once are told as truncates of their tables. Default 5,000, which take some 50 ms to match. */
  readonly maxChanges?: number;
  /** Installs the feed on tables that were made later. Default: the status names them, and the feed leaves them out. */
  readonly extend?: () => Promise<void>;
}

const HEARTBEAT_MS = 500;
const MAX_CHANGES = 5_000;
const RETRY_MS = 100;
const RETRY_MAX_MS = 5_000;

export interface PostgresTriggerFeed extends PostgresFeed {
  /** Somebody wrote: looks at once, or once more after the look that is running. */
  wake(): void;
}

export function createPostgresTriggerFeed(options: PostgresTriggerFeedOptions): PostgresTriggerFeed {
  return new TriggerFeed(options);
}

class TriggerFeed implements PostgresTriggerFeed {
  readonly #options: PostgresTriggerFeedOptions;
  readonly #reader: TriggerReader;
  readonly #heartbeatMs: number;
  readonly #late: LateTables;
  #state: FeedStatus['state'] = 'stopped';
  #listener: FeedListener | undefined;
  #session: PostgresSession | undefined;
  #acknowledged: FeedPosition | undefined;
  #trimmed: bigint | undefined;
  #trimAtMs = Number.NEGATIVE_INFINITY;
  #toldAtMs = 0;
  #problem: string | undefined;
  #retries = 0;
  #isReading = false;
  #isAwake = false;
  #cancel: Cancel | undefined;

  constructor(options: PostgresTriggerFeedOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
    this.#late = new LateTables({ clock: options.clock, extend: options.extend });
    this.#reader = new TriggerReader(options.shapeOf, options.maxChanges ?? MAX_CHANGES);
  }

  async start(from: FeedPosition | undefined, listener: FeedListener): Promise<void> {
    if (this.#listener !== undefined) {
      throw new TidegateError('E_FEED', 'expected a feed that was not started, got one that was');
    }
    this.#listener = listener;
    this.#state = 'starting';
    this.#toldAtMs = this.#options.clock.monotonic();
    try {
      await this.#open();
      await this.#reader.begin(this.#session as PostgresSession, from, listener);
    } catch (cause) {
      this.#state = 'stopped';
      await this.#session?.close();
      throw feedError(cause);
    }
    if (this.#isStopped()) return;
    this.#state = 'live';
    void this.#read();
  }

  acknowledge(position: FeedPosition): void {
    if (this.#acknowledged === undefined || position > this.#acknowledged) this.#acknowledged = position;
  }

  watches(schema: string, table: string): boolean {
    return this.#reader.watches(schema, table);
  }

  status(): FeedStatus {
    return {
      state: this.#state,
      position: this.#reader.position,
      lagMs: Math.max(0, this.#options.clock.monotonic() - this.#toldAtMs),
      problems: [this.#problem, this.#late.problem, ...this.#reader.problems()].filter((one) => one !== undefined),
      warnings: [`a change of the schema is noticed at the next heartbeat, after ${this.#heartbeatMs} ms at most`],
    };
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancel?.();
    await this.#session?.close();
  }

  wake(): void {
    this.#isAwake = true;
    if (!this.#isReading && this.#state === 'live') void this.#read();
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  async #open(): Promise<void> {
    const session = await this.#options.connect('queries');
    this.#session = session;
    void session.ended.then((reason) => this.#lost(session, reason));
    session.onNotification(() => this.wake());
    await session.query(`LISTEN ${CHANNEL}`);
    if (this.#isStopped()) await session.close();
  }

  /** Reads until nothing wakes it during a look. */
  async #read(): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.#isReading) return;
    this.#isReading = true;
    this.#cancel?.();
    try {
      do {
        this.#isAwake = false;
        const atMs = this.#options.clock.monotonic();
        await this.#reader.read(
          session,
          this.#listener as FeedListener,
          () => this.#session !== session || this.#isStopped(),
        );
        if (this.#session !== session || this.#isStopped()) return;
        this.#toldAtMs = atMs;
        this.#retries = 0;
        this.#problem = undefined;
        this.#late.take(this.#reader.problems());
        if (!this.#isAwake) await this.#trim(session, atMs);
        // A wake-up may also have come while it trimmed.
      } while (this.#isAwake);
      this.#cancel = this.#options.tasks.later(this.#heartbeatMs, () => void this.#read());
    } catch (error) {
      this.#problem = feedError(error).message;
      await session.close();
      this.#lost(session, this.#problem);
    } finally {
      this.#isReading = false;
    }
  }

  /** At most once a heartbeat: its commit waits for the disk, and new changes wait for it. */
  async #trim(session: PostgresSession, nowMs: number): Promise<void> {
    if (nowMs < this.#trimAtMs) return;
    const place = this.#acknowledged === undefined ? undefined : triggerPlace(this.#acknowledged);
    if (place === undefined || place.source !== this.#reader.source) return;
    const lowest = lowestOf(place.snapshot);
    if (this.#trimmed !== undefined && lowest <= this.#trimmed) return;
    this.#trimmed = lowest;
    this.#trimAtMs = nowMs + this.#heartbeatMs;
    await session.query(TRIM_LOG, [String(lowest)]);
  }

  #lost(session: PostgresSession, reason: string): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#cancel?.();
    if (this.#state === 'stopped' || this.#state === 'starting') return;
    this.#state = 'retrying';
    this.#problem ??= `expected a connection to the server, got: ${reason}`;
    this.#retry();
  }

  #retry(): void {
    const delayMs = Math.min(RETRY_MS * 2 ** this.#retries++, RETRY_MAX_MS);
    this.#cancel = this.#options.tasks.later(delayMs, () => {
      this.#again().catch((error: unknown) => {
        this.#problem = feedError(error).message;
        const session = this.#session;
        this.#session = undefined;
        void session?.close();
        if (!this.#isStopped()) this.#retry();
      });
    });
  }

  async #again(): Promise<void> {
    await this.#open();
    if (this.#isStopped()) return;
    await this.#reader.begin(this.#session as PostgresSession, this.#reader.position, this.#listener as FeedListener);
    if (this.#isStopped()) return;
    this.#state = 'live';
    await this.#read();
  }
}

function feedError(cause: unknown): TidegateError {
  if (cause instanceof TidegateError) return cause;
  const got = messageOf(cause);
  return new TidegateError('E_FEED', `expected the log that triggers write, got: ${got}`, { cause });
}
