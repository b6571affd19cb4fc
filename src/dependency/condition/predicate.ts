// Conditions on one row of one table, with places for parameters, and the walks over them. `evaluate.ts` decides their
// truth.
//
// A condition that is not understood is still a condition: `maybe`, which may hold for any row. It names the columns it
// may look at, since only a change of those can change its answer.

import type { Scalar } from '../change.ts';

/** Result of a condition on a row. MAYBE counts as a match, NULL does not. */
export type Truth = 'true' | 'false' | 'null' | 'maybe';

/** The operand that a column is compared with. */
export type Operand =
  | { readonly kind: 'value'; readonly value: Scalar }
  /** A parameter of the statement, from 0. */
  | { readonly kind: 'parameter'; readonly index: number }
  /** Every value in that column of the result, from 0: the keys by which rows were joined. Only in `in`. */
  | { readonly kind: 'result'; readonly column: number }
  /** Every element of the array that a parameter is, or of the one that its text is as JSON. Only in `in`. */
  | { readonly kind: 'list'; readonly index: number; readonly form: 'array' | 'json' }
  /** Every value that a lookup of the template gave, from 0. Only in `in`. */
  | { readonly kind: 'lookup'; readonly index: number };

export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>=';

export type ConstantOperand = Extract<Operand, { kind: 'value' | 'parameter' }>;

/** A condition on a statement's parameters and literals, by which no row differs from another. */
export type GivenTest =
  | { readonly kind: 'is-null'; readonly operand: ConstantOperand }
  /** A truth value: `TRUE`, `1` for SQLite. */
  | { readonly kind: 'flag'; readonly operand: ConstantOperand }
  /** `same`: IS NOT DISTINCT FROM. `isText`: they are compared as texts, whatever they look like. */
  | {
      readonly kind: 'equal' | 'same';
      readonly left: ConstantOperand;
      readonly right: ConstantOperand;
      readonly isText: boolean;
    };

/** `column`: its ordinal in the table. */
export type Predicate =
  | { readonly kind: 'always' }
  /** Matches no row; `truth` is the database's answer for each. */
  | { readonly kind: 'never'; readonly truth: 'false' | 'null' }
  /** Decided when it is bound. */
  | { readonly kind: 'given'; readonly test: GivenTest }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Predicate[] }
  | { readonly kind: 'not'; readonly part: Predicate }
  | {
      readonly kind: 'compare';
      readonly column: number;
      readonly operator: ComparisonOperator;
      readonly operand: Operand;
    }
  | { readonly kind: 'in'; readonly column: number; readonly operands: readonly Operand[] }
  | { readonly kind: 'is-null'; readonly column: number }
  /** `foldsCase`: SQLite's LIKE (ASCII only), PostgreSQL's ILIKE. `escape` is undefined for the dialect's default. */
  | {
      readonly kind: 'like';
      readonly column: number;
      readonly pattern: Operand;
      readonly escape: string | undefined;
      readonly foldsCase: boolean;
    }
  /** Two columns of the same row. */
  | { readonly kind: 'columns'; readonly left: number; readonly operator: ComparisonOperator; readonly right: number }
  | { readonly kind: 'maybe'; readonly columns: readonly number[]; readonly reason: string };

/** The conditions directly within one. */
export function partsOf(predicate: Predicate): readonly Predicate[] {
  if (predicate.kind === 'and' || predicate.kind === 'or') return predicate.parts;
  return predicate.kind === 'not' ? [predicate.part] : [];
}

/** The operands of the condition itself, without those of its parts. */
export function operandsOf(predicate: Predicate): readonly Operand[] {
  switch (predicate.kind) {
    case 'compare':
      return [predicate.operand];
    case 'in':
      return predicate.operands;
    case 'like':
      return [predicate.pattern];
    case 'given': {
      const { test } = predicate;
      return 'operand' in test ? [test.operand] : [test.left, test.right];
    }
    case 'always':
    case 'never':
    case 'and':
    case 'or':
    case 'not':
    case 'is-null':
    case 'columns':
    case 'maybe':
      return [];
  }
}

/** Whether it holds of an operand anywhere in the condition. */
export function someOperand(predicate: Predicate, is: (operand: Operand) => boolean): boolean {
  return operandsOf(predicate).some(is) || partsOf(predicate).some((part) => someOperand(part, is));
}

/** Adds their ordinals. */
export function gatherColumns(predicate: Predicate, into: Set<number>): void {
  switch (predicate.kind) {
    case 'always':
    case 'never':
    case 'given':
      return;
    case 'and':
    case 'or':
    case 'not':
      for (const part of partsOf(predicate)) gatherColumns(part, into);
      return;
    case 'columns':
      into.add(predicate.left).add(predicate.right);
      return;
    case 'maybe':
      for (const column of predicate.columns) into.add(column);
      return;
    default:
      into.add(predicate.column);
  }
}
