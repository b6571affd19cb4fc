// Whether a response is stored, and which of its fields (RFC 9111 §3).
//
// The cache key holds the target URI and the selecting header fields, and nothing else of the request. A response
// about anything else in one request (a precondition, an oversized field, a range) would be served to all others; both
// profiles refuse such responses.

import { type ResponseDirectives, requestDemands, responseDirectives } from './cache-control.ts';
import {
  type Fields,
  fieldValue,
  filterFields,
  hasField,
  hopByHopNames,
  parseHttpDate,
  type RequestHead,
  type ResponseHead,
  selectingFields,
} from './fields.ts';
import { givesFreshness, isHeuristicallyCacheable, isOfClient, type ReuseTerms, reuseTerms } from './freshness.ts';
import type { CachePolicy } from './policy.ts';
import { parseContentRange } from './ranges.ts';

/** Each refusal and its ground, for `explain` and the metrics. Pure: a bundle without them does without the texts. */
export const STORING_REFUSALS = /* @__PURE__ */ Object.freeze({
  method: { section: 'RFC 9111 §3', sentence: 'Only responses to GET, and some to POST, are stored.' },
  'post-without-content-location': {
    section: 'RFC 9110 §9.3.3',
    sentence:
      'A response to POST is stored only if it is a 200 with explicit freshness whose Content-Location is the target URI.',
  },
  'status-not-final': { section: 'RFC 9111 §3', sentence: 'The status is not that of a final response.' },
  'not-modified': { section: 'RFC 9111 §4.3.4', sentence: 'A 304 freshens a stored response and is none itself.' },
  'status-never-stored': { section: 'RFC 6585 §3-§6', sentence: 'Responses with this status must not be stored.' },
  'status-of-one-request': {
    section: 'RFC 9110 §15.5',
    sentence: 'The status is about fields of this one request that are not part of the cache key.',
  },
  'content-range': {
    section: 'RFC 9111 §3.3',
    sentence: 'A 206 is stored only if it answers Range with one Content-Range that agrees with its length.',
  },
  'request-no-store': { section: 'RFC 9111 §5.2.1.5', sentence: 'The request says no-store.' },
  'must-understand': {
    section: 'RFC 9111 §5.2.2.3',
    sentence: 'The response says must-understand, and the meaning of its status for caches is not known here.',
  },
  'no-store': { section: 'RFC 9111 §5.2.2.5', sentence: 'The response says no-store.' },
  private: { section: 'RFC 9111 §5.2.2.7', sentence: 'The response is private, and this cache is shared.' },
  authorization: {
    section: 'RFC 9111 §3.5',
    sentence:
      'The request has Authorization, and the response says none of public, must-revalidate and s-maxage, or the route gives freshness itself.',
  },
  'vary-any': { section: 'RFC 9111 §4.1', sentence: 'Vary is *, or names no field: no request would match.' },
  'set-cookie': {
    section: 'RFC 9111 §7.3',
    sentence: 'The response sets a cookie, which every later client would be given.',
  },
  'cookie-without-freshness': {
    section: 'RFC 9111 §7.3',
    sentence:
      'The request had a cookie and the response states no freshness, or the route gives it, so it may be for that client alone.',
  },
  'not-delimited': {
    section: 'RFC 9112 §8',
    sentence: 'The body ends with the connection, so a body cut short would look complete.',
  },
  'status-not-cacheable': {
    section: 'RFC 9111 §3',
    sentence: 'The response has no explicit freshness and is not public, and its status has no heuristic freshness.',
  },
  'error-without-freshness': {
    section: 'RFC 9111 §7.1',
    sentence: 'An error is stored only with explicit freshness, or for negativeTtl: one client may have provoked it.',
  },
  'no-freshness': {
    section: 'RFC 9111 §4.2',
    sentence: 'It could never be reused: it has no freshness lifetime, and no validator to validate it with.',
  },
} satisfies Readonly<Record<string, { readonly section: string; readonly sentence: string }>>);

export type StoringRefusal = keyof typeof STORING_REFUSALS;

