// PostgreSQL's date, timestamp and timestamptz from their ISO text: a date as days, the others as microseconds since
// 1970-01-01; bigint beyond 2^53, ±Infinity for infinity.
//
// The meaning of a text may depend on the session. A timestamptz without an offset, a timestamp with one, `now`, a date
// in another order: none of them has a form here.

import type { Scalar } from '../change.ts';

const DATE = /^(\d{4,7})-(\d\d)-(\d\d)( BC)?$/;
const MOMENT =
  /^(\d{4,7})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d(?::?\d\d(?::\d\d)?)?)?( BC)?$/;
const MS_PER_DAY = 86_400_000;
const DAYS_IN_ERA = 146_097;
const MICROSECONDS_PER_DAY = 86_400_000_000;
/** So many days either way, microseconds are whole numbers below 2^53. */
const SAFE_DAYS = 104_000;

/** Days since 1970-01-01. */
export function dateOf(text: string): Scalar | undefined {
  const found = DATE.exec(text);
  if (found === null) return infinityOf(text);
  return daysOf(found, found[4] !== undefined);
}

/** Microseconds since 1970-01-01 00:00, of the clock on the wall or, `isZoned`, in UTC. */
export function momentOf(text: string, isZoned: boolean): Scalar | undefined {
  const found = MOMENT.exec(text);
  if (found === null) return infinityOf(text);
  const offset = found[8];
  if ((offset !== undefined) !== isZoned) return undefined;
  const days = daysOf(found, found[9] !== undefined);
  const hours = Number(found[4]);
  const minutes = Number(found[5]);
  const seconds = Number(found[6] ?? 0);
  if (days === undefined || hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const east = offset === undefined ? 0 : offsetOf(offset);
  if (east === undefined) return undefined;
  const fraction = found[7] === undefined ? 0 : Number(found[7].padEnd(6, '0'));
  return microsecondsOf(days, ((hours * 60 + minutes) * 60 + seconds - east) * 1_000_000 + fraction);
}

function infinityOf(text: string): number | undefined {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  return text === '-infinity' ? Number.NEGATIVE_INFINITY : undefined;
}

function microsecondsOf(days: number, rest: number): number | bigint {
  if (days > -SAFE_DAYS && days < SAFE_DAYS) return days * MICROSECONDS_PER_DAY + rest;
  const exact = BigInt(days) * BigInt(MICROSECONDS_PER_DAY) + BigInt(rest);
  const short = Number(exact);
  return Number.isSafeInteger(short) ? short : exact;
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
