// Cache keys, and the names by which an invalidation finds what stands under them. A key is `tenant SP origin SP method SP
// uri`; a variant's key adds `LF name: value` for each selecting header field; a content coding of the response adds
// `LF ;coding`.
//
// Keys must be injective, or one client reads a response filled for another. Tenant, origin and method are tokens and
// a URI holds no white space, so a space always separates two parts; a field value holds no line feed. `isKeyable`
// ensures that. No field name holds a semicolon.
//
// A target, path and query, has one spelling (RFC 3986 §6.2.2): an origin takes `/%61dmin` for `/admin` and `%c3` for `%C3`,
// so a rule about the one must see the other too, and a write to the one must invalidate the other. What an origin may tell
// apart stays apart: a reserved character and its encoding (§2.2).

import type { Subject } from '../ledger/invalidations.ts';
import type { Ledger, Stamped } from '../ledger/ledger.ts';
import { CODINGS, type Coding } from '../semantics/content-coding.ts';
import { type Fields, fieldValue } from '../semantics/fields.ts';
import type { EntryNote } from './stored-response.ts';

/** The tenant when none is configured. */
export const DEFAULT_TENANT = '-';

/** Makes a cache key. GET and HEAD share one: pass GET (RFC 9110 §9.3.2). The parts must be keyable. */
export function cacheKey(
  scope: { readonly tenant: string; readonly originName: string },
  method: string,
  uri: string,
): string {
  return `${scope.tenant} ${scope.originName} ${method} ${uri}`;
}

/** Whether the text can be a part of a key: not empty, visible ASCII only. */
export function isKeyable(part: string): boolean {
  if (part === '') return false;
  for (let at = 0; at < part.length; at++) {
    const char = part.charCodeAt(at);
    if (char <= 0x20 || char >= 0x7f) return false;
  }
  return true;
}

/** A character in a part of a key that cannot hold it: `%XX`, or `%uXXXX` of one above U+00FF. */
export function percentEscaped(char: string): string {
  const unit = char.charCodeAt(0);
  const hex = unit.toString(16);
  return unit <= 0xff ? `%${hex.padStart(2, '0')}` : `%u${hex.padStart(4, '0')}`;
}

export interface KeyParts {
  readonly tenant: string;
  readonly origin: string;
  readonly method: string;
  readonly uri: string;
}

/** Takes a key, or a variant's key, apart. */
export function keyParts(key: string): KeyParts {
  const end = key.indexOf('\n');
  const plain = end < 0 ? key : key.slice(0, end);
  const afterTenant = plain.indexOf(' ');
  const afterOrigin = plain.indexOf(' ', afterTenant + 1);
  const afterMethod = plain.indexOf(' ', afterOrigin + 1);
  return {
    tenant: plain.slice(0, afterTenant),
    origin: plain.slice(afterTenant + 1, afterOrigin),
    method: plain.slice(afterOrigin + 1, afterMethod),
    uri: plain.slice(afterMethod + 1),
  };
}

/**
 * The key of the variant that `request` selects (RFC 9111 §4.1). `names` are sorted and in lower case; `normalise`
 * makes values equal that the origin would treat alike. An absent field differs from an empty one.
 */
export function variantKey(
  key: string,
  names: readonly string[],
  select: {
    readonly request: Fields;
    readonly normalise: (name: string, value: string | undefined) => string | undefined;
  },
): string {
  let variant = key;
  for (const name of names) {
    const value = select.normalise(name, fieldValue(select.request, name));
    variant += value === undefined ? `\n${name}` : `\n${name}:${value}`;
  }
  return variant;
}

/** The key of a response in a content coding. `key`: that of the stored response, or of the variant. */
export function codedKey(key: string, coding: Coding): string {
  return `${key}\n;${coding}`;
}

/** The key, and those of what was made of its response in each coding. */
export function withCoded(key: string): readonly string[] {
  return [key, ...CODINGS.map((coding) => codedKey(key, coding))];
}

/** The coding of a key made by `codedKey`; undefined for any other. */
export function codingOf(key: string): Coding | undefined {
  const at = key.lastIndexOf('\n;');
  return at < 0 ? undefined : CODINGS.find((coding) => coding === key.slice(at + 2));
}

/** An entry as the ledger sees it. */
export type LedgerEntry = Stamped & Pick<EntryNote, 'kind' | 'key'>;

