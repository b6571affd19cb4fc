// Faults of an origin: undici's and Node's errors as Tidegate's codes.
//
// Undici reports a cut response in four ways (a closed socket, a length that does not match, a
// parser at its end, ECONNRESET), the same words mean "not HTTP" when no head has been read, and its parser's errors
// have no code.

import { type ErrorCode, messageOf, TidegateError } from '../../errors.ts';

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
  // undici's words for an unrequested 100 or 101, and for a response to no request.
  if (code === 'UND_ERR_SOCKET' && message.startsWith('bad ')) return NOT_HTTP;
  return context.head ? CUT : NO_HEAD;
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
