// Content-Length (RFC 9110 §8.6, RFC 9112 §6.3): a number that two readers take differently is a second request.

import { FIN } from '../client.ts';
import type { Row } from '../rows.ts';
import { CARRIED_OUT, HOST_LINE, head, post, REFUSED, rowsOf, SMUGGLED, type Vector } from './vectors.ts';

/** A POST of this length whose content is a second request. */
function lengths(expected: string, values: readonly string[], content = 'abc'): Vector[] {
  return values.map((value) => [
    `Content-Length ${JSON.stringify(value)}`,
    expected,
    post([`Content-Length: ${value}`], content),
    { withinMs: 400 },
  ]);
}

const VALUES: readonly Vector[] = [
  ...lengths(CARRIED_OUT, ['3', ' 3', '3 ', '\t3\t', '003']),
  ...lengths(REFUSED, [
    '-3',
    '-0',
    '+3',
    '3.0',
    '3.',
    '.3',
    '3e0',
    '0x3',
    '0b11',
    '0o3',
    '3_0',
    '3a',
    'a',
    'three',
    '3;a=b',
    '"3"',
    "'3'",
  ]),
  ...lengths(REFUSED, [
    '3 3',
    '3\t3',
    '3,3',
    '3, 3',
    '3,4',
    '3,',
    ',3',
    '3,3,3',
    '3;3',
    '(3)',
    '',
    ' ',
    '%33',
    '&#51;',
    'NaN',
    'Infinity',
  ]),
  ...lengths(REFUSED, ['\x003', '3\0', '\v3', '3\f', '\xa03', '3\x85', '\xd9\xa3', '3\x7f', '\x083', '3\r', '3\n']),
  ...lengths('400 or 413, closed, nothing forwarded', ['4294967299', '9223372036854775807', '9223372036854775811']),
  ...lengths('400 or 413, closed, nothing forwarded', [
    '18446744073709551619',
    '99999999999999999999',
    '9'.repeat(400),
  ]),
  ...lengths('400 or 413, closed, nothing forwarded', ['1073741825', '9007199254740993', '0'.repeat(400)]),
];

const LINES: readonly Vector[] = [
  ['two equal lines', REFUSED, post(['Content-Length: 3', 'Content-Length: 3'], 'abc')],
  ['two lines that differ', REFUSED, post(['Content-Length: 3', 'Content-Length: 4'], `abc${SMUGGLED}`)],
  ['three equal lines', REFUSED, post(['Content-Length: 3', 'Content-Length: 3', 'Content-Length: 3'], 'abc')],
  [
    '0, and a line that says more',
    REFUSED,
    post(['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
  ],
  ['a second line with a space before the colon', REFUSED, post(['Content-Length: 3', 'Content-Length : 0'], 'abc')],
  ['a line with a space before the colon', REFUSED, post(['Content-Length : 3'], 'abc')],
  ['a folded line', REFUSED, post(['Content-Length:', ' 3'], 'abc')],
  ['a fold that adds a digit', REFUSED, post(['Content-Length: 3', ' 0'], 'abc')],
  ['a second line behind a bare CR', REFUSED, post(['X: a\rContent-Length: 0', 'Content-Length: 3'], 'abc')],
  ['a second line behind a bare LF', REFUSED, post(['X: a\nContent-Length: 0', 'Content-Length: 3'], 'abc')],
  ['a name in capitals', CARRIED_OUT, post(['CONTENT-LENGTH: 3'], 'abc')],
  [
    'Content_Length beside it, which is not forwarded',
    CARRIED_OUT,
    post(['Content_Length: 0', 'Content-Length: 3'], 'abc'),
  ],
  [
    'Content_Length alone, which is nothing',
    '200 400, closed, 1 forwarded',
    post(['Content_Length: 3'], 'abc '),
    { answers: 2 },
  ],
  [
    'Content-Length that Connection names',
    CARRIED_OUT,
    post(['Connection: content-length', 'Content-Length: 3'], 'abc'),
  ],
];

const CONTENT: readonly Vector[] = [
  ['no length and no content', CARRIED_OUT, post([])],
  ['0', CARRIED_OUT, post(['Content-Length: 0'])],
  [
    'less content than stated, and the end',
    'no answer or 400 or 408, closed, nothing forwarded',
    [post(['Content-Length: 9'], 'abc'), FIN],
  ],
  ['GET with content', REFUSED, head('GET PATH', `Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`)],
  [
    'HEAD with content',
    REFUSED,
    head('HEAD PATH', `Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`),
    { methods: ['HEAD'] },
  ],
  ['GET with a length of 0', CARRIED_OUT, head('GET PATH', 'Content-Length: 0\r\n\r\n')],
  [
    'DELETE whose content is a request',
    CARRIED_OUT,
    head('DELETE PATH', `Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`),
  ],
  [
    'OPTIONS whose content is a request',
    CARRIED_OUT,
    head('OPTIONS PATH', `Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`),
  ],
  ['POST whose content is a request', CARRIED_OUT, post([`Content-Length: ${SMUGGLED.length}`], SMUGGLED)],
  [
    'OPTIONS * whose content is a request',
    '200 or 400, open or closed, nothing forwarded',
    `OPTIONS * HTTP/1.1\r\n${HOST_LINE}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  ],
  [
    'content of a length in HTTP/1.0',
    '200, closed, 1 forwarded',
    `POST PATH HTTP/1.0\r\n${HOST_LINE}Content-Length: 3\r\n\r\nabc`,
  ],
];

export const LENGTHS: readonly Row[] = [
  ...rowsOf('RFC 9110 §8.6', VALUES),
  ...rowsOf('RFC 9112 §6.3', LINES),
  ...rowsOf('RFC 9112 §6.3 content', CONTENT),
];
