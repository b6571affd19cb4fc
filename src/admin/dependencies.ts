// Dependencies of entries as rows of three granularities: records that the answer shows, conditions that rows are
// tested against, tables.
//
// A tracker speaks of tags, an operator of URLs. A tag stands for reads of several tables, and a response has several
// tags: so each read is a row or two, and a table is one row however often it is read.

import { type DependencyLevel, type Described, type DescribedRead, LADDER } from '../dependency/describe/describe.ts';
import { bareName } from '../dependency/table-name.ts';

export type Granularity = 'record' | 'predicate' | 'table';

export interface DependencyRow {
  readonly granularity: Granularity;
  /** `*` stands for any table of the source. */
  readonly table: string;
  /** Keys of records; or a condition with its window; or, for a table, how often it is read. */
  readonly what: string;
  readonly level: DependencyLevel;
  /** Why the granularity is not `row`, or why less is known than could be. */
  readonly reason?: string;
  /** Columns whose change matters; `*` stands for all. */
  readonly columns: readonly string[];
  readonly source: string;
  /** The tag that invalidates the entry; undefined when there are several. */
  readonly tag?: string;
  readonly statement?: string;
}

/** A tracker's answer. */
export interface SourceWord {
  readonly source: string;
  /** Whether everything is known. */
  readonly isWhole: boolean;
  readonly problem?: string;
}

export interface EntryDependencies {
  /** Why there is nothing to show. */
  readonly note?: string | undefined;
  readonly sources: readonly SourceWord[];
  readonly rows: readonly DependencyRow[];
  /** Tags of the entry that no tracker knows: the application's own, or tags invalidated meanwhile. */
  readonly otherTags: readonly string[];
}

/** Entries with one dependency in common. */
export type DependencyGroup = Omit<DependencyRow, 'tag' | 'statement'> & { readonly tags: ReadonlySet<string> };

const ALL = ['*'];
const ANY_CHANGE = 'any change of the database';

/** The rows of one entry. */
export function rowsOf(source: string, described: readonly Described[]): DependencyRow[] {
  return [...described.flatMap((one) => rowsOfTag(source, one)), ...tableRows(source, described)];
}

function rowsOfTag(source: string, { tag, reason, statement, reads, level }: Described): DependencyRow[] {
  const common = {
    ...(reason !== undefined && { reason }),
    source,
    tag,
    ...(statement !== undefined && { statement }),
  };
  if (level === 'source') {
    return [{ granularity: 'table', table: '*', what: ANY_CHANGE, level, columns: ALL, ...common }];
  }
  return reads.flatMap((read): DependencyRow[] => {
    const { table, columns } = read;
    const own = { table, level: read.level, columns, ...common };
    return [
      ...(read.level === 'row' ? [{ granularity: 'record' as const, what: recordsText(read), ...own }] : []),
      ...(read.level === 'table' ? [] : [{ granularity: 'predicate' as const, what: conditionText(read), ...own }]),
    ];
  });
}

function tableRows(source: string, described: readonly Described[]): DependencyRow[] {
  const reads = described.flatMap((of) => of.reads.map((read) => ({ of, read })));
  return [...Map.groupBy(reads, ({ read }) => read.table)].map(([table, same]) => {
    const tags = [...new Set(same.map(({ of }) => of))];
    const level = LADDER.findLast((step) => same.some(({ read }) => read.level === step)) as DependencyLevel;
    const reasons = [...new Set(tags.flatMap(({ reason }) => reason ?? []))];
    const [only] = tags;
    return {
      granularity: 'table',
      table,
      what:
        level === 'table' ? 'any row' : `read by ${tags.length === 1 ? '1 statement' : `${tags.length} statements`}`,
      level,
      ...(level !== 'row' && reasons.length > 0 && { reason: reasons.join('; ') }),
      columns: columnsOf(same.map(({ read }) => read)),
      source,
      ...(tags.length === 1 && only !== undefined && { tag: only.tag }),
    };
  });
}

