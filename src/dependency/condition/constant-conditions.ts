// Facts that parameters give by themselves: the values of a list that is one parameter, and conditions that involve no
// row.
//
// Each driver sends JavaScript values in its own way. A value only counts as what it looks like where all drivers send
// the same, and where no type that the database may give the parameter makes it something else.

import type { Cell, ColumnType } from '../change.ts';
import type { Dialect } from '../template.ts';
import { cellOf } from './cells.ts';
import type { GivenTest, Operand } from './predicate.ts';

/** The list's elements as they compare with a column of this type; undefined when the list is unknown. */
export function listCells(
  type: ColumnType,
  { form }: Extract<Operand, { kind: 'list' }>,
  given: unknown,
): readonly Cell[] | undefined {
  if (form === 'json') return jsonCells(type, given);
  // An array that is NULL is equal to nothing, and so is one element that is.
  if (given === null) return [null];
  if (!Array.isArray(given)) return undefined;
  // Drivers write elements in their own ways: an element that is no plain value is unknown.
  const isPlain = (element: unknown): boolean => typeof element !== 'object' || element === null;
  return Array.from(given as readonly unknown[], (element) => (isPlain(element) ? cellOf(type, element) : undefined));
}

/**
 * Elements of SQLite's json_each, whose column has no type: https://www.sqlite.org/datatype3.html §4.2. Only texts that
 * JavaScript itself writes count: SQLite reads more than JSON, and may read a number otherwise.
 */
function jsonCells(type: ColumnType, given: unknown): readonly Cell[] | undefined {
  if (given === null) return [];
  if (typeof given !== 'string') return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(given);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed) || JSON.stringify(parsed) !== given) return undefined;
  return parsed.map((element) => jsonCell(type, element));
}

function jsonCell(type: ColumnType, element: unknown): Cell {
  if (element === null) return null;
  if (typeof element === 'string') return element.includes('\0') ? undefined : cellOf(type, element);
  // A number stays one beside a column of texts.
  if (type.family !== 'sqlite' || type.affinity === 'text') return undefined;
  if (typeof element === 'boolean') return element ? 1 : 0;
  return Number.isSafeInteger(element) ? cellOf(type, element) : undefined;
}

/** Undefined when the truth is unknown. */
export type GivenTruth = 'true' | 'false' | 'null' | undefined;

export function givenTruth(test: GivenTest, parameters: readonly unknown[], dialect: Dialect): GivenTruth {
  const given = (operand: Extract<Operand, { kind: 'value' | 'parameter' }>): unknown =>
    operand.kind === 'value' ? operand.value : parameters[operand.index];
  if (test.kind === 'is-null') return nullTruth(given(test.operand), dialect);
  if (test.kind === 'flag') return flagTruth(given(test.operand), dialect);
  const [left, right] = [given(test.left), given(test.right)];
  if (test.kind === 'same') {
    const nulls = [nullTruth(left, dialect), nullTruth(right, dialect)];
    if (nulls.includes(undefined)) return undefined;
    if (nulls.includes('true')) return nulls[0] === nulls[1] ? 'true' : 'false';
  }
  if (left === undefined || right === undefined) return undefined;
  if (left === null || right === null) return 'null';
  return truthOf(dialect === 'sqlite' ? isEqualSqlite(left, right) : isEqualPostgres([left, right], test.isText));
}

function truthOf(is: boolean | undefined): GivenTruth {
  return is === undefined ? undefined : is ? 'true' : 'false';
}

/** NaN is NULL for SQLite; a text in parentheses may be a composite of NULLs, which is NULL for PostgreSQL. */
function nullTruth(value: unknown, dialect: Dialect): GivenTruth {
  if (value === null) return 'true';
  const isPostgres = dialect === 'postgres';
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : 'false';
  if (typeof value === 'string') return isPostgres && value.trimStart().startsWith('(') ? undefined : 'false';
  if (typeof value === 'bigint' || value instanceof Uint8Array || value instanceof ArrayBuffer) return 'false';
  const isOfPostgres = typeof value === 'boolean' || Array.isArray(value) || value instanceof Date;
  return isPostgres && isOfPostgres ? 'false' : undefined;
}

function flagTruth(value: unknown, dialect: Dialect): GivenTruth {
  if (value === null) return 'null';
  if (dialect === 'postgres') return typeof value === 'boolean' ? truthOf(value) : undefined;
  return isWhole(value) ? truthOf(BigInt(value) !== 0n) : undefined;
}

/** Neither has an affinity: a number is never equal to a text. */
function isEqualSqlite(left: unknown, right: unknown): boolean | undefined {
  const [isLeftText, isRightText] = [isPlainText(left), isPlainText(right)];
  if (isLeftText && isRightText) return left === right;
  if (isWhole(left) && isWhole(right)) return BigInt(left) === BigInt(right);
  return (isLeftText && isWhole(right)) || (isRightText && isWhole(left)) ? false : undefined;
}

/** Values written alike are equal whatever type the database takes them for; others may be equal all the same. */
function isEqualPostgres([left, right]: readonly [unknown, unknown], isText: boolean): boolean | undefined {
  if (typeof left === 'boolean' && typeof right === 'boolean') return left === right;
  if (isText) {
    const [one, other] = [textOf(left), textOf(right)];
    return one === undefined || other === undefined ? undefined : one === other;
  }
  if (isPlainText(left) && isPlainText(right)) return left === right ? true : undefined;
  const [one, other] = [smallOf(left), smallOf(right)];
  return one === undefined || other === undefined ? undefined : one === other;
}

function isWhole(value: unknown): value is number | bigint {
  return typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value);
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0');
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return `${value}`;
  return isPlainText(value) ? value : undefined;
}

/** Whole numbers so small that they are themselves as numbers of any type. */
function smallOf(value: unknown): number | undefined {
  const isDigits = typeof value === 'string' && /^-?\d{1,7}$/.test(value);
  const number = isDigits || typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && Math.abs(number) <= 2 ** 24 ? number + 0 : undefined;
}
