// Reads the change log of SQLite, commits after a position as changes, and deletes what was acknowledged.
//
// The log does not say where a transaction ends. A statement sees whole transactions only, so all rows of one statement are
// told together. When there are too many, only their tables are named.

import type { FeedPosition } from '../../dependency/change.ts';
import { quotedName } from '../../dependency/table-name.ts';
import { imageColumns, imageOf, type LoggedChange, loggedChanges, type Suspect } from './images.ts';
import { type KnownTables, strangersIn } from './known-tables.ts';
import type { SqliteRow, SqliteRunner, SqliteStatement } from './runner.ts';
import { KIND, LOG, STATE } from './triggers.ts';

const POSITION = /^([0-9a-f]+):(\d{16}):([0-9a-f]{12})$/;

export type LogPart =
  | { readonly kind: 'gap'; readonly reason: string }
  | {
      readonly kind: 'part';
      readonly position: FeedPosition;
      readonly changes: readonly LoggedChange[];
      /** Whether the schema changed before, between or after these rows. */
      readonly hasSchema: boolean;
    };

export interface LogSource {
  readonly runner: SqliteRunner;
  readonly known: KnownTables;
  readonly maxChanges: number;
  /** Lets other work of the process go first. */
  readonly pause?: () => Promise<void>;
  /** Whether rows certainly still have the same numbers. */
  readonly isNumberSure: () => Promise<boolean>;
}

/**
 * The end of the log. A later read on the same connection, or in the same transaction, has seen all of it. It means nothing
 * within a transaction that has written to the log: it then counts rows that may never be committed.
 */
export async function positionNow(runner: SqliteRunner): Promise<FeedPosition> {
  const [row] = await runner.all(
    `SELECT id, seq, salt FROM ${STATE}, (SELECT seq, salt FROM ${LOG} ORDER BY seq DESC LIMIT 1)`,
  );
  return positionOf(String(row?.id), row ?? {});
}

function positionOf(id: string, { seq, salt }: SqliteRow): FeedPosition {
  return `${id}:${String(seq).padStart(16, '0')}:${Number(salt).toString(16).padStart(12, '0')}`;
}

/** Of a row of the log, with the log's `id`. */
export function positionIn(row: SqliteRow): FeedPosition {
  return positionOf(String(row.id), row);
}

export function seqOf(position: FeedPosition): number {
  return Number(POSITION.exec(position)?.[2] ?? Number.NaN);
}

export async function readLog(source: LogSource, from: FeedPosition): Promise<LogPart> {
  if (!POSITION.test(from)) return { kind: 'gap', reason: `expected a position of this change log, got ${from}` };
  const rows = await rowsFrom(source, seqOf(from), source.maxChanges + 2);
  const broken = breakIn(rows, from);
  if (broken !== undefined) return { kind: 'gap', reason: broken };
  return rows.length > source.maxChanges + 1 ? tablesFrom(source, from) : resolved(source, rows);
}

function rowsFrom({ runner, known }: LogSource, seq: number, limit: number): Promise<readonly SqliteRow[]> {
  const { sql, parameters } = rowsStatement(known, seq, limit);
  return Promise.resolve(runner.all(sql, parameters));
}

/** One statement, so that its results come from one moment. */
export function rowsStatement(known: KnownTables, seq: number, limit: number): Required<SqliteStatement> {
  const columns = imageColumns(known.width);
  const sql = `SELECT (SELECT id FROM ${STATE}) AS id, seq, salt, tbl, kind${columns} FROM ${LOG} WHERE seq >= ? ORDER BY seq LIMIT ?`;
  return { sql, parameters: [seq, limit] };
}

/**
 * Why the log does not continue from the position. Undefined when the first row is the position's and no row is missing
 * after it.
 */
function breakIn(rows: readonly SqliteRow[], from: FeedPosition): string | undefined {
  const [first] = rows;
  if (first === undefined || positionOf(String(first.id), first) !== from) {
    return `expected the change log to go on from ${from}, got another log or one without that row`;
  }
  const hole = rows.findIndex((row, at) => Number(row.seq) !== seqOf(from) + at);
  return hole < 0 ? undefined : `expected row ${seqOf(from) + hole} in the change log, got ${rows[hole]?.seq}`;
}

/** Rows of the log that one statement reads while it blocks the thread. */
const ROWS_AT_ONCE = 20_000;

