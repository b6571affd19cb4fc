// Whole desynchronisation attacks: two requests in one stream of bytes, of which one reader sees another number than the next.

import { FIN } from '../client.ts';
import type { Row } from '../rows.ts';
import { HOST } from '../world.ts';
import { CARRIED_OUT, HOST_LINE, head, post, REFUSED, rowsOf, SMUGGLED, type Vector } from './vectors.ts';

const CHUNKED = 'Transfer-Encoding: chunked';
const END = '0\r\n\r\n';
const length = (text: string) => `Content-Length: ${text.length}`;
const sound = (method: string) => head(`${method} PATH`);

const DISAGREEMENTS: readonly Vector[] = [
  ['CL.TE', REFUSED, post([length(END + SMUGGLED), CHUNKED], END + SMUGGLED)],
  ['CL.TE with a prefix', REFUSED, post([length(`${END}G`), CHUNKED], `${END}G`) + SMUGGLED],
  ['TE.CL', REFUSED, post([CHUNKED, 'Content-Length: 4'], `5c\r\n${SMUGGLED}\r\n${END}`)],
  ['TE.CL, with the length first', REFUSED, post(['Content-Length: 4', CHUNKED], `5c\r\n${SMUGGLED}\r\n${END}`)],
  ...['xchunked', 'chunked, x', 'x, chunked', 'cow', ' chunked', '\tchunked', '"chunked"', 'identity', ''].map(
    (other): Vector => [
      `TE.TE with ${JSON.stringify(other)}`,
      '400 or 501, closed, nothing forwarded',
      post([CHUNKED, `Transfer-Encoding: ${other}`], END + SMUGGLED),
    ],
  ),
  ['TE.TE with a space before the colon', REFUSED, post([CHUNKED, 'Transfer-Encoding : x'], END + SMUGGLED)],
  ['TE.TE behind a bare LF', REFUSED, post([`X: a\n${CHUNKED}`, 'Content-Length: 3'], `abc${SMUGGLED}`)],
  ['TE.TE behind a fold', REFUSED, post(['Transfer-Encoding:', ' chunked', 'Content-Length: 3'], `abc${SMUGGLED}`)],
  ['CL.0', CARRIED_OUT, post([length(SMUGGLED)], SMUGGLED)],
  [
    'CL.0 with Connection: Content-Length',
    CARRIED_OUT,
    post([length(SMUGGLED), 'Connection: Content-Length'], SMUGGLED),
  ],
  [
    'CL.0 with Connection: keep-alive, Content-Length',
    CARRIED_OUT,
    post([length(SMUGGLED), 'Connection: keep-alive, Content-Length'], SMUGGLED),
  ],
  ['CL.0 by PUT', CARRIED_OUT, head('PUT PATH', `${length(SMUGGLED)}\r\n\r\n${SMUGGLED}`)],
  ['CL.0 by PATCH', CARRIED_OUT, head('PATCH PATH', `${length(SMUGGLED)}\r\n\r\n${SMUGGLED}`)],
  ['0.CL by a length with a sign', REFUSED, post([`Content-Length: +${SMUGGLED.length}`], SMUGGLED)],
  ['0.CL by a length with a space before the colon', REFUSED, post([`Content-Length : ${SMUGGLED.length}`], SMUGGLED)],
  ['0.CL by a folded length', REFUSED, post(['Content-Length:', ` ${SMUGGLED.length}`], SMUGGLED)],
  ['H.CL: a request as the content of a HEAD', REFUSED, head('HEAD PATH', `${length(SMUGGLED)}\r\n\r\n${SMUGGLED}`)],
  [
    'a chunk that ends in another place for who cuts sizes to 32 bits',
    'no answer or 400 or 413, open or closed, nothing forwarded',
    post([CHUNKED], `100000003\r\nabc\r\n${END}${SMUGGLED}`),
  ],
  [
    'a chunk that ends in another place for who reads on after a space',
    REFUSED,
    post([CHUNKED], `3 ${SMUGGLED.length}\r\nabc\r\n${END}${SMUGGLED}`),
  ],
];

