// Brings values of JavaScript and texts of PostgreSQL into the normal form in which they are compared with a column.
//
// A value has a form only if every driver means the same by it. A number for a TEXT column of SQLite is '1' to one
// driver and '1.0' to another, a Date is local time or UTC: those values are unknown. So is a value that may have lost
// digits on its way here, e.g. a whole number beyond 2^53 that is no bigint; and a text whose meaning depends on the session:
// a timestamptz without an offset, a timestamp with one, `now`, a date in another order.
//
// A date is days, the other moments are microseconds since 1970-01-01; bigint beyond 2^53, ±Infinity for infinity.

import type { Cell, ColumnType, PostgresColumnType, SqliteColumnType } from '../change.ts';
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
const DATE = /^(\d{4,7})-(\d\d)-(\d\d)( BC)?$/;
const MOMENT =
  /^(\d{4,7})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d(?::?\d\d(?::\d\d)?)?)?( BC)?$/;
const MS_PER_DAY = 86_400_000;
const DAYS_IN_ERA = 146_097;
const MICROSECONDS_PER_DAY = 86_400_000_000;
/** So many days either way, microseconds are whole numbers below 2^53. */
const SAFE_DAYS = 104_000;

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
  if (type.type === 'boolean') return text === 't' ? true : text === 'f' ? false : undefined;
  return type.type === 'opaque' ? text : TEXT_CELLS[type.type]?.(text);
}

/** https://www.sqlite.org/datatype3.html §4.2: a value without an affinity gets the column's. */
function sqliteCell({ affinity }: SqliteColumnType, value: unknown): Cell {
  switch (typeof value) {
    case 'string':
      // SQLite keeps any bytes as text; bytes that are no UTF-8 read as the replacement character.
      return value.isWellFormed() && !value.includes(REPLACEMENT) ? sqliteText(affinity, value) : undefined;
    case 'number':
      // Bound as an integer or as a float, which are different texts.
      return affinity === 'text' ? undefined : sqliteNumber(affinity, value);
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) return undefined;
      return affinity === 'text' ? `${value}` : shortest(value);
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
      // One driver sends the text of a boolean as it is; another takes any text for false.
      return value.isWellFormed() ? TEXT_CELLS[type]?.(value) : undefined;
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

/** A literal, a parameter or PostgreSQL's own text. Texts of other types have no form. */
const TEXT_CELLS: Readonly<Partial<Record<PostgresColumnType['type'], (text: string) => Cell>>> = {
  text: (text) => text,
  char: (text) => text,
  integer: (text) => (WHOLE.test(text) ? wholeOf(text) : undefined),
  float: floatOf,
  decimal: (text) => (isDecimal(text) ? text : undefined),
  uuid: uuidOf,
  bytes: (text) => (HEX_BYTES.test(text) ? bytesOfHex(text) : undefined),
  date: dateOf,
  timestamp: (text) => momentOf(text, false),
  timestamptz: (text) => momentOf(text, true),
};

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

/** Days since 1970-01-01. */
function dateOf(text: string): Cell {
  const found = DATE.exec(text);
  return found === null ? infinityOf(text) : daysOf(found, found[4] !== undefined);
}

/** Microseconds since 1970-01-01 00:00, of the clock on the wall or, `isZoned`, in UTC. */
function momentOf(text: string, isZoned: boolean): Cell {
  const found = MOMENT.exec(text);
  if (found === null) return infinityOf(text);
  const offset = found[8];
  if ((offset !== undefined) !== isZoned) return undefined;
  const days = daysOf(found, found[9] !== undefined);
  const [hours, minutes, seconds] = [Number(found[4]), Number(found[5]), Number(found[6] ?? 0)];
  const east = offset === undefined ? 0 : offsetOf(offset);
  if (days === undefined || east === undefined || hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const fraction = found[7] === undefined ? 0 : Number(found[7].padEnd(6, '0'));
  return microsecondsOf(days, ((hours * 60 + minutes) * 60 + seconds - east) * 1_000_000 + fraction);
}

function infinityOf(text: string): number | undefined {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  return text === '-infinity' ? Number.NEGATIVE_INFINITY : undefined;
}

function microsecondsOf(days: number, rest: number): number | bigint {
  if (days > -SAFE_DAYS && days < SAFE_DAYS) return days * MICROSECONDS_PER_DAY + rest;
  return shortest(BigInt(days) * BigInt(MICROSECONDS_PER_DAY) + BigInt(rest));
}

/** Seconds east of Greenwich. */
function offsetOf(text: string): number | undefined {
  if (text === '+00' || text === 'Z') return 0;
  const digits = text.slice(1).replaceAll(':', '');
  const [hours, minutes, seconds] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4, 6)].map(Number);
  if (hours === undefined || minutes === undefined || seconds === undefined) return undefined;
  if (hours > 15 || minutes > 59 || seconds > 59) return undefined;
  const size = (hours * 60 + minutes) * 60 + seconds;
  return text.startsWith('-') ? -size : size;
}

/** Days in the Gregorian calendar, also before there was one; the year before 1 is 1 BC. */
function daysOf([, named, month, day]: RegExpExecArray, isBeforeChrist: boolean): number | undefined {
  if (Number(named) === 0) return undefined;
  const year = isBeforeChrist ? 1 - Number(named) : Number(named);
  // The calendar repeats after 400 years, and a Date has not all the years that PostgreSQL has.
  const era = Math.floor(year / 400);
  const date = new Date(Date.UTC(2000 + year - era * 400, Number(month) - 1, Number(day)));
  if (date.getUTCMonth() + 1 !== Number(month) || date.getUTCDate() !== Number(day)) return undefined;
  return date.getTime() / MS_PER_DAY + (era - 5) * DAYS_IN_ERA;
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
