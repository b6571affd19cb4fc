// Response fields for the client: drops the fields of the connection to the origin, and states the length anew where
// the body is known.

import type { StoredResponse } from '../../../entry/stored-response.ts';
import type { Answer } from '../../../ports.ts';
import type { Fields } from '../../../semantics/fields.ts';

/** RFC 9110 §7.6.1, and Transfer-Encoding, which Node writes itself. */
const PER_CONNECTION: ReadonlySet<string> = new Set(
  'connection keep-alive proxy-connection te transfer-encoding upgrade proxy-authenticate'.split(' '),
);

/** Statuses without content (RFC 9110 §6.4.1). */
export function hasNoContent(status: number): boolean {
  return status === 204 || status === 304;
}

/**
 * Fields of a stored response as sent; it holds no field of a connection (RFC 9111 §3.1). This reads the bytes of
 * entry/codec.ts, as decodeHead() does, but in a tenth of the time and with the right length.
 */
export function storedFields(entry: StoredResponse, added: Fields, bodyBytes: number): string[] {
  const fields: string[] = [];
  const { headBytes } = entry;
  const text = asBuffer(entry.bytes).toString('latin1', 0, headBytes);
  let start = 0;
  while (start < headBytes - 2) {
    const colon = text.indexOf(':', start);
    const end = text.indexOf('\r\n', colon);
    const name = text.slice(start, colon);
    if (name !== CONTENT_LENGTH) fields.push(name, text.slice(colon + 2, end));
    start = end + 2;
  }
  for (let at = 0; at < added.length; at++) fields.push(added[at] as string);
  if (entry.status !== 204) fields.push(CONTENT_LENGTH, String(bodyBytes));
  return fields;
}

/** The bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const CONTENT_LENGTH = 'content-length';

interface AnswerFields {
  readonly fields: string[];
  /** As the head states it; undefined when it states none, or no number. */
  readonly contentLength: number | undefined;
}

/** Fields of a head that comes from an origin or the gate, without Content-Length and, unless kept, Trailer. */
export function passedFields(from: Fields, keepTrailer: boolean): AnswerFields {
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

/** Fields of a whole answer, with the right length. */
export function wholeFields({ head, body }: Extract<Answer, { kind: 'whole' }>, method: string): string[] {
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
    const name = trailers[at] as string;
    const value = trailers[at + 1] as string;
    if (NEVER_TRAILERS.has(name) || PER_CONNECTION.has(name) || !isSendable(name, value)) continue;
    pairs.push([name, value]);
  }
  return pairs;
}

/** RFC 9110 §5.1, §5.5. */
export function isSendable(name: string, value: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}
