// The change log on D1, where nobody can follow a log: a write returns its own changes, and a drain those of others.
//
// A statement of a batch cannot use an earlier one's result, so the batch does not know at which row of the log it begins.
// It reads from the last row known to exist before it. The batch tells the definitions of all tables too: whoever knows of
// others cannot read its changes.

import type { ChangeSet, FeedPosition } from '../../dependency/change.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import {
  changesOf,
  type KnownTables,
  markSchema,
  type ReadTables,
  readKnownTables,
  strangersIn,
} from './known-tables.ts';
import { positionIn, positionNow, readLog, resolved, rowsStatement, seqOf } from './log.ts';
import { type D1Binding, type D1Prepared, type D1Statement, d1Runner, type SqliteRow } from './runner.ts';
import { LOG, STATE } from './triggers.ts';

/** Most changes that are told one by one; more are told as truncates. */
const MAX_CHANGES = 5_000;

/** SQL of one text: the definitions of all tables and views, and a sum of those of indexes and triggers. */
export const DEFINITIONS = `(SELECT group_concat(rowid || coalesce(sql, name), x'0a') FROM sqlite_schema WHERE type IN ('table', 'view'))
  || (SELECT count(*) || ' ' || total(rowid * length(name || coalesce(sql, ''))) FROM sqlite_schema WHERE type NOT IN ('table', 'view'))`;

const LAST_ROW = `SELECT (SELECT id FROM ${STATE}) AS id, seq, salt, ${DEFINITIONS} AS definitions FROM ${LOG} ORDER BY seq DESC LIMIT 1`;

export interface D1Written {
  readonly results: readonly { readonly results?: readonly unknown[] }[];
  /**
   * The changes of this batch; undefined when there are none. Never drain from its position: it skips what others wrote
   * before the batch.
   */
  readonly set: ChangeSet | undefined;
  /** E_FEED: it committed, but its changes are unknown, and everything may be outdated. */
  readonly fault?: TidegateError;
  /** The tables are others than were known. */
  readonly hasNewTables?: true;
}

export type D1Drained =
  | { readonly kind: 'changes'; readonly set: ChangeSet }
  /** Anything read before now may be outdated. The next drain continues after `position`. */
  | { readonly kind: 'gap'; readonly reason: string; readonly position: FeedPosition };

/** What is known of one database, for feeds that come one after the other to share. Begins empty. */
export interface D1FeedState {
  known?: { readonly tables: KnownTables; readonly definitions: string } | undefined;
  /** Number of an existing row of the log. */
  lower?: number;
}

export function createD1Feed<S extends D1Statement<S> = D1Prepared>(
  database: D1Binding<S>,
  readTables: ReadTables,
  state: D1FeedState = {},
): D1Feed<S> {
  return new D1Feed(database, readTables, state);
}

class D1Feed<S extends D1Statement<S>> {
  readonly #database: D1Binding<S>;
  readonly #readTables: ReadTables;
  readonly #state: D1FeedState;

  constructor(database: D1Binding<S>, readTables: ReadTables, state: D1FeedState) {
    this.#database = database;
    this.#readTables = readTables;
    this.#state = state;
  }

