// Whether what came from another process is of the form that it should have. A condition that is not would be found out
// by the first change that it is asked about, and then everything would be outdated.

import type { Scalar } from '../../dependency/change.ts';
import type { Predicate } from '../../dependency/condition/predicate.ts';
import type { Seen } from '../../dependency/recent-changes.ts';
import type { Bound, TableRead } from '../../dependency/template.ts';

type Unknown = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 200;
/** The most parts of a condition, each counted wherever it is: a few objects can name each other very often. */
const MAX_PARTS = 100_000;
/** More than a report has room for; an empty list may claim any length. */
const MAX_LIST = 1_000_000;
const OPERATORS: ReadonlySet<unknown> = new Set(['=', '<>', '<', '<=', '>', '>=']);

export function isObject(value: unknown): value is Unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isListOf<T>(value: unknown, isOne: (one: unknown) => one is T): value is readonly T[] {
  if (!Array.isArray(value) || value.length > MAX_LIST) return false;
  // `every` skips holes.
  for (let at = 0; at < value.length; at++) if (!(at in value && isOne(value[at]))) return false;
  return true;
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function isScalar(value: unknown): value is Scalar {
  return value === null || /^(?:number|bigint|string|boolean)$/.test(typeof value) || isBytes(value);
}

export function isSeenForm(value: unknown): value is Seen | undefined {
  if (value === undefined) return true;
  if (!isObject(value)) return false;
  if (value.kind === 'up-to') return isText(value.position);
  const { kind, below, running } = value;
  return kind === 'snapshot' && typeof below === 'bigint' && isSetOf(running, 'bigint');
}

export function isKeys(value: unknown): value is ReadonlySet<string> | undefined {
  return value === undefined || isSetOf(value, 'string');
}

function isSetOf(value: unknown, type: 'string' | 'bigint'): boolean {
  if (!(value instanceof Set)) return false;
  for (const one of value) if (typeof one !== type) return false;
  return true;
}

export function isBound(value: unknown, { window }: TableRead): value is Bound | undefined {
  if (value === undefined) return true;
  if (!isObject(value) || typeof value.hasOffset !== 'boolean' || !Array.isArray(value.last)) return false;
  return value.last.length === window?.order.length && isListOf(value.last, isCell);
}

export function isCell(value: unknown): value is Scalar | undefined {
  return value === undefined || isScalar(value);
}

/** Whether it is a bound predicate, without parameters. */
export function isPredicate(value: unknown, { table }: TableRead): value is Predicate {
  return isCondition(value, { columns: table.columns.length, depth: 0, counted: { parts: 0 } });
}

interface Where {
  readonly columns: number;
  readonly depth: number;
  readonly counted: { parts: number };
}

function isCondition(value: unknown, where: Where): value is Predicate {
  const { columns, depth, counted } = where;
  if (!isObject(value) || depth > MAX_DEPTH || ++counted.parts > MAX_PARTS) return false;
  const isColumn = (column: unknown): column is number => isCount(column) && column < columns;
  const isPart = (part: unknown): part is Predicate => isCondition(part, { ...where, depth: depth + 1 });
  switch (value.kind) {
    case 'always':
      return true;
    case 'never':
      return value.truth === 'false' || value.truth === 'null';
    case 'and':
    case 'or':
      return isListOf(value.parts, isPart);
    case 'not':
      return isPart(value.part);
    case 'compare':
      return isColumn(value.column) && OPERATORS.has(value.operator) && isValue(value.operand);
    case 'in':
      return isColumn(value.column) && isListOf(value.operands, isValue);
    case 'is-null':
      return isColumn(value.column);
    case 'like':
      return isColumn(value.column) && isPattern(value);
    case 'columns':
      return isColumn(value.left) && isColumn(value.right) && OPERATORS.has(value.operator);
    case 'maybe':
      return isListOf(value.columns, isColumn) && isText(value.reason);
    default:
      return false;
  }
}

function isValue(operand: unknown): operand is { readonly kind: 'value'; readonly value: Scalar } {
  return isObject(operand) && operand.kind === 'value' && isScalar(operand.value);
}

function isPattern({ pattern, foldsCase, ...rest }: Unknown): boolean {
  return isValue(pattern) && (rest.escape === undefined || isText(rest.escape)) && typeof foldsCase === 'boolean';
}
