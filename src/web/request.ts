// A Request as the engine takes it.
//
// What a handler may answer by must be in the cache key or must not reach it (docs/architecture.md,
// the key). A GET is answered for everybody, so the fields by which a client claims another host, scheme, path or method
// are taken from it; behind a trusted proxy those that state host and scheme make the URI instead.

import { sharedRequest } from '../engine/answers/edits.ts';
import type { GateRequest } from '../engine/contract.ts';
import { isKeyable, normalTarget } from '../entry/key.ts';
import {
  claimOf,
  type Fields,
  fieldValue,
  filterFields,
  hopByHopNames,
  listMembers,
  NO_FIELDS,
} from '../semantics/fields.ts';
import { isSafeMethod } from '../semantics/invalidation.ts';
import type { CachePolicy } from '../semantics/policy.ts';

/** All of it but where it goes. */
export type UnroutedRequest = Omit<GateRequest, 'route'>;

/** The head of a request. */
interface RequestHead extends UrlParts {
  readonly method: string;
  readonly fields: Fields;
  /** Whether it goes past the cache. */
  readonly bypass: boolean;
}

/**
 * The head of a request as a cache takes it; undefined: it is nothing for a cache, its handler is to answer it alone.
 * `trustForwarded`: the host and scheme that a proxy states make the URI.
 */
export function requestHead({ method, url, headers }: Request, trustForwarded = false): RequestHead | undefined {
  // An upgrade changes the protocol, which no stored response can. A write is one all the same: whoever takes it may leave the
  // protocol as it is (RFC 9110 §7.8), and the field is not forwarded.
  if (headers.has('upgrade') && isSafeMethod(method)) return undefined;
  const all = fieldsOf(headers);
  const uri = trustForwarded ? uriOf(url, all) : ownUri(url);
  if (uri === undefined) return undefined;
  // The answer may depend on claims of a trusted proxy that are not in the URI.
  const bypass =
    mayBeStored(method) && trustForwarded && all.some((name, at) => at % 2 === 0 && claimOf(name) !== undefined);
  return { method, ...urlParts(uri), fields: all, bypass };
}

function mayBeStored(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Without what claims another target; X-Forwarded-For is about the client. */
export function withoutClaims(fields: Fields): string[] {
  const isClaim = (name: string) =>
    name === 'x-forwarded-host' || name === 'x-forwarded-proto' || claimOf(name) !== undefined;
  return filterFields(fields, (name) => !isClaim(name));
}

/** What stands for a request in the engine. */
export function askedBy(
  { body }: Request,
  { method, origin }: RequestHead,
  forwarded: Pick<UnroutedRequest, 'target' | 'fields' | 'bypass'>,
): UnroutedRequest {
  return { method, uri: origin + forwarded.target, body: (body ?? undefined) as GateRequest['body'], ...forwarded };
}

interface UrlParts {
  readonly origin: string;
  readonly host: string;
  readonly target: string;
}

/** The parts of a URL of HTTP that has been parsed before, such as a Request's, and names no user. */
export function urlParts(url: string): UrlParts {
  const end = url.indexOf('#');
  const whole = end < 0 ? url : url.slice(0, end);
  const hostAt = whole.indexOf('//') + 2;
  const at = whole.indexOf('/', hostAt);
  return { origin: whole.slice(0, at), host: whole.slice(hostAt, at), target: whole.slice(at) };
}

/** What stands for the request of a cache that has no routes; undefined: it is nothing for a cache. */
export function unroutedRequest(
  request: Request,
  policy: CachePolicy,
  trustForwarded = false,
): UnroutedRequest | undefined {
  const head = requestHead(request, trustForwarded);
  if (head === undefined) return undefined;
  // A write is the handler's own affair: its answer is for its client alone.
  const isCleared = mayBeStored(head.method) && !trustForwarded;
  const given = isCleared ? { ...head, fields: withoutClaims(head.fields) } : head;
  return askedBy(request, head, { target: head.target, ...sharedRequest(given, policy, () => false) });
}

const HOP_BY_HOP = hopByHopNames(NO_FIELDS);

/** End-to-end fields, their names in lower case, in the order that Headers gives them. */
export function fieldsOf(headers: Headers): string[] {
  const fields: string[] = [];
  for (const [name, value] of headers) if (!HOP_BY_HOP.has(name)) fields.push(name, value);
  return fields;
}

export function headersOf(fields: Fields): Headers {
  const headers = new Headers();
  for (let at = 0; at < fields.length; at += 2) headers.append(fields[at] as string, fields[at + 1] as string);
  return headers;
}

/** The cache's URI of a Request, from its own URL. */
function ownUri(url: string): string | undefined {
  if (!url.startsWith('http://') && !url.startsWith('https://')) return undefined;
  const { origin, target } = urlParts(url);
  const uri = origin + normalTarget(target);
  return isKeyable(uri) ? uri : undefined;
}

/** The URI that is in the key; undefined: it is none of HTTP. `stated`: fields of a trusted proxy. */
export function uriOf(url: string, stated: Fields = NO_FIELDS): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return undefined;
  const origin = stated.length === 0 ? parsed.origin : statedOrigin(parsed, stated);
  const uri = origin === undefined ? '' : origin + normalTarget(parsed.pathname + parsed.search);
  return isKeyable(uri) ? uri : undefined;
}

/** Of a list the first member counts, which is the hop next to the client. */
function statedOrigin(url: URL, fields: Fields): string | undefined {
  const scheme = listMembers(fieldValue(fields, 'x-forwarded-proto'))[0]?.toLowerCase() ?? url.protocol.slice(0, -1);
  const host = listMembers(fieldValue(fields, 'x-forwarded-host'))[0] ?? url.host;
  if ((scheme !== 'http' && scheme !== 'https') || !/^[\w.~:[\]-]+$/.test(host)) return undefined;
  return URL.parse(`${scheme}://${host}`)?.origin;
}
