// The command line's output about dependencies of entries.
//
// Conditions and lists of columns are long, and a terminal is narrow: they are cut here, and whole in the JSON.

import type { DependencyRow, EntryDependencies, SourceWord } from '../../../admin/dependencies.ts';
import type { GroupedDependencies } from '../../../admin/deps-api.ts';
import { printable, table } from './admin-text.ts';

const MAX_WHAT = 90;
const MAX_COLUMNS = 50;

/** The text for one entry. */
export function entryDepsText({ note, sources, rows, otherTags }: EntryDependencies): string {
  const hasSeveral = sources.length > 1;
  const cells = rows.map((row) => [
    row.granularity,
    hasSeveral ? `${row.source}: ${row.table}` : row.table,
    cut(row.what, MAX_WHAT),
    cut(row.columns.join(', '), MAX_COLUMNS),
    levelText(row),
  ]);
  const lines = [
    ...(note === undefined ? [] : [note]),
    ...(rows.length === 0 ? [] : [table([['GRANULARITY', 'TABLE', 'WHAT', 'COLUMNS', 'LEVEL'], ...cells])]),
    ...(rows.length === 0 && note === undefined ? ['no tag that a tracker knows'] : []),
    ...(otherTags.length === 0 ? [] : [`other tags: ${otherTags.join(', ')}`]),
    ...wordLines(sources),
  ];
  return lines.map(printableLines).join('\n');
}

/** The text for a table or a record. */
export function groupsText({ groups, sources, isWhole }: GroupedDependencies): string {
  const hasSeveral = sources.length > 1;
  const cells = groups.flatMap((group) =>
    group.urls.map((url, at) => {
      const what = hasSeveral ? `${group.source}: ${group.table}` : group.table;
      return at === 0 ? [group.granularity, what, cut(group.what, MAX_WHAT), group.level, url] : ['', '', '', '', url];
    }),
  );
  const reasons = new Set(groups.flatMap(({ level, reason }) => (reason === undefined ? [] : [`${level}: ${reason}`])));
  const words = wordLines(sources);
  const lines = [
    groups.length === 0
      ? 'nothing that is stored'
      : table([['GRANULARITY', 'TABLE', 'WHAT', 'LEVEL', 'URL'], ...cells]),
    ...reasons,
    ...words,
    ...(isWhole || words.length > 0 ? [] : ['there may be others']),
  ];
  return lines.map(printableLines).join('\n');
}

function levelText({ level, reason }: DependencyRow): string {
  return reason === undefined ? level : `${level} (${reason})`;
}

function wordLines(sources: readonly SourceWord[]): string[] {
  return sources.flatMap(({ source, isWhole, problem }) => {
    if (problem !== undefined) return [`${source}: ${problem}`];
    return isWhole ? [] : [`${source}: there is more than its tracker tells`];
  });
}

/** The table's line breaks are our own, and the rest of it is printable already. */
function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
