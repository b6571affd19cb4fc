// The kinds of value a configuration holds. Each says in one phrase what it expects, so that every refusal reads
// "expected …, got …"; a section names the near key when one is unknown.

import { isIP } from 'node:net';
import { Cron } from 'croner';
import { z } from 'zod';
import { isCookiePattern } from '../../engine/answers/edits.ts';
import { shown } from '../../errors.ts';
import { type Duration, MAX_TIMER_MS, toMs, wholeMs } from '../../options/durations.ts';
import { hint, withoutUnit } from '../../options/names.ts';

/** The refusal of any other value than what is expected. */
export function refusal(expected: string, show: (input: unknown) => string = shown) {
  return { error: ({ input }: z.core.$ZodRawIssue) => `expected ${expected}, got ${show(input)}` };
}

/** A value that `accepts` takes; `expected` is the phrase of its refusal. */
function value<T>(expected: string, accepts: (input: unknown) => boolean, show = shown) {
  return z.custom<T>(accepts, refusal(expected, show));
}

/** A text, of a form if there is one. */
function like(expected: string, form = /^/, show = shown) {
  return value<string>(expected, matches(form), show);
}

/** For values that are never repeated. */
function showSecret(input: unknown): string {
  return typeof input === 'string' ? `a text of ${input.length} characters (not shown)` : shown(input);
}

function matches(form: RegExp): (input: unknown) => boolean {
  return (input) => typeof input === 'string' && form.test(input);
}

export function integer(min: number, max?: number) {
  const range = max === undefined ? `, ${min} or more` : ` from ${min} to ${max}`;
  return value<number>(`an integer${range}`, (input) => isIntegerIn(input, min, max));
}

const MAX_WORKERS = 256;

export const workers = value<number | 'auto'>(
  `an integer from 1 to ${MAX_WORKERS}, or "auto"`,
  (input) => input === 'auto' || isIntegerIn(input, 1, MAX_WORKERS),
);

/** A duration. The section that it is in gives it on in ms, under a name that says so. */
export function duration(leastMs = 0, mostMs?: number) {
  const { form, fits } = wholeMs(leastMs, mostMs);
  const kind = value<Duration>(form, fits).transform((given) => toMs(given, 'a duration'));
  DURATIONS.add(kind);
  return kind;
}

const DURATIONS = new WeakSet<z.core.$ZodType>();

function isDuration(kind: z.core.$ZodType): boolean {
  return kind instanceof z.ZodOptional || kind instanceof z.ZodDefault || kind instanceof z.ZodPrefault
    ? isDuration(kind.unwrap())
    : DURATIONS.has(kind);
}

/** A duration that a timer can measure. */
export function timeout(leastMs = 0) {
  return duration(leastMs, MAX_TIMER_MS);
}

export function flag() {
  return value<boolean>('true or false', (input) => typeof input === 'boolean');
}

export function oneOf<const T extends string>(...names: readonly T[]) {
  const quoted = names.map((name) => `"${name}"`).join(', ');
  return value<T>(`one of ${quoted}`, (input) => (names as readonly unknown[]).includes(input));
}

/** One value that `accepts` takes, or a list of at least one. */
export function oneOrMany(expected: string, accepts: (input: unknown) => boolean) {
  return value<string | readonly string[]>(`${expected}, or a list of them`, (input) =>
    Array.isArray(input) ? input.length > 0 && input.every(accepts) : accepts(input),
  );
}

export function list<T extends z.ZodType>(element: T) {
  return z.array(element, refusal('a list')).readonly();
}

/** With at least one element. */
export function listOfSome<T extends z.ZodType>(element: T) {
  const wrong = refusal('a list of at least one');
  return z.array(element, wrong).min(1, wrong).readonly();
}

/** Values by name; `name` is the kind of the names. */
export function table<T extends z.ZodType>(name: z.ZodCustom<string, string>, element: T) {
  return z.record(name, element, refusal('an object')).readonly();
}

/**
 * An object with these keys and no others. Its refusal of unknown keys has one line for each, in their order. Durations get
 * names with their unit.
 */
export function section<S extends z.core.$ZodLooseShape>(shape: S) {
  type Section = z.ZodObject<S, z.core.$strict>;
  const renamed = Object.keys(shape).filter((key) => isDuration(shape[key] as z.core.$ZodType));
  return z
    .strictObject(shape, {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => unknownKey(key, Object.keys(shape))).join('\n')
          : `expected an object, got ${shown(issue.input)}`,
    })
    .transform((checked) => {
      const entries = Object.entries(checked).map(([key, value]) => [renamed.includes(key) ? `${key}Ms` : key, value]);
      return Object.fromEntries(entries) as SectionInMs<z.input<Section>, z.output<Section>>;
    })
    .readonly();
}

type SectionInMs<Input, Output> = {
  [Key in keyof Output as Duration extends Input[Key & keyof Input] ? `${Key & string}Ms` : Key]: Output[Key];
};

function unknownKey(key: string, known: readonly string[]): string {
  return withoutUnit(key, known) ?? `unknown key${hint(key, known) || `; expected one of ${known.join(', ')}`}`;
}

