// The change feed of SQLite and libSQL: follows the change log through a connection of its own.
//
// Anything may be lost at any time, even the file. So each reading begins at the row told last, which carries a random
// number; a reading that does not begin with that very row is a gap.

import type { FeedPosition } from '../../dependency/change.ts';
import { TidegateError } from '../../errors.ts';
import type { Cancel, ChangeFeed, Clock, Eventually, Tasks } from '../../ports.ts';
import { FeedLifecycle, type FeedRun, type FeedSource } from '../lifecycle.ts';
import { installSqliteFeed } from './install.ts';
import {
  changesOf,
  differing,
  type KnownTables,
  markSchema,
  pragma,
  type ReadTables,
  readKnownTables,
} from './known-tables.ts';
import { type LogPart, LogTrim, partOrGap, positionNow, readLog, seqOf, writeLightly } from './log.ts';
import type { SqliteRunner } from './runner.ts';
import { LOG } from './triggers.ts';

export interface SqliteFeedOptions {
  /** Opens a connection that nobody else uses. Called again when the file was replaced or the connection failed. */
  readonly connect: () => Eventually<SqliteRunner>;
  readonly readTables: ReadTables;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Time between looks for commits that nobody announces; 5 ms. */
  readonly pollMs?: number | undefined;
  /** 1 s. */
  readonly heartbeatMs?: number;
  /** More changes at once are told as truncates of their tables; 5,000, which take some 50 ms to match. */
  readonly maxChanges?: number | undefined;
  /** Number of acknowledged rows that the log keeps; 1,000. */
  readonly keptRows?: number;
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
  const source = new SqliteSource(options);
  return Object.assign(new FeedLifecycle(source, options), { covers: (table: string) => source.covers(table) });
}

/** Pause between looks while there is news, so that commits in between are read together. */
const BUSY_PAUSE_MS = 2;
/** Pause at rest where writes are announced, for those that are not. */
const WATCHED_PAUSE_MS = 20;
const BUSY_LOOKS = 12;
const LONGEST_PAUSE_MS = 1_000;
const MAX_CHANGES = 5_000;

class SqliteSource implements FeedSource {
  readonly expected = 'a database that can be read';
  readonly wakePauseMs = 1;
  readonly retry: FeedSource['retry'];
  readonly #options: SqliteFeedOptions;
  readonly #pollMs: number;
  readonly #trim: LogTrim;
  #runner: SqliteRunner | undefined;
  /** Of the file that is open. */
  #identity = '';
  #unwatch: Cancel | undefined;
  #known: KnownTables | undefined;
  /** Tables that had their triggers at some time. */
  readonly #covered = new Set<string>();
  /** Undefined to begin with a gap. */
  position: FeedPosition | undefined;
  #isResumed = false;
  #dataVersion: number | undefined;
  #schemaVersion: number | undefined;
  #beatAt = 0;
  #quietLooks = BUSY_LOOKS;
  #isTelling = false;

  constructor(options: SqliteFeedOptions) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? 5;
    this.#trim = new LogTrim(options.keptRows ?? 1_000);
    this.retry = { firstMs: 2 * this.#pollMs, mostMs: Math.max(LONGEST_PAUSE_MS, this.#pollMs) };
  }

  async open(run: FeedRun, begin?: { readonly from: FeedPosition | undefined }): Promise<number> {
    if (begin !== undefined) {
      this.position = begin.from;
      this.#isResumed = true;
      this.#beatAt = this.#options.clock.monotonic();
    }
    await this.#current(run);
    return 0;
  }

  async look(run: FeedRun): Promise<number> {
    const begunAt = this.#options.clock.monotonic();
    const isBeat = begunAt - this.#beatAt >= (this.#options.heartbeatMs ?? 1_000);
    const runner = await this.#current(run);
    const version = await pragma(runner, 'data_version');
    const isDue = version === undefined || version !== this.#dataVersion;
    // After a failure this look counts as not done.
    this.#dataVersion = undefined;
    if (isDue && version !== undefined) this.#quietLooks = 0;
    const position = isDue || isBeat ? await this.#tellNews(runner, run) : this.position;
    if (run.isStopped || position === undefined) return 0;
    await this.#trim.run(runner, begunAt, position);
    this.#dataVersion = version;
    run.upTo(begunAt);
    if (!run.isStopped && (isDue || isBeat)) {
      this.#beatAt = begunAt;
      run.listener.reached(position);
    }
    return this.#pauseMs();
  }

  /** A busy connection still works. Any other error may be of a broken connection. */
  survives(error: unknown): boolean {
    return /\b(?:busy|locked)\b/i.test(String(error));
  }

