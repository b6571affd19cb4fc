// The change log on D1, where nobody can follow a log: a write returns its own changes, and a drain those of others.
//
// A statement of a batch cannot use an earlier one's result, so the batch does not know at which row of the log it begins.
// It reads from the last row known to exist before it.

import type { ChangeSet, FeedPosition } from '../../dependency/change.ts';
import { TidegateError } from '../../errors.ts';
import {
  changesOf,
  type KnownTables,
  markSchema,
  type ReadTables,
  readKnownTables,
  strangersIn,
} from './known-tables.ts';
import { positionNow, readLog, resolved, rowsStatement, seqOf } from './log.ts';
import { type D1Binding, type D1Prepared, type D1Statement, d1Runner, type SqliteRow } from './runner.ts';
import { LOG, STATE } from './triggers.ts';

/** Most changes that are told one by one; more are told as truncates. */
const MAX_CHANGES = 5_000;

export interface D1Written {
  readonly results: readonly { readonly results?: readonly unknown[] }[];
  /**
   * The changes of this batch; undefined when there are none. Never drain from its position: it skips what others wrote
   * before the batch.
   */
  readonly set: ChangeSet | undefined;
}

export type D1Drained =
  | { readonly kind: 'changes'; readonly set: ChangeSet }
  /** Anything read before now may be outdated. The next drain continues after `position`. */
  | { readonly kind: 'gap'; readonly reason: string; readonly position: FeedPosition };

export function createD1Feed<S extends D1Statement<S> = D1Prepared>(
  database: D1Binding<S>,
  readTables: ReadTables,
): D1Feed<S> {
  return new D1Feed(database, readTables);
}

class D1Feed<S extends D1Statement<S>> {
  readonly #database: D1Binding<S>;
  readonly #readTables: ReadTables;
  #known: Promise<KnownTables> | undefined;
  /** Number of an existing row of the log. */
  #lower = 0;

  constructor(database: D1Binding<S>, readTables: ReadTables) {
    this.#database = database;
    this.#readTables = readTables;
  }

  /**
   * Runs the statements as one transaction, and tells what it changed. Rejects as `batch` does, and then nothing changed.
   * Rejects with E_FEED when it committed but its changes are unknown, and then everything may be outdated.
   */
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

  /** The batch is committed, so any doubt here must widen the set. */
  async #setOf(known: KnownTables, before: SqliteRow, found: readonly SqliteRow[]): Promise<ChangeSet | undefined> {
    const runner = d1Runner(this.#database);
    const rows = [before, ...found.filter(({ seq }) => Number(seq) > Number(before.seq))];
    if (rows.length === 1 && found.length <= MAX_CHANGES) return undefined;
    if (found.length > MAX_CHANGES) return this.#allOf(await this.position());
    const part = await resolved({ runner, known, ...OPTIONS }, rows);
    if (part.kind === 'gap' || part.hasSchema || strangersIn(part.changes, known).length > 0) {
      return this.#allOf(await this.position());
    }
    return { position: part.position, changes: changesOf(part.changes, known) };
  }

  /** All commits after `from`, by anyone. One call at a time for each position that is kept. */
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
    const part = await readLog({ runner, known, ...OPTIONS }, from);
    if (part.kind === 'gap') return gap(part.reason);
    if (part.hasSchema) return gap('the schema changed');
    const { changes, position } = part;
    const strangers = strangersIn(changes, known);
    if (strangers.length > 0) return gap(`the change log has rows of a table that is not known (${strangers.join()})`);
    return { kind: 'changes', set: { position, changes: changesOf(changes, known) } };
  }

  /** The position for a read that comes after this call. */
  async position(): Promise<FeedPosition> {
    const position = await positionNow(d1Runner(this.#database));
    this.#lower = seqOf(position);
    return position;
  }

  /** The tables differ from the known ones, so each may have changed. */
  async #allOf(position: FeedPosition): Promise<ChangeSet> {
    this.#known = this.#read();
    const { shapes } = await this.#known;
    return { position, changes: [...shapes.values()].map((table) => ({ kind: 'truncate', table })) };
  }

  async #read(): Promise<KnownTables> {
    const known = await readKnownTables(d1Runner(this.#database), this.#readTables);
    if (known !== undefined) return known;
    throw new TidegateError('E_FEED', `expected the change log ${LOG} in the database, got none: install the feed`);
  }
}

/** D1 cannot run VACUUM, which would give rows other numbers. */
const OPTIONS = { maxChanges: MAX_CHANGES, isNumberSure: async () => true };

/** Deletes rows up to a position that everyone who drains has applied. At most `maxRows` at once. */
export async function trimD1Log<S extends D1Statement<S>>(
  database: D1Binding<S>,
  position: FeedPosition,
  maxRows = 500,
): Promise<void> {
  const sql = `DELETE FROM ${LOG} WHERE seq < ? AND seq < (SELECT min(seq) FROM ${LOG}) + ?`;
  await d1Runner(database).all(sql, [seqOf(position), maxRows]);
}
