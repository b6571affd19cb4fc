// PostgreSQL's commits by logical replication: one attempt after the other, each with connections of its own.
//
// The stream is silent while nobody writes to the tables, even when other databases of the server write a lot. So each
// heartbeat asks for the length of the log, and the lag counts from the last moment whose log the stream has passed. A
// message flushes the log when no other commit does.

import type { FeedPosition } from '../../../dependency/change.ts';
import { TidegateError } from '../../../errors.ts';
import { FeedLifecycle, type FeedRun, type FeedSource } from '../../lifecycle.ts';
import { LateTables, MAX_CHANGES, type PostgresFeed, RETRY } from '../options.ts';
import { PostgresRelations } from '../relations.ts';
import { untoldTables, type Watched, watchedName } from '../watch.ts';
import { PostgresAttempt, type PostgresFeedOptions } from './attempt.ts';

const HEARTBEAT_MS = 500;
const TAKE_OVER_MS = 10_000;

export function createPostgresFeed(options: PostgresFeedOptions): PostgresFeed {
  const source = new LogicalSource(options);
  const watches = (schema: string, table: string) => source.watches(schema, table);
  return Object.assign(new FeedLifecycle(source, options), { watches });
}

class LogicalSource implements FeedSource {
  readonly expected = 'a stream of logical replication';
  readonly retry = RETRY;
  readonly wakePauseMs = 0;
  readonly #options: PostgresFeedOptions & { readonly heartbeatMs: number; readonly maxChanges: number };
  readonly #relations: PostgresRelations;
  readonly #late: LateTables;
  #position: FeedPosition | undefined;
  /** The catalogue that the listener last heard of. */
  #told: Watched | undefined;
  #attempt: PostgresAttempt | undefined;

  constructor(options: PostgresFeedOptions) {
    const { heartbeatMs = HEARTBEAT_MS, maxChanges = MAX_CHANGES } = options;
    this.#options = { ...options, heartbeatMs, maxChanges };
    this.#relations = new PostgresRelations(options.shapeOf);
    this.#late = new LateTables(options);
  }

  get position(): FeedPosition | undefined {
    return this.#attempt?.position ?? this.#position;
  }

  async open(run: FeedRun, begin?: { readonly from: FeedPosition | undefined }): Promise<number> {
    if (begin !== undefined) this.#position = begin.from;
    const attempt = new PostgresAttempt(run, {
      ...this.#options,
      // The server's end of a lost connection may hold the slot, so the next attempt comes soon.
      takeOverMs: begin === undefined ? 0 : (this.#options.takeOverMs ?? TAKE_OVER_MS),
      relations: this.#relations,
      from: this.#position,
      told: this.#told,
    });
    this.#attempt = attempt;
    await attempt.begin();
    const nextMs = await this.look();
    // The feed does not count as open yet, so `lost` was ignored.
    const { ending } = attempt;
    if (ending !== undefined) throw new TidegateError('E_FEED', `expected a connection to the server, got: ${ending}`);
    return nextMs;
  }

  async look(): Promise<number> {
    await this.#attempt?.beat();
    this.#late.take(untoldTables(this.#attempt?.watched));
    return this.#options.heartbeatMs;
  }

  async close(): Promise<void> {
    const attempt = this.#attempt;
    this.#position = attempt?.position ?? this.#position;
    this.#told = attempt?.told ?? this.#told;
    this.#attempt = undefined;
    await attempt?.close();
  }

  acknowledge(position: FeedPosition): void {
    this.#attempt?.acknowledge(position);
  }

  problems(): readonly (string | undefined)[] {
    const { problems = [] } = this.#attempt ?? {};
    return [this.#late.problem, ...problems, ...untoldTables(this.#attempt?.watched)];
  }

  warnings(): readonly string[] {
    return this.#attempt?.warnings ?? [];
  }

  watches(schema: string, table: string): boolean {
    return (this.#attempt?.told ?? this.#told)?.names.has(watchedName(schema, table)) === true;
  }
}
