// Binds a template to its parameters and its shown answer: an instance.
//
// Facts of an answer may be used only while all of them are known. One row with an unknown key makes all keys unknown;
// with an OFFSET that may skip rows, no row is known to have had no part. A part of a condition without a known form makes
// the condition wider. A part that the parameters decide alone goes, so that the rest stands as if it had been written
// without it and the index finds its keys.

import type { Cell, ColumnType, Scalar } from './change.ts';
import { cellOf, resultCellOf } from './condition/cells.ts';
import { equalityKey, keyOfCells } from './condition/compare.ts';
import { givenTruth, listCells } from './condition/constant-conditions.ts';
import { type GivenTest, type Operand, type Predicate, someOperand } from './condition/predicate.ts';
import type { Bound, BoundRead, Count, Instance, Lookup, TableRead, Tracked, Window } from './template.ts';

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

/** Parameters of the lookup, from those of its statement. */
export function lookupParameters({ operands }: Lookup, parameters: readonly unknown[]): unknown[] {
  return operands.map((operand) => (operand.kind === 'value' ? operand.value : parameters[operand.index]));
}

/** `result` is undefined when the result, or the order of its columns, is unknown. */
export function bindInstance(
  template: Tracked,
  parameters: readonly unknown[],
  result: ResultRows | undefined,
): Instance {
  const values: Values = { parameters, result };
  const reads = template.reads.map((read): BoundRead => {
    const bound = boundOf(read, values);
    return { read, predicate: bindWhole(read, values), keys: keysOf(read, values, bound), bound };
  });
  return { template, reads };
}

const NO_KEYS: ReadonlySet<string> = new Set();

function keysOf(read: TableRead, { parameters, result }: Values, bound: Bound | undefined) {
  const { keyOutputs, table, window } = read;
  if (keyOutputs === undefined || result === undefined || keyOutputs.length !== table.key.length) return undefined;
  // Rows that an OFFSET skipped are looked for by the bound; without one they are any.
  if (bound === undefined && maySkip(window, parameters)) return undefined;
  if (result.rows.length === 0) return NO_KEYS;
  const types = table.key.map((ordinal) => table.columns[ordinal]?.type);
  const keys = new Set<string>();
  for (const row of result.rows) {
    const cells = types.map((type, at) => type && resultCellOf(type, row[keyOutputs[at] as number]));
    // An outer join without a partner: no row of this table.
    if (cells.every((cell) => cell === null)) continue;
    const key = keyOfCells(table, cells);
    if (key === undefined) return undefined;
    keys.add(key);
  }
  return keys;
}

function boundOf({ window, table }: TableRead, { parameters, result }: Values): Bound | undefined {
  if (window?.limit === undefined || result === undefined) return undefined;
  const limit = countOf(window.limit, parameters);
  const last = result.rows[result.rows.length - 1];
  if (limit === undefined || limit <= 0 || last === undefined || result.rows.length < limit) {
    // No row is beyond this bound; it still tells skipped rows from shown ones.
    return maySkip(window, parameters) ? { last: window.order.map(() => undefined), hasOffset: true } : undefined;
  }
  const cells = window.order.map(({ column, output }) => {
    const type = table.columns[column]?.type;
    return type && resultCellOf(type, last[output]);
  });
  return { last: cells, hasOffset: maySkip(window, parameters) };
}

function maySkip(window: Window | undefined, parameters: readonly unknown[]): boolean {
  return window?.offset !== undefined && countOf(window.offset, parameters) !== 0;
}

/** Returns undefined when no number is certain. A negative LIMIT of SQLite sets no bound. */
function countOf(count: Count, parameters: readonly unknown[]): number | undefined {
  const value = count.kind === 'value' ? count.value : parameters[count.index];
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number === 'bigint') return countOf({ kind: 'value', value: Number(number) }, parameters);
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

/**
 * Rows that a driver gave as arrays or as objects. Returns undefined when a column name that facts are taken from
 * stands for several columns, or a row lacks it. `cutsTexts`: a text may be only the beginning of the stored one, so it
 * is no fact.
 */
export function resultRowsOf(template: Tracked, rows: readonly unknown[], cutsTexts = false): ResultRows | undefined {
  const arrays = arraysOf(template, rows);
  if (!cutsTexts || arrays === undefined) return arrays && { rows: arrays };
  return { rows: arrays.map((row) => row.map((value) => (typeof value === 'string' ? undefined : value))) };
}