export type StoringDecision = { readonly kind: 'store' } | { readonly kind: 'refuse'; readonly reason: StoringRefusal };

export interface StoringContext {
  readonly policy: CachePolicy;
  /** Whether the end of the content can be told from a cut connection (RFC 9112 §6.3). */
  readonly delimited: boolean;
}

interface Candidate {
  readonly request: RequestHead;
  readonly response: ResponseHead;
  readonly context: StoringContext;
  readonly stated: ResponseDirectives;
  readonly terms: ReuseTerms;
}

const STORE: StoringDecision = Object.freeze({ kind: 'store' });

/** The first rule that speaks against storing decides. Rules that a directive cannot lift come first. */
const RULES: readonly ((candidate: Candidate) => StoringRefusal | undefined)[] = [
  methodRefusal,
  statusRefusal,
  partialRefusal,
  directiveRefusal,
  sharingRefusal,
  framingRefusal,
  freshnessRefusal,
];

export function decideStoring(request: RequestHead, response: ResponseHead, context: StoringContext): StoringDecision {
  const stated = responseDirectives(response.fields, context.policy.targetedFields);
  // Storing asks only whether there is a lifetime, so the response's own Date stands in for the time of its arrival.
  const at = parseHttpDate(fieldValue(response.fields, 'date'), 0) ?? 0;
  const { terms } = reuseTerms(response, context.policy, { requestTimeMs: at, responseTimeMs: at });
  const candidate = { request, response, context, stated, terms };
  for (const rule of RULES) {
    const reason = rule(candidate);
    if (reason !== undefined) return { kind: 'refuse', reason };
  }
  return STORE;
}

function methodRefusal({ request, response, stated, terms }: Candidate): StoringRefusal | undefined {
  if (request.method === 'GET') return undefined;
  if (request.method !== 'POST') return 'method';
  const { directives, field } = stated;
  const explicit =
    directives.maxAgeMs !== undefined ||
    directives.sMaxageMs !== undefined ||
    (field === 'cache-control' && hasField(response.fields, 'expires'));
  const storable = response.status === 200 && explicit && terms.source !== 'invalid';
  return storable && isLocatedAt(response.fields, request.uri) ? undefined : 'post-without-content-location';
}

/** Whether Content-Location, resolved against the target URI, is the target URI (RFC 9110 §8.7). */
function isLocatedAt(fields: Fields, targetUri: string): boolean {
  const location = fieldValue(fields, 'content-location');
  if (location === undefined) return false;
  const resolved = URL.parse(location, targetUri);
  return resolved !== null && resolved.href === URL.parse(targetUri)?.href;
}

/** RFC 6585 §3 to §6 forbid to store them. */
const NEVER_STORED: ReadonlySet<number> = new Set([428, 429, 431, 511]);

/** Proxy credentials, slowness, preconditions, ranges, expectations, early data: of one request, not of the resource. */
const OF_ONE_REQUEST: ReadonlySet<number> = new Set([407, 408, 412, 416, 417, 421, 425]);

/**
 * An origin gives them for what it could not read: a field too long, content with GET. One client causes them for all, and no
 * field of the answer tells those that the target URI deserves from those.
 */
const PROVOKED: ReadonlySet<number> = new Set([400, 411, 413, 415, 422]);

function statusRefusal({ response: { status }, context }: Candidate): StoringRefusal | undefined {
  if (status < 200 || status > 599) return 'status-not-final';
  if (status === 304) return 'not-modified';
  if (NEVER_STORED.has(status)) return 'status-never-stored';
  if (context.policy.profile === 'safe' && PROVOKED.has(status)) return 'status-of-one-request';
  return OF_ONE_REQUEST.has(status) ? 'status-of-one-request' : undefined;
}

/**
 * A 206 is stored with one Content-Range; multipart/byteranges lacks that field (RFC 9110 §14.6). `partOf` says how
 * the conformance profile settles a length that contradicts it.
 */
