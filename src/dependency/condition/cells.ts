// Brings values of JavaScript and texts of PostgreSQL into the normal form in which they are compared with a column.
//
// A value has a form only if every driver means the same by it. A number for a TEXT column of SQLite is '1' to one
// driver and '1.0' to another, a Date is local time or UTC: those values are unknown. So is a value that may have lost
// digits on its way here, e.g. a whole number beyond 2^53 that is no bigint.

import type { Cell, ColumnType, PostgresColumnType, SqliteColumnType } from '../change.ts';
import { dateOf, momentOf } from './moments.ts';
import { isDecimal } from './texts.ts';

const WHOLE = /^[+-]?\d+$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** A hyphen may stand after each four digits, braces around it all. */
const LOOSE_UUID = /^(\{?)(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}(\}?)$/i;
const HEX_BYTES = /^\\x(?:[0-9a-f]{2})*$/i;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
/** Texts that SQLite takes for a number when it applies NUMERIC affinity; all others stay texts. */
const SQLITE_WHOLE = /^[ \t\n\v\f\r]*[+-]?\d+[ \t\n\v\f\r]*$/;
const SQLITE_NUMBER = /^[ \t\n\v\f\r]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\v\f\r]*$/;
/** Such texts have one nearest float, which all versions of SQLite find; for longer texts they may differ. */
const SQLITE_SHORT_NUMBER = /^\s*[+-]?(?=[\d.]{1,16}\s*$)\d*\.?\d{0,3}\s*$/;
/** Any sign but a letter may stand beside such a word. */
const MOVING = /(?<![a-z])(?:now|today|tomorrow|yesterday)(?![a-z])/i;
const REPLACEMENT = '\u{fffd}';

/**
 * A parameter given to a driver, a literal, or a value of a driver's result, as it compares with a column of this type.
 * Whole numbers that are literals of a statement are best given as bigint: then they have a form for texts too.
 */
export function cellOf(type: ColumnType, value: unknown): Cell {
  if (value === null) return null;
  return type.family === 'sqlite' ? sqliteCell(type, value) : postgresCell(type.type, value);
}

/** A value of a result as PostgreSQL wrote it, before any parser of a driver or an application saw it. */
export class ServerText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * The cell of a value that a driver read from such a column. A number or a Date is unknown when it may have been made
 * of more than it holds. Digits are unknown when they come from a SQLite column without a type: libSQL gives them for
 * numbers if asked to.
 */
export function resultCellOf(type: ColumnType, value: unknown): Cell {
  if (type.family === 'sqlite') {
    const isDoubtful = type.affinity === 'blob' && typeof value === 'string' && WHOLE.test(value);
    return isDoubtful ? undefined : cellOf(type, value);
  }
  if (value instanceof ServerText) return cellOfText(type, value.text);
  if (value instanceof Date) return undefined;
  if (typeof value === 'number' && type.type !== 'integer' && type.type !== 'float') return undefined;
  return cellOf(type, value);
}

/**
 * Reads a value as PostgreSQL writes it with DateStyle ISO. An opaque type keeps its text: only a change of it can be
 * seen.
 */
export function cellOfText(type: PostgresColumnType, text: string): Cell {
  switch (type.type) {
    case 'boolean':
      return text === 't' ? true : text === 'f' ? false : undefined;
    case 'opaque':
    case 'text':
    case 'char':
      return text;
    default:
      return textCell(type.type, text);
  }
}

/** https://www.sqlite.org/datatype3.html §4.2: a value without an affinity gets the column's. */
function sqliteCell({ affinity }: SqliteColumnType, value: unknown): Cell {
  switch (typeof value) {
    case 'string':
      return isReliable(value) ? sqliteText(affinity, value) : undefined;
    case 'number':
      // Bound as an integer or as a float, which are different texts.
      if (affinity === 'text') return undefined;
      return sqliteNumber(affinity, value);
    case 'bigint': {
      if (BigInt.asIntN(64, value) !== value) return undefined;
      return affinity === 'text' ? `${value}` : shortest(value);
    }
    case 'boolean':
      return affinity === 'text' ? undefined : value ? 1 : 0;
    default:
      return bytesOf(value);
  }
}

function sqliteNumber(affinity: SqliteColumnType['affinity'], value: number): Cell {
  if (Number.isNaN(value)) return null;
  if (!Number.isInteger(value) || Number.isSafeInteger(value) || affinity === 'real') return value;
  // An integer that a driver rounded, or a float: beyond 64 bits it is a float for sure.
  return Math.abs(value) > 2 ** 63 ? value : undefined;
}

