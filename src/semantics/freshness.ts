// How long a response stays fresh, how old it is, and on which terms it may be reused after that (RFC 9111 §4.2).
//
// Everything a hit needs is computed once, when the response is stored, into two values: `bornMs`, the instant at
// which its age was 0, and the terms, which most responses of a site share.

import { type CacheControl, type ResponseDirectives, readableMs, responseDirectives } from './cache-control.ts';
import {
  type Fields,
  fieldLines,
  fieldValue,
  hasField,
  listMembers,
  parseHttpDate,
  type ResponseHead,
} from './fields.ts';
import type { CachePolicy } from './policy.ts';

/** Where a freshness lifetime came from (RFC 9111 §4.2.1, §4.2.2; RFC 9213). */
export type LifetimeSource =
  | 'override' // the route's ttlMs
  | 'targeted' // max-age or s-maxage of a targeted field (RFC 9213)
  | 's-maxage'
  | 'max-age'
  | 'expires'
  | 'tracked' // trackedTtlMs, for requests without credentials alone
  | 'default' // the route's defaultTtlMs
  | 'negative' // the route's negativeTtlMs
  | 'heuristic'
  | 'none'
  | 'invalid'; // freshness information that contradicts itself or cannot be read: stale at once (RFC 9111 §4.2.1)

/** The terms under which a stored response may be reused. Many entries share one frozen value. Times in ms. */
export interface ReuseTerms {
  readonly lifetimeMs: number;
  readonly source: LifetimeSource;
  /** Never reused without successful validation (RFC 9111 §5.2.2.4). */
  readonly noCache: boolean;
  /** Never reused stale: must-revalidate, proxy-revalidate or s-maxage (RFC 9111 §4.2.4, §5.2.2.2, .8, .10). */
  readonly mustRevalidate: boolean;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly graceMs: number;
}

/** When the request was sent and its response head came: request_time and response_time of RFC 9111 §4.2.3. */
export interface Timing {
  readonly requestTimeMs: number;
  readonly responseTimeMs: number;
}

/** The facts kept of a stored response's head to decide about its reuse. */
export interface ReuseBasis {
  readonly terms: ReuseTerms;
  /** The instant (ms since the Unix epoch) at which its age was 0. */
  readonly bornMs: number;
}

export function reuseTerms(response: ResponseHead, policy: CachePolicy, timing: Timing): ReuseBasis {
  const stated = responseDirectives(response.fields, policy.targetedFields);
  const lifetime = lifetimeOf({ response, stated, policy, receivedMs: timing.responseTimeMs });
  return {
    terms: sharedTerms(termsOf(lifetime, stated.directives, policy)),
    bornMs: timing.responseTimeMs - correctedInitialAgeMs(response.fields, timing),
  };
}

/** Statuses whose responses may be given a heuristic lifetime (RFC 9110 §15.1). */
export function isHeuristicallyCacheable(status: number): boolean {
  return HEURISTICALLY_CACHEABLE.has(status);
}

const HEURISTICALLY_CACHEABLE: ReadonlySet<number> = new Set([
  200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501,
]);

/**
 * Error statuses that the safe profile keeps without explicit freshness. 405, 414 and 501 are left out: one client can
 * provoke them at a URI that is fine for all others.
 */
const NEGATIVE_IN_SAFE_PROFILE: ReadonlySet<number> = new Set([404, 410]);

interface Lifetime {
  readonly ms: number;
  readonly source: LifetimeSource;
}

interface LifetimeQuestion {
  readonly response: ResponseHead;
  readonly stated: ResponseDirectives;
  readonly policy: CachePolicy;
  readonly receivedMs: number;
}

const NO_LIFETIME: Lifetime = { ms: 0, source: 'none' };
const INVALID_LIFETIME: Lifetime = { ms: 0, source: 'invalid' };

function lifetimeOf(question: LifetimeQuestion): Lifetime {
  const { response, policy } = question;
  // An operator's lifetime is for answers; an error keeps the origin's statement, or negativeTtlMs.
  if (policy.ttlMs !== undefined && response.status < 400) return { ms: policy.ttlMs, source: 'override' };
  return explicitLifetime(question) ?? impliedLifetime(question);
}

/** RFC 9111 §4.2.1: s-maxage, then max-age, then Expires; a targeted field leaves Expires out (RFC 9213 §2.1). */
function explicitLifetime({ response, stated, receivedMs }: LifetimeQuestion): Lifetime | undefined {
  const { directives, field } = stated;
  const targeted = field !== 'cache-control';
  const deltaMs = directives.sMaxageMs ?? directives.maxAgeMs;
  if (deltaMs === undefined) return targeted ? undefined : expiresLifetime(response.fields, receivedMs);
  if (deltaMs === 'invalid') return INVALID_LIFETIME;
  if (targeted) return { ms: deltaMs, source: 'targeted' };
  return { ms: deltaMs, source: directives.sMaxageMs === undefined ? 'max-age' : 's-maxage' };
}

function expiresLifetime(fields: Fields, receivedMs: number): Lifetime | undefined {
  const [expires, ...others] = fieldLines(fields, 'expires');
  if (expires === undefined) return undefined;
  // Different lines contradict each other (RFC 9111 §4.2.1); a value that is no date lies in the past (§5.3).
  if (others.some((other) => other !== expires)) return INVALID_LIFETIME;
  const expiresMs = parseHttpDate(expires, receivedMs);
  if (expiresMs === undefined) return INVALID_LIFETIME;
  return { ms: Math.max(0, expiresMs - dateMs(fields, receivedMs)), source: 'expires' };
}

