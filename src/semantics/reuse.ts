// Whether a stored response answers a request (RFC 9111 §4), and whether its client's conditions make a 304 of it (RFC 9110
// §13, RFC 9111 §4.3.2).
//
// Every request takes the first decision, so each result is one of a few frozen values made beforehand, and nothing is
// allocated. Of conditions a cache evaluates only those that it can answer for. If-Match and If-Unmodified-Since ask the
// origin about its current state, so a request that carries them is forwarded.

import { NO_DEMANDS, type RequestDemands } from './cache-control.ts';
import {
  type Fields,
  fieldValue,
  filterFields,
  hasField,
  parseHttpDate,
  type RequestHead,
  type ResponseHead,
  trimOws,
} from './fields.ts';
import type { ReuseBasis, ReuseTerms } from './freshness.ts';
import { etagsMatchStrong, etagsMatchWeak, validators } from './validation.ts';

/** Why the origin is asked before a stored response is used. */
export type ValidateReason =
  | 'outdated'
  | 'no-cache'
  | 'stale'
  | 'request-no-cache'
  | 'request-max-age'
  | 'request-min-fresh';

/**
 * How the stored response helps when the origin fails: served at any failure, a 5xx among them (RFC 5861 §4); served
 * only when the origin cannot be reached at all (RFC 9111 §4.2.4); or not served.
 */
export type OnError = 'serve-stale-if-error' | 'serve-in-grace' | 'nothing';

export type ReuseDecision =
  | { readonly kind: 'serve'; readonly reason: 'fresh' | 'max-stale' }
  /** Served stale while a validation runs in the background (RFC 5861 §3). */
  | { readonly kind: 'serve-and-validate'; readonly reason: 'stale-while-revalidate' }
  | { readonly kind: 'validate'; readonly reason: ValidateReason; readonly onError: OnError }
  /** Answered with 504 (RFC 9111 §5.2.1.7). */
  | { readonly kind: 'refuse'; readonly reason: 'only-if-cached' };

/** The ground of each reason, for `explain`. Pure: a bundle without it does without the texts. */
export const REUSE_REASONS: {
  readonly [reason in ReuseDecision['reason']]: { readonly section: string; readonly sentence: string };
} = /* @__PURE__ */ Object.freeze({
  fresh: { section: 'RFC 9111 §4.2', sentence: 'The stored response is fresh.' },
  'max-stale': { section: 'RFC 9111 §5.2.1.2', sentence: 'It is stale, and the request takes it so (max-stale).' },
  'stale-while-revalidate': {
    section: 'RFC 5861 §3',
    sentence: 'It is stale, and within the time in which it may be served while it is validated.',
  },
  outdated: {
    section: 'RFC 9111 §4.4',
    sentence: 'It was invalidated after it was filled, and is not used before it is validated.',
  },
  'no-cache': { section: 'RFC 9111 §5.2.2.4', sentence: 'The response says no-cache: validated before every use.' },
  stale: { section: 'RFC 9111 §4.2.4', sentence: 'It is stale, and nothing permits a stale answer.' },
  'request-no-cache': { section: 'RFC 9111 §5.2.1.4', sentence: 'The request says no-cache.' },
  'request-max-age': { section: 'RFC 9111 §5.2.1.1', sentence: 'It is older than the request takes (max-age).' },
  'request-min-fresh': {
    section: 'RFC 9111 §5.2.1.3',
    sentence: 'It will not stay fresh for as long as the request wants (min-fresh).',
  },
  'only-if-cached': {
    section: 'RFC 9111 §5.2.1.7',
    sentence: 'The request wants a stored response only, and none may be used.',
  },
});

const SERVE_FRESH: ReuseDecision = Object.freeze({ kind: 'serve', reason: 'fresh' });
const SERVE_MAX_STALE: ReuseDecision = Object.freeze({ kind: 'serve', reason: 'max-stale' });
const SERVE_AND_VALIDATE: ReuseDecision = Object.freeze({
  kind: 'serve-and-validate',
  reason: 'stale-while-revalidate',
});

const REFUSE_ONLY_IF_CACHED: ReuseDecision = Object.freeze({ kind: 'refuse', reason: 'only-if-cached' });

function validations(reason: ValidateReason): Readonly<Record<OnError, ReuseDecision>> {
  const validate = (onError: OnError): ReuseDecision => Object.freeze({ kind: 'validate', reason, onError });
  return {
    'serve-stale-if-error': validate('serve-stale-if-error'),
    'serve-in-grace': validate('serve-in-grace'),
    nothing: validate('nothing'),
  };
}

const VALIDATE: { readonly [reason in ValidateReason]: ReturnType<typeof validations> } = {
  outdated: validations('outdated'),
  'no-cache': validations('no-cache'),
  stale: validations('stale'),
  'request-no-cache': validations('request-no-cache'),
  'request-max-age': validations('request-max-age'),
  'request-min-fresh': validations('request-min-fresh'),
};

