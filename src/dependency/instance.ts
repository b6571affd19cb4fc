// A template with its parameters and its shown answer: changes are matched against it.
//
// The values that a driver was given and that it gave are JavaScript's, not the database's. They are brought into the
// form of the column they are compared with; a value without a form there makes the read wider.

import type { Cell } from './change.ts';
import type { Predicate } from './condition/predicate.ts';
import type { TableRead, Template } from './template.ts';

/** A statement as it was run. */
export interface Instance {
  readonly template: Extract<Template, { kind: 'tracked' }>;
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
