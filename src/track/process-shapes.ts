// Whether what came from another process is of the form that it should have. A condition that is not would be found out
// by the first change that it is asked about, and then everything would be outdated.

import type { Scalar } from '../dependency/change.ts';
import type { Bound } from '../dependency/instance.ts';
import type { Predicate } from '../dependency/predicate.ts';
import type { Seen } from '../dependency/recent-changes.ts';
import type { TableRead } from '../dependency/template.ts';

type Unknown = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 200;
const OPERATORS: ReadonlySet<unknown> = new Set(['=', '<>', '<', '<=', '>', '>=']);

export function isObject(value: unknown): value is Unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isListOf<T>(value: unknown, isOne: (one: unknown) => one is T): value is readonly T[] {
  // A hole is none of what `every` looks at.
  return Array.isArray(value) && Array.from(value).every(isOne);
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
  return value instanceof Set && [...value].every((one) => typeof one === type);
}

export function isBound(value: unknown, { window }: TableRead): value is Bound | undefined {
  if (value === undefined) return true;
  if (!isObject(value) || typeof value.hasOffset !== 'boolean' || !Array.isArray(value.last)) return false;
  const cells = Array.from(value.last as readonly unknown[]);
  return cells.length === window?.order.length && cells.every((cell) => cell === undefined || isScalar(cell));
}

/** One that is bound: without parameters. */
export function isPredicate(value: unknown, read: TableRead, depth = 0): value is Predicate {
  if (!isObject(value) || depth > MAX_DEPTH) return false;
  const isColumn = (column: unknown): column is number => isCount(column) && column < read.table.columns.length;
  const isPart = (part: unknown): part is Predicate => isPredicate(part, read, depth + 1);
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
