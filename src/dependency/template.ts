// Facts known of a statement before its parameters are (a template), and with them and the shown answer (an instance): which
// rows of which tables its answer can depend on. Types only. `sql/` makes templates from text; `bind.ts` binds one to
// parameters and a result.
//
// A read says which rows matter, never which do not. Where anything is doubtful its predicate is wider, its value
// columns are all, its rows and window are left out; each costs precision and never a change.

import type { Cell, TableShape } from './change.ts';
import type { Operand, Predicate } from './condition/predicate.ts';

export type Dialect = 'sqlite' | 'postgres';

/** Why less is known than could be. Counted, and shown by `explain`. */
export type Fallback =
  | 'unknown-expression'
  | 'unknown-collation'
  | 'no-primary-key'
  | 'nullable-primary-key'
  | 'key-not-selected'
  | 'order-not-selected'
  | 'recursive'
  | 'lateral'
  | 'outer-join'
  | 'too-complex';

/** A statement, analysed. `id`: of the source, the dialect and the text; lower case letters and digits. */
export type Template = Meaning & { readonly id: string; readonly text: string };

/** What a statement reads. Two texts may have one meaning. */
export type Meaning =
  | {
      readonly kind: 'tracked';
      /** The search path that it is read by, where a connection has one of its own. */
      readonly path?: readonly string[];
      readonly reads: readonly TableRead[];
      /** Columns of the result by name, where facts are taken from it; a driver may give rows as objects. */
      readonly output: readonly string[];
      readonly fallbacks: readonly FallbackNote[];
      /**
       * Set when it stands for several statements: those of one text, or all that read a table. Its reads have no
       * conditions then.
       */
      readonly widened?: 'template' | 'table';
      /** Queries that tell more about its reads when they are run too; each returns one column. */
      readonly lookups?: readonly Lookup[] | undefined;
      /** Parameters, from 0, that may be read as a time: with a text such as `now` the answer depends on when it is given. */
      readonly times?: readonly number[];
    }
  /**
   * Its answer depends on more than the tables: time, chance, session settings, temporary tables. Or that is not known.
   * `meaning`: it cannot be read, so that it may call any function. `table`: `reason` names a table that is not in the
   * catalogue, which may be one of another database.
   */
  | {
      readonly kind: 'uncacheable';
      readonly reason: string;
      readonly unknown?: 'meaning' | 'table' | undefined;
    }
  /** The statement writes. `tables` is undefined when it may write any table of the source. */
  | { readonly kind: 'write'; readonly tables: readonly string[] | undefined };

export type Tracked = Extract<Template, { kind: 'tracked' }>;
export type Uncacheable = Extract<Template, { kind: 'uncacheable' }>;

/**
 * A query for the values by which rows of one table join those of another. It sees what the statement saw, and its answer
 * is used only while nothing changes that the statement reads there.
 */
export interface Lookup {
  readonly text: string;
  /** Operands of its parameters, in their order. */
  readonly operands: readonly LookupOperand[];
}

/** `isText`: compared with a column of texts, for which drivers write one number in several ways. */
export type LookupOperand = Extract<Operand, { kind: 'value' | 'parameter' }> & { readonly isText: boolean };

export interface FallbackNote {
  readonly fallback: Fallback;
  /** E.g. the column, the function, the parser's message. */
  readonly what: string;
}

/** One table at one place of a statement: each alias, in each subquery, is a read. */
export interface TableRead {
  readonly table: TableShape;
  /** For `explain`. */
  readonly alias: string;
  /** A row of which this is FALSE or NULL changes no answer by being there. */
  readonly predicate: Predicate;
  /**
   * Ordinals, ascending, of columns that can change the answer when a row that satisfies the predicate still does
   * afterwards: each column that is selected, joined on, grouped, ordered by or not understood.
   */
  readonly valueColumns: readonly number[] | 'all';
  /**
   * The value columns that are only shown: whether and where a row stands in the answer does not depend on them, so
   * they do not matter for a row that is not in it.
   */
  readonly onlyShown?: readonly number[] | undefined;
  /**
   * Output columns, from 0, in the order of the table's key, that hold the primary key of each row of this table that
   * the answer contains. A row that is not listed had no part in the answer (but for an OFFSET). Undefined when this
   * cannot be told.
   */
  readonly keyOutputs: readonly number[] | undefined;
  readonly window: Window | undefined;
}

/** ORDER BY with a LIMIT, where all it orders by are columns of this read that are selected. */
export interface Window {
  readonly order: readonly OrderTerm[];
  /** Undefined when no bound is known here, e.g. when a parameter is no number. */
  readonly limit: Count | undefined;
  readonly offset: Count | undefined;
}

export interface OrderTerm {
  readonly column: number;
  /** Output column in the result, from 0. */
  readonly output: number;
  readonly isDescending: boolean;
  readonly nullsFirst: boolean;
}

export type Count =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'parameter'; readonly index: number };

/** A statement as it was run. */
export interface Instance {
  readonly template: Tracked;
  readonly reads: readonly BoundRead[];
}

/** A read whose operands are all values. */
export interface BoundRead {
  readonly read: TableRead;
  /** Without parameters and result columns: `value` is the only kind of operand in it. */
  readonly predicate: Predicate;
  /** Keys (`rowKey`) of the rows that the answer contains; undefined when unknown. */
  readonly keys: ReadonlySet<string> | undefined;
  readonly bound: Bound | undefined;
}

/** The last row of a full window: rows that sort after it have no part in the answer. */
export interface Bound {
  /** Cells by the window's order terms. */
  readonly last: readonly Cell[];
  /** Whether rows before the window matter though they are not listed among the keys. */
  readonly hasOffset: boolean;
}
