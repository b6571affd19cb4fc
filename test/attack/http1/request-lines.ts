// Request lines (RFC 9112 §3), each part malformed in turn, and bytes that are no request at all.

import type { Row } from '../rows.ts';
import { CARRIED_OUT, HOST_LINE, head, REFUSED, rowsOf, SMUGGLED, shownByte, type Vector } from './vectors.ts';

/** The request line is the whole of these. */
function lines(expected: string, texts: readonly string[]): Vector[] {
  return texts.map((text) => [JSON.stringify(text.slice(0, 60)), expected, `${text}\r\n${HOST_LINE}\r\n`]);
}

const UNKNOWN_METHOD = '400 or 405 or 501, closed, nothing forwarded';
const OTHER_VERSION = '400 or 505, closed, nothing forwarded';

const BEFORE: readonly Vector[] = [
  ['a sound request', CARRIED_OUT, head('GET PATH')],
  ['an empty line before it', CARRIED_OUT, `\r\n${head('GET PATH')}`],
  ['a space before it', REFUSED, ` ${head('GET PATH')}`],
  ['a tab before it', REFUSED, `\t${head('GET PATH')}`],
  ['NUL before it', REFUSED, `\0${head('GET PATH')}`],
  ['a byte order mark before it', REFUSED, `\xef\xbb\xbf${head('GET PATH')}`],
  ['a field before it', REFUSED, `X: a\r\n${head('GET PATH')}`],
  [
    'a PROXY header, version 1, that nobody asked for',
    REFUSED,
    `PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n${head('GET PATH')}`,
  ],
  [
    'a PROXY header, version 2, that nobody asked for',
    REFUSED,
    `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x01\x01\x01\x02\x02\x02\x02\0\x01\0\x02${head('GET PATH')}`,
  ],
  ['a TLS hello', REFUSED, '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'],
  ['the banner of SSH', REFUSED, 'SSH-2.0-OpenSSH_9.6\r\n'],
  ['the preface of HTTP/2', OTHER_VERSION, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['an answer', REFUSED, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['bytes without sense', REFUSED, '\xfe\xed\xfa\xce\x00\x01\x02\x03\r\n\r\n'],
  ['half a request line, and silence', 'no answer, open, nothing forwarded', 'GET PATH HT', { withinMs: 200 }],
  [
    'half a head, and silence',
    'no answer, open, nothing forwarded',
    `GET PATH HTTP/1.1\r\n${HOST_LINE}`,
    { withinMs: 200 },
  ],
  [
    'a sound request byte by byte',
    CARRIED_OUT,
    [...head('GET /bytes')].flatMap((byte) => [byte, 1]),
    { withinMs: 2_000 },
  ],
];

const METHODS: readonly Vector[] = [
  ...lines(REFUSED, [' PATH HTTP/1.1', 'PATH HTTP/1.1', 'HTTP/1.1', 'GET', 'G@T PATH HTTP/1.1', 'GET: PATH HTTP/1.1']),
  ...lines(REFUSED, ['{GET} PATH HTTP/1.1', '"GET" PATH HTTP/1.1', 'GE\0T PATH HTTP/1.1', 'G\x80T PATH HTTP/1.1']),
  ...lines(UNKNOWN_METHOD, ['get PATH HTTP/1.1', 'Get PATH HTTP/1.1', 'FROB PATH HTTP/1.1', 'GETX PATH HTTP/1.1']),
  ...lines(UNKNOWN_METHOD, ['GE PATH HTTP/1.1', `${'A'.repeat(4_000)} PATH HTTP/1.1`, 'CONNECT a:443 HTTP/1.1']),
  ...lines(UNKNOWN_METHOD, [
    'CONNECT PATH HTTP/1.1',
    'CONNECT a: HTTP/1.1',
    'CONNECT a HTTP/1.1',
    'TRACK PATH HTTP/1.1',
  ]),
  ...lines('405, open or closed, nothing forwarded', ['TRACE PATH HTTP/1.1']),
  [
    'TRACE with Max-Forwards: 0',
    '405, open or closed, nothing forwarded',
    head('TRACE PATH', 'Max-Forwards: 0\r\n\r\n'),
  ],
  [
    'TRACE with content',
    '400 or 405, open or closed, nothing forwarded',
    head('TRACE PATH', 'Content-Length: 3\r\n\r\nabc'),
  ],
  ['CONNECT, and a request in the tunnel', UNKNOWN_METHOD, `CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n${SMUGGLED}`],
];

const SEPARATORS: readonly Vector[] = [
  // A recipient may parse on more than one space (RFC 9112 §3); what is forwarded has one.
  ...lines(`${REFUSED} | ${CARRIED_OUT}`, ['GET  PATH HTTP/1.1', 'GET PATH  HTTP/1.1']),
  ...lines(REFUSED, ['GET\tPATH\tHTTP/1.1', 'GET PATH\tHTTP/1.1']),
  ...lines(REFUSED, ['GET PATH\vHTTP/1.1', 'GET PATH\fHTTP/1.1', 'GET PATH\xa0HTTP/1.1', 'GET,PATH,HTTP/1.1']),
  ...lines(REFUSED, ['GET PATH HTTP/1.1 ', 'GET PATH HTTP/1.1\t', 'GET PATH HTTP/1.1 HTTP/1.1', 'GET PATH X HTTP/1.1']),
  ...lines(REFUSED, ['GET PATH\nHTTP/1.1', 'GET PATH\rHTTP/1.1', 'GET PATH HTTP/1.1\r', 'GET PATH HTTP/1.1\rX: a']),
  ['a request line that ends with LF', REFUSED, `GET PATH HTTP/1.1\n${HOST_LINE}\r\n`],
  ['a request line that ends with CR', REFUSED, `GET PATH HTTP/1.1\r${HOST_LINE}\r\n`],
];

const VERSIONS: readonly Vector[] = [
  ...lines(OTHER_VERSION, ['GET PATH http/1.1', 'GET PATH Http/1.1', 'GET PATH HTTP/1', 'GET PATH HTTP/1.']),
  ...lines(OTHER_VERSION, ['GET PATH HTTP/.1', 'GET PATH HTTP/01.1', 'GET PATH HTTP/1.01', 'GET PATH HTTP/1.10']),
  ...lines(OTHER_VERSION, ['GET PATH HTTP/11.1', 'GET PATH HTTP/1,1', 'GET PATH HTTP /1.1', 'GET PATH HTTP/ 1.1']),
  ...lines(OTHER_VERSION, ['GET PATH HTTP/+1.1', 'GET PATH HTTP/-1.1', 'GET PATH HTTP/1.1x', 'GET PATH HTTP/1.x']),
  ...lines(OTHER_VERSION, ['GET PATH HTTP/0.9', 'GET PATH HTTP/2.0', 'GET PATH HTTP/3.0', 'GET PATH HTTP/9.9']),
  ...lines(OTHER_VERSION, [
    'GET PATH HTTP/2',
    'GET PATH HTPP/1.1',
    'GET PATH RTSP/1.0',
    'GET PATH ICE/1.0',
    'GET PATH',
  ]),
  // RFC 9110 §2.5: a recipient understands a higher minor version as the highest that it knows.
  ...lines('200, open or closed, 1 forwarded', ['GET PATH HTTP/1.2', 'GET PATH HTTP/1.9']),
  ['HTTP/1.0 without Host', '200, closed, 1 forwarded', 'GET PATH HTTP/1.0\r\n\r\n'],
  ['HTTP/0.9', `no answer, open, nothing forwarded | ${OTHER_VERSION}`, 'GET PATH\r\n', { withinMs: 200 }],
  ['HTTP/0.9 with a request behind it', OTHER_VERSION, `GET PATH\r\n\r\n${SMUGGLED}`],
];

/** RFC 9110 §9.1: a method is a token. */
const METHOD_BYTES: readonly Vector[] = [...Buffer.from('"(),/:;<=>?@[\\]{}\x01\x1f\x7f\xff', 'latin1')].map((byte) => [
  `the byte ${shownByte(byte)} in a method`,
  REFUSED,
  head(`GE${String.fromCharCode(byte)}T PATH`),
]);

export const REQUEST_LINES: readonly Row[] = [
  ...rowsOf('RFC 9112 §2.2', BEFORE),
  ...rowsOf('RFC 9112 §3.1', [...METHODS, ...METHOD_BYTES]),
  ...rowsOf('RFC 9112 §3', SEPARATORS),
  ...rowsOf('RFC 9112 §2.3', VERSIONS),
];