/** The instant, and whether an invalidation affects the entry: an outdated entry is never served stale. */
export interface ReuseInstant {
  readonly now: number;
  readonly outdated: boolean;
}

export function decideReuse(demands: RequestDemands, stored: ReuseBasis, at: ReuseInstant): ReuseDecision {
  const decision = decide(demands, stored, at);
  return decision.kind === 'validate' && demands.onlyIfCached ? REFUSE_ONLY_IF_CACHED : decision;
}

function decide(demands: RequestDemands, { bornMs, terms }: ReuseBasis, at: ReuseInstant): ReuseDecision {
  if (at.outdated) return VALIDATE.outdated.nothing;
  if (terms.noCache) return VALIDATE['no-cache'].nothing;
  const ageMs = currentAgeMs(bornMs, at.now);
  const overMs = ageMs - terms.lifetimeMs;
  if (demands === NO_DEMANDS) return overMs < 0 ? SERVE_FRESH : decideStale(terms, overMs);
  return decideDemanded(demands, terms, ageMs);
}

function decideStale(terms: ReuseTerms, overMs: number): ReuseDecision {
  return overMs < terms.staleWhileRevalidateMs ? SERVE_AND_VALIDATE : VALIDATE.stale[onErrorOf(terms, overMs)];
}

/**
 * Decides when the client makes demands (RFC 9111 §5.2.1). `immutable` needs nothing here: a shared cache validates a
 * fresh response only on the client's demand, and no-cache or max-age=0 is such a demand (RFC 8246 §2).
 */
function decideDemanded(demands: RequestDemands, terms: ReuseTerms, ageMs: number): ReuseDecision {
  const overMs = ageMs - terms.lifetimeMs;
  if (demands.noCache) return VALIDATE['request-no-cache'].nothing;
  const { maxAgeMs } = demands;
  // max-age=0 is a reload; it demands validation even of responses younger than a second's resolution can tell.
  if (maxAgeMs !== undefined && (ageMs > maxAgeMs || maxAgeMs === 0)) {
    return VALIDATE['request-max-age'][onErrorOf(terms, overMs)];
  }
  if (overMs < 0) {
    return -overMs < demands.minFreshMs ? VALIDATE['request-min-fresh'][onErrorOf(terms, overMs)] : SERVE_FRESH;
  }
  if (overMs <= demands.maxStaleMs && demands.maxStaleMs > 0 && !terms.mustRevalidate) {
    return overMs < terms.staleWhileRevalidateMs ? SERVE_AND_VALIDATE : SERVE_MAX_STALE;
  }
  // With max-age or min-fresh and without max-stale, the client wants nothing stale (RFC 9111 §5.2.1.1, §5.2.1.3).
  const refusesStale = maxAgeMs !== undefined || demands.minFreshMs > 0;
  return refusesStale ? VALIDATE.stale[onErrorOf(terms, overMs)] : decideStale(terms, overMs);
}

/** Where the response is still fresh, `overMs` is negative and any failure is reason enough to serve it. */
function onErrorOf(terms: ReuseTerms, overMs: number): OnError {
  if (overMs < terms.staleIfErrorMs) return 'serve-stale-if-error';
  return overMs < terms.graceMs ? 'serve-in-grace' : 'nothing';
}

/** current_age of RFC 9111 §4.2.3. A clock set back makes nothing younger than new. */
export function currentAgeMs(bornMs: number, now: number): number {
  return now > bornMs ? now - bornMs : 0;
}

/** The value of Age (RFC 9111 §5.1). */
export function ageSeconds(bornMs: number, now: number): number {
  return Math.floor(currentAgeMs(bornMs, now) / 1000);
}

/** Remaining freshness lifetime for Cache-Status (RFC 9211 §2.4); negative when stale. */
export function ttlSeconds({ bornMs, terms }: ReuseBasis, now: number): number {
  return Math.floor((terms.lifetimeMs - currentAgeMs(bornMs, now)) / 1000);
}

/** The parts of a stored response that preconditions are compared with. */
export interface PreconditionTarget extends ResponseHead {
  /** Stands in for a missing Date (RFC 9111 §4.3.2). Milliseconds since the Unix epoch. */
  readonly bornMs: number;
}

/**
 * Evaluates a request's preconditions on the stored response chosen for it, in the order of RFC 9110 §13.2.2. `none`: nothing
 * to evaluate. `proceed`: a condition held, answer in full. `not-modified`: answer 304. `forward`: only the origin can evaluate
 * it (RFC 9111 §4.3.2). A cache never answers 412: of its own conditions none fails that way for GET and HEAD.
 */
export function evaluatePreconditions(
  request: RequestHead,
  stored: PreconditionTarget,
): 'none' | 'proceed' | 'not-modified' | 'forward' {
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
  // Not `listMembers`: a backslash escapes nothing within an entity tag.
  const members = value.match(/(?:W\/)?"[^"]*"|[^,\s][^,]*/gi) ?? [];
  return members.some((member) => etagsMatchWeak(trimOws(member), etag));
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
