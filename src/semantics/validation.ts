// Validators, and what a later response does to a stored one: validates, updates or completes it (RFC 9111 §3.2 to §3.4, §4.3,
// RFC 9110 §8.8).
//
// A validator may be too coarse. Last-Modified counts whole seconds, so two versions made within one second share it.
// For a response that is merely past its time, that is the origin's affair; for one known to be outdated, a validator
// that cannot tell the two apart would bring the old version back. `outdated` marks that.

import {
  type Fields,
  fieldLines,
  fieldValue,
  filterFields,
  hasField,
  parseHttpDate,
  trimOws,
  withoutHopByHop,
} from './fields.ts';
import type { Profile } from './policy.ts';
import { isComplete, type Part, withExtent } from './ranges.ts';

/** A response's statements about its version (RFC 9110 §8.8). */
export interface Validators {
  /** The entity tag as received. */
  readonly etag?: string;
  /** The Last-Modified value as received; a valid HTTP date. */
  readonly lastModified?: string;
}

/**
 * How far Date must lie behind Last-Modified for it to be strong. RFC 9110 §8.8.2.2 asks for one second when both come
 * from one clock, else for enough to rule out that the clocks disagree. A cache cannot know the origin's clocks (the
 * modification time is often the database's), so this is the minute that RFC 7232 §2.2.2 named.
 */
const STRONG_DATE_DISTANCE_MS = 60_000;

/** The validators of a response; a field that is repeated or cannot be read is no validator. */
export function validators(fields: Fields): Validators {
  const etag = etagOf(fields);
  const lastModified = fieldValue(fields, 'last-modified');
  return {
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && parseHttpDate(lastModified) !== undefined && { lastModified }),
  };
}

function etagOf(fields: Fields): string | undefined {
  const lines = fieldLines(fields, 'etag');
  const etag = lines.length === 1 ? trimOws(lines[0] as string) : '';
  // Without its quotes it is not valid, yet some origins send it so and recognise it.
  return /^(?:W\/)?"[^"]*"$/i.test(etag) || /^[^\s",*][^\s",]*$/.test(etag) ? etag : undefined;
}

/** Whether Last-Modified is present, valid and strong (RFC 9110 §8.8.2.2). */
export function isStrongLastModified(fields: Fields): boolean {
  const modifiedMs = parseHttpDate(fieldValue(fields, 'last-modified'));
  const dateMs = parseHttpDate(fieldValue(fields, 'date'));
  return modifiedMs !== undefined && dateMs !== undefined && dateMs - modifiedMs >= STRONG_DATE_DISTANCE_MS;
}

/** Whether it is a well-formed entity tag that is not weak (RFC 9110 §8.8.3). */
export function isStrongEtag(etag: string): boolean {
  return /^"[^"]*"$/.test(etag);
}

/** Strong comparison (RFC 9110 §8.8.3.2): both strong, and equal character by character. */
export function etagsMatchStrong(one: string, other: string): boolean {
  return one === other && isStrongEtag(one);
}

/** Weak comparison (RFC 9110 §8.8.3.2): equal character by character, either may be weak; missing quotes are overlooked. */
export function etagsMatchWeak(one: string, other: string): boolean {
  return one === other || opaque(one) === opaque(other);
}

function opaque(etag: string): string {
  const match = /^(?:W\/)?"([^"]*)"$/i.exec(etag);
  return match === null ? etag : (match[1] as string);
}

/**
 * The fields that make a request validate the stored response (RFC 9111 §4.3.1); undefined: it has no validator fit for
 * that, so it must be filled anew. `outdated`: the response was invalidated, so Last-Modified is not used. It would have
 * to be strong, which Date would have to tell, and Date has been renewed by every 304 since the body was read. An ETag
 * of any strength is taken, since it is the origin's own word for the version.
 */
export function validationFields(stored: Fields, options: { readonly outdated: boolean }): Fields | undefined {
  const { etag, lastModified } = validators(stored);
  const added = [
    ...(etag !== undefined ? ['if-none-match', etag] : []),
    // Sent beside an ETag too (a SHOULD); an origin that does not know If-None-Match would decide by it alone.
    ...(lastModified !== undefined && !options.outdated ? ['if-modified-since', lastModified] : []),
  ];
  return added.length === 0 ? undefined : added;
}