function sqliteText(affinity: SqliteColumnType['affinity'], value: string): Cell {
  if (affinity === 'text' || affinity === 'blob') return value;
  const end = value.indexOf('\0');
  // SQLite reads a number up to there, by rules of its own.
  if (end !== -1) return SQLITE_NUMBER.test(value.slice(0, end)) ? undefined : value;
  if (!SQLITE_NUMBER.test(value)) return value;
  if (SQLITE_WHOLE.test(value)) {
    const whole = BigInt(value);
    return BigInt.asIntN(64, whole) === whole ? shortest(whole) : undefined;
  }
  return SQLITE_SHORT_NUMBER.test(value) ? Number(value) : undefined;
}

function postgresCell(type: PostgresColumnType['type'], value: unknown): Cell {
  switch (typeof value) {
    case 'string':
      // One driver sends the text as it is, another takes any text for false.
      if (type === 'boolean') return undefined;
      return value.isWellFormed() ? textCell(type, value) : undefined;
    case 'number':
      return postgresNumber(type, value);
    case 'bigint':
      if (type === 'integer') return shortest(value);
      return type === 'decimal' || type === 'text' ? `${value}` : undefined;
    case 'boolean':
      return type === 'boolean' ? value : undefined;
    default:
      if (type === 'bytes') return bytesOf(value);
      if (type !== 'timestamptz' || !(value instanceof Date) || Number.isNaN(value.getTime())) return undefined;
      // Every driver sends it as a text with an offset and milliseconds.
      return momentOf(value.toISOString(), true);
  }
}

function postgresNumber(type: PostgresColumnType['type'], value: number): Cell {
  switch (type) {
    case 'float':
      return value;
    case 'integer':
      return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value)) ? value : undefined;
    case 'decimal':
      return isDecimal(`${value}`) ? `${value}` : undefined;
    case 'text':
      return Number.isSafeInteger(value) ? `${value}` : undefined;
    default:
      return undefined;
  }
}

/** A literal, a parameter or PostgreSQL's own text. */
function textCell(type: PostgresColumnType['type'], text: string): Cell {
  switch (type) {
    case 'text':
    case 'char':
      return text;
    case 'integer':
      return WHOLE.test(text) ? wholeOf(text) : undefined;
    case 'float':
      return floatOf(text);
    case 'decimal':
      return isDecimal(text) ? text : undefined;
    case 'uuid':
      return uuidOf(text);
    case 'bytes':
      return HEX_BYTES.test(text) ? bytesOfHex(text) : undefined;
    case 'date':
      return dateOf(text);
    case 'timestamp':
      return momentOf(text, false);
    case 'timestamptz':
      return momentOf(text, true);
    case 'boolean':
    case 'opaque':
      return undefined;
  }
}

/** The UUID as the server writes it. */
function uuidOf(text: string): string | undefined {
  if (UUID.test(text)) return text.toLowerCase();
  const found = LOOSE_UUID.exec(text);
  if (found === null || (found[1] === '') !== (found[2] === '')) return undefined;
  const digits = text.replaceAll(/[{}-]/g, '').toLowerCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function floatOf(text: string): number | undefined {
  if (FLOAT.test(text)) return Number(text);
  if (text === 'NaN') return Number.NaN;
  if (text === 'Infinity') return Number.POSITIVE_INFINITY;
  return text === '-Infinity' ? Number.NEGATIVE_INFINITY : undefined;
}

function wholeOf(text: string): number | bigint {
  return text.length <= 15 ? Number(text) + 0 : shortest(BigInt(text));
}

/** The form of a whole number. */
export function shortest(value: bigint): number | bigint {
  const short = Number(value);
  return Number.isSafeInteger(short) ? short : value;
}

/** A copy: the caller may write into its own. */
function bytesOf(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array || value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}

function bytesOfHex(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length - 2) / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(2 + at * 2, 4 + at * 2), 16);
  return bytes;
}

/** SQLite keeps any bytes as text; bytes that are no UTF-8 read as the replacement character. */
function isReliable(text: string): boolean {
  return text.isWellFormed() && !text.includes(REPLACEMENT);
}

/** Whether one of the parameters that may be read as times is one that moves. */
export function moves(times: readonly number[] | undefined, parameters: readonly unknown[]): boolean {
  return times?.some((at) => mayMove(parameters[at])) === true;
}

/** Whether PostgreSQL may read a moving time in this parameter value, as drivers take it. */
export function mayMove(value: unknown): boolean {
  if (typeof value === 'string') return MOVING.test(value);
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return false;
  if (Array.isArray(value)) return value.some(mayMove);
  try {
    return 'toPostgres' in value || MOVING.test(JSON.stringify(value) ?? '');
  } catch {
    return true;
  }
}
