// What undici sees of a request to an origin: its sending, which reports to the forward; the connections that carry it; and fields,
// content and errors, translated between undici's form and Tidegate's.
//
// Undici delivers names and values as bytes, those of HTTP/2 as an object; they become strings of one character per
// byte, so that a value in any encoding passes unharmed.
//
// Undici reports a cut response in four ways (a closed socket, a length that does not match, a parser at its end,
// ECONNRESET), the same words mean "not HTTP" when no head has been read, and its parser's errors have no code.

import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { type ErrorCode, messageOf, TidegateError } from '../../errors.ts';
import type { Clock, OriginRequest, RequestBody, Tasks } from '../../ports.ts';
import { type Fields, filterFields, NO_FIELDS, trimOws } from '../../semantics/fields.ts';
import type { AnswerWatch } from './answer-watch.ts';
import type { QueueOptions } from './origin-queue.ts';

/** Name, value, name, value … from undici's parser; for HTTP/2, in the form of node:http2. */
export type RawFields = readonly Buffer[] | H2Fields | null | undefined;

type H2Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

export function toFields(raw: RawFields): Fields {
  if (raw === null || raw === undefined) return NO_FIELDS;
  if (isH2(raw)) return h2Fields(raw);
  if (raw.length === 0) return NO_FIELDS;
  const fields = new Array<string>(raw.length);
  for (let at = 0; at < raw.length; at += 2) {
    fields[at] = (raw[at] as Buffer).toString('latin1').toLowerCase();
    fields[at + 1] = trimOws((raw[at + 1] as Buffer).toString('latin1'));
  }
  return fields;
}

/** Whether they are fields of HTTP/2. */
export function isH2(raw: RawFields): raw is H2Fields {
  return raw !== null && raw !== undefined && !Array.isArray(raw);
}

function h2Fields(raw: H2Fields): Fields {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(raw)) {
    if (name.startsWith(':') || value === undefined) continue;
    for (const line of typeof value === 'string' ? [value] : value) fields.push(name, trimOws(line));
  }
  return fields;
}

/** Fields that only undici sends; it refuses them from callers. `expect`: the content follows at once. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/** The request for undici. `serverName`: for TLS, the name to ask for and to verify. */
export function sendable(
  request: OriginRequest,
  content: RequestBody | undefined,
  serverName: string | undefined,
): Dispatcher.DispatchOptions {
  const options: Dispatcher.DispatchOptions & { servername?: string } = {
    method: request.method,
    path: request.target,
    headers: filterFields(request.fields, (name) => !CONNECTION_FIELDS.has(name)),
    // undici takes an async iterable, though its types do not say so, and starts it when the request is written.
    body: content === undefined ? null : (content as unknown as Uint8Array),
  };
  if (serverName !== undefined) options.servername = serverName;
  return options;
}

/** Where a request was when it failed. */
interface FaultContext {
  readonly origin: string;
  /** The response head had arrived. */
  readonly head: boolean;
  /** The content of the request broke off. */
  readonly contentBroke: boolean;
}

/** The error for the caller; an error that already is Tidegate's stays as it is. */
export function originFault(error: unknown, context: FaultContext): TidegateError {
  if (error instanceof TidegateError) return error;
  const cause = causeOf(error);
  const { code, text } = classify(error, context);
  return new TidegateError(code, `origin ${context.origin}: ${text}, got ${cause}`, { cause: error });
}

/** Whether a connection ended without a response, so that a safe request may be sent again. */
export function isConnectionLoss(error: unknown): boolean {
  return CONNECTION_LOSS.has(codeOf(error));
}

/** Whether undici refuses to send the request as it is. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.has(codeOf(error));
}

/** A short cause for a message: its code, and its text when that adds something. */
export function causeOf(error: unknown): string {
  const code = codeOf(error);
  const message = messageOf(error);
  if (code === '') return message;
  return message === '' ? code : `${message} (${code})`;
}

/** The last four are of HTTP/2: a stream or a session reset, or told to go away. */
const CONNECTION_LOSS: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_INFO',
  'ERR_HTTP2_STREAM_ERROR',
  'ERR_HTTP2_SESSION_ERROR',
  'ERR_HTTP2_GOAWAY_SESSION',
]);
const REFUSALS: ReadonlySet<string> = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);

interface Fault {
  readonly code: ErrorCode;
  /** The expectation, as text. */
  readonly text: string;
}

const CONTENT_BROKE: Fault = { code: 'E_ABANDONED', text: 'expected the whole content of the request' };
const REFUSED: Fault = { code: 'E_ORIGIN_PROTOCOL', text: 'expected a request that HTTP/1.1 can carry' };
const NOT_HTTP: Fault = { code: 'E_ORIGIN_PROTOCOL', text: 'expected an HTTP response' };
const NO_HEAD: Fault = { code: 'E_ORIGIN_RESET', text: 'expected a response head' };
const CUT: Fault = { code: 'E_ORIGIN_RESET', text: 'expected the rest of the response' };

