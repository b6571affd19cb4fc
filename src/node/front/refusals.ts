// The front's own answers to refused requests: a closed table, and each answer as text/plain that says what was
// expected and what was got.

import { STATUS_CODES } from 'node:http';
import { platformClock } from '../../cache/platform.ts';
import { escapedChar } from '../../errors.ts';
import { type Fields, formatHttpDate } from '../../semantics/fields.ts';
import type { TenantBounds } from '../../site/resolved.ts';
import { linesOf } from './http1/answer-bytes.ts';

interface RefusalRule {
  readonly status: number;
  readonly section: string;
  readonly expected: string;
  /** Whether to close the connection, since its further bytes can no longer be told apart. */
  readonly close: boolean;
}

function rule(status: number, section: string, expected: string): RefusalRule {
  return { status, section, expected, close: CLOSING.has(status) };
}

const CLOSING: ReadonlySet<number> = new Set([400, 408, 413, 414, 429, 431, 500, 501, 505]);

/** Allow of what is asked of the gate itself, or refused on every route. */
export const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

const REFUSALS = {
  'asterisk-form': rule(400, 'RFC 9112 §3.2.4', '"*" as target of OPTIONS only'),
  'chunk-extensions': rule(400, 'RFC 9112 §7.1.1', 'chunks without long extensions'),
  'coding-in-http-1.0': rule(400, 'RFC 9112 §6.1', 'Transfer-Encoding in HTTP/1.1 only'),
  'coding-unknown': rule(501, 'RFC 9112 §6.1', 'chunked as the only transfer coding'),
  'connection-field': rule(400, 'RFC 9113 §8.2.2', 'no field of a connection in HTTP/2, and in TE "trailers" alone'),
  connections: rule(429, 'RFC 6585 §4', 'fewer connections at a time'),
  'content-on-get': rule(400, 'RFC 9110 §9.3.1', 'no content in a GET or HEAD request on this route'),
  'content-stalled': rule(408, 'RFC 9110 §15.5.9', 'request content without long pauses'),
  'content-too-slow': rule(408, 'RFC 9110 §15.5.9', 'request content at the least rate, or faster'),
  'content-too-large': rule(413, 'RFC 9110 §15.5.14', 'request content within the limit'),
  'dot-segment': rule(400, 'RFC 3986 §6.2.2.3', 'dot segments as "." and ".." between slashes that are not encoded'),
  nul: rule(400, 'RFC 3986 §7.3', 'a path without "%00"'),
  expectation: rule(417, 'RFC 9110 §10.1.1', 'the expectation 100-continue or none'),
  fault: rule(500, 'RFC 9110 §15.6.1', 'a defect of the gate is in its log'),
  'field-whitespace': rule(400, 'RFC 9113 §8.2.1', 'no white space at the ends of a field value in HTTP/2'),
  'fields-too-many': rule(431, 'RFC 6585 §5', 'fewer fields'),
  'forwarded-host': rule(400, 'RFC 9110 §4.2', 'one host, with a port if need be, in X-Forwarded-Host'),
  'forwarded-proto': rule(400, 'RFC 9110 §4.2', 'http or https in X-Forwarded-Proto'),
  frames: rule(429, 'RFC 9113 §10.5', 'fewer frames that ask for nothing'),
  'head-too-large': rule(431, 'RFC 6585 §5', 'a request head within the limit'),
  'head-too-slow': rule(408, 'RFC 9110 §15.5.9', 'a complete request within the time limit'),
  'host-invalid': rule(400, 'RFC 9112 §3.2', 'a host, with a port if need be'),
  'host-mismatch': rule(400, 'RFC 9112 §3.2.2', 'a Host field that agrees with the target'),
  'host-missing': rule(400, 'RFC 9112 §3.2', 'a Host field'),
  'host-repeated': rule(400, 'RFC 9112 §3.2', 'exactly one Host field'),
  'http-version': rule(505, 'RFC 9110 §15.6.6', 'HTTP/1.1 or HTTP/1.0'),
  incomplete: rule(400, 'RFC 9112 §8', 'the rest of the request'),
  'length-and-coding': rule(400, 'RFC 9112 §6.1', 'Content-Length or Transfer-Encoding, not both'),
  'length-invalid': rule(400, 'RFC 9110 §8.6', 'a decimal number as Content-Length'),
  'length-repeated': rule(400, 'RFC 9112 §6.3', 'one Content-Length field at most'),
  loop: rule(508, 'RFC 9110 §7.6.3', 'a request that has not passed this gate before'),
  'max-forwards': rule(400, 'RFC 9110 §7.6.2', 'a decimal number as Max-Forwards'),
  'method-connect': rule(501, 'RFC 9110 §9.3.6', 'a method other than CONNECT'),
  'method-not-taken': rule(405, 'RFC 9110 §15.5.6', 'a method that the route takes'),
  'method-trace': rule(405, 'RFC 9110 §9.3.8', 'a method other than TRACE'),
  'no-lease': rule(503, 'RFC 9110 §15.6.4', 'a gate that hears of what the others of its cluster invalidate'),
  'no-route': rule(404, 'RFC 9110 §15.5.5', 'a path that a route of this host has'),
  'pseudo-field': rule(400, 'RFC 9113 §8.3', ':method, :scheme, :authority and :path as pseudo-header fields'),
  syntax: rule(400, 'RFC 9112 §2.2', 'a well-formed HTTP/1.1 request'),
  'target-characters': rule(400, 'RFC 3986 §2', 'visible ASCII other than " # < > and, in the path, other than \\'),
  'target-form': rule(400, 'RFC 9112 §3.2', 'a target that begins with "/", or an http URI'),
  'target-scheme': rule(421, 'RFC 9110 §7.4', 'the scheme under which the request arrived'),
  'target-too-long': rule(414, 'RFC 9110 §15.5.15', 'a target within the limit'),
  // The bytes that follow are those of another request, so the connection goes on.
  'tenant-rate': { ...rule(429, 'RFC 6585 §4', 'fewer requests a second for this host'), close: false },
  'tenant-suspended': rule(503, 'RFC 9110 §15.6.4', 'a host that is not suspended'),
  tunnels: rule(503, 'RFC 9110 §15.6.4', 'fewer tunnels at a time'),
  'unknown-host': rule(421, 'RFC 9110 §7.4', 'a host that a route has'),
  'unsendable-answer': rule(502, 'RFC 9110 §5.5', 'an answer of the origin that can be sent on'),
  'upgrade-failed': rule(502, 'RFC 9110 §7.8', 'an origin that switches protocols'),
  'upgrade-off': rule(501, 'RFC 9110 §7.8', 'no Upgrade on this route'),
  'upgrade-too-slow': rule(504, 'RFC 9110 §15.6.5', 'an origin that answers within the time limit'),
} as const satisfies Record<string, RefusalRule>;

