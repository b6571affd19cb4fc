// PostgreSQL's commits by logical replication: connections, heartbeats, and a new start after each failure.
//
// The stream is silent while nobody writes to the tables, even when other databases of the server write a lot. So each
// heartbeat asks for the length of the log, and the lag counts from the last moment whose log the stream has passed. A
// message flushes the log when no other commit does.

import type { FeedPosition } from '../../../dependency/change.ts';
import { messageOf, TidegateError } from '../../../errors.ts';
import type { Cancel, ChangeFeed, Clock, FeedListener, FeedStatus, Tasks } from '../../../ports.ts';
import { LateTables } from '../../late-tables.ts';
import { PostgresRelations, type ShapeOf } from '../relations.ts';
import type { ConnectPostgres } from '../session.ts';
import { type Watched, watchedName } from '../watch.ts';
import { PostgresAttempt } from './attempt.ts';

export interface PostgresFeedOptions {
  readonly connect: ConnectPostgres;
  /** Made by `installPostgresFeed`. One feed at a time reads from a slot. */
  readonly slot: string;
  readonly publication: string;
  readonly shapeOf: ShapeOf;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Default 500. */
  readonly heartbeatMs?: number;
  /** A transaction with more is told as truncates of its tables. Default 5,000, which take some 50 ms to match. */
  readonly maxChanges?: number;
  /** How long the slot may be in use by another when a feed starts. Default 10,000. */
  readonly takeOverMs?: number;
  /** Called once when the slot is in use and the feed waits for it. Default: nobody. */
  readonly onFault?: (error: unknown) => void;
  /** Installs the feed on tables that were made later. Default: the status names them, and the feed leaves them out. */
  readonly extend?: () => Promise<void>;
}

export interface PostgresFeed extends ChangeFeed {
  /** Whether changes of the table are told. Nobody may keep anything that reads another table. */
  watches(schema: string, table: string): boolean;
}

const HEARTBEAT_MS = 500;
const MAX_CHANGES = 5_000;
const TAKE_OVER_MS = 10_000;
const RETRY_MS = 100;
const RETRY_MAX_MS = 5_000;

export function createPostgresFeed(options: PostgresFeedOptions): PostgresFeed {
  return new LogicalFeed(options);
}

class LogicalFeed implements PostgresFeed {
  readonly #options: PostgresFeedOptions;
  readonly #relations: PostgresRelations;
  readonly #late: LateTables;
  #state: FeedStatus['state'] = 'stopped';
  #listener: FeedListener | undefined;
  #position: FeedPosition | undefined;
  #watched: Watched | undefined;
  #attempt: PostgresAttempt | undefined;
  #acknowledged: FeedPosition | undefined;
  #toldAtMs = 0;
  #problem: string | undefined;
  #retries = 0;
  #cancelRetry: Cancel | undefined;

  constructor(options: PostgresFeedOptions) {
    this.#options = options;
    this.#relations = new PostgresRelations(options.shapeOf);
    this.#late = new LateTables({ clock: options.clock, extend: options.extend });
  }

  async start(from: FeedPosition | undefined, listener: FeedListener): Promise<void> {
    if (this.#listener !== undefined) {
      throw new TidegateError('E_FEED', 'expected a feed that was not started, got one that was');
    }
    this.#listener = listener;
    this.#position = from;
    this.#state = 'starting';
    this.#toldAtMs = this.#options.clock.monotonic();
    try {
      await this.#begin(this.#options.takeOverMs ?? TAKE_OVER_MS);
    } catch (cause) {
      this.#state = 'stopped';
      throw feedError(cause);
    }
  }

  acknowledge(position: FeedPosition): void {
    if (this.#acknowledged !== undefined && position <= this.#acknowledged) return;
    this.#acknowledged = position;
    this.#attempt?.acknowledge(position);
  }

  watches(schema: string, table: string): boolean {
    return this.#watched?.names.has(watchedName(schema, table)) === true;
  }

  status(): FeedStatus {
    const problems = [this.#problem, this.#late.problem, ...(this.#attempt?.problems() ?? [])];
    return {
      state: this.#state,
      position: this.#attempt?.position ?? this.#position,
      lagMs: Math.max(0, this.#options.clock.monotonic() - this.#toldAtMs),
      problems: problems.filter((problem) => problem !== undefined),
      warnings: this.#attempt?.warnings() ?? [],
    };
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancelRetry?.();
    const attempt = this.#attempt;
    await attempt?.end('the feed was stopped');
  }

  async #begin(takeOverMs: number): Promise<void> {
    const { heartbeatMs = HEARTBEAT_MS, maxChanges = MAX_CHANGES } = this.#options;
    const attempt = new PostgresAttempt({
      ...this.#options,
      heartbeatMs,
      maxChanges,
      takeOverMs,
      relations: this.#relations,
      late: this.#late,
      listener: this.#listener as FeedListener,
      from: this.#position,
      watched: this.#watched,
      acknowledged: this.#acknowledged,
      seen: (watched) => {
        this.#watched = watched;
      },
      upTo: (atMs) => {
        this.#toldAtMs = Math.max(this.#toldAtMs, atMs);
        this.#retries = 0;
        this.#problem = undefined;
      },
      ended: (reason) => this.#lost(attempt, reason),
    });
    this.#attempt = attempt;
    await attempt.begin();
    if (this.#state === 'stopped') return attempt.end('the feed was stopped');
    if (this.#attempt !== attempt) throw new TidegateError('E_FEED', 'expected a stream, got one that ended at once');
    this.#state = 'live';
  }

  /** The attempt has ended. */
  #lost(attempt: PostgresAttempt, reason: string): void {
    if (this.#attempt !== attempt) return;
    this.#position = attempt.position ?? this.#position;
    this.#attempt = undefined;
    if (this.#state === 'stopped' || this.#state === 'starting') return;
    this.#state = 'retrying';
    this.#problem = `expected a connection to the server, got: ${reason}`;
    const delayMs = Math.min(RETRY_MS * 2 ** this.#retries++, RETRY_MAX_MS);
    this.#cancelRetry = this.#options.tasks.later(delayMs, () => {
      // The server's end of the lost connection may hold the slot, so the next attempt comes soon.
      this.#begin(0).catch((error: unknown) => {
        this.#problem = feedError(error).message;
      });
    });
  }
}

function feedError(cause: unknown): TidegateError {
  if (cause instanceof TidegateError) return cause;
  const got = messageOf(cause);
  return new TidegateError('E_FEED', `expected a stream of logical replication, got: ${got}`, { cause });
}
