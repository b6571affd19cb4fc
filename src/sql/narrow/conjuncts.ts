// Conditions on the rows of one read, and conditions that drop rows without a partner.
//
// A condition that is understood in part may stand under a NOT. A predicate whose truth differs from the database's is
// therefore never written down; it becomes `maybe`, which is right on either side of a NOT.

import { ANY, FALSE, NULL, setOfBoth, setOfNot, TRUE } from '../../dependency/condition/evaluate.ts';
import { partsOf as conditionsIn, type Predicate } from '../../dependency/condition/predicate.ts';
import { partsOf, type ReadState, type Ref, type Resolved, refsOf } from '../resolve/resolved.ts';
import { FLIPPED, isSameType, operandsIn, typeOf } from './closure.ts';

type Of<Kind extends Resolved['kind']> = Extract<Resolved, { kind: Kind }>;

/** Converts a condition whose columns all belong to one read. `isNegated`: an odd number of NOT stands over it. */
export function predicateOf(condition: Resolved, isNegated = false): Predicate {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return junctionOf(condition, isNegated);
    case 'not':
      return { kind: 'not', part: predicateOf(condition.part, !isNegated) };
    case 'compare':
      return comparisonOf(condition) ?? maybe(condition, 'comparison');
    case 'is':
      return identityOf(condition) ?? maybe(condition, 'IS');
    case 'in':
      return listOf(condition) ?? maybe(condition, 'IN');
    case 'is-null':
      return nullTestOf(condition.operand) ?? maybe(condition, 'IS NULL');
    case 'like':
      return patternOf(condition) ?? maybe(condition, 'LIKE');
    case 'column':
      return flagOf(condition.ref) ?? maybe(condition, 'column as a condition');
    case 'value': {
      const { operand } = condition;
      if (operand.kind === 'list') return maybe(condition, 'constant');
      return { kind: 'given', test: { kind: 'flag', operand } };
    }
    case 'given':
      return condition;
    case 'other':
      return maybe(condition, condition.reason);
  }
}

/** Whether something in it was not understood. */
export function hasMaybe(predicate: Predicate): boolean {
  return predicate.kind === 'maybe' || conditionsIn(predicate).some(hasMaybe);
}

/** Holds when all parts hold. */
export function conjunction(parts: readonly Predicate[]): Predicate {
  if (parts.length === 0) return { kind: 'always' };
  return parts.length === 1 ? parts[0]! : { kind: 'and', parts };
}

function junctionOf(condition: Of<'and' | 'or'>, isNegated: boolean): Predicate {
  const parts = condition.parts.map((part) => predicateOf(part, isNegated));
  const isLost = condition.kind === (isNegated ? 'and' : 'or') && parts.some(({ kind }) => kind === 'maybe');
  if (isLost) return maybe(condition, `${condition.kind} of conditions that are not understood`);
  return { kind: condition.kind, parts };
}

function comparisonOf({ operator, left, right }: Of<'compare'>): Predicate | undefined {
  if (left.kind === 'value' && right.kind === 'column') {
    return { kind: 'compare', column: right.ref.column, operator: FLIPPED[operator], operand: left.operand };
  }
  if (left.kind !== 'column') return undefined;
  if (right.kind === 'value') return { kind: 'compare', column: left.ref.column, operator, operand: right.operand };
  if (right.kind !== 'column' || !isSameType(typeOf(left.ref), typeOf(right.ref))) return undefined;
  return { kind: 'columns', left: left.ref.column, operator, right: right.ref.column };
}

/** A composite of NULLs is NULL for PostgreSQL; an opaque value may be such a composite. */
function nullTestOf(operand: Resolved): Predicate | undefined {
  if (operand.kind !== 'column') return undefined;
  const type = typeOf(operand.ref);
  if (type.family === 'postgres' && type.type === 'opaque') return undefined;
  return { kind: 'is-null', column: operand.ref.column };
}

