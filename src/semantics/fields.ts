// Header and trailer fields as plain data, and the field syntax shared by all of HTTP (RFC 9110 §5).
//
// Fields are a flat array `name, value, name, value …` with names in lower case. Both ends of a proxy speak that form,
// so a response passes through without being rebuilt, and a scan of some twenty names costs less than building a map.

/** Header or trailer fields: name, value, name, value … in order of arrival; names are in lower case. */
export type Fields = readonly string[];

/** The parts of a request that decisions need. */
export interface RequestHead {
  readonly method: string;
  /** The target URI without a fragment, e.g. `http://example.org/users?limit=10` (RFC 9110 §7.1). */
  readonly uri: string;
  readonly fields: Fields;
}

/** Status and fields of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly fields: Fields;
}

export const NO_FIELDS: Fields = Object.freeze([]);

/**
 * The field's value, its lines combined with a comma and a space (RFC 9110 §5.3); undefined when the field is absent.
 * `name` is in lower case.
 */
export function fieldValue(fields: Fields, name: string): string | undefined {
  let combined: string | undefined;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== name) continue;
    const value = fields[at + 1] as string;
    combined = combined === undefined ? value : `${combined}, ${value}`;
  }
  return combined;
}

/** The field's lines, one for each time the field stands in the message. */
export function fieldLines(fields: Fields, name: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) lines.push(fields[at + 1] as string);
  return lines;
}

export function hasField(fields: Fields, name: string): boolean {
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return true;
  return false;
}

/** The fields whose name `keep` accepts. */
export function filterFields(fields: Fields, keep: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string;
    if (keep(name)) kept.push(name, fields[at + 1] as string);
  }
  return kept;
}

/** The fields with every line of `name` replaced by one line, which stands at the end. */
export function withField(fields: Fields, name: string, value: string): string[] {
  const changed = filterFields(fields, (other) => other !== name);
  changed.push(name, value);
  return changed;
}

/**
 * The members of a list-valued field (`#rule`, RFC 9110 §5.6.1): split at commas outside quoted strings, white space
 * trimmed, empty members left out.
 */
export function listMembers(value: string | undefined): string[] {
  if (value === undefined || value === '') return [];
  const members: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at <= value.length; at++) {
    const char = at < value.length ? value.charCodeAt(at) : COMMA;
    if (char === QUOTE) quoted = !quoted;
    else if (char === BACKSLASH && quoted && at + 1 < value.length) at++;
    else if (char === COMMA && (!quoted || at >= value.length)) {
      const member = trimOws(value.slice(start, at));
      if (member !== '') members.push(member);
      start = at + 1;
    }
  }
  return members;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Without optional white space (SP and HTAB only, RFC 9110 §5.6.3) at either end. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isOws(char: number): boolean {
  return char === 0x20 || char === 0x09;
}

/** RFC 9110 §5.6.2 */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Names of the selecting header fields that Vary lists (RFC 9111 §4.1), in lower case, sorted, each once. `any`: a member is `*`, or is no field name
 * at all; no request is known to match such a response.
 */
export function selectingFields(varyValue: string | undefined): readonly string[] | 'any' {
  const members = listMembers(varyValue);
  if (varyValue?.includes('"')) return 'any';
  if (members.length === 0) return NO_NAMES;
  if (members.some((member) => member === '*' || !TOKEN.test(member))) return 'any';
  return [...new Set(members.map((member) => member.toLowerCase()))].sort();
}

const NO_NAMES: readonly string[] = Object.freeze([]);

/** Fields that concern one connection or proxy (RFC 9110 §7.6.1, RFC 9111 §3.1). */
const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Names of the hop-by-hop fields, including names in Connection. */
export function hopByHopNames(fields: Fields): ReadonlySet<string> {
  const listed = listMembers(fieldValue(fields, 'connection'));
  return new Set([...HOP_BY_HOP, ...listed.map((name) => name.toLowerCase())]);
}

/** The fields that pass on to the next recipient. */
export function withoutHopByHop(fields: Fields): Fields {
  const hopByHop = hopByHopNames(fields);
  return filterFields(fields, (name) => !hopByHop.has(name));
}

// Dates (RFC 9110 §5.6.7). A recipient reads three formats and nothing else. A value in any other form is no date, and a
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
  return short === null ? undefined : shortYearInstant(short, now);
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
  const year = Math.floor(horizon.getUTCFullYear() / 100) * 100 + Number(match[3]);
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

// Request fields by which a client claims that it has asked for something else: another host, scheme, path or method. Some
// origins answer by them, though no cache key has them.

/** They repeat X-Forwarded-Proto and -Host under other names; `proxy` becomes HTTP_PROXY under CGI. */
const REPEATS =
  'forwarded x-forwarded x-forwarded-port x-forwarded-server x-forwarded-scheme x-forwarded-protocol x-forwarded-ssl x-scheme x-url-scheme front-end-https proxy';

/** What frameworks tell themselves, or are told by the platform before them; each has poisoned a cache or opened a file. */
const INTERNAL = `x-middleware-subrequest x-middleware-prefetch x-now-route-matches x-matched-path x-invoke-path x-invoke-query
  x-invoke-status x-invoke-error x-react-router-spa-mode x-react-router-prerender-data x-sendfile-type x-accel-mapping`;

type Claim = 'repeat' | 'override';

/** Bundlers leave it out where nobody asks. */
const CLAIMS = /* @__PURE__ */ claims();

function claims(): ReadonlyMap<string, Claim> {
  const named = (names: string, claim: Claim) => names.split(/\s+/).map((name) => [name, claim] as const);
  return new Map([...named(REPEATS, 'repeat'), ...named(INTERNAL, 'override')]);
}

/** Words of a name for a part of the target, and words for how it came about. */
const PARTS =
  'host hostname port server scheme proto protocol ssl https url uri destinationurl path prefix method verb authority';
const MANNERS = `x http original orig rewrite rewritten override forward forwarded real proxy proxied raw unencoded base backend
  request name query envoy ms waws arr cloudfront`;

/** True: a part. */
const WORDS = /* @__PURE__ */ words();

function words(): ReadonlyMap<string, boolean> {
  const each = [PARTS, MANNERS].flatMap((names, at) => names.split(/\s+/).map((word) => [word, at === 0] as const));
  return new Map(each);
}

/** A word beyond these is an application's own, as in HX-Current-URL and X-Goog-Resource-URI. */
function namesTarget(name: string): boolean {
  const parts = name.split('-');
  return parts.length > 1 && parts.some((word) => WORDS.get(word)) && parts.every((word) => WORDS.has(word));
}

/** Fields that a reverse proxy states of the client. */
const STATED: ReadonlySet<string> = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']);

/**
 * What the field claims, its name in lower case; undefined: nothing, or it is one of X-Forwarded-For, -Host and -Proto. Origins
 * know more names than any list, so words decide as well. CGI and WSGI read `_` as `-`; no proxy states a field in that spelling,
 * so it is never an override.
 */
export function claimOf(name: string): Claim | undefined {
  if (STATED.has(name)) return undefined;
  const dashed = name.replaceAll('_', '-');
  const claim =
    CLAIMS.get(dashed) ?? (dashed.startsWith('x-forwarded') || namesTarget(dashed) ? 'override' : undefined);
  return claim !== undefined && dashed !== name ? 'repeat' : claim;
}
