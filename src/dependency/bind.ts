// Binds a template to its parameters and its shown answer: an instance.
//
// Facts of an answer may be used only while all of them are known. One row with an unknown key makes all keys unknown;
// with an OFFSET that may skip rows, no row is known to have had no part.

import { bindWhole, type ResultRows, type Values } from './condition/bind-predicate.ts';
import { resultCellOf } from './condition/cells.ts';
import type { Predicate } from './condition/predicate.ts';
import { keyOfCells } from './row-key.ts';
import type { Bound, BoundRead, Count, Instance, Lookup, TableRead, Template, Window } from './template.ts';

/** Parameters of the lookup, from those of its statement. */
export function lookupParameters({ operands }: Lookup, parameters: readonly unknown[]): unknown[] {
  return operands.map((operand) => (operand.kind === 'value' ? operand.value : parameters[operand.index]));
}

type Tracked = Extract<Template, { kind: 'tracked' }>;

/** `result` is undefined when the result, or the order of its columns, is unknown. */
export function bindInstance(
  template: Tracked,
  parameters: readonly unknown[],
  result: ResultRows | undefined,
): Instance {
  const values: Values = { parameters, result };
  return { template, reads: template.reads.map((read) => bindRead(read, values)) };
}

function bindRead(read: TableRead, values: Values): BoundRead {
  const bound = boundOf(read, values);
  return { read, predicate: bindWhole(read, values), keys: keysOf(read, values, bound), bound };
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
  const { output } = template;
  const needed = neededOutputs(template);
  const names = [...needed].map((column) => output[column]);
  if (rows.every((row) => Array.isArray(row))) return rows;
  if (names.some((name) => name === undefined || output.indexOf(name) !== output.lastIndexOf(name))) return undefined;
  const arrays: unknown[][] = [];
  for (const row of rows) {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) return undefined;
    const named = row as { readonly [name: string]: unknown };
    if (!names.every((name) => name !== undefined && Object.hasOwn(named, name))) return undefined;
    const array: unknown[] = new Array(output.length).fill(undefined);
    for (const column of needed) array[column] = named[output[column] as string];
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
    gatherResults(predicate, needed);
  }
  neededByTemplate.set(template, needed);
  return needed;
}

function gatherResults(predicate: Predicate, into: Set<number>): void {
  if (predicate.kind === 'and' || predicate.kind === 'or') {
    for (const part of predicate.parts) gatherResults(part, into);
  } else if (predicate.kind === 'not') {
    gatherResults(predicate.part, into);
  } else if (predicate.kind === 'in') {
    for (const operand of predicate.operands) if (operand.kind === 'result') into.add(operand.column);
  }
}
