// The output of the commands `tidegate feed` for people.

import { counted, printable, table } from './admin-text.ts';
import type { FeedRemoval, FeedReport, LogReport, SlotReport } from './cli-feed-report.ts';

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

/** `made`: the tables whose changes were not told before. */
export function installText(report: FeedReport, made: ReadonlySet<string>, isNews: boolean): string {
  const { source, database, by, slot } = report;
  const what = isNews ? 'installed' : 'nothing to do, all was there';
  const names = slot === undefined ? '' : `, slot ${slot.name}, publication ${slot.publication}`;
  const where = `${source === undefined ? '' : `${source}: `}${database}, by ${by}${names}`;
  return [`${what}: ${printable(where)}`, '', tablesText(report, made), ...sentences(report)].join('\n');
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

function logText({ isThere, rows, bytes: size, last }: LogReport): string {
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