  /**
   * Runs the statements as one transaction, and tells what it changed. Rejects as `batch` does, and then nothing changed.
   * Rejects with E_FEED where no feed is installed, and then nothing was run.
   */
  async write(statements: readonly S[]): Promise<D1Written> {
    const { tables } = this.#state.known ?? (await this.#read());
    if (this.#state.lower === undefined) await this.position();
    const { lower = 0 } = this.#state;
    const question = rowsStatement(tables, lower, MAX_CHANGES + 1);
    const [last, ...results] = await this.#database.batch([
      this.#database.prepare(LAST_ROW),
      ...statements,
      this.#database.prepare(question.sql).bind(...question.parameters),
    ]);
    const [before] = (last?.results ?? []) as SqliteRow[];
    const found = (results.pop()?.results ?? []) as SqliteRow[];
    // The database was set back to an earlier time, or its log made anew: some of the batch's rows were not asked for.
    if (Number(before?.seq) < lower) {
      this.#state.lower = Number(before?.seq);
      return { results, ...unknown(`a change log that ends before row ${lower}`) };
    }
    return { results, ...(await this.#changesIn(before, found)) };
  }

  /** Why changes of tables are not told, or not completely, by table. Rejects with E_FEED where no feed is installed. */
  async problems(): Promise<ReadonlyMap<string, string>> {
    return (this.#state.known ?? (await this.#read())).tables.problems;
  }

  /** Does as `write` does for a statement that cannot be in a batch. What others write meanwhile is told as well. */
  async around<T>(run: () => Promise<T>): Promise<Omit<D1Written, 'results'> & { readonly value: T }> {
    const { tables } = this.#state.known ?? (await this.#read());
    const runner = d1Runner(this.#database);
    const [before] = await runner.all(LAST_ROW);
    const value = await run();
    const { sql, parameters } = rowsStatement(tables, Number(before?.seq ?? 0), MAX_CHANGES + 1);
    try {
      return { value, ...(await this.#changesIn(before, await runner.all(sql, parameters))) };
    } catch (error) {
      return { value, ...unknown(error) };
    }
  }

  /** Never rejects: what is asked for is committed. */
  async #changesIn(
    before: SqliteRow | undefined,
    found: readonly SqliteRow[],
  ): Promise<Pick<D1Written, 'set' | 'fault' | 'hasNewTables'>> {
    const { known } = this.#state;
    if (before === undefined || known === undefined) return unknown('no row in the change log');
    this.#state.lower = Number(before.seq);
    try {
      const rows = [before, ...found.filter(({ seq }) => Number(seq) > Number(before.seq))];
      const hasNewTables = before.definitions !== known.definitions;
      if (hasNewTables) return { set: await this.#allOf(), hasNewTables };
      if (rows.length === 1 && found.length <= MAX_CHANGES) return { set: undefined };
      return { set: found.length > MAX_CHANGES ? await this.#allOf() : await this.#setOf(known.tables, rows) };
    } catch (error) {
      return unknown(error);
    }
  }

  /** Any doubt here must widen the set. */
  async #setOf(known: KnownTables, rows: readonly SqliteRow[]): Promise<ChangeSet> {
    const part = await resolved({ runner: d1Runner(this.#database), known, ...OPTIONS }, rows);
    if (part.kind === 'gap' || part.hasSchema || strangersIn(part.changes, known).length > 0) return this.#allOf();
    return { position: part.position, changes: changesOf(part.changes, known) };
  }

  /** All commits after `from`, by anyone. One call at a time for each position that is kept. */
  async drain(from: FeedPosition | undefined): Promise<D1Drained> {
    const runner = d1Runner(this.#database);
    const [last] = this.#state.known === undefined ? [] : await runner.all(LAST_ROW);
    if (last !== undefined && last.definitions === this.#state.known?.definitions && positionIn(last) === from)
      return { kind: 'changes', set: { position: from, changes: [] } };
    const { tables: known } = await this.#read();
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
    this.#state.lower = seqOf(position);
    return position;
  }

  /** The tables differ from the known ones, so each may have changed. */
  async #allOf(): Promise<ChangeSet> {
    const { tables } = await this.#read();
    const position = await this.position();
    return { position, changes: [...tables.shapes.values()].map((table) => ({ kind: 'truncate', table })) };
  }

  /** Reads until the tables stay the same meanwhile. */
  async #read(): Promise<NonNullable<D1FeedState['known']>> {
    const runner = d1Runner(this.#database);
    const definitionsNow = async () =>
      String((await runner.all(`SELECT ${DEFINITIONS} AS definitions`))[0]?.definitions);
    for (let round = 0; round < 5; round++) {
      const definitions = await definitionsNow();
      const tables = await readKnownTables(runner, this.#readTables);
      if (tables === undefined) break;
      this.#state.known = { tables, definitions };
      if ((await definitionsNow()) === definitions) return this.#state.known;
    }
    this.#state.known = undefined;
    throw new TidegateError('E_FEED', `expected the change log ${LOG} in the database, got none: install the feed`);
  }
}

function unknown(cause: unknown): Pick<D1Written, 'set' | 'fault'> {
  const message = `expected to read what was committed, got ${messageOf(cause)}`;
  return { set: undefined, fault: new TidegateError('E_FEED', message, { cause }) };
}

/** D1 cannot run VACUUM, which would give rows other numbers. */
const OPTIONS = { maxChanges: MAX_CHANGES, isNumberSure: async () => true };

/** Deletes rows up to a position that everyone who drains has applied. At most `maxRows` at once. */
export async function trimD1Log<S extends D1Statement<S>>(
  database: D1Binding<S>,
  position: FeedPosition,
  { maxRows = 500, keptRows = 0 }: { readonly maxRows?: number; readonly keptRows?: number } = {},
): Promise<void> {
  const sql = `DELETE FROM ${LOG} WHERE seq < ? AND seq < (SELECT min(seq) FROM ${LOG}) + ?`;
  await d1Runner(database).all(sql, [seqOf(position) - keptRows, maxRows]);
}
