// The fields of messages on their way through: a request as the origin is to see it, a response as the engine, and then its
// client, is to see it.
//
// The answer to a GET or HEAD may be for everyone, so what its client sends and what is not in the key is taken off, or the
// request bypasses the cache. A client says by the gate's own cookie how far it has written (own-writes.ts). The cookie says
// nothing about the answer, and must be seen even where all cookies are taken off; so it becomes the field of that meaning.

import { ownedName } from '../../entry/key.ts';
import { globMatcher } from '../../ledger/glob.ts';
import { requestDemands } from '../../semantics/cache-control.ts';
import {
  type Fields,
  fieldLines,
  fieldValue,
  filterFields,
  formatHttpDate,
  hasField,
  type ResponseHead,
  trimOws,
  withField,
  withoutHopByHop,
} from '../../semantics/fields.ts';
import { givesFreshness } from '../../semantics/freshness.ts';
import { isForGates, type Tags, tagsOf } from '../../semantics/invalidation.ts';
import { formatCacheStatus, type Outcome, withCacheStatus } from '../../semantics/outcome.ts';
import type { CachePolicy, CookieRules } from '../../semantics/policy.ts';
import { isStrongLastModified } from '../../semantics/validation.ts';
import type { FieldEdits, GateRequest, Route } from '../contract.ts';
import { positionField } from '../http/own-writes.ts';

const DIRECTIVES: ReadonlySet<string> = new Set(['cache-control', 'pragma']);

/** Fields that a client sends for itself alone. */
const CLIENTS: ReadonlySet<string> = new Set([...DIRECTIVES, 'authorization', 'cookie']);

/** A request whose fields are as they came, but for the edits of its route; `bypass`: it goes past the cache in any case. */
type Given = Pick<GateRequest, 'method' | 'fields' | 'bypass'>;

/**
 * Chooses the fields that are forwarded, and whether the request goes past the cache. A request with credentials goes past it and
 * keeps its fields. `isTrusted`: whether the route obeys this client's cache directives in any case; it is called where there are any.
 */
export function sharedRequest(
  { method, fields: given, bypass }: Given,
  policy: CachePolicy,
  isTrusted: () => boolean,
): Pick<GateRequest, 'fields' | 'bypass'> {
  if (bypass || (method !== 'GET' && method !== 'HEAD')) return { fields: given, bypass };
  let cookieLines = 0;
  let hasAuthorization = false;
  let hasDirectives = false;
  for (let at = 0; at < given.length; at += 2) {
    const name = given[at] as string;
    if (!CLIENTS.has(name) || policy.ownRequestFields.has(name)) continue;
    if (name === 'cookie') cookieLines++;
    else if (name === 'authorization') hasAuthorization = true;
    else hasDirectives = true;
  }
  if (cookieLines === 0 && !hasAuthorization && !hasDirectives) return { fields: given, bypass };
  // As two lines Vary would combine them with a comma, and origins do not (RFC 9113 §8.2.3).
  const fields = cookieLines > 1 ? withField(given, 'cookie', fieldLines(given, 'cookie').join('; ')) : given;
  const isGiven = givesFreshness(policy);
  if (hasAuthorization && isGiven) return { fields, bypass: 'credentials' };
  const rules = policy.cookies ?? (isGiven ? NO_COOKIES : undefined);
  const withCookies = cookieLines > 0 && rules !== undefined ? sharedCookies(fields, rules) : fields;
  if (withCookies === undefined) return { fields, bypass: 'credentials' };
  const ignores = hasDirectives && policy.clientDirectives === 'ignore' && !isTrusted();
  return { fields: ignores ? withoutDirectives(withCookies, policy) : withCookies, bypass };
}

const NO_COOKIES: CookieRules = Object.freeze({ isInKey: () => false, isDropped: () => false, hasKey: false });

/** Undefined: a cookie is neither in the key nor taken off. Those of the key stand in one order, whatever that of the client. */
function sharedCookies(fields: Fields, rules: CookieRules): Fields | undefined {
  const inKey: { readonly name: string; readonly pair: string }[] = [];
  const positions: string[] = [];
  for (const pair of (fieldValue(fields, 'cookie') as string).split(';')) {
    const cookie = trimOws(pair);
    const name = trimOws(cookie.slice(0, Math.max(0, cookie.indexOf('='))));
    const position = positionField(cookie);
    if (position !== undefined) positions.push(...position);
    else if (cookie === '') continue;
    else if (rules.isInKey(name)) inKey.push({ name, pair: cookie });
    else if (!rules.isDropped(name)) return undefined;
  }
  const shared = [...filterFields(fields, (name) => name !== 'cookie'), ...positions];
  if (inKey.length === 0) return shared;
  inKey.sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
  return withField(shared, 'cookie', inKey.map(({ pair }) => pair).join('; '));
}

/** A client's no-store is kept: its answer is not, and nobody waits for that. All else is advice (RFC 9111 §5.2.1). */
function withoutDirectives(fields: Fields, { ownRequestFields }: CachePolicy): Fields {
  const kept = filterFields(fields, (name) => !DIRECTIVES.has(name) || ownRequestFields.has(name));
  return requestDemands(fields).noStore ? [...kept, 'cache-control', 'no-store'] : kept;
}

