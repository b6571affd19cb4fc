// What a cache by RFC 9111 with Cloudflare's defaults keeps of a response, and for how long. Written for the imitation of the
// Workers Cache alone: it shares no decision with the code that is tested against it.
//
// Where the platform's documents say nothing, the choice is the one that is worse for whoever relies on the cache.

/** What is kept. */
export interface Kept {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  readonly tags: ReadonlySet<string>;
  /** Key, without what selects a variant. */
  readonly key: string;
  /** Path and query, or what the caller put in their place. */
  readonly path: string;
  readonly entrypoint: string;
  /** Values of the request fields that Vary names. */
  readonly selected: ReadonlyMap<string, string | null>;
  readonly bornMs: number;
  readonly lifetimeMs: number;
  readonly staleWhileRevalidateMs: number;
  /** Marked by `invalidate`. */
  isMarked: boolean;
}

/** How long a 200 is kept that says nothing. */
const HEURISTIC_MS = 2 * 3_600_000;
const MAX_TAG_LENGTH = 1_024;
const MAX_TAGS = 1_000;

/** Terms of keeping; undefined: the response is not kept. */
export function termsOf(
  request: Request,
  response: Response,
): Pick<Kept, 'lifetimeMs' | 'staleWhileRevalidateMs'> | undefined {
  const { headers, status } = response;
  const targeted = ['cloudflare-cdn-cache-control', 'cdn-cache-control'].find((name) => headers.has(name));
  const directives = directivesOf(headers.get(targeted ?? 'cache-control') ?? '');
  if (directives.has('no-store') || directives.has('private') || status === 206 || status === 304) return undefined;
  if (status >= 500 || varyNames(headers).includes('*')) return undefined;
  const isShareable = ['public', 's-maxage', 'must-revalidate'].some((name) => directives.has(name));
  if (request.headers.has('authorization') && !isShareable) return undefined;
  const seconds = directives.get('s-maxage') ?? directives.get('max-age');
  const stated = seconds === undefined ? expiresMs(headers) : Number(seconds) * 1_000;
  const lifetimeMs = directives.has('no-cache') ? 0 : (stated ?? (status === 200 ? HEURISTIC_MS : undefined));
  if (lifetimeMs === undefined || Number.isNaN(lifetimeMs)) return undefined;
  return { lifetimeMs, staleWhileRevalidateMs: Number(directives.get('stale-while-revalidate') ?? 0) * 1_000 };
}

function expiresMs(headers: Headers): number | undefined {
  const expires = headers.get('expires');
  if (expires === null) return undefined;
  return Math.max(0, Date.parse(expires) - Date.parse(headers.get('date') ?? '')) || 0;
}

function directivesOf(value: string): ReadonlyMap<string, string> {
  const parts = value.split(',').map((part) => part.trim().toLowerCase().split('='));
  return new Map(parts.filter(([name]) => name !== '').map(([name = '', argument = '']) => [name, argument]));
}

export function varyNames(headers: Headers): readonly string[] {
  const names = (headers.get('vary') ?? '').split(',').map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== '');
}

export function selectedBy(request: Request, names: readonly string[]): Map<string, string | null> {
  return new Map(names.map((name) => [name, request.headers.get(name)]));
}

export function selects(request: Request, selected: Kept['selected']): boolean {
  return [...selected].every(([name, value]) => request.headers.get(name) === value);
}

/** Tags in lower case. One that is invalid, and each beyond the most, is left out, and nobody is told. */
export function tagsIn(headers: Headers): ReadonlySet<string> {
  const tags = (headers.get('cache-tag') ?? '').split(',').map((tag) => tag.trim().toLowerCase());
  const valid = tags.filter((tag) => tag.length <= MAX_TAG_LENGTH && /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(tag));
  return new Set(valid.slice(0, MAX_TAGS));
}

/** The answer to one request, from what is kept: whole, a part of a 200, or a 304. */
export function answerFrom(
  kept: Kept,
  request: Request,
  how: { readonly status: string; readonly nowMs: number },
): Response {
  const headers = new Headers(kept.headers as [string, string][]);
  headers.set('age', String(Math.floor((how.nowMs - kept.bornMs) / 1_000)));
  headers.set('cf-cache-status', how.status);
  const etag = headers.get('etag');
  const names = (request.headers.get('if-none-match') ?? '').split(',').map((tag) => tag.trim());
  if (etag !== null && names.includes(etag)) return new Response(null, { status: 304, headers });
  if (request.method === 'HEAD') return new Response(null, { status: kept.status, headers });
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '');
  if (range === null || kept.status !== 200) {
    return new Response(hasBody(kept.status) ? kept.body.slice() : null, { status: kept.status, headers });
  }
  const first = Number(range[1]);
  const last = Math.min(kept.body.length - 1, range[2] === '' ? Number.POSITIVE_INFINITY : Number(range[2]));
  headers.set('content-range', `bytes ${first <= last ? `${first}-${last}` : '*'}/${kept.body.length}`);
  headers.delete('content-length');
  if (first > last) return new Response(null, { status: 416, headers });
  return new Response(kept.body.slice(first, last + 1), { status: 206, headers });
}

export function hasBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

/** The request as the entrypoint gets it: for the whole, with `etag` to validate what is kept. */
export function wholeRequest(request: Request, etag: string | null): Request {
  const headers = new Headers(request.headers);
  for (const name of ['range', 'if-range', 'if-none-match', 'if-modified-since']) headers.delete(name);
  if (etag !== null) headers.set('if-none-match', etag);
  return new Request(request, { headers, method: request.method === 'HEAD' ? 'GET' : request.method });
}
