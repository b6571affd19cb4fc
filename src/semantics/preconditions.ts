// Conditional requests answered from a stored response (RFC 9110 §13, RFC 9111 §4.3.2).
//
// A cache evaluates only conditions that it can answer for. If-Match and If-Unmodified-Since ask the origin about its
// current state, so a request that carries them is forwarded.

import { type Fields, fieldValue, filterFields, hasField, parseHttpDate, type RequestHead, trimOws } from './fields.ts';
import { etagsMatchStrong, etagsMatchWeak, validators } from './validation.ts';

/**
 * `none`: nothing to evaluate. `proceed`: a condition held, answer in full. `not-modified`: answer 304.
 * `forward`: only the origin can evaluate it (RFC 9111 §4.3.2). A cache never answers 412: of its own conditions none
 * fails that way for GET and HEAD (RFC 9110 §13.2.2).
 */
export type PreconditionResult = 'none' | 'proceed' | 'not-modified' | 'forward';

/** The parts of a stored response that preconditions are compared with. */
export interface PreconditionTarget {
  readonly status: number;
  readonly fields: Fields;
  /** Stands in for a missing Date (RFC 9111 §4.3.2). Milliseconds since the Unix epoch. */
  readonly bornMs: number;
}

/** Evaluates a request's preconditions on the stored response chosen for it, in the order of RFC 9110 §13.2.2. */
export function evaluatePreconditions(request: RequestHead, stored: PreconditionTarget): PreconditionResult {
  const fields = request.fields;
  // Other methods select no representation for a cache to answer with (RFC 9110 §13.2.1).
  if (request.method !== 'GET' && request.method !== 'HEAD') return 'none';
  if (isForOrigin(fields)) return 'forward';
  // Conditions are ignored where the answer without them would not be a success (RFC 9110 §13.2.1).
  if (stored.status < 200 || stored.status > 299) return 'none';
  const noneMatch = fieldValue(fields, 'if-none-match');
  if (noneMatch !== undefined) return noneMatches(noneMatch, stored.fields) ? 'proceed' : 'not-modified';
  const sinceMs = parseHttpDate(fieldValue(fields, 'if-modified-since'));
  // A date that cannot be read, or more than one, is ignored (RFC 9110 §13.1.3).
  if (sinceMs === undefined) return 'none';
  return modifiedMs(stored) <= sinceMs ? 'not-modified' : 'proceed';
}

/** If-None-Match, by weak comparison (RFC 9110 §13.1.2); `*` fails, since there is a representation. */
function noneMatches(value: string, stored: Fields): boolean {
  if (trimOws(value) === '*') return false;
  const { etag } = validators(stored);
  return etag === undefined || !etagInList(value, etag);
}

/** Whether the If-None-Match list has the entity tag, by weak comparison. */
export function etagInList(value: string, etag: string): boolean {
  return entityTags(value).some((member) => etagsMatchWeak(member, etag));
}

/** The members of an If-None-Match list. Not `listMembers`: a backslash escapes nothing within an entity tag. */
function entityTags(value: string): string[] {
  const tags: string[] = [];
  for (const [, member] of value.matchAll(/((?:W\/)?"[^"]*"|[^,\s][^,]*)/gi)) tags.push(trimOws(member as string));
  return tags;
}

/** Last-Modified, else Date, else the time of receipt (RFC 9111 §4.3.2). */
function modifiedMs(stored: PreconditionTarget): number {
  for (const name of ['last-modified', 'date']) {
    const ms = parseHttpDate(fieldValue(stored.fields, name));
    if (ms !== undefined) return ms;
  }
  return stored.bornMs;
}

/**
 * Whether If-Range allows Range (RFC 9110 §13.1.5): it is absent, or holds by strong comparison. A date must equal
 * the Last-Modified date, and that date must be strong (§8.8.2.2): a part of another version would be spliced in.
 * `strongModified` says that it is strong; the stored Date does not say so, since every 304 renews it.
 */
export function ifRangeHolds(request: Fields, stored: Fields, strongModified = false): boolean {
  const value = fieldValue(request, 'if-range');
  if (value === undefined) return true;
  const wanted = trimOws(value);
  const { etag, lastModified } = validators(stored);
  if (etag !== undefined && etagsMatchStrong(wanted, etag)) return true;
  // An entity tag is no date. The whole response is always a right answer.
  return strongModified && lastModified !== undefined && wanted === trimOws(lastModified);
}

/** Representation metadata that a 304 leaves out: its recipient has it (RFC 9110 §15.4.5). */
const NOT_IN_304: ReadonlySet<string> = new Set([
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'repr-digest',
  'transfer-encoding',
]);

/**
 * The fields of a 304 made from a stored response (RFC 9110 §15.4.5): Cache-Control, Content-Location, Date, ETag,
 * Expires and Vary as a 200 would have them, and all that is no representation metadata. Last-Modified is kept only
 * where no ETag does its work.
 */
export function notModifiedFields(stored: Fields): Fields {
  const tagged = hasField(stored, 'etag');
  return filterFields(stored, (name) => !NOT_IN_304.has(name) && !(tagged && name === 'last-modified'));
}

/** If-Match and If-Unmodified-Since are for the origin to evaluate (RFC 9111 §4.3.2). */
export function isForOrigin(fields: Fields): boolean {
  return hasField(fields, 'if-match') || hasField(fields, 'if-unmodified-since');
}
