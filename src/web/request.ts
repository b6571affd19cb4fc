// A Request as the engine takes it.
//
// What a handler may answer by must be in the cache key or must not reach it (docs/architecture.md,
// the key). A GET is answered for everybody, so the fields by which a client claims another host, scheme, path or method
// are taken from it; behind a trusted proxy those that state host and scheme make the URI instead.

import { sharedRequest } from '../engine/answers/edits.ts';
import type { GateRequest } from '../engine/contract.ts';
import { isKeyable, normalTarget } from '../entry/key.ts';
import { type Fields, fieldValue, filterFields, hopByHopNames, listMembers, NO_FIELDS } from '../semantics/fields.ts';
import { isSafeMethod } from '../semantics/invalidation.ts';
import type { CachePolicy } from '../semantics/policy.ts';

/** All of it but where it goes. */
export type UnroutedRequest = Omit<GateRequest, 'route'>;

/** How a request is made into one of the engine. */
export interface RequestRules {
  /** Whether the host and scheme that a proxy states make the URI. Default false. */
  readonly trustForwarded?: boolean | undefined;
  /** The target (path and query) in the key and in the forwarded request. Default: as it came. */
  readonly target?: (target: string) => string;
  /** The fields of the forwarded request. Default: as they came. */
  readonly fields?: (fields: string[]) => string[];
  /** Whether the request goes past the cache. Default: it does not. */
  readonly bypass?: (method: string, target: string, fields: Fields) => boolean;
}

/** What stands for a request in the engine; undefined: nothing for a cache, its handler is to answer it alone. */
export function unroutedRequest(
  request: Request,
  policy: CachePolicy,
  rules: RequestRules = {},
): UnroutedRequest | undefined {
  const { method } = request;
  // An upgrade changes the protocol, which no stored response can. A write is one all the same: whoever takes it may leave the
  // protocol as it is (RFC 9110 §7.8), and the field is not forwarded.
  if (request.headers.has('upgrade') && isSafeMethod(method)) return undefined;
  const { trustForwarded = false, target: targetOf = same, fields: fieldsOfRoute = same } = rules;
  const all = fieldsOf(request.headers);
  const mayBeStored = method === 'GET' || method === 'HEAD';
  const stated = trustForwarded ? uriOf(request.url, all) : ownUri(request.url);
  if (stated === undefined) return undefined;
  const targetAt = stated.indexOf('/', stated.indexOf('//') + 2);
  const target = targetOf(stated.slice(targetAt));
  const uri = stated.slice(0, targetAt) + target;
  const fields = fieldsOfRoute(mayBeStored && !trustForwarded ? filterFields(all, (name) => !isClaim(name)) : all);
  const unrouted = { method, uri, target, body: (request.body ?? undefined) as GateRequest['body'] };
  const bypass = rules.bypass?.(method, target, fields) === true;
  if (!mayBeStored || bypass) return { ...unrouted, fields, bypass };
  // The answer may depend on claims of a trusted proxy that are not in the URI.
  if (trustForwarded && all.some((name, at) => at % 2 === 0 && isClaim(name) && !IN_URI.has(name))) {
    return { ...unrouted, fields, bypass: true };
  }
  const shared = sharedRequest(fields, policy, () => false);
  return { ...unrouted, fields: shared.fields, bypass: shared.hasCredentials && 'credentials' };
}

const same = <T>(given: T): T => given;

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

/** The same of a URL that has been parsed before: a Request's, which names no user. */
function ownUri(url: string): string | undefined {
  if (!url.startsWith('http://') && !url.startsWith('https://')) return undefined;
  const end = url.indexOf('#');
  const whole = end < 0 ? url : url.slice(0, end);
  const at = whole.indexOf('/', 'https://'.length);
  const uri = whole.slice(0, at) + normalTarget(whole.slice(at));
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

/** Besides X-Forwarded-*: known to be obeyed by frameworks and servers. */
const CLAIMS: ReadonlySet<string> = new Set(
  `forwarded x-scheme x-url-scheme front-end-https x-original-url x-original-uri x-original-host x-rewrite-url
   x-rewrite-uri x-host x-http-host-override x-http-destinationurl x-proxy-url x-http-method-override x-http-method
   x-method-override x-middleware-subrequest proxy`.split(/\s+/),
);

/** True for a field that claims another target; X-Forwarded-For is about the client. */
function isClaim(name: string): boolean {
  return name.startsWith('x-forwarded') ? name !== 'x-forwarded-for' : CLAIMS.has(name);
}

const IN_URI: ReadonlySet<string> = new Set(['x-forwarded-host', 'x-forwarded-proto']);