/** There are too many rows to tell one by one. This asks for the last row first: up to there the transactions are whole. */
async function tablesFrom(source: LogSource, from: FeedPosition): Promise<LogPart> {
  const { runner } = source;
  const position = await positionNow(runner);
  const last = seqOf(position);
  const tables = new Set<number>();
  let hasSchema = false;
  for (let seq = seqOf(from); seq < last; seq += ROWS_AT_ONCE) {
    const rows = await runner.all(
      `SELECT tbl, max(kind = ${KIND.schema}) AS is_schema FROM ${LOG} WHERE seq > ? AND seq <= ? GROUP BY tbl`,
      [seq, Math.min(seq + ROWS_AT_ONCE, last)],
    );
    for (const { tbl } of rows) if (tbl !== null) tables.add(Number(tbl));
    hasSchema ||= rows.some((row) => Number(row.is_schema) === 1);
    await source.pause?.();
  }
  // Another feed may delete from the log's beginning. If the first row is still there at the end, it was there all the time.
  const broken = breakIn(await rowsFrom(source, seqOf(from), 1), from);
  if (broken !== undefined) return { kind: 'gap', reason: broken };
  return { kind: 'part', position, changes: [...tables].map((table) => ({ kind: 'truncate', table })), hasSchema };
}

/** The changes in the rows after the first one. */
export async function resolved(source: LogSource, read: readonly SqliteRow[]): Promise<LogPart> {
  const { runner, known } = source;
  const rows = [...read];
  for (let round = 0; ; round++) {
    const last = rows.at(-1) as SqliteRow;
    const events = rows.slice(1).map((row) => {
      const table = Number(row.tbl);
      const width = known.byId.get(table)?.width ?? 0;
      const images = { old: imageOf(row, 'o', width), new: imageOf(row, 'n', width) };
      return { seq: Number(row.seq), table, kind: Number(row.kind), ...images };
    });
    const { changes, suspects } = loggedChanges(events, known.byId);
    const part = {
      kind: 'part' as const,
      position: positionOf(String(last.id), last),
      hasSchema: events.some(({ kind }) => kind === KIND.schema),
    };
    if (suspects.length === 0) return { ...part, changes };
    const checked = round < 5 ? await presence(runner, known, suspects) : undefined;
    if (checked === undefined) return { ...part, changes: [...changes, ...suspects.map(wiped)] };
    if (checked.last === Number(last.seq)) {
      const isSure =
        !suspects.some((suspect) => known.byId.get(suspect.table)?.isNumbered) || (await source.isNumberSure());
      const judge = (suspect: Suspect): LoggedChange[] => {
        if (!isSure && known.byId.get(suspect.table)?.isNumbered !== false) return [wiped(suspect)];
        if (checked.present.has(suspect)) return [];
        return [{ kind: 'delete', table: suspect.table, old: suspect.image }];
      };
      return { ...part, changes: [...changes, ...suspects.flatMap(judge)] };
    }
    // Others committed more before the presence check, so the answer must include those rows.
    rows.push(...(await rowsFrom(source, Number(last.seq), source.maxChanges)).slice(1));
  }
}

function wiped({ table }: Suspect): LoggedChange {
  return { kind: 'truncate', table };
}

/** Suspects of one table that a statement asks for. */
const MOST_ASKED = 500;

/** Which of the suspects exist, and the last row of the log at that moment. */
async function presence(
  runner: SqliteRunner,
  known: KnownTables,
  suspects: readonly Suspect[],
): Promise<{ readonly last: number; readonly present: ReadonlySet<Suspect> }> {
  const groups = [...Map.groupBy(suspects, ({ table, side }) => `${table} ${side}`).values()];
  const parts = groups.flatMap((group) => [...Map.groupBy(group, (_, at) => Math.floor(at / MOST_ASKED)).values()]);
  const questions = parts.map((part) => {
    const [{ table, side }] = part as [Suspect];
    const { name = '', isNamed = '0' } = known.byId.get(table) ?? {};
    const row = `SELECT 1 FROM ${quotedName(name)} AS r WHERE ${isNamed.replaceAll('c.#', `c.${side}`)}`;
    return `SELECT c.seq FROM ${LOG} AS c WHERE c.seq IN (${part.map(({ seq }) => seq).join()}) AND EXISTS (${row})`;
  });
  const [lasts, ...answers] = await runner.batch(
    [`SELECT max(seq) AS last FROM ${LOG}`, ...questions].map((sql) => ({ sql })),
  );
  const present = new Set<Suspect>();
  answers.forEach((rows, at) => {
    const there = new Set(rows.map(({ seq }) => Number(seq)));
    for (const suspect of parts[at] ?? []) if (there.has(suspect.seq)) present.add(suspect);
  });
  return { last: Number(lasts?.[0]?.last), present };
}

