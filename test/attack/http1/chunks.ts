// Chunked content (RFC 9112 §7.1): sizes, extensions, ends of lines, trailers. What breaks the grammar must not be carried out:
// the origin gets no whole request, and what follows on the connection is not read.

import { FIN } from '../client.ts';
import type { Row } from '../rows.ts';
import { CARRIED_OUT, post, REFUSED, rowsOf, SMUGGLED, type Vector } from './vectors.ts';

function chunked(name: string, content: string, expected = REFUSED): Vector {
  return [name, expected, post(['Transfer-Encoding: chunked'], content), { withinMs: 500 }];
}

/** The size of a chunk of three bytes. */
function sizes(expected: string, texts: readonly string[]): Vector[] {
  return texts.map((text) => chunked(`a size of ${JSON.stringify(text)}`, `${text}\r\nabc\r\n0\r\n\r\n`, expected));
}

const UNFINISHED = 'no answer or 400 or 408, open or closed, nothing forwarded';
/** A size that no content reaches: waited for, or refused at once. */
const ENDLESS = 'no answer or 400 or 413, open or closed, nothing forwarded';
const TOO_LARGE = '400 or 413, closed, nothing forwarded';

const SIZES: readonly Vector[] = [
  ...sizes(CARRIED_OUT, ['3', '03', '00000003']),
  ...sizes(REFUSED, [
    '',
    ' 3',
    '\t3',
    '+3',
    '-3',
    '0x3',
    '0X3',
    'x3',
    '3_0',
    '3.0',
    '3,3',
    '3h',
    'g',
    'three',
    '3 3',
    '"3"',
    '\\x33',
  ]),
  ...sizes(REFUSED, [
    '3\t',
    '3 ',
    '3\0',
    '\x003',
    '3\v',
    '\xa03',
    '3\x85',
    '\xef\xbc\x93',
    '3\r',
    '3\n',
    '-0',
    '- 3',
    '%33',
  ]),
  ...sizes(ENDLESS, [
    'FFFFFFFFFFFFFFFF',
    'FFFFFFFFFFFFFFFE',
    '10000000000000000',
    '10000000000000003',
    '8000000000000003',
  ]),
  ...sizes(ENDLESS, ['100000003', '7FFFFFFFFFFFFFFF', '40000001', 'f'.repeat(100), `1${'0'.repeat(40)}3`]),
  ...sizes('200 or 400, open or closed, 1 forwarded or nothing forwarded', [`${'0'.repeat(40)}3`]),
  chunked('a size in capitals', 'A\r\nabcdefghij\r\n0\r\n\r\n', CARRIED_OUT),
  chunked('a size in small letters', 'a\r\nabcdefghij\r\n0\r\n\r\n', CARRIED_OUT),
  chunked('a thousand chunks', `${'1\r\na\r\n'.repeat(1_000)}0\r\n\r\n`, CARRIED_OUT),
  chunked('no content', '0\r\n\r\n', CARRIED_OUT),
  chunked('a last chunk of 000', '3\r\nabc\r\n000\r\n\r\n', CARRIED_OUT),
  chunked('a last chunk of 0x0', '3\r\nabc\r\n0x0\r\n\r\n'),
  chunked('a last chunk of -0', '3\r\nabc\r\n-0\r\n\r\n'),
  chunked('a last chunk of 0 and a space', '3\r\nabc\r\n0 \r\n\r\n'),
];

const LINES: readonly Vector[] = [
  chunked('LF after a size', '3\nabc\r\n0\r\n\r\n'),
  chunked('CR after a size', '3\rabc\r\n0\r\n\r\n'),
  chunked('LF after the content of a chunk', '3\r\nabc\n0\r\n\r\n'),
  chunked('CR after the content of a chunk', '3\r\nabc\r0\r\n\r\n'),
  chunked('nothing after the content of a chunk', '3\r\nabc0\r\n\r\n'),
  chunked('two bytes in place of CR LF', '3\r\nabcXX0\r\n\r\n'),
  chunked('more content than the size', '3\r\nabcdef\r\n0\r\n\r\n'),
  chunked('less content than the size', '5\r\nabc\r\n0\r\n\r\n'),
  chunked('an empty line between chunks', '3\r\nabc\r\n\r\n0\r\n\r\n'),
  chunked('an empty line before the first chunk', '\r\n3\r\nabc\r\n0\r\n\r\n'),
  chunked('LF after the last chunk', '3\r\nabc\r\n0\n\r\n'),
  chunked('LF as the end of it all', '3\r\nabc\r\n0\r\n\n'),
  chunked('CR CR LF as the end of it all', '3\r\nabc\r\n0\r\n\r\r\n'),
  chunked('LF for every end', '3\nabc\n0\n\n'),
  chunked('no last chunk', '3\r\nabc\r\n', UNFINISHED),
  chunked('no empty line after the last chunk', '3\r\nabc\r\n0\r\n', UNFINISHED),
  [
    'the end within a chunk',
    'no answer or 400, closed, nothing forwarded',
    [post(['Transfer-Encoding: chunked'], '5\r\nab'), FIN],
  ],
  [
    'the end after the last chunk',
    'no answer or 400, closed, nothing forwarded',
    [post(['Transfer-Encoding: chunked'], '0\r\n'), FIN],
  ],
  chunked('content that is a request without chunks', SMUGGLED),
  chunked('a request where the last chunk should be', `3\r\nabc\r\n${SMUGGLED}`),
  chunked('a broken size, and a request after it', `3x\r\nabc\r\n0\r\n\r\n${SMUGGLED}`),
  chunked('a request in place of trailers', `0\r\n${SMUGGLED}`),
];