/** Why the front answered in place of the gate. */
export type RefusalReason = keyof typeof REFUSALS;

export interface RequestRefusal {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  /** The actual value; the client sent it, so it is shown in quotes only. */
  readonly got: string;
  /** Methods of the route, where it is known. */
  readonly allow?: string;
  /** When the client may ask again. */
  readonly retryAfterMs?: number;
  /** Whose bounds the request is beyond. */
  readonly beyond?: TenantBounds;
}

export function refused(reason: RefusalReason, got: string): RequestRefusal {
  return { kind: 'refused', reason, got };
}

const SHOWN_CHARS = 120;

/** `cacheName`: as in Cache-Status (RFC 9211 §2). `close`: another reason closes the connection. */
export function refusalAnswer(refusal: RequestRefusal, cacheName: string, close: boolean) {
  const { status, section, expected, close: unsafe }: RefusalRule = REFUSALS[refusal.reason];
  const title = `${status} ${STATUS_CODES[status]}: ${refusal.reason}`;
  // ASCII, so that characters and bytes are equal in number.
  const body = `${title}\nexpected: ${expected}\ngot: ${shown(refusal.got)}\nsee: ${section.replace('§', 'section ')}\n`;
  const fields = ['content-type', 'text/plain; charset=us-ascii', 'x-content-type-options', 'nosniff'];
  fields.push('content-length', String(body.length), 'cache-control', 'no-store');
  fields.push('cache-status', `${cacheName}; detail=refused`);
  if (status === 405) fields.push('allow', refusal.allow ?? ALLOWED_METHODS);
  const { retryAfterMs } = refusal;
  if (retryAfterMs !== undefined) fields.push('retry-after', String(Math.ceil(retryAfterMs / 1_000)));
  const closes = unsafe || close;
  if (closes) fields.push('connection', 'close');
  return { status, fields, body, closes };
}

/** Short, quoted, visible ASCII. */
function shown(got: string): string {
  const short = got.length > SHOWN_CHARS ? `${got.slice(0, SHOWN_CHARS)}...` : got;
  return JSON.stringify(short).replace(/[^\x20-\x7e]/g, escapedChar);
}

/** The answer in wire form, for a socket without a message to answer; always the last on its connection. */
export function rawRefusal(refusal: RequestRefusal, cacheName: string): string {
  const { status, fields, body } = refusalAnswer(refusal, cacheName, true);
  return rawHead(status, [...fields, 'date', formatHttpDate(platformClock.now())]) + body;
}

/** Status line, fields and the empty line; the fields must be known to be sendable. */
export function rawHead(status: number, fields: Fields): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${linesOf(fields)}\r\n`;
}

/** The refusal for an error of Node's parser; undefined when the connection broke and nobody can be told. */
export function refusalOfParserError(error: ParserError): RequestRefusal | undefined {
  const reason = error.reason ?? error.message;
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refused('head-too-slow', 'nothing complete');
    case 'HPE_HEADER_OVERFLOW': {
      // The parser takes a target that came in several packets for a field, which makes it a 431.
      const parsed = error.rawPacket?.toString('latin1', 0, error.bytesParsed) ?? '';
      return refused(/^[A-Z-]+ [^ \n]*$/.test(parsed) ? 'target-too-long' : 'head-too-large', 'more');
    }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return refused('content-too-large', 'chunk extensions of more than 16 KiB');
    case 'HPE_PAUSED_H2_UPGRADE':
      return refused('http-version', 'the preface of HTTP/2');
    case 'HPE_INVALID_EOF_STATE':
      return refused('incomplete', 'the end of the connection');
    case 'HPE_INVALID_VERSION':
      return refused(reason === 'Invalid HTTP version' ? 'http-version' : 'syntax', reason);
    default:
      return error.code?.startsWith('HPE_') ? refused('syntax', reason) : undefined;
  }
}

/** The error of `clientError`; the packet is the one in which the parser stopped. */
interface ParserError extends Error {
  readonly code?: string;
  readonly reason?: string;
  readonly bytesParsed?: number;
  readonly rawPacket?: Buffer;
}