/** A lifetime that the response does not state. Only where RFC 9111 §4.2.2 lets a cache assume one. */
function impliedLifetime({ response, stated, policy, receivedMs }: LifetimeQuestion): Lifetime {
  if (!isHeuristicallyCacheable(response.status) && !stated.directives.isPublic) return NO_LIFETIME;
  if (response.status >= 400) {
    if (policy.profile === 'safe' && !NEGATIVE_IN_SAFE_PROFILE.has(response.status)) return NO_LIFETIME;
    if (policy.negativeTtlMs > 0) return { ms: policy.negativeTtlMs, source: 'negative' };
    if (policy.profile === 'safe') return NO_LIFETIME;
  } else if (policy.trackedTtlMs !== undefined) {
    return { ms: policy.trackedTtlMs, source: 'tracked' };
  } else if (policy.defaultTtlMs !== undefined) {
    return { ms: policy.defaultTtlMs, source: 'default' };
  }
  return heuristicLifetime(response.fields, policy, receivedMs);
}

function heuristicLifetime(fields: Fields, policy: CachePolicy, receivedMs: number): Lifetime {
  const modifiedMs = parseHttpDate(fieldValue(fields, 'last-modified'), receivedMs);
  if (modifiedMs === undefined) return NO_LIFETIME;
  const unchangedMs = Math.max(0, dateMs(fields, receivedMs) - modifiedMs);
  const wanted = Math.min(unchangedMs * policy.heuristicFraction, policy.heuristicMaxMs);
  // Whole seconds: it is a guess, and so more entries share their terms.
  return { ms: Math.floor(wanted / 1000) * 1000, source: 'heuristic' };
}

/** date_value; a response without a Date that can be read counts as made when it came (RFC 9110 §6.6.1). */
function dateMs(fields: Fields, receivedMs: number): number {
  return parseHttpDate(fieldValue(fields, 'date'), receivedMs) ?? receivedMs;
}

/** corrected_initial_age of RFC 9111 §4.2.3. */
function correctedInitialAgeMs(fields: Fields, { requestTimeMs, responseTimeMs }: Timing): number {
  const apparentAgeMs = Math.max(0, responseTimeMs - dateMs(fields, responseTimeMs));
  return Math.max(apparentAgeMs, ageValueMs(fields) + Math.max(0, responseTimeMs - requestTimeMs));
}

const MAX_AGE_SECONDS = 2 ** 31;

/** The first member counts, the rest is discarded; any value but a non-negative integer is ignored (RFC 9111 §5.1). */
function ageValueMs(fields: Fields): number {
  const first = listMembers(fieldValue(fields, 'age'))[0];
  return first !== undefined && /^\d+$/.test(first) ? Math.min(Number(first), MAX_AGE_SECONDS) * 1000 : 0;
}

function termsOf(lifetime: Lifetime, directives: CacheControl, policy: CachePolicy): ReuseTerms {
  const mustRevalidate = directives.mustRevalidate || directives.proxyRevalidate || directives.sMaxageMs !== undefined;
  // A directive that forbids a stale answer forbids every window for one (RFC 9111 §4.2.4).
  const mayBeStale = !mustRevalidate && !directives.noCache;
  const window = (stated: CacheControl['maxAgeMs'], otherwise: number) =>
    mayBeStale ? (stated === undefined ? otherwise : readableMs(stated)) : 0;
  return {
    lifetimeMs: lifetime.ms,
    source: lifetime.source,
    noCache: directives.noCache,
    mustRevalidate,
    staleWhileRevalidateMs: window(directives.staleWhileRevalidateMs, policy.staleWhileRevalidateMs),
    staleIfErrorMs: window(directives.staleIfErrorMs, policy.staleIfErrorMs),
    graceMs: window(undefined, policy.graceMs),
  };
}

/** Terms in use, by their content: an entry's bookkeeping then holds a reference and not seven values of its own. */
const sharedByContent = new Map<string, ReuseTerms>();

/** More than any site has; beyond it sharing starts anew, so that made-up lifetimes cannot fill the memory. */
const MAX_SHARED_TERMS = 1000;

function sharedTerms(terms: ReuseTerms): ReuseTerms {
  const content = Object.values(terms).join(' ');
  const shared = sharedByContent.get(content);
  if (shared !== undefined) return shared;
  if (sharedByContent.size >= MAX_SHARED_TERMS) sharedByContent.clear();
  sharedByContent.set(content, Object.freeze(terms));
  return terms;
}

/**
 * Whether a lifetime on this route may be the operator's word, which is about URLs, and not about the cookies and
 * credentials of the requesting client.
 */
export function givesFreshness(policy: CachePolicy): boolean {
  const { ttlMs, defaultTtlMs, negativeTtlMs, editsFreshness } = policy;
  return editsFreshness || ttlMs !== undefined || defaultTtlMs !== undefined || negativeTtlMs > 0;
}

/** Whether the client itself gives the field, and not the route in its place. */
export function isOfClient(fields: Fields, name: string, { ownRequestFields }: CachePolicy): boolean {
  return hasField(fields, name) && !ownRequestFields.has(name);
}

/** Whether the client gives credentials, other than cookies that the route takes off. */
export function hasCredentials(fields: Fields, policy: CachePolicy): boolean {
  return isOfClient(fields, 'authorization', policy) || isOfClient(fields, 'cookie', policy);
}

/** A lifetime that nobody stated, and that is assumed since changes are told, holds for requests without credentials alone. */
export function mayServe({ source }: ReuseTerms, fields: Fields, policy: CachePolicy): boolean {
  return source !== 'tracked' || !hasCredentials(fields, policy);
}