function arraysOf(template: Tracked, rows: readonly unknown[]): readonly (readonly unknown[])[] | undefined {
  if (rows.every((row) => Array.isArray(row))) return rows;
  const { output } = template;
  const named = [...neededOutputs(template)].map((column) => ({ column, name: output[column] }));
  if (named.some(({ name }) => name === undefined || output.indexOf(name) !== output.lastIndexOf(name)))
    return undefined;
  const arrays: unknown[][] = [];
  for (const row of rows) {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) return undefined;
    const array: unknown[] = new Array(output.length).fill(undefined);
    for (const { column, name = '' } of named) {
      if (!Object.hasOwn(row, name)) return undefined;
      array[column] = (row as { readonly [name: string]: unknown })[name];
    }
    arrays.push(array);
  }
  return arrays;
}

const neededByTemplate = new WeakMap<Tracked, ReadonlySet<number>>();

/** Columns of the result that facts are taken from, from 0. */
export function neededOutputs(template: Tracked): ReadonlySet<number> {
  const known = neededByTemplate.get(template);
  if (known !== undefined) return known;
  const needed = new Set<number>();
  for (const { keyOutputs, window, predicate } of template.reads) {
    for (const column of keyOutputs ?? []) needed.add(column);
    for (const { output } of window?.order ?? []) needed.add(output);
    someOperand(predicate, (operand) => {
      if (operand.kind === 'result') needed.add(operand.column);
      return false;
    });
  }
  neededByTemplate.set(template, needed);
  return needed;
}

/** A longer list counts as any value: it would cost more than it saves. */
export const MAX_LOOKED_UP = 1_000;

/** By read: its condition, where all reads of it share one. */
const constants = new WeakMap<TableRead, Predicate | 'variable'>();

/** A condition without parameters is bound once, and shared. */
function bindWhole(read: TableRead, values: Values): Predicate {
  const known = constants.get(read);
  if (known !== undefined && known !== 'variable') return known;
  const bound = bindPredicate(read, read.predicate, values);
  if (known === undefined)
    constants.set(read, someOperand(read.predicate, ({ kind }) => kind !== 'value') ? 'variable' : bound);
  return bound;
}

function bindPredicate(read: TableRead, predicate: Predicate, values: Values): Predicate {
  switch (predicate.kind) {
    case 'and': {
      // Parts that always hold stay: parts are matched to those of the template by their place.
      const parts = predicate.parts.map((part) => bindPredicate(read, part, values));
      return parts.some(isFalse) ? FALSE : { kind: 'and', parts };
    }
    case 'or':
      return anyOf(predicate.parts.map((part) => bindPredicate(read, part, values)));
    case 'not':
      return negated(bindPredicate(read, predicate.part, values));
    case 'given':
      return bindGiven(predicate.test, read, values);
    case 'compare': {
      const type = read.table.columns[predicate.column]?.type;
      const value = type && operandCell(type, predicate.operand, values);
      return value === undefined
        ? unknownOperand(predicate.column)
        : { ...predicate, operand: { kind: 'value', value } };
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

const ALWAYS: Predicate = { kind: 'always' };
const FALSE: Predicate = { kind: 'never', truth: 'false' };
const NULL: Predicate = { kind: 'never', truth: 'null' };
const UNDECIDED: Predicate = { kind: 'maybe', columns: [], reason: 'parameter' };

const DECIDED = { true: ALWAYS, false: FALSE, null: NULL };

function bindGiven(test: GivenTest, { table }: TableRead, { parameters }: Values): Predicate {
  const dialect = table.columns[0]?.type.family;
  const truth = dialect && givenTruth(test, parameters, dialect);
  return truth === undefined ? UNDECIDED : DECIDED[truth];
}

function isFalse(predicate: Predicate): boolean {
  return predicate.kind === 'never' && predicate.truth === 'false';
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
  if (operand.kind === 'value') return cellOf(type, operand.value);
  return operand.kind === 'parameter' ? cellOf(type, parameters[operand.index]) : undefined;
}

/** No affinity applies to a pattern; a number is a text that is not known, but for a bigint. */
function patternOf(operand: Operand, { parameters }: Values): Scalar | undefined {
  if (operand.kind !== 'value' && operand.kind !== 'parameter') return undefined;
  const value = operand.kind === 'value' ? operand.value : parameters[operand.index];
  if (typeof value === 'bigint') return `${value}`;
  return value === null || (typeof value === 'string' && value.isWellFormed()) ? value : undefined;
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
      const values = known.result?.rows.map((row) => row[operand.column]);
      if (values === undefined || !addResult(operands, type, values)) isWhole = false;
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
function addResult(operands: Operand[], type: ColumnType, column: readonly unknown[]): boolean {
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
