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
const FACTS = 'orm/drizzle/catalogue/row-facts.ts';
const SQLITE = 'sql/sqlite/rows-written.ts';

function mutant(name: string, by: RowsMutant['by'], file: string, ...edits: readonly Edit[]): RowsMutant {
  return { name, by, edits: edits.map(([find, replace]) => ({ file: `src/${file}`, find, replace })) };
}

export const ROWS_MUTANTS: readonly RowsMutant[] = [
  mutant('forgets the values before', 'sqlite', ROWS, ['[...before, ...after]', '[...after]']),
  mutant('forgets the values after', 'sqlite', ROWS, ['[...before, ...after]', '[...before]']),
  mutant('forgets columns that a write does not tell', 'sqlite', ROWS, [
    "return [kind === 'insert' ? ",
    "return kind.length > 0 ? [] : [kind === 'insert' ? ",
  ]),
  mutant('forgets what is read of the whole table', 'sqlite', ROWS, ['      exceptRows(table),\n', '']),
  mutant('takes a column that is set for one that is left', 'sqlite', ROWS, [
    "if (kind === 'update' && !row.has(column)) return before;",
    "if (kind === 'update') return before;",
  ]),
  mutant('takes what an insert generates for NULL', 'sqlite', ROWS, [
    'if (cell === undefined || isMade) return undefined;',
    'if (cell === undefined) return undefined;',
  ]),
  mutant('takes any insert for one that adds no row', 'sqlite', ROWS, [
    'reads[0]?.keys?.size === keys.size',
    'reads.length > 0',
  ]),
  mutant('looks at one place in which a table is read', 'sqlite', ROWS, [
    'const pins = own.map(pinOf);',
    'const pins = own.slice(0, 1).map(pinOf);',
  ]),
  mutant('takes equal texts for others', 'sqlite', ROWS, [
    'const key = cell === undefined ? undefined : equalityKey(type, cell);',
    'const key = cell === undefined ? undefined : String(cell);',
  ]),
  mutant('forgets triggers and foreign keys', 'sqlite', ROWS, ['if (known.moving.has(table)) return names;', '']),
  mutant('forgets foreign keys that come back', 'sqlite', FACTS, ['reached.has(table) || ', '']),
  mutant('takes an upsert for an insert', 'sqlite', SQLITE, ['body.upsert !== undefined || ', '']),
  mutant('forgets OR REPLACE of a column', 'sqlite', FACTS, [
    "\n    UNION ALL SELECT name, 0 FROM sqlite_master WHERE type = 'table' AND sql LIKE '%replace%'",
    '',
  ]),
  mutant('takes what is given for what is stored', 'postgres', ROWS, [" && !value.endsWith(' ')", '']),
  mutant('forgets triggers of PostgreSQL', 'postgres', FACTS, ['NOT t.tgisinternal', 'false']),
  mutant('knows no mark of the tables', 'race', ROWS, ['digest([FORMAT, version])', 'digest([FORMAT])']),
  mutant('keeps names of rows when the tables change', 'race', ROWS, [
    'return withMark(names, this.mark);',
    'return names;',
  ]),
  mutant('takes no heed of a write of the row', 'race', ROWS, [
    'if (rows !== undefined) return [name, ...rows.names, ...rows.inserts];',
    'if (rows !== undefined) return [name];',
  ]),
];