function identityOf({ left, right }: Of<'is'>): Predicate | undefined {
  const [side, other] = left.kind === 'column' ? [left, right] : [right, left];
  if (side.kind !== 'column' || other.kind !== 'value') return undefined;
  const column = side.ref.column;
  const { operand } = other;
  if (operand.kind === 'list') return undefined;
  const isNull: Predicate = { kind: 'is-null', column };
  const isNotNull: Predicate = { kind: 'not', part: isNull };
  const equal: Predicate = { kind: 'compare', column, operator: '=', operand };
  if (operand.kind === 'value')
    return operand.value === null ? nullTestOf(side) : { kind: 'and', parts: [isNotNull, equal] };
  const isGivenNull: Predicate = { kind: 'given', test: { kind: 'is-null', operand } };
  // Never NULL: where one side is, the other decides.
  const bothThere: Predicate = { kind: 'and', parts: [isNotNull, { kind: 'not', part: isGivenNull }, equal] };
  return { kind: 'or', parts: [bothThere, { kind: 'and', parts: [isNull, isGivenNull] }] };
}

function listOf({ operand, list }: Of<'in'>): Predicate | undefined {
  if (operand.kind !== 'column' || list.length === 0) return undefined;
  const operands = operandsIn(list);
  return operands && { kind: 'in', column: operand.ref.column, operands };
}

function patternOf(condition: Of<'like'>): Predicate | undefined {
  const { operand, pattern, escape: mark, foldsCase } = condition;
  if (operand.kind !== 'column' || pattern.kind !== 'value') return undefined;
  return { kind: 'like', column: operand.ref.column, pattern: pattern.operand, escape: mark, foldsCase };
}

function flagOf(ref: Ref): Predicate | undefined {
  const type = typeOf(ref);
  if (type.family !== 'postgres' || type.type !== 'boolean') return undefined;
  return { kind: 'compare', column: ref.column, operator: '=', operand: { kind: 'value', value: true } };
}

function maybe(condition: Resolved, reason: string): Predicate {
  const columns = [...new Set(refsOf(condition).map(({ column }) => column))].sort((one, two) => one - two);
  return { kind: 'maybe', columns, reason };
}

/** Whether a condition is never TRUE when all columns of these reads are NULL: it drops rows without a partner. */
export function rejectsNulls(condition: Resolved, reads: ReadonlySet<ReadState>): boolean {
  return (truthsOf(condition, reads) & TRUE) === 0;
}

/** The truths it can have when all columns of these reads are NULL. */
function truthsOf(condition: Resolved, reads: ReadonlySet<ReadState>): number {
  switch (condition.kind) {
    case 'and':
      return condition.parts.map((part) => truthsOf(part, reads)).reduce(setOfBoth, TRUE);
    case 'or':
      return setOfNot(condition.parts.map((part) => setOfNot(truthsOf(part, reads))).reduce(setOfBoth, TRUE));
    case 'not':
      return setOfNot(truthsOf(condition.part, reads));
    case 'in': {
      if (!isNullIn(condition.operand, reads)) return ANY;
      if (condition.list.length === 0) return FALSE;
      // A list that is a parameter may be empty.
      const isMaybeEmpty = condition.list.every((item) => item.kind === 'value' && item.operand.kind === 'list');
      return isMaybeEmpty ? FALSE | NULL : NULL;
    }
    case 'is-null':
      return isNullIn(condition.operand, reads) ? TRUE : ANY;
    case 'column':
    case 'compare':
    case 'like': {
      const operands = condition.kind === 'column' ? [condition] : partsOf(condition);
      return operands.some((operand) => isNullIn(operand, reads)) ? NULL : ANY;
    }
    case 'is':
    case 'value':
    case 'given':
    case 'other':
      return ANY;
  }
}

function isNullIn(expression: Resolved, reads: ReadonlySet<ReadState>): boolean {
  return expression.kind === 'column' && reads.has(expression.ref.read);
}