const EXTENSIONS: readonly Vector[] = [
  ...[';a', ';a=b', ';a="b"', ';a=b;c="d;e"'].map((text) =>
    chunked(`the extension ${text}`, `3${text}\r\nabc\r\n0\r\n\r\n`, CARRIED_OUT),
  ),
  ...[';', ';;', ';a="b', ';a="b"c', ';a b', ';a=b c', ';a=\x01', ';\x00', ';a=\x7f', ';a\r=b', ';a\n=b', ',a=b'].map(
    (text) => chunked(`the extension ${JSON.stringify(text)}`, `3${text}\r\nabc\r\n0\r\n\r\n`),
  ),
  // Without a name or a value; a recipient ignores extensions that it does not know, and none is forwarded.
  ...[';=b', ';a='].map((text) =>
    chunked(`the extension ${text}`, `3${text}\r\nabc\r\n0\r\n\r\n`, `${REFUSED} | ${CARRIED_OUT}`),
  ),
  chunked('an extension that holds LF and a chunk', `3;a\nxx\r\nabc\r\n0\r\n\r\n${SMUGGLED}`),
  chunked('an extension of 20 KB', `3;${'a'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`, TOO_LARGE),
  chunked('a thousand extensions of 100 bytes', `${`1;${'a'.repeat(100)}\r\na\r\n`.repeat(1_000)}0\r\n\r\n`, TOO_LARGE),
  chunked('an extension of the last chunk', '3\r\nabc\r\n0;a=b\r\n\r\n', CARRIED_OUT),
];

const END = '3\r\nabc\r\n0\r\n';

const TRAILERS: readonly Vector[] = [
  chunked('a trailer', `${END}X: a\r\n\r\n`, CARRIED_OUT),
  ...[
    'Content-Length: 9',
    'Transfer-Encoding: gzip',
    'Host: other.example',
    'Authorization: a',
    'Cookie: a=b',
    'Connection: close',
  ]
    .concat(
      'X-Forwarded-Host: a',
      'Content-Type: text/html',
      'Trailer: a',
      'TE: a',
      'Expect: 100-continue',
      'Cache-Control: max-age=9',
    )
    .map((line) =>
      chunked(
        `the trailer ${line}`,
        `${END}${line}\r\n\r\n`,
        '200 or 400, open or closed, 1 forwarded or nothing forwarded',
      ),
    ),
  chunked('a trailer without a colon', `${END}X\r\n\r\n`),
  chunked('a trailer with an empty name', `${END}: a\r\n\r\n`),
  chunked('a trailer with a space before the colon', `${END}X : a\r\n\r\n`),
  chunked('a folded trailer', `${END}X: a\r\n b\r\n\r\n`),
  chunked('a trailer that ends with LF', `${END}X: a\n\r\n`),
  chunked('a trailer with a bare CR', `${END}X: a\rb\r\n\r\n`),
  chunked('a trailer with NUL', `${END}X: a\0b\r\n\r\n`),
  chunked(
    'trailers of 100 KB',
    `${END}${`X: ${'a'.repeat(1_000)}\r\n`.repeat(100)}\r\n`,
    '400 or 413 or 431, closed, nothing forwarded',
  ),
  chunked(
    '10,000 trailers',
    `${END}${'X: a\r\n'.repeat(10_000)}\r\n`,
    `400 or 413 or 431, closed, nothing forwarded | ${CARRIED_OUT}`,
  ),
];

export const CHUNKS: readonly Row[] = [
  ...rowsOf('RFC 9112 §7.1', [...SIZES, ...LINES]),
  ...rowsOf('RFC 9112 §7.1.1', EXTENSIONS),
  ...rowsOf('RFC 9112 §7.1.2', TRAILERS),
];
