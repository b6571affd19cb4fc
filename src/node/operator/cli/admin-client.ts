// Calls the admin API of a running gate, for the command line.

import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import {
  type AdminRequest,
  type AdminResponse,
  type AdminStream,
  ofError,
  parseJson,
  failure as refused,
} from '../../../admin/contract.ts';
import type { ListPage } from '../../../engine/contract.ts';
import { TidegateError } from '../../../errors.ts';
import { fieldValue } from '../../../semantics/fields.ts';

export interface AdminAddress {
  /** URL of the admin API. */
  readonly admin: string;
  /** Undefined or empty: no token is sent. */
  readonly token?: string | undefined;
}

export interface AdminCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Names and values; a name may be repeated, and one without a value is left out. */
  readonly query?: readonly (readonly [string, string | undefined])[];
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** An invalidation may have to wait for the lease of an unreachable node. */
const TIMEOUT_MS = 30_000;

/** The parsed JSON of the answer. Throws E_ADMIN, or E_SELECTOR or E_POPULATE when the gate refuses what was asked. */
export async function callAdmin(at: AdminAddress, call: AdminCall): Promise<unknown> {
  const url = urlOf(at, call);
  const response = await sendInTurn(url, at, call);
  const text = await response.text().catch((error: unknown) => {
    throw failure(`the whole answer of the admin API at ${url.origin}`, error);
  });
  const answer = response.ok ? parse(text) : undefined;
  if (answer !== undefined) return answer;
  throw refusal({ at, call, url }, response, text);
}

interface Asked {
  readonly at: AdminAddress;
  readonly call: AdminCall;
  readonly url: URL;
}

/** What an answer says that is none to the call. */
function refusal({ at, call, url }: Asked, response: Response, text: string): TidegateError {
  if (response.status === 401) {
    const token = `the token of the admin API at ${url.origin} (--token or TIDEGATE_ADMIN_TOKEN)`;
    return failure(token, tokenOf(at, url) ? 'a wrong one (401)' : 'none (401)');
  }
  const { error } = (parse(text) ?? {}) as { readonly error?: { readonly code?: unknown; readonly message?: unknown } };
  if (typeof error?.message === 'string') {
    // Codes of wrong requests are kept.
    const isWrong = error.code === 'E_SELECTOR' || error.code === 'E_POPULATE';
    return new TidegateError(isWrong ? error.code : 'E_ADMIN', error.message);
  }
  const type = response.headers.get('content-type') ?? 'without a content type';
  // With its path: an address without that of a Worker's API, or with another, is the usual mistake.
  const base = url.origin + url.pathname.slice(0, -call.path.length);
  return failure(`JSON from a gate's admin API at ${base}`, `${response.status} ${type}${beginning(text)}`);
}

const MAX_SHOWN = 300;

/** In one line, since a Worker that fails answers with its error, or with a page of the platform. */
function beginning(text: string): string {
  const line = text
    .replace(/<(style|script)\b[\s\S]*?<\/\1>|<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  if (line === '') return '';
  return `: ${line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line}`;
}

/** Each value of an answer that arrives as JSON lines. Throws as `callAdmin` does. */
export async function* followAdmin(at: AdminAddress, call: AdminCall): AsyncGenerator<unknown> {
  const url = urlOf(at, call);
  const response = await send(url, at, { ...call, endless: true });
  const body = response.body;
  if (!response.ok || body === null) throw refusal({ at, call, url }, response, await response.text());
  let rest = '';
  try {
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() as string;
      for (const line of lines) yield JSON.parse(line);
    }
  } catch (error) {
    throw failure('the gate to go on', error);
  }
}

/**
 * The answer of the gate to a call that came here: with the token of the call, or else that of the address. `query`: what each call
 * is about beside its own.
 */
export async function passOn(
  at: AdminAddress,
  request: AdminRequest,
  query: AdminCall['query'] = [],
): Promise<AdminResponse> {
  try {
    const { method, path, fields, bodyText } = request;
    const token = /^bearer +(\S+)$/i.exec(fieldValue(fields, 'authorization') ?? '')?.[1] ?? at.token;
    const call = {
      method: method === 'POST' ? ('POST' as const) : ('GET' as const),
      ...{ path, query: [...new URLSearchParams(request.query), ...query], endless: true },
      ...(bodyText !== '' && { body: parseJson(bodyText, 'the content of a call') }),
    };
    const url = urlOf(at, call);
    return await passedBack({ at: { ...at, token }, call, url }, await send(url, { ...at, token }, call));
  } catch (error) {
    return error instanceof TidegateError && error.code === 'E_ADMIN' ? refused(502, error.message) : ofError(error);
  }
}

