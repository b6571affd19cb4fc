// Puts the parameters and the shown answer into the condition of a read.
//
// A part without a known form makes the condition wider. A part that the parameters decide alone goes, so that the rest
// stands as if it had been written without it and the index finds its keys.

import type { Cell, Scalar } from '../change.ts';
import type { TableRead } from '../template.ts';
import { cellOf, resultCellOf } from './cells.ts';
import type { ColumnType } from './column-type.ts';
import { equalityKey } from './compare.ts';
import { givenTruth, listCells } from './constant-conditions.ts';
import type { GivenTest, Operand, Predicate } from './predicate.ts';

/** The answer of a statement, each row in the order of its output columns. */
export interface ResultRows {
  readonly rows: readonly (readonly unknown[])[];
  /** Values that the template's lookups gave; without them, or without one of them, less is known. */
  readonly lookups?: readonly (readonly unknown[] | undefined)[] | undefined;
}

/** The values that a read is bound to. */
export interface Values {
  readonly parameters: readonly unknown[];
  readonly result: ResultRows | undefined;
}

/** A longer list counts as any value: it would cost more than it saves. */
export const MAX_LOOKED_UP = 1_000;

const constants = new WeakMap<TableRead, Predicate>();

/** A condition without parameters is bound once, and shared. */
export function bindWhole(read: TableRead, values: Values): Predicate {
  const known = constants.get(read);
  if (known !== undefined) return known;
  const bound = bindPredicate(read, read.predicate, values);
  if (!isVariable(read.predicate)) constants.set(read, bound);
  return bound;
}

function isVariable(predicate: Predicate): boolean {
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return predicate.parts.some(isVariable);
    case 'not':
      return isVariable(predicate.part);
    case 'compare':
      return predicate.operand.kind !== 'value';
    case 'in':
      return predicate.operands.some(({ kind }) => kind !== 'value');
    case 'like':
      return predicate.pattern.kind !== 'value';
    case 'given':
      return operandsOf(predicate.test).some(({ kind }) => kind !== 'value');
    default:
      return false;
  }
}

function bindPredicate(read: TableRead, predicate: Predicate, values: Values): Predicate {
  switch (predicate.kind) {
    case 'and':
      return allOf(predicate.parts.map((part) => bindPredicate(read, part, values)));
    case 'or':
      return anyOf(predicate.parts.map((part) => bindPredicate(read, part, values)));
    case 'not':
      return negated(bindPredicate(read, predicate.part, values));
    case 'given':
      return bindGiven(predicate.test, read, values);
    case 'compare': {
      const type = read.table.columns[predicate.column]?.type;
      const value = type === undefined ? undefined : operandCell(type, predicate.operand, values);
      if (value === undefined) return unknownOperand(predicate.column);
      return { ...predicate, operand: { kind: 'value', value } };
    }
    case 'in': {
      const type = read.table.columns[predicate.column]?.type;
      return type === undefined ? unknownOperand(predicate.column) : bindList(type, predicate, values);
    }
    case 'like': {
      const value = patternOf(predicate.pattern, values);
      return value === undefined
        ? unknownOperand(predicate.column)
        : { ...predicate, pattern: { kind: 'value', value } };
    }
    default:
      return predicate;
  }
}

function operandsOf(test: GivenTest): readonly Operand[] {
  return test.kind === 'is-null' || test.kind === 'flag' ? [test.operand] : [test.left, test.right];
}

const ALWAYS: Predicate = { kind: 'always' };
const FALSE: Predicate = { kind: 'never', truth: 'false' };
const NULL: Predicate = { kind: 'never', truth: 'null' };
const UNDECIDED: Predicate = { kind: 'maybe', columns: [], reason: 'parameter' };

function bindGiven(test: GivenTest, { table }: TableRead, { parameters }: Values): Predicate {
  const dialect = table.columns[0]?.type.family;
  switch (dialect && givenTruth(test, parameters, dialect)) {
    case 'true':
      return ALWAYS;
    case 'false':
      return FALSE;
    case 'null':
      return NULL;
    default:
      return UNDECIDED;
  }
}

