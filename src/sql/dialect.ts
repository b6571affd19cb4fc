// What one database's SQL means otherwise than another's, as one value for each database: the reader asks it and knows no
// database by name. Another database needs such a value here, and a parser and a catalogue in a folder of its own.

import { foldAscii } from '../dependency/condition/texts.ts';
import type { Dialect } from '../dependency/template.ts';
import type { Relation } from './ast.ts';

export interface DialectRules {
  readonly name: Dialect;
  /** Names of which this is equal are the same. */
  readonly fold: (name: string) => string;
  /** The schema of tables that go by their bare name, as SQL writes it. */
  readonly defaultSchema: string;
  /** How a parameter is written; they count from 1. */
  readonly placeholder: (number: number) => string;
  /** Where NULLs sort if nothing is said. */
  readonly nullsFirst: (isDescending: boolean) => boolean;
  /** The schema in which the names in a view's text are looked up. */
  readonly viewSchema: (schema: string | undefined) => string;
  /** The meaning of a name that the catalogue does not have. */
  readonly hidden: (schema: string | undefined, name: string, modules: ReadonlySet<string>) => Relation | null;
  /** Whether operators, casts and fields are names that the application may give functions. */
  readonly hasOwnOperators: boolean;
  /** Whether a text is read by the type beside it or that it is cast to; such a text may be a time that moves. */
  readonly readsTextsByType: boolean;
  /** Whether each table of a WITH list sees those after it. */
  readonly seesLaterCommon: boolean;
  /** Whether a table's number of a row goes by names of its own. */
  readonly hasRowid: boolean;
  /** Whether a table's name stands for its row. */
  readonly hasWholeRows: boolean;
  /** Whether truth values are numbers. */
  readonly hasNumericTruth: boolean;
  /** Whether a RIGHT or FULL JOIN in one part of a compound makes it lose conditions of another. */
  readonly losesConditions: boolean;
  /** Whether columns in common stand before all others of a join. */
  readonly mergesFirst: boolean;
  /** Whether results have names of their own: of a function, of EXISTS; and whether a column keeps the name that is written. */
  readonly namesResults: boolean;
}

const SQLITE: DialectRules = {
  name: 'sqlite',
  // Only the letters of ASCII fold.
  fold: foldAscii,
  defaultSchema: 'main',
  placeholder: () => '?',
  // NULL is the least value.
  nullsFirst: (isDescending) => !isDescending,
  viewSchema: (schema) => schema ?? 'main',
  hidden(_, name, modules) {
    if (/^(?:sqlite|pragma)_/i.test(name)) return { kind: 'unseen', what: 'a table of the system' };
    return modules.has(foldAscii(name)) ? { kind: 'unseen', what: 'a virtual table' } : null;
  },
  hasOwnOperators: false,
  readsTextsByType: false,
  seesLaterCommon: true,
  hasRowid: true,
  hasWholeRows: false,
  hasNumericTruth: true,
  // As of 3.53: `? IS NULL OR id = ?`, for one.
  losesConditions: true,
  mergesFirst: false,
  namesResults: false,
};

const POSTGRES: DialectRules = {
  name: 'postgres',
  // Its parser has folded them.
  fold: (name) => name,
  defaultSchema: '"public"',
  placeholder: (number) => `$${number}`,
  // NULL is the greatest value.
  nullsFirst: (isDescending) => isDescending,
  // The text of a view has the schema before all names but the system's.
  viewSchema: () => 'pg_catalog',
  hidden(schema) {
    const isTemporary = schema !== undefined && /^pg_temp/.test(schema);
    return isTemporary ? { kind: 'unseen', what: 'a temporary table' } : null;
  },
  hasOwnOperators: true,
  readsTextsByType: true,
  seesLaterCommon: false,
  hasRowid: false,
  hasWholeRows: true,
  hasNumericTruth: false,
  losesConditions: false,
  mergesFirst: true,
  namesResults: true,
};

export const RULES: Readonly<Record<Dialect, DialectRules>> = { postgres: POSTGRES, sqlite: SQLITE };
