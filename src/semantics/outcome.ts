// The result of a request, in the words of RFC 9211. Cache-Status, the access log, the metrics and `explain` all print
// this one value.
//
// Cache-Status has one member per cache, the one nearest the origin first. It is built as text, since a hit pays for it; the
// tests read it back with a parser of structured fields.

import type { Fields } from './fields.ts';

/** Why a request was forwarded to the origin (RFC 9211 §2.2). */
export const FORWARD_REASONS = [
  'bypass',
  'method',
  'uri-miss',
  'vary-miss',
  'miss',
  'request',
  'stale',
  'partial',
] as const;

export type ForwardReason = (typeof FORWARD_REASONS)[number];

/** The cache's own additions in `detail=` (RFC 9211 §2.8): a closed list, so that it can be counted. */
export const OUTCOME_DETAILS = [
  'outdated', // the entry was invalidated, and so validated or filled again
  'validated', // the origin said 304 and the stored response was freshened
  'stale-while-revalidate',
  'stale-if-error',
  'grace', // origin unreachable, time-expired entry served
  'hit-for-miss', // the key is known to be uncacheable, the request did not queue
  'credentials', // the request has a cookie or Authorization that the route does not share answers over
  'ambiguous-path', // the origin may read the path as one that another route takes
  'no-lease', // the node may serve nothing stored now, because it may not have heard of an invalidation
  'invalidated-during-fill', // the answer was not stored, because a later invalidation affects it
  'intent-open', // the answer was not stored, because a write on it is under way
  'source-not-live', // the answer was not stored, because nobody tells of changes at its source
  'only-if-cached',
  'origin-error', // the origin could not be asked, or did not answer as it should
  'overload', // the gate is short of time, memory or descriptors, so it did not forward the request
  'refused', // the gate itself refused the request
] as const;

export type OutcomeDetail = (typeof OUTCOME_DETAILS)[number];

/** The result of one exchange. */
export interface Outcome {
  /** Whether a stored response satisfied the request without going forward (RFC 9211 §2.1). */
  readonly hit: boolean;
  readonly forward?: ForwardReason;
  /** Status code of the origin's answer (RFC 9211 §2.3). */
  readonly forwardStatus?: number;
  /** Remaining freshness lifetime in seconds, negative when stale (RFC 9211 §2.4). */
  readonly ttlSeconds?: number;
  /** Whether the answer was or is being stored (RFC 9211 §2.5). Absent when not known as the head is sent. */
  readonly stored?: boolean;
  /** Whether the request waited for another request's fill (RFC 9211 §2.6). */
  readonly collapsed?: boolean;
  readonly detail?: OutcomeDetail;
  /** Why the answer was not stored: a token, one of the closed list of refusals. */
  readonly refusal?: string;
}

/** Largest integer of a structured field (RFC 9651 §3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

/** Our member of Cache-Status, e.g. `tidegate; hit; ttl=123` (RFC 9211 §2). `name` is visible ASCII. */
export function formatCacheStatus(name: string, outcome: Outcome): string {
  let member = cacheName(name);
  if (outcome.hit) member += '; hit';
  else if (outcome.forward !== undefined) member += `; fwd=${outcome.forward}`;
  if (outcome.forwardStatus !== undefined) member += `; fwd-status=${outcome.forwardStatus}`;
  if (outcome.ttlSeconds !== undefined) member += `; ttl=${integer(outcome.ttlSeconds)}`;
  if (outcome.stored !== undefined) member += outcome.stored ? '; stored' : '; stored=?0';
  if (outcome.collapsed !== undefined) member += outcome.collapsed ? '; collapsed' : '; collapsed=?0';
  // One detail at most (RFC 9211 §2.8). `hit-for-miss` only follows from an earlier refusal, so the refusal says more.
  const detail = outcome.stored === false ? (outcome.refusal ?? outcome.detail) : outcome.detail;
  if (detail !== undefined) member += `; detail=${detail}`;
  return member;
}

/** A name known to be a token; most often there is but one name. */
let lastToken = '';

/** A token where the name is one, else a string (RFC 9211 §2; RFC 9651 §3.3.3, §3.3.4). */
function cacheName(name: string): string {
  if (name === lastToken) return name;
  if (/^[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*$/.test(name)) {
    lastToken = name;
    return name;
  }
  return `"${name.replace(/[\\"]/g, '\\$&').replace(/[^ -~]/g, '?')}"`;
}

/** Rounded down, so that a response about to become stale is not said to have a second left. */
function integer(seconds: number): number {
  return Number.isNaN(seconds) ? 0 : Math.max(-MAX_INTEGER, Math.min(MAX_INTEGER, Math.floor(seconds)));
}

/** The fields with our member after those of caches nearer the origin (RFC 9211 §2), as a line of its own. */
export function withCacheStatus(fields: Fields, member: string): string[] {
  return [...fields, 'cache-status', member];
}