function isFalse(predicate: Predicate): boolean {
  return predicate.kind === 'never' && predicate.truth === 'false';
}

/** Parts that always hold stay: parts are matched to those of the template by their place. */
function allOf(parts: readonly Predicate[]): Predicate {
  return parts.some(isFalse) ? FALSE : { kind: 'and', parts };
}

function anyOf(parts: readonly Predicate[]): Predicate {
  if (parts.some(({ kind }) => kind === 'always')) return ALWAYS;
  const rest = parts.filter((part) => !isFalse(part));
  if (rest.length === 0) return FALSE;
  return rest.length === 1 ? (rest[0] as Predicate) : { kind: 'or', parts: rest };
}

function negated(part: Predicate): Predicate {
  if (part.kind === 'always') return FALSE;
  if (part.kind === 'never') return part.truth === 'null' ? NULL : ALWAYS;
  return { kind: 'not', part };
}

function unknownOperand(column: number): Predicate {
  return { kind: 'maybe', columns: [column], reason: 'operand' };
}

function operandCell(type: ColumnType, operand: Operand, { parameters }: Values): Cell {
  switch (operand.kind) {
    case 'value':
      return cellOf(type, operand.value);
    case 'parameter':
      return cellOf(type, parameters[operand.index]);
    case 'list':
    case 'result':
    case 'lookup':
      return undefined;
  }
}

/** No affinity applies to a pattern; a number is a text that is not known, but for a bigint. */
function patternOf(operand: Operand, { parameters }: Values): Scalar | undefined {
  if (operand.kind !== 'value' && operand.kind !== 'parameter') return undefined;
  const value = operand.kind === 'value' ? operand.value : parameters[operand.index];
  if (value === null) return null;
  if (typeof value === 'bigint') return `${value}`;
  return typeof value === 'string' && value.isWellFormed() ? value : undefined;
}

/** An operand without a known form adds an entry to the list that may equal anything. */
function bindList(type: ColumnType, predicate: Extract<Predicate, { kind: 'in' }>, known: Values): Predicate {
  const operands: Operand[] = [];
  let isWhole = true;
  for (const operand of predicate.operands) {
    if (operand.kind === 'lookup') {
      const values = known.result?.lookups?.[operand.index];
      if (values === undefined || values.length > MAX_LOOKED_UP || !addResult(operands, type, values)) return ALWAYS;
      continue;
    }
    if (operand.kind === 'result') {
      isWhole = addResult(operands, type, columnOf(known.result, operand.column)) && isWhole;
      continue;
    }
    const cells = operand.kind === 'list' ? listCells(type, operand, known.parameters[operand.index]) : undefined;
    for (const value of cells ?? [operandCell(type, operand, known)]) {
      if (value === undefined) isWhole = false;
      else operands.push({ kind: 'value', value });
    }
  }
  const list: Predicate = { kind: 'in', column: predicate.column, operands };
  return isWhole ? list : { kind: 'or', parts: [list, unknownOperand(predicate.column)] };
}

/** Adds each value once; NULL joins with nothing. Returns false when some value is unknown. */
function addResult(operands: Operand[], type: ColumnType, column: readonly unknown[] | undefined): boolean {
  if (column === undefined) return false;
  const seen = new Set<string | number>();
  for (const item of column) {
    const value = resultCellOf(type, item);
    if (value === null) continue;
    if (value === undefined) return false;
    const key = equalityKey(type, value);
    if (key !== undefined && seen.has(key)) continue;
    if (key !== undefined) seen.add(key);
    operands.push({ kind: 'value', value });
  }
  return true;
}

function columnOf(result: ResultRows | undefined, column: number): readonly unknown[] | undefined {
  return result?.rows.map((row) => row[column]);
}
