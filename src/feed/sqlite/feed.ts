// The change feed of SQLite and libSQL: follows the change log through a connection of its own.
//
// Anything may be lost at any time, even the file. So each reading begins at the row told last, which carries a random
// number; a reading that does not begin with that very row is a gap.

import type { FeedPosition } from '../../dependency/change.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { Cancel, ChangeFeed, Clock, Eventually, FeedListener, FeedStatus, Tasks } from '../../ports.ts';
import { SqliteConnection } from './connection.ts';
import { installSqliteFeed } from './install.ts';
import { differing, type Known, markSchema, pragma, type ReadTables, readKnown } from './known.ts';
import { changesOf, gapIn, type LogPart, positionNow, readLog, seqOf } from './log.ts';
import { BUSY_PAUSE_MS, Pace } from './pace.ts';
import type { SqliteRunner } from './runner.ts';
import { LOG } from './triggers.ts';
import { LogTrim } from './trim.ts';

export interface SqliteFeedOptions {
  /** Opens a connection that nobody else uses. Called again when the file was replaced or the connection failed. */
  readonly connect: () => Eventually<SqliteRunner>;
  /** The tables as they are now. */
  readonly readTables: ReadTables;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Time between looks for commits that nobody announces; 5 ms. */
  readonly pollMs?: number;
  /** 1 s. */
  readonly heartbeatMs?: number;
  /** More changes at once are told as truncates of their tables; 5,000, which take some 50 ms to match. */
  readonly maxChanges?: number;
  /** Number of acknowledged rows that the log keeps; 1,000. */
  readonly keptRows?: number;
  /** Whether to repair the triggers of a table that was made anew or altered; true. */
  readonly repairs?: boolean;
  /** Whether to give triggers to tables made later. Default false: the status names them, and the feed leaves them out. */
  readonly extends?: boolean;
}

export interface SqliteFeed extends ChangeFeed {
  /** This process wrote something: looks at once. */
  wake(): void;
  /** Whether changes of that table are told. If not, a query on it would never be invalidated. */
  covers(table: string): boolean;
}

export function createSqliteFeed(options: SqliteFeedOptions): SqliteFeed {
  return new Feed(options);
}

const SHORTEST_PAUSE_MS = 1;
const MAX_CHANGES = 5_000;

class Feed implements SqliteFeed {
  readonly #options: SqliteFeedOptions;
  readonly #heartbeatMs: number;
  readonly #trim: LogTrim;
  readonly #pace: Pace;
  readonly #connection: SqliteConnection;
  #state: FeedStatus['state'] = 'stopped';
  #listener: FeedListener | undefined;
  #known: Known | undefined;
  /** Tables that had their triggers at some time. */
  readonly #covered = new Set<string>();
  #position: FeedPosition | undefined;
  /** Position to read from. Undefined to begin with a gap. */
  #from: FeedPosition | undefined;
  #isResumed = false;
  #dataVersion: number | undefined;
  #schemaVersion: number | undefined;
  #knownAt = 0;
  #beatAt = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #failure: string | undefined;
  #failures = 0;
  #isAwake = false;
  #isTelling = false;
  #cancel: Cancel | undefined;
  #round: Promise<void> | undefined;

  constructor(options: SqliteFeedOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatMs ?? 1_000;
    this.#trim = new LogTrim(options.keptRows ?? 1_000);
    this.#pace = new Pace(options.pollMs ?? 5);
    this.#connection = new SqliteConnection(options.connect, () => this.#announced());
  }