function partialRefusal({ request, response, context }: Candidate): StoringRefusal | undefined {
  if (response.status !== 206) return undefined;
  const range = parseContentRange(fieldValue(response.fields, 'content-range') ?? '');
  if (range === undefined || 'unsatisfied' in range || !hasField(request.fields, 'range')) return 'content-range';
  const length = fieldValue(response.fields, 'content-length');
  const agrees = length === undefined || Number(length) === range.last - range.first + 1;
  return agrees || context.policy.profile === 'conformance' ? undefined : 'content-range';
}

function directiveRefusal({ request, response, stated }: Candidate): StoringRefusal | undefined {
  const { directives } = stated;
  if (requestDemands(request.fields).noStore) return 'request-no-store';
  if (directives.mustUnderstand) {
    // Where the status is understood, no-store beside must-understand is meant for older caches (§5.2.2.3).
    if (!UNDERSTOOD.has(response.status)) return 'must-understand';
  } else if (directives.noStore) return 'no-store';
  return directives.isPrivate ? 'private' : undefined;
}

/** Final statuses of RFC 9110 §15, whose meaning for caches is implemented here. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 409, 410,
  411, 413, 414, 415, 422, 426, 500, 501, 502, 503, 504, 505,
]);

function sharingRefusal({ request, response, context, stated, terms }: Candidate): StoringRefusal | undefined {
  const { directives } = stated;
  const { policy } = context;
  const isGiven = givesFreshness(policy);
  const shareable = directives.isPublic || directives.mustRevalidate || directives.sMaxageMs !== undefined;
  if (hasField(request.fields, 'authorization') && !shareable) return 'authorization';
  if (isOfClient(request.fields, 'authorization', policy) && isGiven) return 'authorization';
  const selecting = selectingFields(fieldValue(response.fields, 'vary'));
  if (selecting === 'any') return 'vary-any';
  const isSafe = policy.profile === 'safe';
  const setsCookie =
    hasField(response.fields, 'set-cookie') && !unstoredFields(response.fields, stated).has('set-cookie');
  if ((isSafe || isGiven) && setsCookie) return 'set-cookie';
  const hasCookie = isOfClient(request.fields, 'cookie', policy) && policy.cookies?.hasKey !== true;
  if (!hasCookie || selecting.includes('cookie')) return undefined;
  const isGuessed = isSafe && !directives.isPublic && terms.source === 'heuristic';
  return isGiven || isGuessed ? 'cookie-without-freshness' : undefined;
}

function framingRefusal({ context }: Candidate): StoringRefusal | undefined {
  // Legal to store (RFC 9112 §8), and asked for by the public suite's headers-store-Transfer-Encoding.
  return !context.delimited && context.policy.profile === 'safe' ? 'not-delimited' : undefined;
}

function freshnessRefusal({ response, context, stated, terms }: Candidate): StoringRefusal | undefined {
  const stateless = terms.source === 'none';
  if (stateless && !stated.directives.isPublic && !isHeuristicallyCacheable(response.status)) {
    return 'status-not-cacheable';
  }
  if (stateless && response.status >= 400 && context.policy.profile === 'safe') return 'error-without-freshness';
  if (hasField(response.fields, 'etag') || hasField(response.fields, 'last-modified')) return undefined;
  const usableMs = terms.lifetimeMs + Math.max(terms.staleWhileRevalidateMs, terms.staleIfErrorMs, terms.graceMs);
  return stateless || terms.noCache || usableMs === 0 ? 'no-freshness' : undefined;
}

/** The fields as they are stored (RFC 9111 §3.1). */
export function storableFields(fields: Fields, policy: CachePolicy): Fields {
  const unstored = unstoredFields(fields, responseDirectives(fields, policy.targetedFields));
  return filterFields(fields, (name) => !unstored.has(name));
}

/**
 * The fields left out of the store: hop-by-hop fields; fields that a shared cache must not store (`private="…"`, RFC
 * 9111 §5.2.2.7); fields that need validation before reuse and so are never reused (`no-cache="…"`, §5.2.2.4); and
 * Age, which the entry keeps as `bornMs`.
 */
function unstoredFields(fields: Fields, { directives }: ResponseDirectives): ReadonlySet<string> {
  return new Set([...hopByHopNames(fields), 'age', ...directives.privateFields, ...directives.noCacheFields]);
}