/** One read as a row of its granularity, before those that say the same are one. */
type Read = Omit<DependencyGroup, 'source' | 'tags'> & { readonly tag: string };

/** The reads of a table in groups, each with its tags. */
export function groupsOfTable(source: string, asked: string, described: readonly Described[]): DependencyGroup[] {
  const reads = readsOf(described, asked, (read, { columns, ...common }) => [
    { granularity: 'table', what: TABLE_TEXTS[read.level], columns: [], ...common },
    ...(read.level === 'table'
      ? []
      : [{ granularity: 'predicate' as const, what: conditionText(read), columns, ...common }]),
  ]);
  return grouped(source, reads);
}

const TABLE_TEXTS: Readonly<Record<DependencyLevel, string>> = {
  row: 'a change that the answer can depend on',
  template: 'a change of a column that is used',
  table: 'any change of the table',
  source: ANY_CHANGE,
};

/** The reads that show a record, or may. */
export function groupsOfRecord(
  source: string,
  { table, key }: { readonly table: string; readonly key: readonly string[] },
  described: readonly Described[],
): DependencyGroup[] {
  const reads = readsOf(described, table, (read, common) => {
    const granularity = read.level === 'table' ? 'table' : 'predicate';
    return [
      ...(read.isListed === true ? [{ granularity: 'record' as const, what: key.join(', '), ...common }] : []),
      ...(read.records === undefined
        ? [{ granularity, what: `${conditionText(read)} (rows not known)`, ...common } as const]
        : []),
    ];
  });
  return grouped(source, reads);
}

const ORDER: readonly Granularity[] = ['record', 'table', 'predicate'];

/** Each read of the table as rows; and as one row what depends on any change of the source. */
function readsOf(
  described: readonly Described[],
  asked: string,
  rows: (read: DescribedRead, common: Omit<Read, 'granularity' | 'what'>) => readonly Read[],
): readonly Read[] {
  // The tracker has answered under the table name that its statements use.
  const isUsed = described.some(({ reads }) => reads.some(({ table }) => table === asked));
  const table = isUsed ? asked : bareName(asked);
  return described.flatMap(({ tag, level, reason, reads }): readonly Read[] => {
    const ofTag = { tag, ...(reason !== undefined && { reason }) };
    const any = { granularity: 'table', table: '*', what: ANY_CHANGE, level, columns: ALL, ...ofTag } as const;
    const own = reads.filter((read) => read.table === table);
    return [
      ...(level === 'source' ? [any] : []),
      ...own.flatMap((read) => rows(read, { table, level: read.level, columns: read.columns, ...ofTag })),
    ];
  });
}

function grouped(source: string, reads: readonly Read[]): DependencyGroup[] {
  const alike = Map.groupBy(reads, ({ granularity, table, what, level, reason }) =>
    JSON.stringify([granularity, table, what, level, reason]),
  );
  const groups = [...alike.values()].map((same) => {
    const { tag: _, ...one } = same[0] as Read;
    const columns = columnsOf(same);
    return { ...one, columns, source, tags: new Set(same.map(({ tag }) => tag)) };
  });
  return groups.sort((one, other) => ORDER.indexOf(one.granularity) - ORDER.indexOf(other.granularity));
}

function columnsOf(reads: readonly Pick<DescribedRead, 'columns'>[]): readonly string[] {
  const columns = [...new Set(reads.flatMap((read) => read.columns))];
  return columns.includes('*') ? ALL : columns;
}

const COUNTED = 10_000;

function recordsText({ records, recordCount }: DescribedRead): string {
  if (records === undefined) return 'not known';
  if (records.length === 0) return 'none';
  // A composite key contains commas itself.
  const shown = records.join(records.some((key) => key.includes(', ')) ? '; ' : ', ');
  const count = recordCount ?? records.length;
  if (count <= records.length) return shown;
  return `${shown} … (${count >= COUNTED ? 'more than ' : ''}${count} in all)`;
}

function conditionText({ predicate, window }: DescribedRead): string {
  return window === undefined ? predicate : `${predicate}; ${window}`;
}
