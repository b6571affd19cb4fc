// The change log on D1, where nothing can be followed: a write returns its own changes, and a drain what others wrote.
//
// A statement of a batch cannot use what an earlier one gave, so the batch does not know at which
// row of the log it begins. It reads from the last row that is known to have been there before it.

import type { ChangeSet, FeedPosition } from '../../dependency/change.ts';
import { TidegateError } from '../../errors.ts';
import { type Known, markSchema, type ReadTables, readKnown } from './sqlite-known.ts';
import { changesOf, positionNow, readLog, resolved, rowsStatement, seqOf, strangersIn } from './sqlite-log.ts';
import { type D1Binding, type D1Prepared, type D1Statement, d1Runner, type SqliteRow } from './sqlite-runner.ts';
import { LOG, STATE } from './sqlite-triggers.ts';

/** What a batch may have changed; more is told as truncates. */
const MAX_CHANGES = 5_000;

export interface D1Written {
  /** As `batch` gave them. */
  readonly results: readonly { readonly results?: readonly unknown[] }[];
  /**
   * What this batch changed; undefined: nothing. Its position is no place to drain from: what others wrote before the
   * batch is not told here.
   */
  readonly set: ChangeSet | undefined;
}

export type D1Drained =
  | { readonly kind: 'changes'; readonly set: ChangeSet }
  /** Whatever was read before now may be outdated. Goes on after `position`. */
  | { readonly kind: 'gap'; readonly reason: string; readonly position: FeedPosition };

export interface D1Feed<S> {
  /**
   * Runs the statements as one transaction, and tells what it changed. Rejects as `batch` does: then nothing was; and
   * with E_FEED when it was committed, but nobody knows what it changed: then all may be outdated.
   */
  write(statements: readonly S[]): Promise<D1Written>;
  /** What was committed after `from`, by whomever. One call at a time for each position that is kept. */
  drain(from: FeedPosition | undefined): Promise<D1Drained>;
  /** For a read that comes after it. */
  position(): Promise<FeedPosition>;
}

export function createD1Feed<S extends D1Statement<S> = D1Prepared>(
  database: D1Binding<S>,
  readTables: ReadTables,
): D1Feed<S> {
  return new Feed(database, readTables);
}

class Feed<S extends D1Statement<S>> implements D1Feed<S> {
  readonly #database: D1Binding<S>;
  readonly #readTables: ReadTables;
  #known: Promise<Known> | undefined;
  /** A row of the log that is there. */
  #lower = 0;

  constructor(database: D1Binding<S>, readTables: ReadTables) {
    this.#database = database;
    this.#readTables = readTables;
  }

  async write(statements: readonly S[]): Promise<D1Written> {
    this.#known ??= this.#read();
    const known = await this.#known;
    if (this.#lower === 0) await this.position();
    const question = rowsStatement(known, this.#lower, MAX_CHANGES + 1);
    const [last, ...results] = await this.#database.batch([
      this.#database.prepare(`SELECT (SELECT id FROM ${STATE}) AS id, seq, salt FROM ${LOG} ORDER BY seq DESC LIMIT 1`),
      ...statements,
      this.#database.prepare(question.sql).bind(...question.parameters),
    ]);
    const [before] = (last?.results ?? []) as SqliteRow[];
    const found = (results.pop()?.results ?? []) as SqliteRow[];
    if (before === undefined) throw new TidegateError('E_FEED', 'expected rows in the change log, got none');
    this.#lower = Number(before.seq);
    try {
      return { results, set: await this.#setOf(known, before, found) };
    } catch (error) {
      throw new TidegateError('E_FEED', `expected to read what was committed, got ${String(error)}`, { cause: error });
    }
  }

  /** It is committed: whatever goes wrong here makes it wider. */
  async #setOf(known: Known, before: SqliteRow, found: readonly SqliteRow[]): Promise<ChangeSet | undefined> {
    const runner = d1Runner(this.#database);
    const rows = [before, ...found.filter(({ seq }) => Number(seq) > Number(before.seq))];
    if (rows.length === 1 && found.length <= MAX_CHANGES) return undefined;
    if (found.length > MAX_CHANGES) return this.#allOf(await this.position());
    const part = await resolved({ runner, known }, rows, options);
    const isStrange = part.kind === 'gap' || part.hasSchema || strangersIn(part.told, known).length > 0;
    if (isStrange) return this.#allOf(await this.position());
    return { position: part.position, changes: changesOf(part.told, known) };
  }

  async drain(from: FeedPosition | undefined): Promise<D1Drained> {
    const runner = d1Runner(this.#database);
    const known = await this.#read();
    this.#known = Promise.resolve(known);
    await markSchema(runner, known.fingerprint, false);
    const gap = async (reason: string): Promise<D1Drained> => ({
      kind: 'gap',
      reason,
      position: await this.position(),
    });
    if (from === undefined) return gap('the feed begins here');
    const part = await readLog({ runner, known }, from, options);
    if (part.kind === 'gap') return gap(part.reason);
    if (part.hasSchema) return gap('the schema changed');
    const { told, position } = part;
    const strangers = strangersIn(told, known);
    if (strangers.length > 0) return gap(`the change log has rows of a table that is not known (${strangers.join()})`);
    return { kind: 'changes', set: { position, changes: changesOf(told, known) } };
  }

  async position(): Promise<FeedPosition> {
    const position = await positionNow(d1Runner(this.#database));
    this.#lower = seqOf(position);
    return position;
  }

  /** The tables are others than those that were known: each may have changed. */
  async #allOf(position: FeedPosition): Promise<ChangeSet> {
    this.#known = this.#read();
    const { shapes } = await this.#known;
    return { position, changes: [...shapes.values()].map((table) => ({ kind: 'truncate', table })) };
  }

  async #read(): Promise<Known> {
    const known = await readKnown(d1Runner(this.#database), this.#readTables);
    if (known !== undefined) return known;
    throw new TidegateError('E_FEED', `expected the change log ${LOG} in the database, got none: install the feed`);
  }
}

/** VACUUM, which gives rows other numbers, cannot be run there. */
const options = { maxChanges: MAX_CHANGES, isNumberSure: async () => true };

/** Deletes what all who drain have applied, up to a position; what comes after is kept. At most `maxRows` at once. */
export async function trimD1Log<S extends D1Statement<S>>(
  database: D1Binding<S>,
  position: FeedPosition,
  maxRows = 500,
): Promise<void> {
  const sql = `DELETE FROM ${LOG} WHERE seq < ? AND seq < (SELECT min(seq) FROM ${LOG}) + ?`;
  await d1Runner(database).all(sql, [seqOf(position), maxRows]);
}