  async close(look: Promise<void> | undefined): Promise<void> {
    // A look that its listener keeps waiting tells nothing more, so there is no need to wait for it.
    if (!this.#isTelling) await look;
    const runner = this.#runner;
    this.#runner = undefined;
    this.#unwatch?.();
    this.#unwatch = undefined;
    await runner?.close?.();
  }

  acknowledge(position: FeedPosition): void {
    this.#trim.acknowledge(seqOf(position));
  }

  problems(): readonly string[] {
    return [...(this.#known?.problems.values() ?? [])];
  }

  covers(table: string): boolean {
    return this.#known?.shapes.has(table) === true && !this.#known.problems.has(table);
  }

  /** The time until the next look: short after news or an announcement, long at rest. */
  #pauseMs(): number {
    if (this.#quietLooks >= BUSY_LOOKS) return Math.max(this.#unwatch ? WATCHED_PAUSE_MS : 0, this.#pollMs);
    // A slow or distant database, which has a long poll time, is asked less often.
    return Math.min(this.#pollMs, Math.max(BUSY_PAUSE_MS, this.#pollMs / 4) * 2 ** this.#quietLooks++);
  }

  /** A connection to the file that has the name now. */
  async #current(run: FeedRun): Promise<SqliteRunner> {
    if (this.#runner?.identity !== undefined && (await this.#runner.identity()) !== this.#identity) {
      await this.close(undefined);
    }
    if (this.#runner !== undefined) return this.#runner;
    const runner = await this.#options.connect();
    this.#runner = runner;
    this.#identity = (await runner.identity?.()) ?? '';
    this.#dataVersion = this.#schemaVersion = undefined;
    this.#known ??= await this.#read(runner);
    await writeLightly(runner);
    // Watches after the first read: before it, some of the database's files need not exist.
    this.#unwatch = runner.watch?.(() => {
      // The commit can be read only later, by as long as the disk takes. So several looks follow an announcement.
      this.#quietLooks = 0;
      if (!run.isLooking) run.wake(BUSY_PAUSE_MS);
    });
    return runner;
  }

  /** Tells all news, and returns the position up to which everything has been told. */
  async #tellNews(runner: SqliteRunner, run: FeedRun): Promise<FeedPosition | undefined> {
    const { maxChanges = MAX_CHANGES, tasks } = this.#options;
    const pause = () => new Promise<void>((resolve) => void tasks.later(0, resolve));
    for (;;) {
      const version = await pragma(runner, 'schema_version');
      const isSameSchema = version !== undefined && version === this.#schemaVersion;
      const known = isSameSchema ? (this.#known as KnownTables) : await this.#newlyKnown(runner);
      const isNumberSure = async () =>
        isSameSchema && !this.#isResumed && (await pragma(runner, 'schema_version')) === version;
      const source = { runner, known, maxChanges, pause, isNumberSure };
      const part: LogPart =
        this.position === undefined
          ? { kind: 'gap', reason: 'the feed begins here' }
          : await readLog(source, this.position);
      // The schema changed after it was read above, so this part would be told in the old shapes.
      if (part.kind === 'part' && part.hasSchema && (await pragma(runner, 'schema_version')) !== version) continue;
      const news = partOrGap(part, { known, before: this.#known, isResumed: this.#isResumed });
      const position = news.kind === 'gap' ? await positionNow(runner) : news.position;
      if (news.kind === 'gap') {
        if (run.isStopped) return undefined;
        await this.#telling(() => run.listener.gap(news.reason, position));
      } else {
        const truncates = differing(this.#known as KnownTables, known).map((table) => ({
          kind: 'truncate' as const,
          table,
        }));
        const changes = [...truncates, ...changesOf(news.changes, known)];
        const isNews = changes.length > 0 && !run.isStopped;
        if (isNews) await this.#telling(() => run.listener.changed({ position, changes }));
      }
      this.#known = known;
      this.#isResumed = false;
      this.#schemaVersion = version;
      this.position = position;
      return position;
    }
  }

  async #telling(tell: () => Eventually<void>): Promise<void> {
    this.#isTelling = true;
    try {
      await tell();
    } finally {
      this.#isTelling = false;
    }
  }

  /** Reads the tables again after a possible schema change, and marks the change in the log, to get a position after it. */
  async #newlyKnown(runner: SqliteRunner): Promise<KnownTables> {
    let known = await this.#read(runner);
    const { extends: takesAll = false } = this.#options;
    const isLost = (name: string) => known.problems.has(name) && (takesAll || this.#covered.has(name));
    const lost = [...known.shapes.values()].filter(({ name }) => isLost(name));
    if (lost.length > 0) {
      await installSqliteFeed(runner, lost);
      known = await this.#read(runner);
    }
    await markSchema(runner, known.fingerprint, this.#known?.fingerprint !== known.fingerprint);
    return known;
  }

  async #read(runner: SqliteRunner): Promise<KnownTables> {
    const known = await readKnownTables(runner, this.#options.readTables);
    for (const name of known?.shapes.keys() ?? []) if (known?.problems.has(name) === false) this.#covered.add(name);
    if (known !== undefined) return known;
    throw new TidegateError('E_FEED', `expected the change log ${LOG} in the database, got none: install the feed`);
  }
}
