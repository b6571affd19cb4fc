// Answers as they are sent: their fields, without those of the connection to the origin and with the length anew where
// the body is known; and their bytes, for a connection that is written without node:http.

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { WholeAnswer } from '../../../engine/contract.ts';
import { bodyOf, type StoredResponse } from '../../../entry/stored-response.ts';
import type { Answer } from '../../../ports.ts';
import type { Fields } from '../../../semantics/fields.ts';
import { isForGates } from '../../../semantics/invalidation.ts';
import { SLICE_BYTES } from './pour.ts';

/** RFC 9110 §7.6.1, and Transfer-Encoding, which Node writes itself. */
const PER_CONNECTION: ReadonlySet<string> = new Set(
  'connection keep-alive proxy-connection te transfer-encoding upgrade proxy-authenticate'.split(' '),
);

/** Statuses without content (RFC 9110 §6.4.1). */
export function hasNoContent(status: number): boolean {
  return status === 204 || status === 304;
}

/** Fields of a whole answer as sent, with the right length. */
export function fieldsToSend(answer: WholeAnswer, method: string): string[] {
  if (answer.kind === 'whole') return wholeFields(answer, method);
  const { entry, added } = answer;
  const fields = fieldsOf(entry);
  fields.push(...added);
  if (entry.status !== 204) fields.push(CONTENT_LENGTH, String(entry.bytes.length - entry.headBytes));
  return fields;
}

/**
 * Fields of a stored response without its length; it holds no field of a connection (RFC 9111 §3.1). This reads the
 * bytes of entry/stored-response.ts, as decodeHead() does, but in a tenth of the time.
 */
export function fieldsOf({ bytes, headBytes }: StoredResponse): string[] {
  const fields: string[] = [];
  const text = asBuffer(bytes).toString('latin1', 0, headBytes);
  let start = 0;
  while (start < headBytes - EMPTY_LINE_BYTES) {
    const colon = text.indexOf(':', start);
    const end = text.indexOf('\r\n', colon);
    const name = text.slice(start, colon);
    if (name !== CONTENT_LENGTH) fields.push(name, text.slice(colon + 2, end));
    start = end + 2;
  }
  return fields;
}

/** `encodeHead` ends with one. */
const EMPTY_LINE_BYTES = 2;

/** The bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const CONTENT_LENGTH = 'content-length';

/**
 * Fields of a head that comes from an origin or the gate, without Content-Length and, unless kept, Trailer. `contentLength`:
 * undefined when the head states none, or no number.
 */
export function passedFields(from: Fields, keepTrailer: boolean) {
  const fields: string[] = [];
  let contentLength: number | undefined;
  for (let at = 0; at < from.length; at += 2) {
    const name = from[at] as string;
    const value = from[at + 1] as string;
    if (name === CONTENT_LENGTH) contentLength = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
    else if (!PER_CONNECTION.has(name) && (keepTrailer || name !== 'trailer')) fields.push(name, value);
  }
  return { fields, contentLength };
}

/** Fields of a whole answer that is not stored, with the right length. */
function wholeFields({ head, body }: Extract<Answer, { kind: 'whole' }>, method: string): string[] {
  const { fields, contentLength } = passedFields(head.fields, false);
  // Without a body to count, an answer to HEAD, or a 304, may still state the length of the omitted body.
  const silent = body === undefined && (method === 'HEAD' || head.status === 304);
  const length = silent ? contentLength : (body?.length ?? 0);
  if (length !== undefined && head.status !== 204) fields.push(CONTENT_LENGTH, String(length));
  return fields;
}

/** Fields that no trailer may carry: framing, routing, authentication, content (RFC 9110 §6.5.1). */
const NEVER_TRAILERS: ReadonlySet<string> = new Set(
  `authorization cache-control content-encoding content-length content-range content-type host set-cookie trailer
   transfer-encoding www-authenticate`.split(/\s+/),
);

/** Pairs for `addTrailers`; leaves out fields that cannot be trailers. */
export function trailerPairs(trailers: Fields): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < trailers.length; at += 2) {
    const [name, value] = trailers.slice(at, at + 2) as [string, string];
    const isKept = NEVER_TRAILERS.has(name) || PER_CONNECTION.has(name) || isForGates(name);
    if (!isKept && isSendable(name, value)) pairs.push([name, value]);
  }
  return pairs;
}

/** RFC 9110 §5.1, §5.5. */
export function isSendable(name: string, value: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** A body up to this size is copied after its head, so that both leave in one write. */
const MAX_COPIED_BYTES = 32 * 1024;

interface Writing {
  readonly method: string;
  /** The lines about the connection, each with its CRLF. */
  readonly connection: string;
}

/** Writes the answer to a client's connection, with the first slice of its content. Returns the bytes of all content. */
export function writeAnswer(socket: Socket, answer: WholeAnswer, how: Writing): number {
  return answer.kind === 'stored' ? writeStored(socket, answer, how) : writeMade(socket, answer, how);
}

/** All content of an answer that has some. */
export function contentOf(answer: WholeAnswer): Uint8Array {
  return (answer.kind === 'stored' ? bodyOf(answer.entry) : answer.body) ?? NO_CONTENT;
}

const NO_CONTENT = new Uint8Array(0);

type OfKind<Kind> = Extract<WholeAnswer, { readonly kind: Kind }>;

function writeStored(socket: Socket, { entry, added }: OfKind<'stored'>, { method, connection }: Writing): number {
  const { bytes, headBytes, status } = entry;
  const first = `${statusLine(status)}${connection}`;
  // After the stored fields: our member of Cache-Status follows those of caches nearer the origin (RFC 9211 §2).
  const last = `${linesOf(added)}\r\n`;
  const fieldBytes = headBytes - EMPTY_LINE_BYTES;
  const bodyBytes = method === 'HEAD' || hasNoContent(status) ? 0 : bytes.length - headBytes;
  const copied = bodyBytes <= MAX_COPIED_BYTES ? bodyBytes : 0;
  const head = Buffer.allocUnsafe(first.length + fieldBytes + last.length + copied);
  head.write(first, 'latin1');
  head.set(bytes.subarray(0, fieldBytes), first.length);
  head.write(last, first.length + fieldBytes, 'latin1');
  if (copied > 0) head.set(bytes.subarray(headBytes), head.length - copied);
  if (bodyBytes === copied) socket.write(head);
  else writeBoth(socket, head, bytes.subarray(headBytes, headBytes + SLICE_BYTES));
  return bodyBytes;
}

function writeMade(socket: Socket, answer: OfKind<'whole'>, { method, connection }: Writing): number {
  const { head, body } = answer;
  const lines = `${statusLine(head.status)}${linesOf(wholeFields(answer, method))}${connection}\r\n`;
  if (method === 'HEAD' || hasNoContent(head.status) || body === undefined) {
    socket.write(lines, 'latin1');
    return 0;
  }
  writeBoth(socket, Buffer.from(lines, 'latin1'), body.subarray(0, SLICE_BYTES));
  return body.length;
}

function writeBoth(socket: Socket, head: Buffer, body: Uint8Array): void {
  socket.cork();
  socket.write(head);
  socket.write(asBuffer(body));
  socket.uncork();
}

/** A line for each field. */
export function linesOf(fields: Fields): string {
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) lines += `${fields[at]}: ${fields[at + 1]}\r\n`;
  return lines;
}

const statusLines = new Map<number, string>();

function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
    statusLines.set(status, line);
  }
  return line;
}
