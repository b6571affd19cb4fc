// Combines stored parts, and makes the request that completes one (RFC 9111 §3.3, §3.4).

import type { Fields } from './fields.ts';
import type { Profile } from './policy.ts';
import { isComplete, type Part, withExtent } from './ranges.ts';
import { etagsMatchStrong, freshenedFields, isStrongEtag, validators } from './validation.ts';

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