/** The part, or a gap where changes up to its end may be missing. `isResumed`: an earlier process knew `before`. */
export function partOrGap(
  part: LogPart,
  {
    known,
    before,
    isResumed,
  }: { readonly known: KnownTables; readonly before: KnownTables | undefined; readonly isResumed: boolean },
): LogPart {
  if (part.kind === 'gap') return part;
  if (part.hasSchema && isResumed) return { kind: 'gap', reason: 'the schema changed while the feed was stopped' };
  // Leaves out tables that were known before: they are told as truncates.
  const strangers = strangersIn(part.changes, known).filter((table) => before?.byId.has(table) !== true);
  if (strangers.length === 0) return part;
  return { kind: 'gap', reason: `the change log has rows of a table that is not known (${strangers.join()})` };
}

/**
 * Power failures may lose the feed's writes, and waiting for them would hold up the application. So the feed's commits
 * neither wait for the disk nor copy the others' log into the file. Best effort: a host may refuse.
 */
export async function writeLightly(runner: SqliteRunner): Promise<void> {
  await ifAllowed(async () => {
    const [row] = await runner.all('PRAGMA journal_mode');
    // In other modes the file itself would be at risk.
    if (row?.journal_mode !== 'wal') return;
    await runner.all('PRAGMA synchronous = normal');
    await runner.all('PRAGMA wal_autocheckpoint = 0');
  });
}

/** Undefined when the host does not allow the pragma. */
async function ifAllowed<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!/authoriz|not supported|not allowed|pragma/i.test(String(error))) throw error;
    return undefined;
  }
}

const DELETED_AT_ONCE = 500;
const PAUSE_MS = 50;
/** Failed attempts before one that waits, and how long it waits. */
const IN_VAIN = 20;
const WAIT_MS = 20;

/**
 * Deletes acknowledged rows, a few at a time, since others wait during a delete. While others write, a delete would wait and
 * block the thread, which has the application's answers to give. So it tries without waiting, and waits for a moment only
 * after many failed attempts.
 */
export class LogTrim {
  readonly #keptRows: number;
  #acknowledged = 0;
  #trimmedTo = 0;
  #nextAt = 0;
  #inVain = 0;

  constructor(keptRows: number) {
    this.#keptRows = keptRows;
  }

  acknowledge(seq: number): void {
    if (seq > this.#acknowledged) this.#acknowledged = seq;
  }

  /** `told`: the row at which the next reading begins; it stays. */
  async run(runner: SqliteRunner, now: number, told: FeedPosition): Promise<void> {
    // An acknowledgement of an earlier log says nothing about this one.
    this.#acknowledged = Math.min(this.#acknowledged, seqOf(told));
    this.#trimmedTo = Math.min(this.#trimmedTo, this.#acknowledged);
    const below = this.#acknowledged - this.#keptRows;
    if (now < this.#nextAt || below <= this.#trimmedTo) return;
    this.#nextAt = now + PAUSE_MS;
    const usualMs = await waitAtMost(runner, this.#inVain >= IN_VAIN ? WAIT_MS : 0);
    try {
      await runner.all(
        `DELETE FROM ${LOG} WHERE seq < ? AND seq < (SELECT min(seq) FROM ${LOG}) + ${DELETED_AT_ONCE}`,
        [below],
      );
      const [row] = await runner.all(`SELECT min(seq) AS first FROM ${LOG}`);
      this.#trimmedTo = Math.min(below, Number(row?.first));
      this.#inVain = 0;
    } catch (error) {
      // Another connection writes; the next call tries again.
      if (!/\b(?:busy|locked)\b/i.test(String(error))) throw error;
      this.#inVain++;
    } finally {
      if (usualMs !== undefined) await waitAtMost(runner, usualMs);
    }
  }
}

/** Sets the wait, and returns the earlier one. Returns undefined when the host does not allow the pragma. */
function waitAtMost(runner: SqliteRunner, waitsMs: number): Promise<number | undefined> {
  return ifAllowed(async () => {
    const [before] = await runner.all('PRAGMA busy_timeout');
    await runner.all(`PRAGMA busy_timeout = ${waitsMs}`);
    return Number(before?.timeout);
  });
}
