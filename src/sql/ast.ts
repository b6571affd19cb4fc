// Statements of SQL as this room sees them, whatever parser read them: the little that dependencies need; and the forms
// that both parsers make.
//
// SQL is larger than this. A construct without a form here is `opaque`, with all expressions and selects found inside
// it, so that no table and no column gets lost.

import type { Scalar, TableShape } from '../dependency/change.ts';
import type { Dialect } from '../dependency/template.ts';

export type Expression =
  /** `otherwise`: the value where there is no such column: SQLite's "text", true and false. */
  | { readonly kind: 'column'; readonly table: readonly string[]; readonly name: string; readonly otherwise?: Scalar }
  | { readonly kind: 'literal'; readonly value: Scalar }
  /** Parameters count from 0. */
  | { readonly kind: 'parameter'; readonly index: number }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'is-null'; readonly operand: Expression }
  | { readonly kind: 'in-list'; readonly operand: Expression; readonly list: readonly Expression[] }
  /** `= ANY (array)`. */
  | { readonly kind: 'in-array'; readonly operand: Expression; readonly array: Expression }
  | { readonly kind: 'in-select'; readonly operand: Expression; readonly select: Select }
  | { readonly kind: 'between'; readonly operand: Expression; readonly low: Expression; readonly high: Expression }
  | {
      readonly kind: 'like';
      readonly operand: Expression;
      readonly pattern: Expression;
      readonly escape: Expression | undefined;
      readonly foldsCase: boolean;
    }
  | { readonly kind: 'exists'; readonly select: Select }
  | { readonly kind: 'scalar'; readonly select: Select }
  /** `schema`: as it is written; the grammar's own forms are of `pg_catalog`. */
  | {
      readonly kind: 'call';
      readonly schema?: string | undefined;
      readonly name: string;
      readonly args: readonly Expression[];
      readonly isAggregate: boolean;
    }
  /** `target`: PostgreSQL's type by its name alone, an array's by that of its elements. */
  | { readonly kind: 'cast'; readonly operand: Expression; readonly type: string; readonly target?: Callee }
  | { readonly kind: 'collate'; readonly operand: Expression; readonly collation: string }
  /** `reason`: what it is, e.g. `case`, `window function`. `callees`: its own, not those of its parts. */
  | {
      readonly kind: 'opaque';
      readonly reason: string;
      readonly callees: readonly Callee[];
      readonly parts: readonly Expression[];
      readonly selects: readonly Select[];
    };

/**
 * A name that the database may implement by a function. `type` is the target of a cast, which may have a function.
 * `field` is a field of a row, but may as well be a function that takes the row. `schema` is undefined when the search
 * path decides.
 */
export interface Callee {
  readonly kind: 'function' | 'operator' | 'type' | 'field';
  readonly schema: string | undefined;
  readonly name: string;
}

export interface Name {
  readonly schema: string | undefined;
  readonly name: string;
}

export type Source =
  | ({ readonly kind: 'table'; readonly alias: string | undefined } & Name)
  | {
      readonly kind: 'join';
      readonly type: 'inner' | 'left' | 'right' | 'full';
      readonly left: Source;
      readonly right: Source;
      readonly on: Expression | undefined;
      /** `natural`: the columns that both sides have by the same name. */
      readonly using: readonly string[] | 'natural' | undefined;
    }
  | {
      readonly kind: 'select';
      readonly select: Select;
      readonly alias: string | undefined;
      /** Names given to its columns. */
      readonly columns: readonly string[] | undefined;
      readonly isLateral: boolean;
    }
  /** A function that gives rows. */
  | {
      readonly kind: 'function';
      readonly schema?: string | undefined;
      readonly name: string;
      readonly args: readonly Expression[];
      readonly alias: string | undefined;
    };

export type ResultColumn =
  /** `isSpread`: all fields of a row, in columns that are not known here. */
  | {
      readonly kind: 'expression';
      readonly expression: Expression;
      readonly alias: string | undefined;
      readonly isSpread?: boolean;
    }
  /** All columns, of one source or of all. */
  | { readonly kind: 'star'; readonly table: readonly string[] };

export interface OrderBy {
  readonly expression: Expression;
  readonly isDescending: boolean;
  readonly nullsFirst: boolean | undefined;
}

export interface Select {
  readonly with: readonly CommonTable[];
  readonly isRecursive: boolean;
  readonly body: SelectBody;
  readonly orderBy: readonly OrderBy[];
  readonly limit: Expression | undefined;
  readonly offset: Expression | undefined;
}

export type SelectBody =
  | {
      readonly kind: 'plain';
      readonly isDistinct: boolean;
      readonly distinctOn: readonly Expression[];
      readonly columns: readonly ResultColumn[];
      /** Several: a comma between them, which is an inner join. */
      readonly from: readonly Source[];
      readonly where: Expression | undefined;
      readonly groupBy: readonly Expression[];
      readonly having: Expression | undefined;
    }
  | { readonly kind: 'compound'; readonly operator: string; readonly left: Select; readonly right: Select }
  | { readonly kind: 'values'; readonly rows: readonly (readonly Expression[])[] };

export interface CommonTable {
  readonly name: string;
  readonly columns: readonly string[] | undefined;
  readonly statement: Statement;
}

