// Reads the most frequent heads without node:http: GET and HEAD in origin-form over HTTP/1.1, every byte visible
// ASCII, one line a field. The grammar is narrower than that of any lenient parser, and any other head goes to
// node:http instead of being refused; so only one parser decides what is allowed.

import type { IncomingMessage } from 'node:http';

/** A head as `admit` takes it. */
export interface PlainHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: '1.1';
  readonly rawHeaders: readonly string[];
  /** Everything after the request line, unchanged. */
  readonly rest: string;
  /** Where the next request begins. */
  readonly end: number;
}

// Names are tokens; values hold no control but HTAB and no byte above 0x7e (RFC 9110 §5.1, §5.5; RFC 9112 §2.2, §3, §5).
const LINE = /^(GET|HEAD) (\/[!-~]*) HTTP\/1\.1\r\n/;
const FIELD_LINES = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~]*\r\n)+$/;

/** node:http finds the end of any content, however little and however announced (RFC 9112 §6.3). */
const ANNOUNCES_CONTENT = /^(?:content-length|transfer-encoding):/im;

/** Longer heads go to node:http and its limits. */
const MAX_HEAD_BYTES = 16 * 1024;

/**
 * Reads the head that begins at `start`; returns undefined when it is not plain or not complete. `last`: the head
 * before it on this connection, whose fields are usually equal byte for byte.
 */
export function readPlainHead(bytes: Buffer, start: number, last: PlainHead | undefined): PlainHead | undefined {
  const blank = bytes.indexOf('\r\n\r\n', start, 'latin1');
  if (blank < 0 || blank - start > MAX_HEAD_BYTES) return undefined;
  const text = bytes.toString('latin1', start, blank + 2);
  const line = LINE.exec(text);
  if (line === null) return undefined;
  const [{ length }, method, target] = line as unknown as [string, string, string];
  const rest = text.slice(length);
  const end = blank + 4;
  if (last !== undefined && last.rest === rest) {
    return { method, target, httpVersion: '1.1', rawHeaders: last.rawHeaders, rest: last.rest, end };
  }
  if (!FIELD_LINES.test(rest) || ANNOUNCES_CONTENT.test(rest)) return undefined;
  return { method, target, httpVersion: '1.1', rawHeaders: rawHeadersOf(rest), rest, end };
}

type HeadOfMessage = Pick<IncomingMessage, 'method' | 'url' | 'httpVersion'> & Pick<PlainHead, 'rawHeaders'>;

/** Two readers of one head must agree on it, or what one of them has checked says nothing about the other's request. */
export function isSameHead(head: Omit<PlainHead, 'rest' | 'end'>, message: HeadOfMessage): boolean {
  const { method, url, httpVersion, rawHeaders } = message;
  if (method !== head.method || url !== head.target || httpVersion !== head.httpVersion) return false;
  if (rawHeaders.length !== head.rawHeaders.length) return false;
  return rawHeaders.every((text, at) => text === head.rawHeaders[at]);
}

function rawHeadersOf(lines: string): string[] {
  const raw: string[] = [];
  let start = 0;
  while (start < lines.length) {
    const colon = lines.indexOf(':', start);
    const end = lines.indexOf('\r\n', colon);
    raw.push(lines.slice(start, colon), trimmed(lines, colon + 1, end));
    start = end + 2;
  }
  return raw;
}

/** Without optional white space at either end (RFC 9112 §5). */
function trimmed(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(char: number): boolean {
  return char === 0x20 || char === 0x09;
}
