// What one database's SQL means otherwise than another's, as one value for each database: the reader asks it and knows no
// database by name. Another database needs such a value, a parser and a catalogue in a folder of its own, and a line in
// dialects.ts.

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
