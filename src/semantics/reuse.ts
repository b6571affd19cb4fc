// Whether a stored response answers a request (RFC 9111 §4): the decision on the hit path.
//
// Every request takes this decision, so each result is one of a few frozen values made beforehand, and nothing is
// allocated.

import { NO_DEMANDS, type RequestDemands } from './cache-control.ts';
import { currentAgeMs, type ReuseTerms } from './freshness.ts';

/** Why a stored response is served without asking the origin first. */
export type ServeReason = 'fresh' | 'max-stale';

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
  | { readonly kind: 'serve'; readonly reason: ServeReason }
  /** Served stale while a validation runs in the background (RFC 5861 §3). */
  | { readonly kind: 'serve-and-validate'; readonly reason: 'stale-while-revalidate' }
  | { readonly kind: 'validate'; readonly reason: ValidateReason; readonly onError: OnError }
  /** Answered with 504 (RFC 9111 §5.2.1.7). */
  | { readonly kind: 'refuse'; readonly reason: 'only-if-cached' };

export type ReuseReason = ReuseDecision['reason'];

/** The ground of each reason, for `explain`. */
export const REUSE_REASONS: {
  readonly [reason in ReuseReason]: { readonly section: string; readonly sentence: string };
} = Object.freeze({
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

type Validations = { readonly [onError in OnError]: ReuseDecision };

function validations(reason: ValidateReason): Validations {
  const validate = (onError: OnError): ReuseDecision => Object.freeze({ kind: 'validate', reason, onError });
  return {
    'serve-stale-if-error': validate('serve-stale-if-error'),
    'serve-in-grace': validate('serve-in-grace'),
    nothing: validate('nothing'),
  };
}

const VALIDATE_OUTDATED = validations('outdated').nothing;
const VALIDATE_NO_CACHE = validations('no-cache').nothing;
const VALIDATE_REQUEST_NO_CACHE = validations('request-no-cache').nothing;
const VALIDATE_STALE = validations('stale');
const VALIDATE_REQUEST_MAX_AGE = validations('request-max-age');
const VALIDATE_REQUEST_MIN_FRESH = validations('request-min-fresh');

/** The decision's view of a stored response. */
export interface Reusable {
  readonly bornMs: number;
  readonly terms: ReuseTerms;
}

/** The instant, and whether an invalidation affects the entry: an outdated entry is never served stale. */
export interface ReuseInstant {
  readonly now: number;
  readonly outdated: boolean;
}

export function decideReuse(demands: RequestDemands, stored: Reusable, at: ReuseInstant): ReuseDecision {
  const decision = decide(demands, stored, at);
  return decision.kind === 'validate' && demands.onlyIfCached ? REFUSE_ONLY_IF_CACHED : decision;
}

function decide(demands: RequestDemands, { bornMs, terms }: Reusable, at: ReuseInstant): ReuseDecision {
  if (at.outdated) return VALIDATE_OUTDATED;
  if (terms.noCache) return VALIDATE_NO_CACHE;
  const ageMs = currentAgeMs(bornMs, at.now);
  const overMs = ageMs - terms.lifetimeMs;
  if (demands === NO_DEMANDS) return overMs < 0 ? SERVE_FRESH : decideStale(terms, overMs);
  return decideDemanded(demands, terms, ageMs);
}

function decideStale(terms: ReuseTerms, overMs: number): ReuseDecision {
  if (overMs < terms.staleWhileRevalidateMs) return SERVE_AND_VALIDATE;
  return VALIDATE_STALE[onErrorOf(terms, overMs)];
}

/**
 * Decides when the client makes demands (RFC 9111 §5.2.1). `immutable` needs nothing here: a shared cache validates a
 * fresh response only on the client's demand, and no-cache or max-age=0 is such a demand (RFC 8246 §2).
 */
function decideDemanded(demands: RequestDemands, terms: ReuseTerms, ageMs: number): ReuseDecision {
  const overMs = ageMs - terms.lifetimeMs;
  if (demands.noCache) return VALIDATE_REQUEST_NO_CACHE;
  const { maxAgeMs } = demands;
  // max-age=0 is a reload; it demands validation even of responses younger than a second's resolution can tell.
  if (maxAgeMs !== undefined && (ageMs > maxAgeMs || maxAgeMs === 0)) {
    return VALIDATE_REQUEST_MAX_AGE[onErrorOf(terms, overMs)];
  }
  if (overMs < 0) {
    return -overMs < demands.minFreshMs ? VALIDATE_REQUEST_MIN_FRESH[onErrorOf(terms, overMs)] : SERVE_FRESH;
  }
  if (overMs <= demands.maxStaleMs && demands.maxStaleMs > 0 && !terms.mustRevalidate) {
    return overMs < terms.staleWhileRevalidateMs ? SERVE_AND_VALIDATE : SERVE_MAX_STALE;
  }
  // With max-age or min-fresh and without max-stale, the client wants nothing stale (RFC 9111 §5.2.1.1, §5.2.1.3).
  const refusesStale = maxAgeMs !== undefined || demands.minFreshMs > 0;
  return refusesStale ? VALIDATE_STALE[onErrorOf(terms, overMs)] : decideStale(terms, overMs);
}

/** Where the response is still fresh, `overMs` is negative and any failure is reason enough to serve it. */
function onErrorOf(terms: ReuseTerms, overMs: number): OnError {
  if (overMs < terms.staleIfErrorMs) return 'serve-stale-if-error';
  return overMs < terms.graceMs ? 'serve-in-grace' : 'nothing';
}

/** The value of Age (RFC 9111 §5.1). */
export function ageSeconds(bornMs: number, now: number): number {
  return Math.floor(currentAgeMs(bornMs, now) / 1000);
}

/** Remaining freshness lifetime for Cache-Status (RFC 9211 §2.4); negative when stale. */
export function ttlSeconds({ bornMs, terms }: Reusable, now: number): number {
  return Math.floor((terms.lifetimeMs - currentAgeMs(bornMs, now)) / 1000);
}
