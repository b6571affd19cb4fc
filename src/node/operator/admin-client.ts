// Calls the admin API of a running gate, for the command line.

import { TidegateError } from '../../errors.ts';

/** Where the admin API is, and the token it asks for. */
export interface AdminAddress {
  readonly url: string;
  /** Undefined or empty: none is sent. */
  readonly token?: string | undefined;
}

export interface AdminCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Names and values; a name may be repeated. */
  readonly query?: readonly (readonly [string, string])[];
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** An invalidation may have to wait for the lease of a node that is cut off. */
const TIMEOUT_MS = 30_000;

/** The parsed JSON of the answer. Throws E_ADMIN, or E_SELECTOR when the gate refuses the selector. */
export async function callAdmin(at: AdminAddress, call: AdminCall): Promise<unknown> {
  const url = urlOf(at, call);
  const response = await send(url, at, call);
  const text = await response.text();
  const answer = parse(text);
  if (response.status === 401) throw new TidegateError('E_ADMIN', refusedToken(url.origin, at.token));
  const error = errorOf(answer);
  if (error !== undefined) {
    throw new TidegateError(error.code === 'E_SELECTOR' ? 'E_SELECTOR' : 'E_ADMIN', error.message);
  }
  if (answer === undefined || !response.ok) {
    const got = `${response.status} ${response.headers.get('content-type') ?? 'without a content type'}`;
    throw new TidegateError('E_ADMIN', `expected JSON from a gate's admin API at ${url.origin}, got ${got}`);
  }
  return answer;
}

function urlOf(at: AdminAddress, call: AdminCall): URL {
  const base = URL.canParse(at.url) ? new URL(at.url) : undefined;
  const isHttp = base?.protocol === 'http:' || base?.protocol === 'https:';
  if (base === undefined || !isHttp || base.username !== '' || base.password !== '') {
    const got = base === undefined || !isHttp ? JSON.stringify(at.url) : 'one with userinfo';
    throw new TidegateError('E_ADMIN', `expected the http(s) URL of an admin API without userinfo, got ${got}`);
  }
  const url = new URL(base.origin + base.pathname.replace(/\/+$/, '') + call.path);
  for (const [name, value] of call.query ?? []) url.searchParams.append(name, value);
  return url;
}

async function send(url: URL, at: AdminAddress, call: AdminCall): Promise<Response> {
  const hasToken = at.token !== undefined && at.token !== '';
  if (hasToken && !/^[!-~]+$/.test(at.token as string)) {
    throw new TidegateError('E_ADMIN', 'expected a token of visible ASCII characters, got another one');
  }
  try {
    return await fetch(url, {
      method: call.method,
      headers: {
        ...(hasToken && { authorization: `Bearer ${at.token}` }),
        ...(call.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      redirect: 'error', // The token is for this server only.
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new TidegateError('E_ADMIN', `expected a gate's admin API at ${url.origin}, got ${causeOf(error)}`, {
      cause: error,
    });
  }
}

/** What `fetch` hides in the cause of its "fetch failed". */
function causeOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  if (!(cause instanceof Error)) return message;
  return (cause as NodeJS.ErrnoException).code ?? cause.message;
}

function refusedToken(origin: string, token: string | undefined): string {
  const got = token === undefined || token === '' ? 'none' : 'a wrong one';
  return `expected the token of the admin API at ${origin} (--token or TIDEGATE_ADMIN_TOKEN), got ${got} (401)`;
}

/** Undefined: not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorOf(answer: unknown): { readonly code?: string; readonly message: string } | undefined {
  const error = (answer as { error?: { code?: string; message?: unknown } } | null | undefined)?.error;
  return typeof error?.message === 'string' ? { ...error, message: error.message } : undefined;
}