/**
 * Why this 304 speaks of the stored response (RFC 9111 §4.3.4); `mismatch`: it does not, and the response must be filled
 * anew. The option `sole`: the request carried the conditions made by `validationFields` for this response, and no
 * client's, so a 304 without any validator can mean no other.
 *
 * When both have an ETag, it decides alone: an equal Last-Modified does not outweigh it. In the conformance profile a
 * 304 of another ETag is taken at its status's word (RFC 9110 §13.1.2: the tag we sent was current), which the public
 * suite requires (`304-etag-update-response-ETag`) although §4.3.4 forbids it; the safe profile refuses, and so do both
 * when the entry is outdated.
 */
export function validationAnswers(
  stored: Fields,
  from304: Fields,
  options: { readonly sole: boolean; readonly outdated: boolean; readonly profile: Profile },
): 'strong' | 'weak' | 'sole' | 'mismatch' {
  const match = compareValidators(stored, from304);
  if (match === 'none') return options.sole ? 'sole' : 'mismatch';
  const lenient = options.sole && !options.outdated && options.profile === 'conformance';
  return match === 'mismatch' && lenient ? 'sole' : match;
}

function compareValidators(stored: Fields, from304: Fields): 'strong' | 'weak' | 'none' | 'mismatch' {
  const old = validators(stored);
  const now = validators(from304);
  if (now.etag !== undefined && old.etag !== undefined) {
    if (etagsMatchStrong(now.etag, old.etag)) return 'strong';
    // A strong validator in the 304 must itself be found again (§4.3.4, first rule).
    return !isStrongEtag(now.etag) && etagsMatchWeak(now.etag, old.etag) ? 'weak' : 'mismatch';
  }
  const strongNeeded = now.etag !== undefined && isStrongEtag(now.etag);
  if (now.lastModified === undefined) return now.etag === undefined ? 'none' : 'mismatch';
  if (old.lastModified === undefined) return 'mismatch';
  if (parseHttpDate(now.lastModified) !== parseHttpDate(old.lastModified)) return 'mismatch';
  if (isStrongLastModified(stored)) return 'strong';
  return strongNeeded ? 'mismatch' : 'weak';
}

/**
 * Fields on which the stored bytes depend, so that no update brings them in (RFC 9111 §3.2). ETag is one: it names the
 * bytes it came with, and a newer tag beside older bytes would let parts of two versions be combined.
 */
const BOUND_TO_BYTES: ReadonlySet<string> = new Set([
  'content-digest',
  'content-encoding',
  'content-length',
  'content-md5',
  'content-range',
  'etag',
]);

/**
 * The stored fields, updated from a 304, a HEAD response or a newer part (RFC 9111 §3.2): every line of a field named
 * there is replaced. Age is the update's or gone, for the stored one counts from an older instant. Whether the result
 * may be kept is for the storing decision to say again.
 */
export function freshenedFields(stored: Fields, update: Fields): Fields {
  const taken = filterFields(withoutHopByHop(update), (name) => !BOUND_TO_BYTES.has(name));
  const replaced = new Set(['age', ...taken.filter((_, at) => at % 2 === 0)]);
  return [...filterFields(stored, (name) => !replaced.has(name)), ...taken];
}

/**
 * The effect of a HEAD response on the stored response to GET (RFC 9111 §4.3.5). More cautious than the RFC in one
 * point: a response with no validator at all proves nothing, so it freshens nothing. Freshening an outdated entry
 * further needs a validator fit to tell versions apart, as in `validationFields`.
 */
