// PostgreSQL's commits without the right of replication: from a log that triggers write. A NOTIFY wakes the feed. It also
// polls at each heartbeat, since notifications may get lost.
//
// A row in the log is a text without column names. It is read by the columns of the catalogue of the same snapshot. A table
// that changed since the last look is told as truncated instead.

import type { FeedPosition } from '../../../dependency/change.ts';
import { FeedLifecycle, type FeedRun, type FeedSource } from '../../lifecycle.ts';
import { LateTables, MAX_CHANGES, type PostgresFeed, type PostgresFeedBase, RETRY } from '../options.ts';
import type { PostgresSession } from '../session.ts';
import { CHANNEL } from './install.ts';
import { lowestOf, TRIM_LOG, triggerPlace } from './log.ts';
import { TriggerReader } from './reader.ts';

export interface PostgresTriggerFeed extends PostgresFeed {
  /** Somebody wrote: looks at once, or once more after the look that is running. */
  wake(): void;
}

export function createPostgresTriggerFeed(options: PostgresFeedBase): PostgresTriggerFeed {
  const source = new TriggerSource(options);
  const watches = (schema: string, table: string) => source.watches(schema, table);
  return Object.assign(new FeedLifecycle(source, options), { watches });
}

const HEARTBEAT_MS = 500;

class TriggerSource implements FeedSource {
  readonly expected = 'the log that triggers write';
  readonly retry = RETRY;
  readonly wakePauseMs = 0;
  readonly #options: PostgresFeedBase;
  readonly #reader: TriggerReader;
  readonly #heartbeatMs: number;
  readonly #late: LateTables;
  #session: PostgresSession | undefined;
  #trimmed: bigint | undefined;
  #trimAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PostgresFeedBase) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
    this.#late = new LateTables(options);
    this.#reader = new TriggerReader(options.shapeOf, options.maxChanges ?? MAX_CHANGES);
  }

  get position(): FeedPosition | undefined {
    return this.#reader.position;
  }

  async open(run: FeedRun, begin?: { readonly from: FeedPosition | undefined }): Promise<number> {
    const session = await this.#options.connect('queries');
    this.#session = session;
    void session.ended.then((reason) => {
      if (this.#session === session) run.lost(reason);
    });
    session.onNotification(() => run.wake());
    await session.query(`LISTEN ${CHANNEL}`);
    if (!run.isStopped) {
      await this.#reader.begin(session, begin === undefined ? this.#reader.position : begin.from, run.listener);
    }
    return 0;
  }

  async look(run: FeedRun): Promise<number> {
    const session = this.#session as PostgresSession;
    const isOver = () => this.#session !== session;
    const atMs = this.#options.clock.monotonic();
    await this.#reader.read(session, run.listener, isOver);
    if (isOver()) return 0;
    run.upTo(atMs);
    this.#late.take(this.#reader.problems());
    if (!run.isAwake && run.acknowledged !== undefined) await this.#trim(session, run.acknowledged, atMs);
    return this.#heartbeatMs;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  problems(): readonly (string | undefined)[] {
    return [this.#late.problem, ...this.#reader.problems()];
  }

  warnings(): readonly string[] {
    return [`a change of the schema is noticed at the next heartbeat, after ${this.#heartbeatMs} ms at most`];
  }

  watches(schema: string, table: string): boolean {
    return this.#reader.watches(schema, table);
  }

  /** At most once a heartbeat: its commit waits for the disk, and new changes wait for it. */
  async #trim(session: PostgresSession, acknowledged: FeedPosition, nowMs: number): Promise<void> {
    const place = triggerPlace(acknowledged);
    if (nowMs < this.#trimAtMs || place === undefined || place.source !== this.#reader.source) return;
    const lowest = lowestOf(place.snapshot);
    if (this.#trimmed !== undefined && lowest <= this.#trimmed) return;
    this.#trimmed = lowest;
    this.#trimAtMs = nowMs + this.#heartbeatMs;
    await session.query(TRIM_LOG, [String(lowest)]);
  }
}
