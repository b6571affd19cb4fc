// A record as an operator names it, and which reads may show it of those that do not say what they show.
//
// The operator's words are text, and the key's values are not. A word may stand for several values
// of a column without a type of its own: for each the rows are looked up.

import type { Cell, ColumnType, TableShape } from '../change.ts';
import { cellOf } from '../condition/cells.ts';
import { keyOfCells } from '../condition/compare.ts';
import { evaluate } from '../condition/evaluate.ts';
import type { IndexedRead } from '../index/dependency-index.ts';
import { shortened } from './texts.ts';

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
  if (types.some((type) => type?.family === 'sqlite' && type.affinity === 'blob')) {
    forms.push(words.map((word, at) => types[at] && wordCell(asNumber(types[at]), word)));
  }
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

function asNumber(type: ColumnType): ColumnType {
  return type.family === 'sqlite' && type.affinity === 'blob' ? { ...type, affinity: 'numeric' } : type;
}

function wordCell(type: ColumnType, word: string): Cell {
  if (type.family === 'postgres' && type.type === 'boolean') {
    return /^(?:t|true)$/i.test(word) ? true : /^(?:f|false)$/i.test(word) ? false : undefined;
  }
  return cellOf(type, word);
}
