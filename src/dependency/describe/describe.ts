// The meaning of a source's tags in words for people, made from what the index has kept: an operator asks, the registry's
// place answers.
//
// The index keeps no instance; it lends one read's data at a time. So texts are made at once. An operator names a
// record in words, and a key's values are not text: a word may stand for several values of a column without a type of its
// own, and for each the rows are looked up.

import type { Cell, ColumnType, TableShape } from '../change.ts';
import { cellOf } from '../condition/cells.ts';
import { keyOfCells } from '../condition/compare.ts';
import { evaluate } from '../condition/evaluate.ts';
import { gatherColumns } from '../condition/predicate.ts';
import type { IndexedRead } from '../index/dependency-index.ts';
import type { TableRead, Tracked } from '../template.ts';
import { cellText, columnName, keyText, predicateText, shortened } from './texts.ts';

/** A gate asks a tracker, in its answer to a message; one of the next messages answers. */
export interface SourceQuestion {
  /** The gate's id of the question; the answer repeats it. */
  readonly id: string;
  readonly about: QuestionSubject;
}

export type QuestionSubject =
  | { readonly kind: 'tags'; readonly tags: readonly string[] }
  /** `key`: the values of the primary key, as text, in its order. */
  | { readonly kind: 'record'; readonly table: string; readonly key: readonly string[] }
  | { readonly kind: 'table'; readonly table: string };

export interface SourceAnswer extends Description {
  readonly id: string;
}

/** The answer to a question. */
export interface Description {
  readonly described: readonly Described[];
  /** Whether nothing was left out. */
  readonly isWhole: boolean;
  /** Why nothing can be said: no such table, for one. */
  readonly problem?: string;
}

/** How much a change has to have to do with a read to invalidate it, from most to least. */
export type DependencyLevel = 'row' | 'template' | 'table' | 'source';

/** The meaning of one tag. */
export interface Described {
  readonly tag: string;
  /** The coarsest level among its reads. */
  readonly level: DependencyLevel;
  /** Why not `row`; or why less is known than could be. */
  readonly reason?: string;
  /** Text of the statement, without its parameters. */
  readonly statement?: string;
  readonly reads: readonly DescribedRead[];
}

export interface DescribedRead {
  readonly table: string;
  readonly level: DependencyLevel;
  /** Keys of the rows that the answer shows, e.g. `7` or `3, de`; at most 20. Undefined when unknown. */
  readonly records?: readonly string[];
  /** How many there are; 10,000: so many or more. */
  readonly recordCount?: number;
  /** For a question about a record: the answer shows that record. */
  readonly isListed?: true;
  /** Condition that a row must meet to matter, e.g. `firstName = 'Lane' and city is not null`; `any row`. */
  readonly predicate: string;
  /** E.g. `first 10 by id, up to 37`. */
  readonly window?: string;
  /** Columns whose change matters; `*`: all. */
  readonly columns: readonly string[];
}

const MAX_RECORDS = 20;
const MAX_COUNTED = 10_000;
const MAX_COLUMNS = 50;
const MAX_STATEMENT = 300;
const MAX_REASON = 200;
const MAX_LITERAL = 60;
const TOO_MANY_TAGS = 'too many tags for one response (maxTags, maxTagBytes)';

export interface DescribedParts {
  readonly tag: string;
  readonly template: Tracked;
  /** Lends its reads, one after the other. */
  readonly view: (see: (read: IndexedRead) => void) => void;
  /** Slots of reads that list the record that was asked for. */
  readonly listed?: { has(slot: number): boolean } | undefined;
}

export function describe({ tag, template, view, listed }: DescribedParts): Described {
  const reads: DescribedRead[] = [];
  let coarse: string | undefined;
  view((read) => {
    const isListed = listed?.has(read.slot) === true;
    reads.push({ ...describeRead(read, template), ...(isListed && { isListed }) });
    coarse ??= read.coarse;
  });
  const level = LADDER.findLast((step) => reads.some((read) => read.level === step)) ?? 'row';
  const reason = reasonOf(template, coarse);
  return {
    tag,
    level,
    ...(reason !== undefined && { reason }),
    ...(template.text !== '' && { statement: statementText(template.text) }),
    reads,
  };
}

export function describeSource(tag: string): Described {
  return { tag, level: 'source', reason: TOO_MANY_TAGS, reads: [] };
}

/** From most to least. */
export const LADDER: readonly DependencyLevel[] = ['row', 'template', 'table', 'source'];

/** Nothing is known that a change of another row, or of another column, would have to be. */
function levelOf({ read, predicate, keys, coarse }: IndexedRead, template: Tracked): DependencyLevel {
  if (template.widened !== undefined) return template.widened;
  if (coarse !== undefined) return 'template';
  const isAny = predicate?.kind === 'always' || predicate?.kind === 'maybe';
  const isWhole = isAny && keys === undefined && read.valueColumns === 'all' && template.fallbacks.length > 0;
  return isWhole ? 'table' : 'row';
}

function reasonOf({ widened, fallbacks }: Tracked, coarse: string | undefined): string | undefined {
  if (widened !== undefined) return TOO_MANY_TAGS;
  if (coarse !== undefined || fallbacks.length === 0) return coarse;
  const texts = new Set(fallbacks.map(({ fallback, what }) => (what === '' ? fallback : `${fallback}: ${what}`)));
  return shortened([...texts].join('; '), MAX_REASON);
}