const EXPECT: readonly Vector[] = [
  [
    'Expect: 100-continue, the content after 100',
    '100 200, open, 1 forwarded',
    [post(['Expect: 100-continue', 'Content-Length: 3']), 150, 'abc'],
  ],
  [
    'Expect: 100-continue, the content at once',
    '100 200 or 200, open, 1 forwarded',
    post(['Expect: 100-continue', 'Content-Length: 3'], 'abc'),
  ],
  [
    'Expect with a request as content',
    '100 200 or 200, open, 1 forwarded',
    post(['Expect: 100-continue', length(SMUGGLED)], SMUGGLED),
  ],
  ['Expect without content', '200, open or closed, 1 forwarded', post(['Expect: 100-continue', 'Content-Length: 0'])],
  ['Expect in a GET', '200, open or closed, 1 forwarded', head('GET PATH', 'Expect: 100-continue\r\n\r\n')],
  [
    'Expect in a GET, and a request after it',
    '200 200, open, 2 forwarded | 200, closed, 1 forwarded',
    head('GET PATH', `Expect: 100-continue\r\n\r\n${sound('DELETE')}`),
    { answers: 2 },
  ],
  ...['y', '100-continuey', 'y 100-continue', '100-continue, y', '100-continue;a=b', '200-ok', '100 -continue'].map(
    (value): Vector => [
      `Expect: ${value}`,
      '417, open or closed, nothing forwarded',
      post([`Expect: ${value}`, 'Content-Length: 3'], 'abc'),
    ],
  ),
  [
    'Expect: y, and a request as content',
    '417, open or closed, nothing forwarded',
    post(['Expect: y', length(SMUGGLED)], SMUGGLED),
  ],
  [
    'Expect twice',
    '417, open or closed, nothing forwarded',
    post(['Expect: 100-continue', 'Expect: 100-continue', 'Content-Length: 3'], 'abc'),
  ],
  [
    'an empty Expect',
    '200 or 417, open or closed, 1 forwarded or nothing forwarded',
    post(['Expect:', 'Content-Length: 3'], 'abc'),
  ],
];

const NO_UPGRADE = '200 or 501, open or closed, 1 forwarded or nothing forwarded';

const UPGRADES: readonly Vector[] = [
  [
    'Upgrade: h2c',
    NO_UPGRADE,
    head(
      'GET PATH',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n',
    ),
  ],
  [
    'Upgrade: h2c without naming its field',
    NO_UPGRADE,
    head('GET PATH', 'Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n'),
  ],
  [
    'Upgrade: websocket on a route without it',
    NO_UPGRADE,
    head(
      'GET PATH',
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    ),
  ],
  [
    'Upgrade: websocket with a wrong version',
    NO_UPGRADE,
    head(
      'GET PATH',
      `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: a\r\n\r\n${SMUGGLED}`,
    ),
  ],
  ['Upgrade: TLS/1.0', NO_UPGRADE, head('GET PATH', 'Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n')],
  ['Upgrade that Connection does not name', CARRIED_OUT, head('GET PATH', 'Upgrade: websocket\r\n\r\n')],
  [
    'Upgrade in a POST with a request as content',
    NO_UPGRADE,
    post(['Connection: Upgrade', 'Upgrade: websocket', length(SMUGGLED)], SMUGGLED),
  ],
];

const BAD = `GET /bad HTTP/1.1\r\n${HOST_LINE}X : a\r\n\r\n`;