export function headUpdate(stored: Fields, status: number, headFields: Fields): 'freshen' | 'invalidate' | 'nothing' {
  // GET would have said that it no longer exists (RFC 9110 §9.3.2).
  if (status === 404 || status === 410) return 'invalidate';
  if (status !== 200) return 'nothing';
  const length = fieldValue(headFields, 'content-length');
  const storedLength = completeLength(stored);
  if (length !== undefined && storedLength !== undefined && length !== storedLength) return 'invalidate';
  const old = validators(stored);
  const now = validators(headFields);
  if (now.etag === undefined && now.lastModified === undefined) return 'nothing';
  if (now.etag !== undefined && (old.etag === undefined || !etagsMatchWeak(now.etag, old.etag))) return 'invalidate';
  if (now.lastModified === undefined) return 'freshen';
  if (old.lastModified === undefined) return 'invalidate';
  return parseHttpDate(now.lastModified) === parseHttpDate(old.lastModified) ? 'freshen' : 'invalidate';
}

/** Length of the whole representation, in digits, as far as the fields of a response, or of a part, state it. */
export function completeLength(stored: Fields): string | undefined {
  const range = fieldValue(stored, 'content-range');
  return range === undefined ? fieldValue(stored, 'content-length') : /\/(\d+)$/.exec(range)?.[1];
}

const CONDITIONS: ReadonlySet<string> = new Set([
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
]);

/** The request fields without preconditions and Range, so that the answer is whole (RFC 9110 §13.1, §14.2). */
export function withoutConditions(fields: Fields): Fields {
  for (const name of CONDITIONS)
    if (hasField(fields, name)) return filterFields(fields, (other) => !CONDITIONS.has(other));
  return fields;
}

/** Whether a final status answers a condition, or a Range, that the request does not have (RFC 9110 §15.3.7, §15.4.5). */
export function isUnasked(requestFields: Fields, status: number): boolean {
  if (status === 206) return !hasField(requestFields, 'range');
  return status === 304 && !hasField(requestFields, 'if-none-match') && !hasField(requestFields, 'if-modified-since');
}

/**
 * Combines a stored part and a newer one (RFC 9111 §3.4, RFC 9110 §15.3.7.3); returns undefined when they do not
 * share a strong ETag, lie apart, or contradict each other. Bytes that both have must be equal: an origin that gives
 * two contents one strong ETag cannot be trusted with a third made of both.
 */
export function combineParts(stored: Part, newer: Part): Part | undefined {
  const tags = [validators(stored.fields).etag ?? '', validators(newer.fields).etag ?? ''] as const;
  if (!etagsMatchStrong(...tags)) return undefined;
  const complete = newer.complete ?? stored.complete;
  if (stored.complete !== undefined && stored.complete !== complete) return undefined;
  const storedEnd = stored.first + stored.body.length;
  const newerEnd = newer.first + newer.body.length;
  if (newer.first > storedEnd || stored.first > newerEnd) return undefined;
  const first = Math.min(stored.first, newer.first);
  const end = Math.max(storedEnd, newerEnd);
  if (complete !== undefined && end > complete) return undefined;
  for (let at = Math.max(stored.first, newer.first); at < Math.min(storedEnd, newerEnd); at++) {
    if (stored.body[at - stored.first] !== newer.body[at - newer.first]) return undefined;
  }
  const body = new Uint8Array(end - first);
  body.set(stored.body, stored.first - first);
  body.set(newer.body, newer.first - first);
  return withExtent({ fields: freshenedFields(stored.fields, newer.fields), first, complete, body });
}

/** The Range value for the missing bytes; undefined when nothing is missing, or more than one run of bytes. */
export function missingRange(part: Part): string | undefined {
  const end = part.first + part.body.length;
  if (part.first === 0) return isComplete(part) ? undefined : `bytes=${end}-`;
  return end === part.complete ? `bytes=0-${part.first - 1}` : undefined;
}

/**
 * The fields of a request that completes the part (RFC 9111 §3.3); undefined means to fill it anew. With If-Range, a
 * changed representation comes whole. Without a strong ETag the answer could not be combined, so the request would be
 * wasted; the conformance profile sends it all the same, as the public suite requires
 * (`partial-store-partial-complete`).
 */
export function completionFields(part: Part, profile: Profile): Fields | undefined {
  const range = missingRange(part);
  if (range === undefined) return undefined;
  const { etag } = validators(part.fields);
  if (etag !== undefined && isStrongEtag(etag)) return ['range', range, 'if-range', etag];
  return profile === 'conformance' ? ['range', range] : undefined;
}
