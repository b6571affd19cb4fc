// Tags on responses: Cache-Tag, Surrogate-Key, xkey and the cache groups of RFC 9875.
//
// A forgotten tag is a lost invalidation. So when a response has more tags than are kept, the result says so, and the
// response is not stored.

import { parseList } from 'structured-headers';
import { type Fields, fieldLines, fieldValue, hasField, trimOws } from './fields.ts';
import { isSafeMethod } from './unsafe.ts';

/** Fields meant only for our kind of cache, and removed from clients' answers. */
export const TAG_FIELDS: ReadonlySet<string> = new Set([
  'cache-tag',
  'surrogate-key',
  'xkey',
  'cache-groups',
  'cache-group-invalidation',
]);

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
 * origins of a tenant. A cache group becomes a tag that holds its origin (see `groupTag`).
 */
export function tagsOf(fields: Fields, uri: string): Tags {
  if (!hasTagField(fields)) return NO_TAGS;
  const found = new Set<string>();
  for (const line of fieldLines(fields, 'cache-tag')) addAll(found, line.split(','));
  for (const line of fieldLines(fields, 'surrogate-key')) addAll(found, line.split(/[ \t]+/));
  for (const line of fieldLines(fields, 'xkey')) addAll(found, line.split(/[ \t,]+/));
  addGroups(found, fieldValue(fields, 'cache-groups'), uri);
  const tags = [...found].filter((tag) => tag.length <= MAX_TAG_LENGTH).slice(0, MAX_TAGS);
  return { tags, overflow: tags.length < found.size };
}

function hasTagField(fields: Fields): boolean {
  for (let at = 0; at < fields.length; at += 2) if (TAG_FIELDS.has(fields[at] as string)) return true;
  return false;
}

function addAll(to: Set<string>, texts: readonly string[]): void {
  for (const text of texts) {
    const tag = trimOws(text);
    if (tag !== '') to.add(tag);
  }
}

/**
 * The tag of a cache group, e.g. `group:http://a.example/users`. Groups of one name at two origins are different groups
 * (RFC 9875 §2.1); the slash, which no origin holds past its host, keeps a name from reading as part of a port.
 */
function groupTag(uri: string, group: string): string | undefined {
  const origin = URL.parse(uri)?.origin;
  return origin === undefined || origin === 'null' ? undefined : `group:${origin}/${group}`;
}

/**
 * Adds the groups in the field. It is a List of Strings, whose parameters are ignored; a value of any other form is
 * ignored as a whole (RFC 9875 §2, §3; RFC 9651 §4.2).
 */
function addGroups(to: Set<string>, value: string | undefined, uri: string): void {
  if (value === undefined) return;
  const names: string[] = [];
  try {
    for (const [member] of parseList(value)) {
      if (typeof member !== 'string') return;
      names.push(member);
    }
  } catch {
    return; // malformed, so as if it were not there
  }
  for (const name of names) {
    const tag = groupTag(uri, name);
    if (tag !== undefined) to.add(tag);
  }
}

/**
 * The tags that the answer to a request invalidates by Cache-Group-Invalidation (RFC 9875 §3): only groups of the
 * request's own origin, and none when the method is safe. Never shortened: every named group is invalidated.
 */
export function groupsInvalidated(
  request: { readonly method: string; readonly uri: string },
  fields: Fields,
): string[] {
  if (isSafeMethod(request.method) || !hasField(fields, 'cache-group-invalidation')) return [];
  const found = new Set<string>();
  addGroups(found, fieldValue(fields, 'cache-group-invalidation'), request.uri);
  return [...found];
}