/** Names of cookies, or patterns of them: `*` any characters, `?` one. */
export interface CookieOptions {
  /** Those in the cache key; they alone reach the origin. Default: none. */
  readonly key?: readonly string[] | undefined;
  /** Those removed from the forwarded request; `all`: all but `key`. Requests with any other bypass the cache. Default: none. */
  readonly drop?: 'all' | readonly string[] | undefined;
}

/** White space, `;`, `=` and their like are in no name (RFC 6265 §4.1.1), and a pattern with one would match nothing. */
export function isCookiePattern(pattern: unknown): pattern is string {
  return typeof pattern === 'string' && /^[^\s;=,"\p{Cc}]+$/u.test(pattern);
}

export function cookieRules({ key = [], drop = [] }: CookieOptions): CookieRules {
  return Object.freeze({
    isInKey: anyOf(key),
    isDropped: drop === 'all' ? () => true : anyOf(drop),
    hasKey: key.length > 0,
  });
}

function anyOf(patterns: readonly string[]): (name: string) => boolean {
  const tests = patterns.map(globMatcher);
  return (name) => tests.some((matches) => matches(name));
}

/** The request's fields as the origin is to see them. What many may be answered by says its preferences in their normal form. */
export function originFields(request: GateRequest): Fields {
  const { route, method, bypass } = request;
  const fields = route.compress?.originFields(request) ?? request.fields;
  return bypass === false && (method === 'GET' || method === 'HEAD')
    ? route.policy.preferences.forwarded(fields)
    : fields;
}

/** The head with the entity tag by which the client knows this content. */
export function asKnownToClient(
  { route, fields }: Pick<GateRequest, 'route' | 'fields'>,
  head: ResponseHead,
): ResponseHead {
  return route.compress?.asKnownToClient(fields, head) ?? head;
}

/**
 * The selecting header fields that count on the route: its origin is not told what codings the client takes, and sees no
 * cookies but those of the key.
 */
export function countingNames(names: readonly string[], { compress, policy }: GateRequest['route']): readonly string[] {
  const coded = compress === undefined ? names : names.filter((name) => name !== 'accept-encoding');
  return policy.cookies?.hasKey !== true || coded.includes('cookie') ? coded : [...coded, 'cookie'].sort();
}

/**
 * The response as the route wants it: fields removed, then fields set. A response without Date gets one, for ages are
 * reckoned from it (RFC 9110 §6.6.1).
 */
export function editedResponse(head: ResponseHead, route: Route, now: number): EditedHead {
  const { remove } = route.responseFields;
  const dated = hasField(head.fields, 'date') ? head.fields : [...head.fields, 'date', formatHttpDate(now)];
  const fields = editFields(dated, route.responseFields);
  const strongModified = isStrongLastModified(head.fields) && !remove.has('last-modified');
  return { ...withVary({ status: head.status, fields }, route), strongModified };
}

export function editFields(fields: Fields, { remove, set }: FieldEdits): Fields {
  if (remove.size === 0) return fields;
  return [...filterFields(fields, (name) => !remove.has(name)), ...set];
}

/** With what its own Date says of its Last-Modified (RFC 9110 §8.8.2.2). */
export interface EditedHead extends ResponseHead {
  readonly strongModified?: boolean;
}

/**
 * The fields that tell caches what to do. The origin's own fields count even where the route hides them from clients, and the
 * fields that the route puts in their place count as well.
 */
export function fieldsForCaches({ fields }: ResponseHead, route: Route): Fields {
  const { set } = route.responseFields;
  return set.length === 0 ? fields : [...fields, ...set];
}

/** The tags of an answer; those of a provisioned tenant are names of its own. */
export function tagsOfAnswer(head: ResponseHead, { route, uri }: Pick<GateRequest, 'route' | 'uri'>): Tags {
  const found = tagsOf(fieldsForCaches(head, route), uri);
  if (route.owner === undefined || found.tags.length === 0) return found;
  return { ...found, tags: found.tags.map((tag) => ownedName(tag, route.owner)) };
}

/** A response that may be put in a content coding says so, whoever gets it. */
export function withVary(head: ResponseHead, { compress }: Route): ResponseHead {
  return compress?.withVary(head) ?? head;
}

/** The fields of a forwarded response for the client: hop-by-hop fields gone, Cache-Status added. */
export function clientFields(fields: Fields, route: Route, outcome: Outcome): Fields {
  const endToEnd = withoutHopByHop(fields);
  return withCacheStatus(shownFields(endToEnd, route), formatCacheStatus(route.policy.cacheName, outcome));
}

/** What clients may see of the fields of a response. */
export function shownFields(fields: Fields, { showTags }: Pick<Route, 'showTags'>): Fields {
  return showTags ? fields : filterFields(fields, (name) => !isForGates(name));
}

const UNTRACKED = 'tidegate-untracked';
/** Longer than a tracker says. */
const MAX_UNTRACKED = 400;

/** Why a tracker had a response not stored, for its operator. */
export function untrackedOf(fields: Fields): string | undefined {
  return fieldValue(fields, UNTRACKED)?.slice(0, MAX_UNTRACKED);
}
