// The report of the commands `tidegate feed`, one form for all kinds of database, and its text for people.

import { messageOf, TidegateError } from '../../../errors.ts';
import type { PostgresFeedReport } from '../../../feed/postgres/logical/status.ts';
import { counted } from '../../counted.ts';
import { printable, table } from './text.ts';

export interface FeedTable {
  /** As statements name it: `users`, `audit.entries`. */
  readonly name: string;
  readonly isTold: boolean;
  /** How much of the old row a change tells. */
  readonly oldRow: 'whole' | 'key' | 'none';
  /** Reasons why it is not told, or what costs needless invalidations. */
  readonly notes: readonly string[];
}

export interface FeedReport {
  readonly source: string | undefined;
  /** Without the password. */
  readonly database: string;
  readonly by: 'SQLite triggers' | 'logical replication' | 'PostgreSQL triggers';
  readonly isHealthy: boolean;
  readonly tables: readonly FeedTable[];
  /** Tables that cannot be told, and tables that nobody asked for. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  readonly slot?: SlotReport;
  readonly log?: {
    readonly isThere: boolean;
    readonly rows: number | null;
    readonly bytes: number | null;
    /** The latest logged change that is not acknowledged. */
    readonly last: { readonly row: number; readonly table: string; readonly kind: string } | null;
  };
  /** Each a sentence that says what was expected; empty when the feed tells everything it should. */
  readonly problems: readonly string[];
  /** Facts that may do harm later, but change nothing that is told now. */
  readonly warnings: readonly string[];
}

/** Of a slot as its feed reports them; null: not known, or there is no bound. */
export const SLOT_FACTS = [
  ...(['process', 'position', 'lagBytes', 'walStatus'] as const),
  ...(['safeBytes', 'retainedBytes', 'maxRetainedBytes'] as const),
];

export type SlotReport = {
  readonly name: string;
  readonly publication: string;
  readonly state: PostgresFeedReport['slot'];
} & { readonly [Fact in (typeof SLOT_FACTS)[number]]: NonNullable<PostgresFeedReport[Fact]> | null };

export interface FeedRemoval {
  readonly removed: readonly string[];
  readonly kept: readonly string[];
}

/** One database, opened. */
export interface FeedBackend {
  readonly status: () => Promise<FeedReport>;
  /** The statements that `install` would run; empty when everything is installed. */
  readonly plan: () => Promise<readonly string[]>;
  readonly install: () => Promise<unknown>;
  readonly remove: () => Promise<FeedRemoval>;
  /** The statements that `remove` would run; empty when nothing is installed. */
  readonly planRemoval: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
}

/** The backend, with its failures as E_FEED. `where`: the database as it is shown. */
export function explaining(where: string, backend: FeedBackend): FeedBackend {
  const say =
    <T>(what: string, work: () => Promise<T>) =>
    () =>
      work().catch((cause) => unexpected(cause, `${what} ${where}`));
  return {
    status: say('to look at', backend.status),
    plan: say('to look at', backend.plan),
    install: say('to install the feed in', backend.install),
    remove: say('to remove the feed from', backend.remove),
    planRemoval: say('to look at', backend.planRemoval),
    close: backend.close,
  };
}

/** Throws E_FEED. */
export function unexpected(cause: unknown, what: string): never {
  if (cause instanceof TidegateError) throw cause;
  throw new TidegateError('E_FEED', `expected ${what}, got: ${messageOf(cause)}`, { cause });
}

/** For a table's notes. A condition on such a column can never be ruled out, so it costs needless invalidations. */
export function uncomparable(what: string, columns: readonly { readonly name: string }[]): readonly string[] {
  if (columns.length === 0) return [];
  return [`${what} of ${columns.map(({ name }) => name).join(', ')} cannot be compared: any may match`];
}

export function statusText(report: FeedReport): string {
  const { source, database, by, isHealthy, slot, log } = report;
  const rows = [
    ...(source === undefined ? [] : [['source', source]]),
    ['database', `${database}, by ${by}`],
    ...(slot === undefined ? [] : slotRows(slot)),
    ...(log === undefined ? [] : [['log', logText(log)]]),
    ['healthy', isHealthy ? 'yes' : 'no'],
  ];
  return [table(rows), '', tablesText(report, new Set()), ...sentences(report)].join('\n');
}

/** `made`: the tables whose changes were not told before. `isNews`: something had to be installed. */
export function installText(
  report: FeedReport & { readonly made: readonly string[]; readonly isNews: boolean },
): string {
  const { source, database, by, slot, made, isNews } = report;
  const what = isNews ? 'installed' : 'nothing to do, all was there';
  const names = slot === undefined ? '' : `, slot ${slot.name}, publication ${slot.publication}`;
  const where = `${source === undefined ? '' : `${source}: `}${database}, by ${by}${names}`;
  return [`${what}: ${printable(where)}`, '', tablesText(report, new Set(made)), ...sentences(report)].join('\n');
}

/** `nothing`: the reason when there are none. */
export function planText(statements: readonly string[], nothing: string): string {
  if (statements.length === 0) return `-- ${nothing}`;
  return statements.map((statement) => `${statement};`).join('\n');
}

export function removalText({ removed, kept }: FeedRemoval): string {
  const lines = removed.map((what) => `removed ${what}`);
  if (lines.length === 0) lines.push('nothing to remove');
  return [...lines, ...kept.map((what) => `left ${what}`)].map(printable).join('\n');
}

function slotRows(slot: SlotReport): string[][] {
  const { name, publication, state, process, position, lagBytes, walStatus, retainedBytes } = slot;
  const by = process === null ? '' : ` (process ${process} of the server)`;
  const rows = [['slot', `${name}: ${state}${by}, publication ${publication}`]];
  if (position !== null) rows.push(['position', `${position}, ${bytes(lagBytes)} behind`]);
  if (walStatus === null) return rows;
  const bound = slot.maxRetainedBytes === null ? 'no bound' : `of at most ${bytes(slot.maxRetainedBytes)}`;
  const safe = slot.safeBytes === null ? '' : `; safe for ${bytes(slot.safeBytes)} more`;
  return [...rows, ['log', `wal_status ${walStatus}, ${bytes(retainedBytes)} kept, ${bound}${safe}`]];
}

function logText({ isThere, rows, bytes: size, last }: NonNullable<FeedReport['log']>): string {
  if (!isThere) return 'none';
  const length = rows === null ? bytes(size) : counted(rows, 'row');
  return `${length}, ${last === null ? 'no change waits in it' : `last change: ${last.kind} in ${last.table} (row ${last.row})`}`;
}

function bytes(count: number | null): string {
  return count === null ? 'an unknown number of bytes' : counted(count, 'byte');
}

const OLD_ROWS = { whole: 'whole', key: 'its key', none: '-' } as const;

function tablesText({ tables, leftOut }: FeedReport, made: ReadonlySet<string>): string {
  if (tables.length === 0 && leftOut.length === 0) return 'no tables';
  const rows = tables.map(({ name, isTold, oldRow, notes }) => [
    name,
    isTold ? (made.has(name) ? 'told from now on' : 'told') : 'not told',
    OLD_ROWS[oldRow],
    notes.join('; '),
  ]);
  const others = leftOut.map(({ name, why }) => [name, 'left out', '-', why]);
  return table([['TABLE', 'CHANGES', 'OLD ROW', 'NOTES'], ...rows, ...others]);
}

function sentences({ problems, warnings }: FeedReport): string[] {
  const part = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', `${counted(lines.length, title)}:`, ...lines.map((line) => `  ${printable(line)}`)];
  return [...part('problem', problems), ...part('warning', warnings)];
}
