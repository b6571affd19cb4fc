// The names by which responses are invalidated: their tags (Cache-Tag, Surrogate-Key, xkey and the cache groups of RFC 9875),
// and what the answer to a request that changes something invalidates (RFC 9111 §4.4, RFC 9875 §3).
//
// A forgotten tag is a lost invalidation. So when a response has more tags than are kept, the result says so, and the
// response is not stored.

import { type Fields, fieldLines, fieldValue, type ResponseHead, trimOws } from './fields.ts';
import { parseList } from './structured-fields.ts';

/** The fields that hold tags. */
const TAG_FIELDS: ReadonlySet<string> = new Set([
  'cache-tag',
  'surrogate-key',
  'xkey',
  'cache-groups',
  'cache-group-invalidation',
]);

/** Whether the field is meant for caches of our kind alone: one of tags, or of what trackers and gates tell each other. */
export function isForGates(name: string): boolean {
  return TAG_FIELDS.has(name) || name.startsWith('tidegate-');
}

/** Tags kept of one response; the most that any CDN takes is about 1,000 (RFC 9875 §2 asks for 32 groups at least). */
export const MAX_TAGS = 1024;

/** Longest tag kept, in characters; as long as CDNs take. */
export const MAX_TAG_LENGTH = 1024;

export interface Tags {
  readonly tags: readonly string[];
  /** Whether some tags were left out, so that the response must not be stored. */
  readonly overflow: boolean;
}

export const NO_TAGS: Tags = Object.freeze({ tags: Object.freeze([]), overflow: false });

/**
 * The tags of the response to a request for `uri`, each once. Tags are case-sensitive, and plain ones are shared by all
 * origins of a tenant. A cache group becomes a tag that holds its origin (see `groupTags`).
 */
export function tagsOf(fields: Fields, uri: string): Tags {
  if (!fields.some((name, at) => at % 2 === 0 && TAG_FIELDS.has(name))) return NO_TAGS;
  const found = new Set<string>();
  const addListed = (name: string, separator: string | RegExp) => {
    for (const line of fieldLines(fields, name)) for (const tag of line.split(separator)) found.add(trimOws(tag));
  };
  addListed('cache-tag', ',');
  addListed('surrogate-key', /[ \t]+/);
  addListed('xkey', /[ \t,]+/);
  for (const tag of groupTags(fieldValue(fields, 'cache-groups'), uri)) found.add(tag);
  found.delete('');
  const tags = [...found].filter((tag) => tag.length <= MAX_TAG_LENGTH).slice(0, MAX_TAGS);
  return { tags, overflow: tags.length < found.size };
}

/**
 * The tags of the cache groups in the field, e.g. `group:http://a.example/users`. Groups of one name at two origins are
 * different groups (RFC 9875 §2.1); the slash, which no origin holds past its host, keeps a name from reading as part of a
 * port. The field is a List of Strings, whose parameters are ignored; a value of any other form is ignored as a whole (RFC 9875
 * §2, §3; RFC 9651 §4.2).
 */
function groupTags(value: string | undefined, uri: string): string[] {
  const origin = value === undefined ? undefined : URL.parse(uri)?.origin;
  if (value === undefined || origin === undefined || origin === 'null') return [];
  const names = parseList(value) ?? [];
  return names.every((name) => typeof name === 'string') ? names.map((name) => `group:${origin}/${name}`) : [];
}

/**
 * The tags that the answer to a request invalidates by Cache-Group-Invalidation (RFC 9875 §3): only groups of the
 * request's own origin, and none when the method is safe. Never shortened: every named group is invalidated.
 */
export function groupsInvalidated(
  request: { readonly method: string; readonly uri: string },
  fields: Fields,
): string[] {
  if (isSafeMethod(request.method)) return [];
  return [...new Set(groupTags(fieldValue(fields, 'cache-group-invalidation'), request.uri))];
}

/** Methods registered as safe (RFC 9110 §9.2.1, §16.1.1; RFC 4918 §9.1, RFC 3253 §3.6, RFC 5323 §2, QUERY). */
const SAFE_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
]);

/** Returns false for every method that is not known to be safe, as RFC 9111 §4.4 asks. Methods are case-sensitive. */
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method);
}

/**
 * The URIs that the answer to an unsafe request invalidates (RFC 9111 §4.4): none for an error; else the target URI, and
 * Location and Content-Location where they have the same origin (scheme, host and port), so that no origin can
 * invalidate another's. Without fragments; the target URI stands first, as it was given.
 */
export function invalidatedUris(requestUri: string, response: ResponseHead): string[] {
  if (response.status < 200 || response.status > 399) return [];
  const target = parseUri(requestUri, undefined);
  const uris = new Set([requestUri.split('#', 1)[0] as string]);
  for (const reference of ['location', 'content-location'].flatMap((name) => fieldLines(response.fields, name))) {
    const uri = target === undefined ? undefined : parseUri(reference, target);
    if (uri === undefined || uri.origin !== target?.origin) continue;
    // The origin is equal for every user; a cache key names no user.
    uri.username = '';
    uri.password = '';
    uri.hash = '';
    uris.add(uri.href);
    const raw = asWritten(reference, target);
    if (raw !== undefined) uris.add(raw);
  }
  return [...uris];
}

/**
 * The URI before URL changes it: URL encodes characters that a target may hold unencoded, and the response may be
 * stored under them. Returns undefined when the reference is relative to a path, or has another form.
 */
function asWritten(reference: string, target: URL): string | undefined {
  const text = reference.split('#', 1)[0] as string;
  if (text.startsWith('/') && !text.startsWith('//')) return target.origin + text;
  return text.startsWith(`${target.origin}/`) ? text : undefined;
}

function parseUri(reference: string, base: URL | undefined): URL | undefined {
  const uri = URL.parse(reference, base);
  return uri !== null && (uri.protocol === 'http:' || uri.protocol === 'https:') ? uri : undefined;
}
