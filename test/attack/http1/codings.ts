// Transfer-Encoding (RFC 9112 §6.1): every spelling that one reader takes for chunked and another does not.

import type { Row } from '../rows.ts';
import { CARRIED_OUT, HOST_LINE, head, post, REFUSED, rowsOf, SMUGGLED, type Vector } from './vectors.ts';

const CONTENT = '3\r\nabc\r\n0\r\n\r\n';
const UNKNOWN = '400 or 501, closed, nothing forwarded';

function codings(expected: string, values: readonly string[]): Vector[] {
  return values.map((value) => [
    `Transfer-Encoding ${JSON.stringify(value)}`,
    expected,
    post([`Transfer-Encoding: ${value}`], CONTENT),
    { withinMs: 400 },
  ]);
}

const VALUES: readonly Vector[] = [
  ...codings(CARRIED_OUT, ['chunked', 'Chunked', 'CHUNKED', 'cHuNkEd', '  chunked ', '\tchunked']),
  ...codings(UNKNOWN, [
    'identity',
    'gzip',
    'deflate',
    'compress',
    'gzip, chunked',
    'deflate, chunked',
    'chunked, gzip',
    'br',
  ]),
  ...codings(UNKNOWN, [
    'chunked, chunked',
    'chunked,chunked',
    'identity, chunked',
    'chunked, identity',
    'chunked,',
    ',chunked',
    ', chunked',
  ]),
  ...codings(UNKNOWN, [
    'xchunked',
    'chunkedx',
    'x-chunked',
    'chunke',
    'chunked;',
    'chunked;q=1',
    'chunked; a=b',
    'chunked a',
    'a chunked',
  ]),
  ...codings(UNKNOWN, [
    '"chunked"',
    "'chunked'",
    '(chunked)',
    '[chunked]',
    'chunked=1',
    'chu nked',
    'chu\tnked',
    'chunked:',
    ':chunked',
  ]),
  ...codings(UNKNOWN, [
    '',
    ' ',
    ',',
    'trailers',
    'null',
    'none',
    '*',
    '%63hunked',
    'chun\xe2\x84\xaaed',
    '\xa0chunked',
    'chunked\x85',
  ]),
  ...codings(REFUSED, [
    'chunked\0',
    '\0chunked',
    '\vchunked',
    'chunked\v',
    'chunked\f',
    '\bchunked',
    'chunked\x7f',
    'chunked\r',
    'chunked\n',
  ]),
];

const TE = 'Transfer-Encoding: chunked';

const LINES: readonly Vector[] = [
  ['two lines of chunked', UNKNOWN, post([TE, TE], CONTENT)],
  ['identity and then chunked', UNKNOWN, post(['Transfer-Encoding: identity', TE], CONTENT)],
  ['chunked and then identity', UNKNOWN, post([TE, 'Transfer-Encoding: identity'], CONTENT)],
  ['chunked and then an unknown one', UNKNOWN, post([TE, 'Transfer-Encoding: x'], CONTENT)],
  ['an empty line and then chunked', UNKNOWN, post(['Transfer-Encoding:', TE], CONTENT)],
  ['a space before the colon', REFUSED, post(['Transfer-Encoding : chunked'], CONTENT)],
  ['a tab before the colon', REFUSED, post(['Transfer-Encoding\t: chunked'], CONTENT)],
  ['a folded line', REFUSED, post(['Transfer-Encoding:', ' chunked'], CONTENT)],
  ['a fold after it', REFUSED, post([TE, ' , identity'], CONTENT)],
  ['a line before which a space stands', REFUSED, post(['X: a', ' Transfer-Encoding: chunked'], CONTENT)],
  ['behind a bare CR', REFUSED, post(['X: a\rTransfer-Encoding: chunked'], CONTENT)],
  ['behind a bare LF', REFUSED, post(['X: a\nTransfer-Encoding: chunked'], CONTENT)],
  ['behind NUL', REFUSED, post(['X: a\0Transfer-Encoding: chunked'], CONTENT)],
  [
    'Transfer_Encoding, which is nothing',
    '200 400, closed, 1 forwarded',
    post(['Transfer_Encoding: chunked'], CONTENT),
    { answers: 2 },
  ],
  [
    'Transfer-Encodin, which is nothing',
    '200 400, closed, 1 forwarded',
    post(['Transfer-Encodin: chunked'], CONTENT),
    { answers: 2 },
  ],
  ['a name in capitals', CARRIED_OUT, post(['TRANSFER-ENCODING: chunked'], CONTENT)],
  ['with Content-Length before it', REFUSED, post(['Content-Length: 3', TE], CONTENT)],
  ['with Content-Length after it', REFUSED, post([TE, 'Content-Length: 3'], CONTENT)],
  ['with the right Content-Length', REFUSED, post([TE, `Content-Length: ${CONTENT.length}`], CONTENT)],
  ['with a Content-Length of 0', REFUSED, post(['Content-Length: 0', TE], CONTENT)],
  ['with Content_Length, which is not forwarded', CARRIED_OUT, post(['Content_Length: 3', TE], CONTENT)],
  ['an unknown one with Content-Length', UNKNOWN, post(['Content-Length: 3', 'Transfer-Encoding: x'], 'abc')],
  ['identity with Content-Length', UNKNOWN, post(['Content-Length: 3', 'Transfer-Encoding: identity'], 'abc')],
  ['that Connection names', CARRIED_OUT, post(['Connection: transfer-encoding', TE], CONTENT)],
  ['with TE: chunked', CARRIED_OUT, post(['TE: chunked', TE], CONTENT)],
  ['with Trailer: Content-Length', CARRIED_OUT, post(['Trailer: Content-Length', TE], CONTENT)],
  ['in HTTP/1.0', REFUSED, `POST PATH HTTP/1.0\r\n${HOST_LINE}${TE}\r\n\r\n${CONTENT}`],
  [
    'in HTTP/1.0 that is kept',
    REFUSED,
    `POST PATH HTTP/1.0\r\n${HOST_LINE}Connection: keep-alive\r\n${TE}\r\n\r\n${CONTENT}`,
  ],
  [
    'in HTTP/1.0 with Content-Length',
    REFUSED,
    `POST PATH HTTP/1.0\r\n${HOST_LINE}Content-Length: 3\r\n${TE}\r\n\r\n${CONTENT}`,
  ],
  ['in a GET', REFUSED, head('GET PATH', `${TE}\r\n\r\n${CONTENT}`)],
  ['in a HEAD', REFUSED, head('HEAD PATH', `${TE}\r\n\r\n${CONTENT}`), { methods: ['HEAD'] }],
  ['in a GET, with a request as content', REFUSED, head('GET PATH', `${TE}\r\n\r\n0\r\n\r\n${SMUGGLED}`)],
  ['in a DELETE', CARRIED_OUT, head('DELETE PATH', `${TE}\r\n\r\n${CONTENT}`)],
];

export const CODINGS: readonly Row[] = [...rowsOf('RFC 9112 §6.1', VALUES), ...rowsOf('RFC 9112 §6.3', LINES)];