function isIntegerIn(input: unknown, min: number, max = Number.MAX_SAFE_INTEGER): boolean {
  return typeof input === 'number' && Number.isSafeInteger(input) && input >= min && input <= max;
}

// RFC 9110 §5.6.2.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i;
const isToken = matches(TOKEN);
const isPathPattern = matches(/^[/*][^#\s\p{Cc}]*$/u);
const isHostPattern = matches(/^(?:(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i);

/** Names of origins, tenants and routes: parts of cache keys and labels of metrics. */
export const entityName = like(
  'a name (a letter or digit, then letters, digits, ".", "_" and "-")',
  /^[a-z0-9][a-z0-9._-]*$/i,
);
/** Names of databases: parts of tags. */
export const sourceName = like('a name (1 to 64 of a-z, 0-9, "-" and "_")', /^[a-z0-9_-]{1,64}$/);
/** A slot name that PostgreSQL accepts. */
export const slotName = like('the name of a replication slot (1 to 63 of a-z, 0-9 and "_")', /^[a-z0-9_]{1,63}$/);
/** A connection string of PostgreSQL; may hold a password. */
export const connection = value<string>(
  'a connection string such as "postgres://user@host:5432/database"',
  isConnection,
  showSecret,
);

export function isConnection(input: unknown): input is string {
  if (typeof input !== 'string' || !/^postgres(?:ql)?:\/\//.test(input)) return false;
  // The query names a socket; the authority may then name no host.
  return URL.canParse(input) || URL.canParse(input.replace('@/', '@socket/'));
}
export const text = like('a text that is not empty', /./s);
export const token = value<string>('a token (RFC 9110 §5.6.2)', isToken);
export const parameterName = like('a query parameter name');
export const methods = oneOrMany('a method', isToken);
export const fieldName = value<string>('a field name', isToken);
export const pattern = like('a pattern (* any characters, ? one)');
export const cookiePattern = value<string>(
  'the name of a cookie, or a pattern (* any characters, ? one)',
  isCookiePattern,
);
export const pathPatterns = oneOrMany('a path or pattern that begins with "/" or "*"', isPathPattern);
export const hostPatterns = oneOrMany('a host, "*.host" or "host:port"', isHostPattern);
/** A name that clients ask for in TLS (RFC 6066 §3), or a wildcard of one label (RFC 6125 §6.4.3). */
export const certificateHost = like('a host name or "*.host"', /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i);
/** A media type, or a pattern of such. */
export const mediaType = like(
  'a media type or pattern such as "text/*"',
  /^[!#$&^_.+*?0-9a-z-]+\/[!#$&^_.+*?0-9a-z-]+$/i,
);
/** A Host field's value. */
export const authority = value<string>(
  'a host, with a port if need be',
  (input) => isHostPattern(input) && !(input as string).startsWith('*'),
);

// Fields of one connection (RFC 9110 §7.6.1) or of a message's framing, and Host, which `originHost` is for.
const NOT_EDITABLE = new Set(
  'connection keep-alive proxy-connection te trailer transfer-encoding upgrade content-length host'.split(' '),
);
export const editableField = value<string>(
  'a field name, not one of the connection, the framing or Host',
  (input) => isToken(input) && !NOT_EDITABLE.has((input as string).toLowerCase()),
);
/**
 * A field value by RFC 9110 §5.5, without white space at the ends; other characters than ASCII are refused, since
 * recipients disagree on their meaning. It may be a credential.
 */
export const fieldContent = like(
  'a field value (visible ASCII, inner spaces; no line breaks)',
  /^(?:[!-~](?:[ \t!-~]*[!-~])?)?$/,
  showSecret,
);

/** A value that a Bearer credential can hold (RFC 6750 §2.1). */
export const bearerToken = like(
  'a bearer token (letters, digits, "-._~+/", then "=")',
  /^[A-Za-z0-9\-._~+/]+=*$/,
  showSecret,
);

/** An origin's URL: scheme and authority, nothing more. A value with "@" may hold a password and is not repeated. */
export const originUrl = value<string>(
  'an http: or https: URL without user, path, query and fragment',
  (input) => typeof input === 'string' && /^https?:\/\/[^@?#\s\\]*$/i.test(input) && URL.parse(input)?.pathname === '/',
  (input) => (typeof input === 'string' && input.includes('@') ? showSecret(input) : shown(input)),
);

/** A cron expression with an instant to come; one that names a day of no year has none. */
export const cronExpression = value<string>(
  'a cron expression (minute, hour, day of month, month, day of week; seconds may stand before them)',
  (input) => {
    try {
      return typeof input === 'string' && new Cron(input, { paused: true }).nextRun() !== null;
    } catch (error) {
      if (error instanceof Error) return false;
      throw error;
    }
  },
);

/** A URL as clients ask for it. */
export const clientUrl = value<string>(
  'an absolute http or https URL',
  (input) => typeof input === 'string' && /^https?:\/\/[^/?#\s]+[^\s]*$/i.test(input) && URL.canParse(input),
);

/** An IP address, or a network as address/bits. */
export const network = value<string>('an IP address or a network such as "10.0.0.0/8"', (input) => {
  if (typeof input !== 'string') return false;
  const [address = '', bits, ...rest] = input.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
});