export type Statement =
  /**
   * `locks`: FOR UPDATE and its like. `parameterNames`: by index, with their sign; a parameter without a name is
   * undefined.
   */
  | {
      readonly kind: 'query';
      readonly select: Select;
      readonly locks: boolean;
      readonly parameterNames?: readonly (string | undefined)[];
    }
  | {
      readonly kind: 'insert' | 'update' | 'delete' | 'truncate' | 'merge';
      /** The tables written, views among them; several with TRUNCATE. */
      readonly tables: readonly Name[];
    }
  /** A transaction's begin and end, SET, PRAGMA, EXPLAIN, DDL …; `writes`: it may change what a query answers. */
  | { readonly kind: 'other'; readonly name: string; readonly writes: boolean }
  | { readonly kind: 'unparsed'; readonly reason: string };

/** A parser of one dialect. Never throws: a statement that it cannot read is `unparsed`. */
export interface Parser {
  /** Returns one statement for each in the text. */
  parse(text: string): readonly Statement[];
}

/** The state of a connection that decides what the names in its statements mean. */
export interface Session {
  /** Schemas in which a name without one is looked for, in that order; `$user` resolved, those of the system among them. */
  readonly path: readonly string[];
}

/** The meaning of the names in a statement; null when nothing has the name. */
export interface Catalogue {
  /** Identity of the database, for the ids of templates. */
  readonly source: string;
  /** Decides how names are resolved; undefined means as on the connection that read the catalogue. */
  readonly session?: Session;
  /** `name` as a statement writes it, after the dialect's folding of case. */
  relation(schema: string | undefined, name: string): Relation | null;
  /** Undefined when nothing is known of functions, operators and types. */
  readonly routines?: Routines | undefined;
  /** The whole catalogue, where it can be had as plain data. */
  readonly data?: CatalogueData;
}

/** A catalogue as plain data. */
export interface CatalogueData {
  readonly dialect: Dialect;
  /** Identity of the database. */
  readonly source: string;
  /** The server and its database, as a connection to it reports them; undefined when it does not tell. */
  readonly server?: string;
  /** The search path of the connection that read it, where a session says no other. */
  readonly path: readonly string[];
  readonly relations: readonly { readonly schema: string; readonly name: string; readonly relation: Relation }[];
  /** Virtual tables that are there without having been created; in lower case. */
  readonly modules: readonly string[];
  readonly routines?: RoutinesData | undefined;
}

/** A callee of PostgreSQL that is not the system's own, and the functions it may run. */
export interface Routine {
  readonly kind: 'function' | 'operator' | 'type';
  readonly schema: string;
  readonly name: string;
  /** Whether any overload gives no value, one or several for a row, or one value for many rows. */
  readonly isOverRows: boolean;
  /** With their schema: functions that may read anything. */
  readonly runs: readonly string[];
}

export interface RoutinesData {
  /** All functions that are not the system's own; operators and types of those that may read anything. */
  readonly own: readonly Routine[];
  /** Names of the system's functions that give several rows or none. */
  readonly setReturning: readonly string[];
  /** Functions that the server may run unasked, for casts among the system's own types. */
  readonly implicit: readonly string[];
}

export interface Routines {
  /** All routines that the callee may mean. */
  find(callee: Callee): readonly Routine[];
  isSetReturning(name: string): boolean;
  /** The system's names are found before any others. */
  readonly isSystemFirst: boolean;
  readonly implicit: readonly string[];
}

export type Relation =
  /** `runs`: functions that the server may run for the types of its columns; see Routine. */
  | { readonly kind: 'table'; readonly table: TableShape; readonly runs?: readonly string[] }
  /** `text`: its SELECT. */
  | { readonly kind: 'view'; readonly text: string; readonly columns: readonly string[] }
  /** A temporary, foreign or virtual table, a materialised view: changes of it are not seen. */
  | { readonly kind: 'unseen'; readonly what: string };

/** A statement cannot be read safely; the message becomes the reason of `unparsed`. */
export class Unreadable extends Error {}

/** The words of a kind of node: `create table` for `CreateTableStmt`. */
export function wordsOf(kind: string): string {
  return kind
    .replace(/Stmt$/, '')
    .replace(/(?<=.)[A-Z]/g, ' $&')
    .toLowerCase();
}

export function negated(isNegated: boolean, operand: Expression): Expression {
  return isNegated ? { kind: 'not', operand } : operand;
}

export function call(name: string, args: readonly Expression[], isAggregate = false): Expression {
  return { kind: 'call', name, args, isAggregate };
}

export function opaque(reason: string, parts: readonly Expression[], callees: readonly Callee[] = []): Expression {
  return { kind: 'opaque', reason, callees, parts, selects: [] };
}

export function operator(name: string, schema?: string): Callee {
  return { kind: 'operator', schema, name };
}

/** A body with nothing around it. */
export function bare(body: SelectBody): Select {
  return { with: [], isRecursive: false, body, orderBy: [], limit: undefined, offset: undefined };
}

const STAR: readonly ResultColumn[] = [{ kind: 'star', table: [] }];

/** SELECT columns FROM … WHERE … */
export function selectFrom(from: readonly Source[], columns = STAR, where?: Expression): Select {
  const nothing = { isDistinct: false, distinctOn: [], groupBy: [], having: undefined };
  return bare({ kind: 'plain', ...nothing, columns, from, where });
}

export function isNull(expression: Expression | undefined): boolean {
  return expression?.kind === 'literal' && expression.value === null;
}