const PASSED_FIELDS = ['allow', 'retry-after'];

async function passedBack(asked: Asked, response: Response): Promise<AdminResponse> {
  const { status, headers, body } = response;
  const contentType = headers.get('content-type') ?? '';
  const fields = PASSED_FIELDS.flatMap((name) => (headers.has(name) ? [name, headers.get(name) as string] : []));
  const passed = { status, contentType, fields, body: '' };
  if (contentType === 'application/x-ndjson' && body !== null) return { ...passed, stream: streamOf(body) };
  const text = await response.text();
  if (parse(text) !== undefined || contentType.startsWith('text/plain')) return { ...passed, body: text };
  return refused(502, refusal(asked, response, text).message);
}

function streamOf(body: NonNullable<Response['body']>): AdminStream {
  return (write, end) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    const read = async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read()) write(part.value);
    };
    // A gate that is gone ends the stream, as it would end one of its own.
    read().then(end, end);
    return () => void reader.cancel().catch(() => undefined);
  };
}

const PAGE = 1000;

/** The pages of the list of entries, of `most` entries in all. */
export async function* listPages(at: AdminAddress, query: AdminCall['query'] = [], most = Number.POSITIVE_INFINITY) {
  let after: string | undefined;
  let left = most;
  do {
    const limit = String(Math.min(PAGE, left));
    const asked = [...query, ['after', after], ['limit', limit]] as const;
    const page = (await callAdmin(at, { method: 'GET', path: '/entries', query: asked })) as ListPage;
    yield page;
    after = page.next;
    left -= page.entries.length;
  } while (after !== undefined && left > 0);
}

function urlOf(at: AdminAddress, call: AdminCall): URL {
  const base = URL.parse(at.admin) ?? undefined;
  const isHttp = base?.protocol === 'http:' || base?.protocol === 'https:';
  if (base === undefined || !isHttp || base.username !== '' || base.password !== '') {
    const got = base === undefined || !isHttp ? JSON.stringify(at.admin) : 'one with userinfo';
    throw failure('the http(s) URL of an admin API without userinfo', got);
  }
  const url = new URL(base.origin + base.pathname.replace(/\/+$/, '') + call.path);
  for (const [name, value] of call.query ?? []) if (value !== undefined) url.searchParams.append(name, value);
  return url;
}

const DEV_SECRETS = '.dev.vars';

/** A Worker of `wrangler dev` has its secrets from a file of its folder; they are for this machine alone. */
function tokenOf({ token }: AdminAddress, { hostname }: URL): string | undefined {
  const isHere = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  if (token || !isHere || !existsSync(DEV_SECRETS)) return token;
  return parseEnv(readFileSync(DEV_SECRETS, 'utf8')).TIDEGATE_ADMIN_TOKEN;
}

/** A gate that takes no more calls now says when it does. */
async function sendInTurn(url: URL, at: AdminAddress, call: AdminCall): Promise<Response> {
  for (let waits = 0; ; waits++) {
    const response = await send(url, at, call);
    const afterS = Number(response.headers.get('retry-after') ?? Number.NaN);
    if (response.status !== 429 || !(afterS <= MAX_WAIT_S) || waits === MAX_WAITS) return response;
    await response.body?.cancel();
    await sleep(afterS * 1_000);
  }
}

const MAX_WAITS = 5;
const MAX_WAIT_S = 5;

async function send(url: URL, at: AdminAddress, call: AdminCall & { readonly endless?: boolean }): Promise<Response> {
  const token = tokenOf(at, url);
  const hasToken = token !== undefined && token !== '';
  if (hasToken && !/^[!-~]+$/.test(token)) {
    throw failure('a token of visible ASCII characters', 'another one');
  }
  try {
    return await fetch(url, {
      method: call.method,
      headers: {
        ...(hasToken && { authorization: `Bearer ${token}` }),
        ...(call.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      redirect: 'error', // The token is for this server only.
      ...(call.endless !== true && { signal: AbortSignal.timeout(TIMEOUT_MS) }),
    });
  } catch (error) {
    throw failure(`a gate's admin API at ${url.origin}`, error);
  }
}

/** `got`: an error, or what there is instead. */
function failure(expected: string, got: unknown): TidegateError {
  if (!(got instanceof Error)) return new TidegateError('E_ADMIN', `expected ${expected}, got ${got}`);
  const { name, message, cause } = got;
  // `fetch` hides the cause behind its "fetch failed".
  const inner = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : message;
  const why = name === 'TimeoutError' ? `no answer within ${TIMEOUT_MS / 1000} s` : inner;
  return new TidegateError('E_ADMIN', `expected ${expected}, got ${why}`, { cause: got });
}

/** Returns undefined for a text that is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
