// HTTP dates (RFC 9110 §5.6.7).
//
// A recipient reads three formats and nothing else. A value in any other form is no date, and a
// cache takes an Expires that is no date for the past (RFC 9111 §5.3), so guessing here would keep stale content alive.
// Letter case is overlooked, as RFC 9111 §4.2 asks of caches; the day of the week is not compared with the date.

const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const MONTH = '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const TIME = '(\\d\\d):(\\d\\d):(\\d\\d)';

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const IMF_FIXDATE = new RegExp(`^${DAY}, (\\d\\d) ${MONTH} (\\d{4}) ${TIME} GMT$`, 'i');
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const RFC850_DATE = new RegExp(`^${LONG_DAY}, (\\d\\d)-${MONTH}-(\\d\\d) ${TIME} GMT$`, 'i');
/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME_DATE = new RegExp(`^${DAY} ${MONTH} (\\d\\d| \\d) ${TIME} (\\d{4})$`, 'i');

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Without the time of day, two-digit years lie in 1970 to 2069: right wherever dates are only compared. */
const SHORT_YEAR_NOW = Date.UTC(2020, 0, 1) - 1;

/**
 * The date in ms since the Unix epoch; undefined when the value is absent or no HTTP date. `now` says which century a
 * two-digit year belongs to; pass it where the date is compared with the clock.
 */
export function parseHttpDate(value: string | undefined, now: number = SHORT_YEAR_NOW): number | undefined {
  if (value === undefined) return undefined;
  const fixed = IMF_FIXDATE.exec(value);
  if (fixed !== null) return instant(Number(fixed[3]), [fixed[2], fixed[1]], fixed.slice(4));
  const asctime = ASCTIME_DATE.exec(value);
  if (asctime !== null) return instant(Number(asctime[6]), [asctime[1], asctime[2]], asctime.slice(3, 6));
  const short = RFC850_DATE.exec(value);
  if (short !== null) return shortYearInstant(short, now);
  return undefined;
}

/** The date in the one format that is sent (IMF-fixdate, RFC 9110 §5.6.7). Parts of a second are cut off. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/**
 * A two-digit year that would lie more than 50 years in the future is the most recent one in the past with the same
 * last two digits (RFC 9110 §5.6.7).
 */
function shortYearInstant(match: RegExpExecArray, now: number): number | undefined {
  const horizon = new Date(now);
  horizon.setUTCFullYear(horizon.getUTCFullYear() + 50);
  const century = Math.floor(horizon.getUTCFullYear() / 100) * 100;
  const year = century + Number(match[3]);
  const read = (full: number) => instant(full, [match[2], match[1]], match.slice(4));
  const latest = read(year);
  return latest !== undefined && latest <= horizon.getTime() ? latest : read(year - 100);
}

type Text = string | undefined;

function instant(year: number, [monthName, dayText]: [Text, Text], time: Text[]): number | undefined {
  const month = MONTHS.indexOf((monthName as string).toLowerCase());
  const day = Number(dayText);
  const [hour, minute, second] = time.map(Number) as [number, number, number];
  // 60 is a leap second (RFC 9110 §5.6.7) and falls on the next minute.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}