function classify(error: unknown, context: FaultContext): Fault {
  const code = codeOf(error);
  if (context.contentBroke || code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH') return CONTENT_BROKE;
  if (isRefusal(error)) return REFUSED;
  const message = error instanceof Error ? error.message : '';
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return context.head ? CUT : NOT_HTTP;
  if (error instanceof Error && error.name === 'HTTPParserError')
    return message.includes('Invalid EOF state') ? CUT : NOT_HTTP;
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'ERR_HTTP2_ERROR') return NOT_HTTP;
  // undici's words for an unrequested 101, and for a response to no request.
  if (code === 'UND_ERR_SOCKET' && message.startsWith('bad ')) return NOT_HTTP;
  return context.head ? CUT : NO_HEAD;
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

export interface OriginDeps {
  readonly clock: Clock;
  readonly tasks: Tasks;
}

/**
 * Concurrent requests on a connection of HTTP/2. Each may have a body waiting for a slow client, and servers end a
 * connection that makes them hold too much.
 */
export const MAX_STREAMS = 32;

export interface OriginOptions extends QueueOptions {
  /** For messages and metrics. */
  readonly name: string;
  /** Scheme, host and port, e.g. `http://127.0.0.1:3000`; no path. */
  readonly url: string;
  /** Most connections kept; further requests wait. Retries may open as many again, each for one request. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** HTTP/2 with an https origin that offers it. Default true. */
  readonly http2?: boolean;
  /** Certificates of the authorities trusted, in PEM; undefined means Node's own. */
  readonly ca?: string | undefined;
  /** Time without progress until the response head: connecting and sending the request count. */
  readonly headTimeoutMs: number;
  /** Time without bytes of the response; a paused forward does not count. */
  readonly bodyTimeoutMs: number;
  /**
   * How often a retryable request is sent again, on a fresh connection, when its connection is lost before any answer.
   */
  readonly retries: number;
  /** So many `failures` in a row open the circuit for `openMs`; 0: it never opens. */
  readonly breaker: { readonly failures: number; readonly openMs: number };
}

export interface Pools {
  /** `fresh`: use a connection that has carried no request before. */
  dispatch(options: Dispatcher.DispatchOptions, pooled: PooledRequest, fresh: boolean): void;
  close(): Promise<void>;
  destroy(reason: Error): Promise<void>;
}

/** The connection under a client of a pool; its counts begin anew with each socket. */
export class Connection {
  /** The error that ended the socket, which undici hides when the response could be complete. */
  error: Error | undefined;
  socket: Socket | undefined;
  /** Undefined for HTTP/2. */
  watch: AnswerWatch | undefined;
}

/** A handler that is told its connection when a client takes its request. */
export interface PooledRequest extends Dispatcher.DispatchHandler {
  connection: Connection | undefined;
  /** No connection could be made while it was waiting for one. */
  refused(error: TidegateError): void;
}

/** The owner of the request. */
export interface Sender {
  readonly isOver: boolean;
  readonly isPaused: boolean;
  interim(status: number, raw: RawFields): void;
  /** `isOld`: it came as HTTP/1.0. */
  head(status: number, raw: RawFields, isOld: boolean): void;
  data(chunk: Uint8Array): void;
  end(trailers: RawFields, connection: Connection | undefined): void;
  lost(attempt: Attempt, error: unknown): void;
}

/** One sending of the request. */
export class Attempt implements PooledRequest {
  readonly fresh: boolean;
  readonly #forward: Sender;
  connection: Connection | undefined;
  controller: Dispatcher.DispatchController | undefined;
  /** At least part of the request may have been written. */
  started = false;
  /** A byte of an answer has arrived. */
  answered = false;
  #receivedAtStart = 0;

  constructor(forward: Sender, fresh: boolean) {
    this.#forward = forward;
    this.fresh = fresh;
  }

  /** Gives the request up; a queued one is dropped when its turn comes. */
  drop(): void {
    this.controller?.abort(DROPPED);
  }

  /**
   * Gives the request up, and ends the connection too if it has been silent since: HTTP/2 would keep using a dead one.
   */
  dropSilent(): void {
    this.drop();
    const socket = this.connection?.socket;
    if (this.started && (socket?.bytesRead ?? 0) === this.#receivedAtStart) socket?.destroy();
  }

  /** No connection could be made while the request was waiting for one. */
  refused(error: TidegateError): void {
    if (!this.#forward.isOver) this.#forward.lost(this, error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, not aborted: undici then drops the unsent request and keeps the connection.
    if (this.#forward.isOver) throw DROPPED;
    this.started = true;
    this.#receivedAtStart = this.connection?.socket?.bytesRead ?? 0;
    this.connection?.watch?.begin(this);
    this.controller = controller;
    if (this.#forward.isPaused) controller.pause();
  }

  onResponseStarted(): void {
    this.answered = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#forward.isOver) return;
    const raw = controller.rawHeaders as RawFields;
    if (status < 200) this.#forward.interim(status, raw);
    else this.#forward.head(status, raw, this.connection?.watch?.isOld === true);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    // An empty chunk comes after each resume; a listener that pauses at every chunk would never get past them.
    if (chunk.length > 0 && !this.#forward.isOver) this.#forward.data(chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (!this.#forward.isOver) this.#forward.end(controller.rawTrailers as RawFields, this.connection);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#forward.isOver) this.#forward.lost(this, error);
  }
}

const DROPPED = new Error('the forward is over');
