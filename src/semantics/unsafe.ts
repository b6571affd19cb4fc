// Which requests change something at the origin, and which URIs their answers invalidate (RFC 9111 §4.4).

import { fieldLines, type ResponseHead } from './fields.ts';

/** Methods registered as safe (RFC 9110 §9.2.1, §16.1.1; RFC 4918 §9.1, RFC 3253 §3.6, RFC 5323 §2, QUERY). */
const SAFE_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
]);

/** Returns false for every method that is not known to be safe, as RFC 9111 §4.4 asks. Methods are case-sensitive. */
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method);
}

/**
 * The URIs that the answer to an unsafe request invalidates (RFC 9111 §4.4): none for an error; else the target URI, and
 * Location and Content-Location where they have the same origin (scheme, host and port), so that no origin can
 * invalidate another's. Without fragments; the target URI stands first, as it was given.
 */
export function invalidatedUris(requestUri: string, response: ResponseHead): string[] {
  if (response.status < 200 || response.status > 399) return [];
  const target = parseUri(requestUri, undefined);
  const uris = new Set([requestUri.split('#', 1)[0] as string]);
  for (const name of ['location', 'content-location']) {
    for (const reference of fieldLines(response.fields, name)) {
      const uri = target === undefined ? undefined : parseUri(reference, target);
      if (uri === undefined || uri.origin !== target?.origin) continue;
      // The origin is equal for every user; a cache key names no user.
      uri.username = '';
      uri.password = '';
      uri.hash = '';
      uris.add(uri.href);
      const raw = asWritten(reference, target);
      if (raw !== undefined) uris.add(raw);
    }
  }
  return [...uris];
}

/**
 * The URI before URL changes it: URL encodes characters that a target may hold unencoded, and the response may be
 * stored under them. Returns undefined when the reference is relative to a path, or has another form.
 */
function asWritten(reference: string, target: URL): string | undefined {
  const text = reference.split('#', 1)[0] as string;
  if (text.startsWith('/') && !text.startsWith('//')) return target.origin + text;
  return text.startsWith(`${target.origin}/`) ? text : undefined;
}

function parseUri(reference: string, base: URL | undefined): URL | undefined {
  const uri = URL.parse(reference, base);
  return uri !== null && (uri.protocol === 'http:' || uri.protocol === 'https:') ? uri : undefined;
}
