// The kinds of value that the configurations of all runtimes hold. Each says in one phrase what it expects, so that every refusal
// reads "expected …, got …".

import { isCookiePattern } from '../engine/answers/edits.ts';
import { shown } from '../errors.ts';
import { either, type Kind, like, matches, oneOrMany, section, showSecret, value } from '../options/sections.ts';

const isToken = matches(/^[!#$%&'*+\-.^_`|~0-9a-z]+$/i); // RFC 9110 §5.6.2
const isPathPattern = matches(/^[/*][^#\s\p{Cc}]*$/u);
const isHostPattern = matches(/^(?:(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i);

/** Names of origins, tenants and routes: parts of cache keys and labels of metrics. */
export const entityName = like(
  'a name (a letter or digit, then letters, digits, ".", "_" and "-")',
  /^[a-z0-9][a-z0-9._-]*$/i,
);
export const token = value<string>('a token (RFC 9110 §5.6.2)', isToken);
export const parameterName = like('a query parameter name');
// Methods are case-sensitive (RFC 9110 §9.1): one of these in small letters is a mistake, and no client sends it.
const isKnownMethod = matches(/^(?:get|head|post|put|delete|options|patch|connect|trace)$/i);
const isMethod = (given: unknown): given is string =>
  isToken(given) && (!isKnownMethod(given) || String(given).toUpperCase() === given);
export const methods = oneOrMany('a method, such as GET', isMethod);
// CONNECT makes a tunnel, and the answer to TRACE would show fields meant for the origin: both are refused on every route.
export const takenMethod = value<string>(
  'a method other than CONNECT and TRACE, such as GET',
  (given) => isMethod(given) && given !== 'CONNECT' && given !== 'TRACE',
);
export const fieldName = value<string>('a field name', isToken);
export const cookiePattern = value<string>(
  'the name of a cookie, or a pattern (* any characters, ? one)',
  isCookiePattern,
);
export const pathPatterns = oneOrMany('a path or pattern that begins with "/" or "*"', isPathPattern);
export const hostPatterns = oneOrMany('a host, "*.host" or "host:port"', isHostPattern);
/** A media type, or a pattern of such. */
export const mediaType = like(
  'a media type or pattern such as "text/*"',
  /^[!#$&^_.+*?0-9a-z-]+\/[!#$&^_.+*?0-9a-z-]+$/i,
);
/** One that answers may differ by, without parameters. */
export const offeredType = like('a media type such as "text/html"', /^[!#$&^_.+0-9a-z-]+\/[!#$&^_.+0-9a-z-]+$/i);
export const offeredCoding = value<string>(
  'a content coding other than "identity" and "*"',
  (given) => isToken(given) && given !== '*' && given.toLowerCase() !== 'identity',
);
export const offeredLanguage = like('a language tag such as "de" or "pt-BR"', /^[a-z]{1,8}(?:-[a-z0-9]{1,8})*$/i);
/** A Host field's value. */
export const authority = value<string>(
  'a host, with a port if need be',
  (given) => isHostPattern(given) && !given.startsWith('*'),
);

// Fields of one connection (RFC 9110 §7.6.1) or of a message's framing, and Host, which `originHost` is for.
const NOT_EDITABLE = new Set(
  'connection keep-alive proxy-connection te trailer transfer-encoding upgrade content-length host'.split(' '),
);
export const editableField = value<string>(
  'a field name, not one of the connection, the framing or Host',
  (given) => isToken(given) && !NOT_EDITABLE.has(given.toLowerCase()),
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

export const part = value<number>(
  'a number from 0 to 1',
  (given) => typeof given === 'number' && given >= 0 && given <= 1,
);

const pattern = like('a pattern (* any characters, ? one)');

/** A name that must be there, or a name whose value must match a pattern. */
function named(name: Kind<string>, what: string) {
  const expected = `the name of a ${what}, or { name, value } with a pattern as value`;
  return either(expected, name, section({ name, value: pattern }));
}

export const header = named(fieldName, 'field');
export const cookie = named(token, 'cookie');

/** An origin's URL: scheme and authority, nothing more. A value with "@" may hold a password and is not repeated. */
export const originUrl = value<string>(
  'an http: or https: URL without user, path, query and fragment',
  (given) => matches(/^https?:\/\/[^@?#\s\\]*$/i)(given) && URL.parse(given)?.pathname === '/',
  (given) => (typeof given === 'string' && given.includes('@') ? showSecret(given) : shown(given)),
);

/** A value that a Bearer credential can hold (RFC 6750 §2.1). */
export const bearerToken = like(
  'a bearer token (letters, digits, "-._~+/", then "=")',
  /^[A-Za-z0-9\-._~+/]+=*$/,
  showSecret,
);

/** A URL whose path and query may have variables (RFC 6570): what they stand for must not choose the host. */
export const urlTemplate = value<string>(
  'an absolute http or https URL with variables such as {entry.slug} behind the host',
  matches(/^https?:\/\/[^/?#\s{}]+\/(?:[^{}\s]|\{\+?[^{}\s]+\})*$/i),
);

/** A URL as clients ask for it. */
export const clientUrl = value<string>(
  'an absolute http or https URL',
  (given) => matches(/^https?:\/\/[^/?#\s]+[^\s]*$/i)(given) && URL.canParse(given),
);
