// Errors that a client causes, ranges and conditions, content with GET, and methods.

import type { OriginAnswer, Received } from '../origin.ts';
import type { Row } from '../rows.ts';
import { mirror, poisonRow } from './mirror.ts';

const FRESH = { 'cache-control': 'max-age=60' };

function has(request: Received, name: string): boolean {
  return request.fields.some(([each]) => each === name);
}

/** Answers that status to who sends X-Trigger, or a field of more than 2,000 characters. */
function provoked(status: number): (request: Received) => OriginAnswer {
  return (request) => {
    const isLong = request.fields.some(([, value]) => value.length > 2_000);
    if (isLong || has(request, 'x-trigger')) return { status, fields: FRESH, body: 'an error for all' };
    return mirror()(request);
  };
}

const ERRORS: readonly Row[] = [400, 407, 408, 411, 412, 413, 415, 416, 417, 421, 422, 425, 428, 429, 431, 511].flatMap(
  (status) => [
    poisonRow({
      name: `a field that causes ${status}`,
      rule: 'CPDoS',
      fields: ['X-Trigger: \x80'],
      origin: provoked(status),
      status: `${status}`,
    }),
    poisonRow({
      name: `a field of 4,000 bytes that causes ${status}`,
      rule: 'CPDoS',
      fields: [`X-Long: ${'a'.repeat(4_000)}`],
      origin: provoked(status),
      status: `${status}`,
    }),
  ],
);

const OVERSIZE: readonly Row[] = [
  poisonRow({
    name: 'fields of 60,000 bytes',
    rule: 'CPDoS',
    fields: [`X-Long: ${'a'.repeat(60_000)}`],
    origin: provoked(400),
    status: '431 or 400',
  }),
  poisonRow({
    name: '5,000 fields',
    rule: 'CPDoS',
    fields: Array.from({ length: 5_000 }, (_, at) => `X-${at}: a`),
    status: '431 or 400',
  }),
  ...['\x00', '\x07', '\x1b', '\x7f', '\r', '\x0b'].map((byte) =>
    poisonRow({
      name: `a field with ${JSON.stringify(byte)}`,
      rule: 'CPDoS',
      fields: [`X-Meta: a${byte}b`],
      status: '400',
    }),
  ),
];

/** Ten bytes with an ETag, in parts where that is asked. */
function ranged(request: Received): OriginAnswer {
  const text = '0123456789';
  const fields = { ...FRESH, etag: '"1"', 'accept-ranges': 'bytes' };
  const asked = request.fields.find(([name]) => name === 'range')?.[1];
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(asked ?? '') ?? [];
  if (asked === undefined) return { fields, body: text };
  if (first === undefined || Number(first) > 9) {
    return { status: 416, fields: { ...FRESH, 'content-range': 'bytes */10' }, body: 'no such range' };
  }
  const end = Math.min(9, last === '' ? 9 : Number(last));
  const range = `bytes ${first}-${end}/10`;
  return { status: 206, fields: { ...fields, 'content-range': range }, body: text.slice(Number(first), end + 1) };
}

const RANGES: readonly Row[] = [
  ...['0-3', '4-', '0-', '9-9', '10-', '99-', '-3', '0-1,3-4', '0-0,0-0,0-0', '3-1', 'x', ''].map((range) =>
    poisonRow({
      name: `Range: bytes=${range}`,
      rule: 'RFC 9111 §3.3',
      fields: [`Range: bytes=${range}`],
      origin: ranged,
      status: '200 or 206 or 416',
    }),
  ),
  poisonRow({
    name: 'Range: another unit',
    rule: 'RFC 9110 §14.2',
    fields: ['Range: pages=1-2'],
    origin: ranged,
    status: '200 or 416',
  }),
  poisonRow({
    name: 'two Range',
    rule: 'RFC 9110 §14.2',
    fields: ['Range: bytes=0-1', 'Range: bytes=4-5'],
    origin: ranged,
    status: '206 or 200 or 416 or 400',
  }),
  poisonRow({
    name: 'a part of a length that is a lie',
    rule: 'RFC 9111 §3.4',
    fields: ['Range: bytes=0-3'],
    status: '206',
    origin: lying,
  }),
];

/** States to a range that there were 1,000 bytes, so that the rest of what is stored is beyond the end. */
function lying(request: Received): OriginAnswer {
  const answer = ranged(request);
  const lie = answer.status === 206 && { 'content-range': 'bytes 0-9/1000' };
  return lie ? { ...answer, fields: { ...answer.fields, ...lie }, body: '0123456789' } : answer;
}

export const DAY = 'Sun, 06 Nov 1994 08:49:37 GMT';

/** Answers conditions in the plainest way. */
function conditional(request: Received): OriginAnswer {
  const fields = { ...FRESH, etag: '"1"', 'last-modified': DAY };
  if (has(request, 'if-match') || has(request, 'if-unmodified-since')) return { status: 412, fields, body: 'failed' };
  if (has(request, 'if-none-match') || has(request, 'if-modified-since')) return { status: 304, fields };
  return { fields, body: 'whole' };
}

const CONDITIONS: readonly Row[] = [
  'If-Match: "9"',
  'If-Match: *',
  'If-None-Match: "9"',
  'If-None-Match: "1"',
  'If-None-Match: *',
  'If-None-Match: W/"1"',
  `If-Modified-Since: ${DAY}`,
  'If-Modified-Since: never',
  `If-Unmodified-Since: ${DAY}`,
  'If-Range: "9"',
  'Expect: 100-continue',
  'Cache-Control: no-store',
  'Cache-Control: no-cache',
  'Cache-Control: only-if-cached',
  'Pragma: no-cache',
].map((field) =>
  poisonRow({
    name: `${field} to an origin that obeys it`,
    rule: 'RFC 9110 §13',
    fields: [field],
    origin: conditional,
    status: '200 or 304 or 412 or 504 or 100',
  }),
);

const CONTENT: readonly Row[] = [
  poisonRow({ name: 'GET with content', rule: 'fat GET', fields: ['Content-Length: 4'], body: 'evil', status: '400' }),
  poisonRow({
    name: 'GET with chunked content',
    rule: 'fat GET',
    fields: ['Transfer-Encoding: chunked'],
    body: '4\r\nevil\r\n0\r\n\r\n',
    status: '400',
  }),
  poisonRow({
    name: 'HEAD with content',
    rule: 'fat GET',
    line: (path) => `HEAD ${path} HTTP/1.1`,
    fields: ['Content-Length: 4'],
    body: 'evil',
    status: '400',
  }),
  poisonRow({
    name: 'GET with a form',
    rule: 'fat GET',
    fields: ['Content-Length: 4', 'Content-Type: application/x-www-form-urlencoded'],
    body: 'a=11',
    status: '400',
  }),
  ...['HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'].map((method) =>
    poisonRow({
      name: `${method} whose answer says max-age`,
      rule: 'RFC 9111 §3',
      line: (path) => `${method} ${path} HTTP/1.1`,
      fields: ['Content-Length: 0'],
    }),
  ),
  ...['PROPFIND', 'get', 'Get', 'TRACE', 'CONNECT', 'M-SEARCH', 'QUERY'].map((method) =>
    poisonRow({
      name: `${method} whose answer says max-age`,
      rule: 'RFC 9111 §3',
      line: (path) => `${method} ${path} HTTP/1.1`,
      status: '405 or 400 or 501',
    }),
  ),
];

export const REQUEST_ROWS: readonly Row[] = [ERRORS, OVERSIZE, RANGES, CONDITIONS, CONTENT].flat();