  async start(from: FeedPosition | undefined, listener: FeedListener): Promise<void> {
    if (!this.#isStopped()) throw new TidegateError('E_FEED', 'expected a feed that is stopped, got one that runs');
    this.#state = 'starting';
    this.#listener = listener;
    this.#from = this.#position = from;
    this.#isResumed = true;
    this.#knownAt = this.#beatAt = this.#options.clock.monotonic();
    try {
      await this.#current();
    } catch (error) {
      this.#state = 'stopped';
      await this.#connection.close();
      if (error instanceof TidegateError) throw error;
      throw new TidegateError('E_FEED', `expected a database to open, got ${String(error)}`, { cause: error });
    }
    this.#next(0);
  }

  acknowledge(position: FeedPosition): void {
    this.#trim.acknowledge(seqOf(position));
  }

  status(): FeedStatus {
    const problems = [...(this.#known?.problems.values() ?? [])];
    if (this.#failure !== undefined) problems.unshift(this.#failure);
    const lagMs = this.#options.clock.monotonic() - this.#knownAt;
    return { state: this.#state, position: this.#position, lagMs, problems };
  }

  async stop(): Promise<void> {
    if (this.#isStopped()) return;
    this.#state = 'stopped';
    this.#cancel?.();
    // A reading that its listener keeps waiting tells nothing more, so there is no need to wait for it.
    if (!this.#isTelling) await this.#round;
    await this.#connection.close();
  }

  wake(): void {
    if (this.#isAwake || this.#isStopped()) return;
    this.#isAwake = true;
    if (this.#round === undefined) this.#soon(SHORTEST_PAUSE_MS);
  }

  #announced(): void {
    this.#pace.busy();
    if (this.#isAwake || this.#isStopped() || this.#round !== undefined) return;
    this.#isAwake = true;
    this.#soon(BUSY_PAUSE_MS);
  }

  /** Reads many writes in a row together. */
  #soon(pauseMs: number): void {
    const leftMs = this.#lookedAt + pauseMs - this.#options.clock.monotonic();
    if (leftMs > 0) this.#next(leftMs);
    else this.#options.tasks.soon(() => this.#begin());
  }

  covers(table: string): boolean {
    return this.#known?.shapes.has(table) === true && !this.#known.problems.has(table);
  }

  #next(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = this.#isStopped() ? undefined : this.#options.tasks.later(delayMs, () => this.#begin());
  }

  #begin(): void {
    if (this.#isStopped() || this.#round !== undefined) return;
    this.#round = this.#look().finally(() => {
      this.#round = undefined;
      this.#next(this.#isAwake ? SHORTEST_PAUSE_MS : this.#pace.next(this.#failures));
    });
  }

  #isStopped = (): boolean => this.#state === 'stopped';

  async #look(): Promise<void> {
    this.#isAwake = false;
    try {
      await this.#readOnce();
      this.#failures = 0;
      this.#failure = undefined;
    } catch (error) {
      if (this.#isStopped()) return;
      this.#state = 'retrying';
      this.#failures++;
      this.#failure = messageOf(error);
      // A busy connection still works. Any other error may be a broken connection.
      if (!/\b(?:busy|locked)\b/i.test(this.#failure)) await this.#connection.close();
    }
  }

  async #readOnce(): Promise<void> {
    const begunAt = this.#options.clock.monotonic();
    this.#lookedAt = begunAt;
    const isBeat = begunAt - this.#beatAt >= this.#heartbeatMs;
    const runner = await this.#current();
    const version = await pragma(runner, 'data_version');
    const isDue = version === undefined || version !== this.#dataVersion || this.#state !== 'live';
    if (isDue && version !== undefined) this.#pace.busy();
    const position = isDue || isBeat ? await this.#tellNews(runner) : this.#position;
    if (this.#isStopped() || position === undefined) return;
    this.#dataVersion = version;
    this.#knownAt = begunAt;
    this.#state = 'live';
    await this.#trim.run(runner, begunAt, position);
    if (this.#isStopped() || !(isDue || isBeat)) return;
    this.#beatAt = begunAt;
    this.#listener?.reached(position);
  }

  /** Tells all news, and returns the position up to which everything has been told. */
  async #tellNews(runner: SqliteRunner): Promise<FeedPosition | undefined> {
    for (;;) {
      const version = await pragma(runner, 'schema_version');
      const isSameSchema = version !== undefined && version === this.#schemaVersion;
      const known = isSameSchema ? (this.#known as Known) : await this.#newlyKnown(runner);
      const part = await this.#readNews(runner, known, { version, isSameSchema });
      // The schema changed after it was read above, so this part would be told in the old shapes.
      if (part.kind === 'part' && part.hasSchema && (await pragma(runner, 'schema_version')) !== version) continue;
      const reason = gapIn(part, { known, before: this.#known, isResumed: this.#isResumed });
      const isGap = part.kind === 'gap' || reason !== undefined;
      const position = await (isGap ? this.#tellGap(runner, known, reason ?? '') : this.#tell(part, known));
      this.#schemaVersion = version;
      return position;
    }
  }

  async #readNews(
    runner: SqliteRunner,
    known: Known,
    { version, isSameSchema }: { readonly version: number | undefined; readonly isSameSchema: boolean },
  ): Promise<LogPart> {
    if (this.#from === undefined) return { kind: 'gap', reason: 'the feed begins here' };
    const isNumberSure = async () =>
      isSameSchema && !this.#isResumed && (await pragma(runner, 'schema_version')) === version;
    const { maxChanges = MAX_CHANGES, tasks } = this.#options;
    const pause = () => new Promise<void>((resolve) => void tasks.later(0, resolve));
    return readLog({ runner, known }, this.#from, { maxChanges, pause, isNumberSure });
  }

  async #tell(part: LogPart & { kind: 'part' }, known: Known): Promise<FeedPosition> {
    const truncates = differing(this.#known as Known, known).map((table) => ({ kind: 'truncate' as const, table }));
    const changes = [...truncates, ...changesOf(part.told, known)];
    const { position } = part;
    if (changes.length > 0 && !this.#isStopped()) {
      await this.#telling(() => this.#listener?.changed({ position, changes }));
    }
    return this.#standAt(known, position);
  }

  async #tellGap(runner: SqliteRunner, known: Known, reason: string): Promise<FeedPosition | undefined> {
    const position = await positionNow(runner);
    if (this.#isStopped()) return undefined;
    await this.#telling(() => this.#listener?.gap(reason, position));
    return this.#standAt(known, position);
  }

  #standAt(known: Known, position: FeedPosition): FeedPosition {
    this.#known = known;
    this.#isResumed = false;
    this.#from = this.#position = position;
    return position;
  }

  async #telling(tell: () => Eventually<void> | undefined): Promise<void> {
    this.#isTelling = true;
    try {
      await tell();
    } finally {
      this.#isTelling = false;
    }
  }

  /** Reads the tables again after a possible schema change, and marks the change in the log, to get a position after it. */
  async #newlyKnown(runner: SqliteRunner): Promise<Known> {
    let known = await this.#read(runner);
    const { repairs = true, extends: takesAll = false } = this.#options;
    const isOurs = (name: string) => known.shapes.has(name) && (takesAll || (repairs && this.#covered.has(name)));
    const lost = [...known.problems.keys()].filter(isOurs);
    if (lost.length > 0) {
      await installSqliteFeed(
        runner,
        [...known.shapes.values()].filter(({ name }) => lost.includes(name)),
      );
      known = await this.#read(runner);
    }
    await markSchema(runner, known.fingerprint, this.#known?.fingerprint !== known.fingerprint);
    return known;
  }

  async #read(runner: SqliteRunner): Promise<Known> {
    const known = await readKnown(runner, this.#options.readTables);
    for (const name of known?.shapes.keys() ?? []) if (known?.problems.has(name) === false) this.#covered.add(name);
    if (known !== undefined) return known;
    throw new TidegateError('E_FEED', `expected the change log ${LOG} in the database, got none: install the feed`);
  }

  async #current(): Promise<SqliteRunner> {
    const runner = await this.#connection.current(async (opened) => {
      this.#dataVersion = this.#schemaVersion = undefined;
      this.#known ??= await this.#read(opened);
    });
    this.#pace.isWatched = this.#connection.isWatched;
    return runner;
  }
}
