// Mutants of Drizzle by rows: with one rule taken out. Each must be caught by a cell of its race, or by random work.

import type { SourceEdit } from '../../sim/source-edits.ts';

export interface RowsMutant {
  readonly name: string;
  /** What is to catch it. */
  readonly by: 'race' | 'sqlite' | 'postgres';
  readonly edits: readonly SourceEdit[];
}

type Edit = readonly [find: string, replace: string];

const ROWS = 'orm/drizzle/catalogue/rows.ts';
const COLUMN_KEYS = 'orm/drizzle/catalogue/column-keys.ts';
const FACTS = 'orm/drizzle/catalogue/row-facts.ts';
const NAMES = 'orm/drizzle/catalogue/row-names.ts';
const SQLITE = 'sql/sqlite/rows-written.ts';

function mutant(name: string, by: RowsMutant['by'], file: string, ...edits: readonly Edit[]): RowsMutant {
  return { name, by, edits: edits.map(([find, replace]) => ({ file: `src/${file}`, find, replace })) };
}

export const ROWS_MUTANTS: readonly RowsMutant[] = [
  mutant('forgets the values before', 'sqlite', COLUMN_KEYS, ['[...before, ...after]', '[...after]']),
  mutant('forgets the values after', 'sqlite', COLUMN_KEYS, ['[...before, ...after]', '[...before]']),
  mutant('forgets columns that a write does not tell', 'sqlite', ROWS, [
    "return [named(write.kind === 'insert' ? ",
    "return column >= 0 ? [] : [named(write.kind === 'insert' ? ",
  ]),
  mutant('forgets what is read of the whole table', 'sqlite', ROWS, ['exceptRows(table), ...rows]', '...rows]']),
  mutant('takes a column that is set for one that is left', 'sqlite', COLUMN_KEYS, [
    'write.values.every((row) => !row.has(column))',
    'write.values.length + column >= 0',
  ]),
  mutant('takes what an insert generates for NULL', 'sqlite', COLUMN_KEYS, [
    'if (cell === undefined || isMade) return undefined;',
    'if (cell === undefined) return undefined;',
  ]),
  mutant('takes any insert for one that adds no row', 'sqlite', ROWS, [
    'shown?.reads[0]?.keys?.size === first.keys.size',
    'shown !== undefined && shown.reads.length > 0',
  ]),
  mutant('looks at one place in which a table is read', 'sqlite', ROWS, [
    'byColumn.length < own.length',
    'byColumn.length < 1',
  ]),
  mutant('takes equal texts for others', 'sqlite', COLUMN_KEYS, [
    '? undefined : equalityKey(type, cell);',
    '? undefined : String(cell);',
  ]),
  mutant('forgets triggers and foreign keys', 'sqlite', ROWS, [' || known.moving.has(table)', '']),
  mutant('forgets foreign keys that come back', 'sqlite', FACTS, [', ...tablesOnCycles(keys)', '']),
  mutant('takes a number that is rounded as it is', 'sqlite', COLUMN_KEYS, [' || isRounded ? ', ' ? ']),
  mutant('trusts a key with a collation of its own', 'sqlite', ROWS, [
    "this.#options.dialect === 'sqlite' ? rowid === column : ",
    '',
  ]),
  mutant('takes an upsert for an insert', 'sqlite', SQLITE, ['body.upsert !== undefined || ', '']),
  mutant('forgets OR REPLACE of a column', 'sqlite', FACTS, [
    "\n    UNION ALL SELECT name, 0 FROM sqlite_master WHERE type = 'table' AND sql LIKE '%replace%'",
    '',
  ]),
  mutant('takes what is given for what is stored', 'postgres', COLUMN_KEYS, [" && !value.endsWith(' ')", '']),
  mutant('forgets triggers of PostgreSQL', 'postgres', FACTS, ['NOT t.tgisinternal', 'false']),
  mutant('knows no mark of the tables', 'race', FACTS, [
    'digest([FORMAT, version, [...moving].sort(), shapes])',
    'digest([FORMAT])',
  ]),
  mutant('keeps names of rows when the tables change', 'race', NAMES, [
    'part === undefined || ',
    'part === undefined || mark.length >= 0 || ',
  ]),
  mutant('takes no heed of a write of the row', 'race', ROWS, [
    ': [name, ...rows.names, ...rows.inserts];',
    ': [name];',
  ]),
];
