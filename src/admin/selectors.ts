// Selectors as an operator writes them: `{"url": …}`, `{"tag": …}` and so on become a `Selector`, or are refused.
//
// The one complication: a selector that can never match is worse than one that is refused, because the operator goes
// away believing that it took effect. So whatever cannot stand in a key or a tag is an error here, and URIs are brought
// into the form that the front gives them.

import type { Selector } from '../dependency/selector.ts';
import { isKeyable } from '../entry/key.ts';
import { TidegateError } from '../errors.ts';

/** Tags that one call may name. */
const MAX_TAGS = 1000;

const FORMS =
  'exactly one of {"url": …}, {"tag": …}, {"tags": […]}, {"prefix": …}, {"pattern": …}, {"origin": …}, {"all": true}';

const PARSERS: ReadonlyMap<string, (text: string) => Selector> = new Map([
  ['url', (text: string): Selector => ({ kind: 'url', uri: parseUri(text) })],
  ['tag', (text: string): Selector => ({ kind: 'tag', tag: parseTag(text) })],
  ['prefix', (text: string): Selector => ({ kind: 'prefix', prefix: parsePrefix(text) })],
  ['pattern', (text: string): Selector => ({ kind: 'pattern', pattern: parsePattern(text) })],
  ['origin', (text: string): Selector => ({ kind: 'origin', origin: parseOrigin(text) })],
]);

/** Reads one selector; throws E_SELECTOR. */
export function parseSelector(value: unknown): Selector {
  const [name, content] = onlyMember(value);
  if (name === 'all') return content === true ? { kind: 'all' } : refuse('{"all": true}', value);
  const parse = PARSERS.get(name);
  if (parse === undefined) return refuse(FORMS, value);
  return parse(typeof content === 'string' ? content : refuse(`text as "${name}"`, content));
}

/** Reads what one call names: one selector, or the list of `{"tags": […]}`; throws E_SELECTOR. */
export function parseSelectors(value: unknown): { readonly selectors: readonly Selector[]; readonly listed: boolean } {
  const [name, content] = onlyMember(value);
  if (name !== 'tags') return { selectors: [parseSelector(value)], listed: false };
  if (!Array.isArray(content) || content.length === 0 || content.length > MAX_TAGS) {
    return refuse(`a list of 1 to ${MAX_TAGS} tags as "tags"`, Array.isArray(content) ? content.length : content);
  }
  return { selectors: content.map((tag: unknown) => parseSelector({ tag })), listed: true };
}

/** An absolute http(s) URI in the form of a cache key: host in lower case, no default port, no fragment. */
export function parseUri(text: string): string {
  const expected = 'an absolute http or https URL without userinfo, percent-encoded where it is not ASCII';
  const parts = SPLIT_URI.exec(text);
  if (parts === null || !isKeyable(text)) return refuse(expected, text);
  const [, scheme, authority, rest] = parts as unknown as [string, string, string, string];
  const host = hostAndPort(scheme.toLowerCase(), authority) ?? refuse(expected, text);
  const pathAndQuery = rest.replace(/#.*$/, '');
  return `${scheme.toLowerCase()}://${host}${pathAndQuery.startsWith('/') ? '' : '/'}${pathAndQuery}`;
}

const SPLIT_URI = /^(https?):\/\/([^/?#]*)(.*)$/i;

/** Undefined: not a host. A port of no digits is the default one (RFC 3986 §6.2.3). */
function hostAndPort(scheme: string, authority: string): string | undefined {
  const parts = /^(\[[0-9a-f:.]+\]|[a-z0-9._~!$&'()*+,;=%-]+)(?::([0-9]*))?$/.exec(authority.toLowerCase());
  if (parts === null) return undefined;
  const port = Number(parts[2] ?? '');
  if (port > 65_535) return undefined;
  const isDefault = port === 0 || port === (scheme === 'https' ? 443 : 80);
  return isDefault ? parts[1] : `${parts[1]}:${port}`;
}

/** The beginning of URIs, as far as it goes in the form of `parseUri`. */
export function parsePrefix(text: string): string {
  const expected = 'the beginning of a URL, from http:// or https:// on, without a fragment';
  const parts = SPLIT_URI.exec(text);
  if (parts === null || !isKeyable(text) || text.includes('#')) return refuse(expected, text);
  const [, scheme, authority, rest] = parts as unknown as [string, string, string, string];
  const start = `${scheme.toLowerCase()}://`;
  // Without a path the authority may be cut anywhere: `example.org:80` also begins `example.org:8080`.
  if (rest === '') return start + authority.toLowerCase();
  return start + (hostAndPort(scheme.toLowerCase(), authority) ?? refuse(expected, text)) + rest;
}

/** A pattern is matched against the whole URI, so one that begins with a path never matches. */
function parsePattern(text: string): string {
  if (!isKeyable(text) || text.startsWith('/') || text.includes('#')) {
    return refuse('a glob over whole URLs, e.g. "*/users/*" or "http://example.org/users/*"', text);
  }
  const parts = /^([^/]*:\/\/[^/]*)(.*)$/.exec(text);
  return parts === null ? text : `${parts[1]?.toLowerCase()}${parts[2]}`;
}

/** Tags come from response fields, where white space at either end is lost and text is ASCII. */
export function parseTag(text: string): string {
  if (!/^[!-~](?:[ -~]*[!-~])?$/.test(text)) {
    return refuse('a tag of visible ASCII characters, without white space at its ends', text);
  }
  return text;
}

function parseOrigin(text: string): string {
  return isKeyable(text) ? text : refuse('the name of an origin in the configuration', text);
}

function onlyMember(value: unknown): [string, unknown] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(FORMS, value);
  const members = Object.entries(value);
  return members.length === 1 ? (members[0] as [string, unknown]) : refuse(FORMS, value);
}

const MAX_SHOWN = 120;

/** Throws E_SELECTOR saying what was expected and what was got. */
export function refuse(expected: string, got: unknown): never {
  const shown = got === undefined ? 'nothing' : JSON.stringify(got);
  const cut = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown;
  throw new TidegateError('E_SELECTOR', `expected ${expected}, got ${cut}`);
}

/** The content of a call; `what` it is to be. */
export function parseJson(text: string, what = 'a selector'): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const got = text.trim() === '' ? 'no content' : (error as Error).message;
    throw new TidegateError('E_SELECTOR', `expected ${what} as JSON, got ${got}`, { cause: error });
  }
}