function describeRead(indexed: IndexedRead, template: Tracked): DescribedRead {
  const { read, keys } = indexed;
  const { table } = read;
  const known = keys?.(MAX_COUNTED);
  const window = windowText(indexed, template, known?.length);
  return {
    table: table.name,
    level: levelOf(indexed, template),
    ...(known !== undefined && {
      records: known.slice(0, MAX_RECORDS).map((key) => keyText(table, key)),
      recordCount: known.length,
    }),
    // The index does not keep the conditions of single reads for a text with too many forms.
    predicate: predicateText(indexed.predicate ?? read.predicate, table),
    ...(window !== undefined && { window }),
    columns: columnsOf(read),
  };
}

/** All columns whose change can matter, in the order of the table. */
function columnsOf({ table, valueColumns, predicate, window }: TableRead): readonly string[] {
  if (valueColumns === 'all') return ['*'];
  const columns = new Set([...valueColumns, ...table.key]);
  gatherColumns(predicate, columns);
  for (const { column } of window?.order ?? []) columns.add(column);
  if (columns.size === table.columns.length && columns.size > 1) return ['*'];
  const ordinals = [...columns].sort((one, other) => one - other);
  const names = ordinals.slice(0, MAX_COLUMNS).map((column) => columnName(table, column));
  return ordinals.length > MAX_COLUMNS ? [...names, '…'] : names;
}

/** `first 10 by id, up to 37`. */
function windowText({ read, bound }: IndexedRead, template: Tracked, shown: number | undefined): string | undefined {
  const { window, table } = read;
  if (window === undefined) return undefined;
  const terms = window.order.map(
    ({ column, isDescending }) => `${columnName(table, column)}${isDescending ? ' desc' : ''}`,
  );
  const isFull = bound?.last.some((cell) => cell !== undefined) === true;
  // The limit is a parameter, which is not kept; of a full window all rows of one table are shown.
  const counted = isFull && template.reads.length === 1 ? shown : undefined;
  const limit = window.limit?.kind === 'value' ? window.limit.value : counted;
  const by = terms.length === 0 ? '' : ` by ${terms.join(', ')}`;
  const after = bound?.hasOffset === true ? ' after an offset' : '';
  const last = bound?.last.map((cell, at) => cellText(table.columns[window.order[at]?.column ?? -1]?.type, cell));
  const isShort = shown !== undefined && limit !== undefined && shown < limit;
  const open = isShort ? ', not full' : bound === undefined ? ', not known to be full' : '';
  return `first ${limit ?? 'rows'}${by}${after}${isFull ? `, up to ${last?.join(', ')}` : open}`;
}

/** Literals in it are data, too. */
function statementText(text: string): string {
  const plain = text.replace(/'(?:[^']|'')*'/g, (literal) =>
    literal.length > MAX_LITERAL ? `${shortened(literal, MAX_LITERAL - 1)}'` : literal,
  );
  return shortened(plain.replace(/\s+/g, ' ').trim(), MAX_STATEMENT);
}

/** A record as an operator names it. */
export interface NamedRecord {
  readonly key: string;
  /** The row as far as its name tells: the cells of its key. */
  readonly row: readonly Cell[];
}

/** None: the words can be no key of the table. */
export function recordsNamed(table: TableShape, words: readonly string[]): readonly NamedRecord[] {
  if (table.key.length !== words.length) return [];
  const types = table.key.map((ordinal) => table.columns[ordinal]?.type);
  const forms = [words.map((word, at) => types[at] && wordCell(types[at], word))];
  // Without a type of its own SQLite's column holds a number as a number and a text as a text.
  const numeric = types.map((type) =>
    type?.family === 'sqlite' && type.affinity === 'blob' ? ({ ...type, affinity: 'numeric' } as const) : type,
  );
  forms.push(words.map((word, at) => numeric[at] && wordCell(numeric[at], word)));
  const found = new Map<string, NamedRecord>();
  for (const cells of forms) {
    const key = keyOfCells(table, cells);
    if (key === undefined) continue;
    const row: Cell[] = new Array(table.columns.length).fill(undefined);
    for (const [at, ordinal] of table.key.entries()) row[ordinal] = cells[at];
    found.set(key, { key, row });
  }
  return [...found.values()];
}

/** Why no record can be looked up. */
export function keyProblem(table: TableShape, words: readonly string[]): string {
  const names = table.key.map((ordinal) => table.columns[ordinal]?.name ?? '?');
  if (table.hasNullableKey === true) {
    return `expected a primary key that names each row, got that of ${table.name}, whose columns may be NULL: declare NOT NULL`;
  }
  if (names.length === 0) return `expected a table with a primary key, got ${table.name}, which has none`;
  const got = shortened(words.join(','));
  return `expected a key of ${table.name} (${names.join(', ')}) that can be compared, got ${JSON.stringify(got)}`;
}

/** Whether a row of the key can satisfy the read's condition. */
export function mayShow({ read, predicate }: IndexedRead, records: readonly NamedRecord[]): boolean {
  if (predicate === undefined) return true;
  return records.some(({ row }) => {
    const truth = evaluate(predicate, read.table, row);
    return truth === 'true' || truth === 'maybe';
  });
}

function wordCell(type: ColumnType, word: string): Cell {
  if (type.family === 'postgres' && type.type === 'boolean') {
    return /^(?:t|true)$/i.test(word) ? true : /^(?:f|false)$/i.test(word) ? false : undefined;
  }
  return cellOf(type, word);
}