export type EntryLedger<Holder = unknown> = Ledger<LedgerEntry, Holder>;

/** A value has no name but its key: invalidations by URI reach it, those by origin do not. */
export function valueSubject(key: string, tags: readonly string[]): Subject {
  return { uri: key, origin: '', tags };
}

/** The names by which an invalidation finds the entry. */
export function subjectOf({ kind, key, tags }: Pick<EntryNote, 'kind' | 'key' | 'tags'>): Subject {
  if (kind === 'value') return valueSubject(key, tags);
  const { uri, origin } = keyParts(key);
  return { uri, origin, tags };
}

/**
 * The name of a tag or source that belongs to a provisioned tenant; the same names of others are other names. Neither a tag of
 * a response nor a name that anybody writes has a line feed. `sourceOf` gives the owned source of an owned tag.
 */
export function ownedName(name: string, owner: string | undefined): string {
  return owner === undefined ? name : `${name}\n${owner}`;
}

/** The name without its owner. */
export function plainName(name: string): string {
  const at = name.indexOf('\n');
  return at < 0 ? name : name.slice(0, at);
}

/** Undefined: of no tenant, but of the configuration file. */
export function ownerOf(name: string): string | undefined {
  const at = name.indexOf('\n');
  return at < 0 ? undefined : name.slice(at + 1);
}

const SOURCE_PREFIX = 'tg-source:';

/** The tag of all entries read from one source: a tracker sets it, and a gate serves entries that have it on a lease. */
export function sourceTag(source: string): string {
  return SOURCE_PREFIX + source;
}

/** Returns undefined for any other tag. */
export function sourceOf(tag: string): string | undefined {
  return tag.startsWith(SOURCE_PREFIX) ? tag.slice(SOURCE_PREFIX.length) : undefined;
}

/** Parts that may have another spelling: a needless, lower-case or missing encoding; a dot segment. */
const UNUSUAL = /%(?![0-9A-F]{2})|%(?:2[DE]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])|[^!#-&(-;=?-[\]_a-z~]|\/\./;

/** Path and query in their one spelling; the usual text is returned as it is. */
export function normalTarget(target: string): string {
  if (!UNUSUAL.test(target)) return target;
  const mark = target.indexOf('?');
  if (mark < 0) return withoutDotSegments(normalEscapes(target));
  // WHATWG URL, and so each browser, encodes an apostrophe in a query, and in no path.
  const query = normalEscapes(target.slice(mark)).replaceAll("'", '%27');
  return withoutDotSegments(normalEscapes(target.slice(0, mark))) + query;
}

/** The path of a target alone. */
export function normalPath(target: string): string {
  return normalTarget(target.split('?', 1)[0] as string);
}

/**
 * Decodes encoded unreserved characters, puts other encodings in upper case, and encodes characters that no URI may
 * hold. A `%` that encodes nothing is encoded itself, as its readers take it; else decoding after it could make it an
 * encoding.
 */
export function normalEscapes(text: string): string {
  return text
    .replace(/%(?![0-9a-f]{2})/gi, '%25')
    .replace(/%[0-9a-f]{2}/gi, (encoded) => {
      const char = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
      return /[A-Za-z0-9\-._~]/.test(char) ? char : encoded.toUpperCase();
    })
    .replace(/[^!-~]+|["<>\\^`{|}]/g, (illegal) => encodeURIComponent(illegal.toWellFormed()));
}

/** RFC 3986 §5.2.4, for a path that begins with a slash. */
export function withoutDotSegments(path: string): string {
  if (!path.includes('/.')) return path;
  const segments: string[] = [];
  const given = path.split('/');
  for (const [at, segment] of given.entries()) {
    const last = at === given.length - 1;
    // The first, empty segment is the path's beginning: `..` does not go above it.
    if (segment === '..' && segments.length > 1) segments.pop();
    if (segment !== '.' && segment !== '..') segments.push(segment);
    else if (last) segments.push('');
  }
  return segments.join('/');
}

/** The beginning of a path: its last segment may be cut, so it is no dot segment. */
export function withoutInnerDotSegments(beginning: string): string {
  const last = beginning.lastIndexOf('/') + 1;
  return withoutDotSegments(beginning.slice(0, last)) + beginning.slice(last);
}