const PIPELINES: readonly Vector[] = [
  ['two sound requests', '200 200, open, 2 forwarded', `${sound('GET')}${head('GET PATH?2')}`, { answers: 2 }],
  [
    'five sound requests',
    '200 200 200 200 200, open, 5 forwarded',
    [1, 2, 3, 4, 5].map((n) => head(`GET PATH?${n}`)).join(''),
    { answers: 5 },
  ],
  [
    'a POST and a GET',
    '200 200, open, 2 forwarded',
    `${post(['Content-Length: 3'], 'abc')}${head('GET PATH?2')}`,
    { answers: 2 },
  ],
  [
    'a chunked POST and a GET',
    '200 200, open, 2 forwarded',
    `${post([CHUNKED], `3\r\nabc\r\n${END}`)}${head('GET PATH?2')}`,
    { answers: 2 },
  ],
  ['a refused request, and a DELETE after it', REFUSED, BAD + SMUGGLED],
  ['a refused request, and a DELETE a little later', REFUSED, [BAD, 30, SMUGGLED]],
  ['a refused Host, and a DELETE after it', REFUSED, `GET PATH HTTP/1.1\r\nHost: a/b\r\n\r\n${SMUGGLED}`],
  ['a target that is refused, and a DELETE after it', REFUSED, head('GET PATH/a%2f..%2fb') + SMUGGLED],
  [
    'content on a GET that is refused, and a DELETE after it',
    REFUSED,
    head('GET PATH', `Content-Length: 3\r\n\r\nabc${SMUGGLED}`),
  ],
  [
    'a version that is refused, and a DELETE after it',
    '400 or 505, closed, nothing forwarded',
    `GET PATH HTTP/2.0\r\n${HOST_LINE}\r\n${SMUGGLED}`,
  ],
  [
    'a target too long, and a DELETE after it',
    '414, closed, nothing forwarded',
    head(`GET PATH?${'a'.repeat(9_000)}`) + SMUGGLED,
  ],
  [
    'too many fields, and a DELETE after them',
    '431, closed, nothing forwarded',
    head('GET PATH', `${'X: a\r\n'.repeat(150)}\r\n`) + SMUGGLED,
  ],
  [
    'content too large, and a DELETE after it',
    '413, closed, nothing forwarded',
    post(['Content-Length: 99999999999'], SMUGGLED),
  ],
  [
    'an unknown coding, and a DELETE after it',
    '400 or 501, closed, nothing forwarded',
    post(['Transfer-Encoding: gzip'], SMUGGLED),
  ],
  ['a broken chunk, and a DELETE after it', REFUSED, post([CHUNKED], `zz\r\n${SMUGGLED}`)],
  [
    'CONNECT, and a DELETE after it',
    '400 or 405 or 501, closed, nothing forwarded',
    `CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n${SMUGGLED}`,
  ],
  [
    'TRACE, and a DELETE after it',
    '405, closed, nothing forwarded | 405 200, open, 1 forwarded',
    `TRACE PATH HTTP/1.1\r\n${HOST_LINE}\r\n${SMUGGLED}`,
  ],
  [
    'an Upgrade that is refused, and a DELETE after it',
    '501, closed, nothing forwarded',
    head('GET PATH', `Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n${SMUGGLED}`),
  ],
  [
    'a sound request, a bad one, a DELETE',
    '200 400, closed, 1 forwarded',
    sound('GET') + BAD + SMUGGLED,
    { answers: 2 },
  ],
  [
    'a sound POST, a bad request, a DELETE',
    '200 400, closed, 1 forwarded',
    post(['Content-Length: 3'], 'abc') + BAD + SMUGGLED,
    { answers: 2 },
  ],
  [
    'Connection: close, and a DELETE after it',
    '200, closed, 1 forwarded',
    head('GET PATH', `Connection: close\r\n\r\n${SMUGGLED}`),
  ],
  [
    'Connection: close among others, and a DELETE after it',
    '200, closed, 1 forwarded',
    head('GET PATH', `Connection: x, close\r\n\r\n${SMUGGLED}`),
  ],
  ['HTTP/1.0, and a DELETE after it', '200, closed, 1 forwarded', `GET PATH HTTP/1.0\r\n${HOST_LINE}\r\n${SMUGGLED}`],
  ['a head, a pause, its content', CARRIED_OUT, [post(['Content-Length: 3']), 150, 'abc']],
  ['a head, a pause, a request as its content', CARRIED_OUT, [post([length(SMUGGLED)]), 150, SMUGGLED]],
  [
    'half a second request, and the end',
    'no answer or 200 or 200 400, closed, 1 forwarded',
    [sound('GET'), 'DELETE /smuggled HTT', FIN],
  ],
  ['bytes after a request that are none', '200 400, closed, 1 forwarded', `${sound('GET')}xyz\r\n\r\n`, { answers: 2 }],
  ['a field that looks like an empty line and a request', REFUSED, head('GET PATH', `X: a\r\n\n${SMUGGLED}`)],
  [
    'a request for another site on the same connection',
    '200 200, open, 2 forwarded',
    `${sound('GET')}GET PATH HTTP/1.1\r\nHost: other.example\r\n\r\n`,
    { answers: 2 },
  ],
  [
    'absolute-form for another site after a sound request',
    '200 400, closed, 1 forwarded',
    `${sound('GET')}GET http://other.example/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n${SMUGGLED}`,
    { answers: 2 },
  ],
];

export const SMUGGLING: readonly Row[] = [
  ...rowsOf('request smuggling', DISAGREEMENTS),
  ...rowsOf('RFC 9110 §10.1.1', EXPECT),
  ...rowsOf('RFC 9110 §7.8', UPGRADES),
  ...rowsOf('RFC 9112 §9.3', PIPELINES),
];
