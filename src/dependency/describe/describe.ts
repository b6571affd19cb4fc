// Describes what one tag stands for, from what the index has kept of it.
//
// The index keeps no instance, and lends its data of one read at a time. So texts are made at once.

import { gatherColumns } from '../condition/condition-columns.ts';
import type { IndexedRead } from '../index/dependency-index.ts';
import type { FallbackNote, TableRead, Template } from '../template.ts';
import { cellText, keyText, shortened } from './describe-cells.ts';
import { predicateText } from './describe-predicate.ts';
import type { DependencyLevel, Described, DescribedRead } from './described.ts';

type Tracked = Extract<Template, { kind: 'tracked' }>;

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
  const levels = reads.map((read) => read.level);
  const level = LADDER.findLast((step) => levels.includes(step)) ?? 'row';
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

const LADDER: readonly DependencyLevel[] = ['row', 'template', 'table', 'source'];

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
  if (coarse !== undefined) return coarse;
  return fallbacks.length === 0 ? undefined : noteText(fallbacks);
}

function noteText(notes: readonly FallbackNote[]): string {
  const texts = new Set(notes.map(({ fallback, what }) => (what === '' ? fallback : `${fallback}: ${what}`)));
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
  const names = ordinals.slice(0, MAX_COLUMNS).map((column) => table.columns[column]?.name ?? `column ${column + 1}`);
  return ordinals.length > MAX_COLUMNS ? [...names, '…'] : names;
}

/** `first 10 by id, up to 37`. */
function windowText({ read, bound }: IndexedRead, template: Tracked, shown: number | undefined): string | undefined {
  const { window, table } = read;
  if (window === undefined) return undefined;
  const terms = window.order.map(({ column, isDescending }) => {
    return `${table.columns[column]?.name ?? `column ${column + 1}`}${isDescending ? ' desc' : ''}`;
  });
  const isFull = bound?.last.some((cell) => cell !== undefined) === true;
  // The limit is a parameter, which is not kept; of a full window all rows of one table are shown.
  const counted = isFull && template.reads.length === 1 ? shown : undefined;
  const limit = window.limit?.kind === 'value' ? window.limit.value : counted;
  const by = terms.length === 0 ? '' : ` by ${terms.join(', ')}`;
  const after = bound?.hasOffset === true ? ' after an offset' : '';
  const last = bound?.last.map((cell, at) => cellText(table.columns[window.order[at]?.column ?? -1]?.type, cell));
  const isShort = shown !== undefined && limit !== undefined && shown < limit;
  const open = isShort ? ', not full' : bound === undefined ? ', not known to be full' : '';
  const end = isFull ? `, up to ${last?.join(', ')}` : open;
  return `first ${limit ?? 'rows'}${by}${after}${end}`;
}

/** Literals in it are data, too. */
function statementText(text: string): string {
  const plain = text.replace(/'(?:[^']|'')*'/g, (literal) =>
    literal.length > MAX_LITERAL ? `${shortened(literal, MAX_LITERAL - 1)}'` : literal,
  );
  return shortened(plain.replace(/\s+/g, ' ').trim(), MAX_STATEMENT);
}
