// Malformed requests (RFC 9113 §8), field blocks (RFC 7541), and floods.

import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  fieldBlock,
  frameBytes,
  HEADERS,
  RST_STREAM,
} from '../../kit/h2-frames.ts';
import type { Row } from '../rows.ts';
import { connection, frame, GOT, LAST, rowsOf, type Short, setting, u32 } from './frames.ts';
import { type Fields, head } from './vectors.ts';

const MALFORMED =
  'stream PROTOCOL_ERROR or 400, goes on, nothing forwarded | stream PROTOCOL_ERROR, goes on, nothing forwarded | 400 or 501 or 421, goes on, nothing forwarded';
const DROPPED = {
  exception: {
    got: GOT,
    issue: 'nghttp2 leaves the field out: nodejs/node#52096, #56703, nghttp2/nghttp2#2871, #2877 (D52)',
  },
};
const malformed = (name: string, change: (get: Fields) => Fields, more = {}): Short => [
  name,
  MALFORMED,
  ({ get }) => [head(1, change(get))],
  more,
];
const without = (name: string) => malformed(`no ${name}`, (get) => get.filter(([one]) => one !== name));
const added = (name: string, value: string, more = {}) =>
  malformed(`${JSON.stringify(name)}: ${JSON.stringify(value)}`, (get) => [...get, [name, value]], more);
const as = (name: string, value: string) =>
  malformed(`${name} ${JSON.stringify(value)}`, (get) => get.map((one) => (one[0] === name ? [name, value] : one)));

export const FIELDS: readonly Row[] = rowsOf('RFC 9113 §8.2.1', [
  ...['Accept', 'X-A', 'accepT'].map((name) => added(name, 'y')),
  ...['x y', ' x', 'x:y', 'x\0', 'x\x7f', 'x\xe9', 'x(', '', ':x'].map((name) =>
    added(name, 'y', name === ':x' ? {} : DROPPED),
  ),
  ...['a\0b', 'a\nb', 'a\rb', 'a\r\nhost: b', '\n'].map((value) => added('x-a', value, DROPPED)),
  ...[' a', 'a ', '\ta', 'a\t'].map((value) => added('x-a', value)),
]);

export const REQUESTS: readonly Row[] = rowsOf('RFC 9113 §8.3', [
  ...[':method', ':scheme', ':path'].map(without),
  ...[':status', ':tide', ':Path', ':protocol'].map((name) => added(name, '200')),
  ...[':method', ':scheme', ':path', ':authority'].map((name) => added(name, 'GET')),
  malformed('a pseudo-field behind a field', (get) => [...get.slice(0, 3), ['x', 'y'], get[3] as Fields[number]]),
  as(':path', ''),
  as(':path', '*'),
  as(':path', 'x'),
  as(':path', '/a b'),
  as(':path', '/a\r\nx: y'),
  as(':path', 'https://attack.example/'),
  as(':method', 'G T'),
  as(':method', ''),
  as(':method', 'GET\r\n'),
  as(':authority', 'a/b'),
  as(':authority', 'a@b'),
  as(':authority', ''),
  as(':scheme', 'gopher'),
  as(':scheme', 'https://'),
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'].map((name) =>
    added(name, 'close'),
  ),
  added('te', 'gzip'),
  added('host', 'other.example'),
  added('content-length', '5'),
  added('content-length', '-1'),
  added('content-length', 'x'),
]);

const LENGTHS =
  'stream PROTOCOL_ERROR, goes on, nothing forwarded | connection PROTOCOL_ERROR, ended, nothing forwarded | nothing, ended, nothing forwarded';

export const CONTENT: readonly Row[] = rowsOf('RFC 9113 §8.1.1', [
  [
    'less content than its length',
    LENGTHS,
    ({ post }) => [
      head(1, [...post, ['content-length', '9']], END_HEADERS),
      frame(DATA, 1, Buffer.from('abc'), END_STREAM),
    ],
  ],
  [
    'more content than its length',
    LENGTHS,
    ({ post }) => [
      head(1, [...post, ['content-length', '2']], END_HEADERS),
      frame(DATA, 1, Buffer.from('abc'), END_STREAM),
    ],
    {
      exception: {
        got: 'connection INTERNAL_ERROR, ended, nothing forwarded',
        issue: 'node:http2 ends the connection in its own words (D52)',
      },
    },
  ],
  [
    'trailers without an end',
    LENGTHS,
    ({ post }) => [head(1, post, END_HEADERS), frame(DATA, 1, Buffer.from('abc')), head(1, [['x', 'y']], END_HEADERS)],
  ],
  [
    'a pseudo-field in trailers',
    LENGTHS,
    ({ post }) => [head(1, post, END_HEADERS), frame(DATA, 1, Buffer.from('abc')), head(1, [[':path', '/b']])],
  ],
]);

const block = (bytes: Uint8Array, flags = END_HEADERS | END_STREAM) => frameBytes(HEADERS, flags, [1, bytes]);
const COMPRESSION = connection('COMPRESSION_ERROR');

export const HPACK: readonly Row[] = rowsOf('RFC 7541', [
  ['the index 0', COMPRESSION, () => [block(Buffer.of(0x80))], LAST],
  ['an index beyond the tables', COMPRESSION, () => [block(Buffer.of(0xff, 0x80, 0x01))], LAST],
  ['an index without an end', COMPRESSION, () => [block(Buffer.alloc(20, 0xff))], LAST],
  ['a name longer than the block', COMPRESSION, () => [block(Buffer.of(0, 100, 97))], LAST],
  ['a table larger than its limit', COMPRESSION, () => [block(Buffer.of(0x3f, 0xff, 0xff, 0x03))], LAST],
  [
    'a size of the table behind a field',
    COMPRESSION,
    ({ get }) => [block(Buffer.concat([fieldBlock(...get), Buffer.of(0x20)]))],
    LAST,
  ],
  ['padding of Huffman code longer than 7 bits', COMPRESSION, () => [block(Buffer.of(0, 0x81, 0xff, 0))], LAST],
  [
    'one entry that is named 4,000 times',
    '431 or 400, goes on, nothing forwarded | connection ENHANCE_YOUR_CALM, ended, nothing forwarded | stream ENHANCE_YOUR_CALM, goes on, nothing forwarded | stream REFUSED_STREAM, goes on, nothing forwarded',
    ({ get }) => [
      block(
        Buffer.concat([
          fieldBlock(...get),
          Buffer.of(0x40, 1, 120, 127, 0xa1, 0x1e),
          Buffer.alloc(4_000, 121),
          Buffer.alloc(4_000, 0xbe),
        ]),
      ),
    ],
  ],
]);

const CALMED =
  'connection ENHANCE_YOUR_CALM or PROTOCOL_ERROR, ended, nothing forwarded | connection ENHANCE_YOUR_CALM, ended, nothing forwarded | connection PROTOCOL_ERROR, ended, nothing forwarded | nothing, ended, nothing forwarded | connection INTERNAL_ERROR, ended, nothing forwarded';
const times = (count: number, bytes: Uint8Array) => Buffer.concat(Array.from({ length: count }, () => bytes));

/** For 11 s in pieces: a look finds it after 10 s at most. */
const lasting = (bytes: Uint8Array) => Array.from({ length: 110 }, () => [bytes, 100]).flat();

export const FLOODS: readonly Row[] = rowsOf('RFC 9113 §10.5', [
  [
    '1,000 CONTINUATION',
    CALMED,
    ({ get }) => [head(1, get, END_STREAM), times(1_000, frame(CONTINUATION, 1, fieldBlock(['x', 'y'])))],
    LAST,
  ],
  [
    '10,000 empty CONTINUATION',
    CALMED,
    ({ get }) => [head(1, get, END_STREAM), times(10_000, frame(CONTINUATION, 1))],
    LAST,
  ],
  [
    '20,000 streams opened and reset',
    'connection ENHANCE_YOUR_CALM or INTERNAL_ERROR, ended, nothing forwarded | connection INTERNAL_ERROR, ended, nothing forwarded | connection ENHANCE_YOUR_CALM, ended, nothing forwarded | nothing, ended, nothing forwarded',
    ({ get }) => [
      Buffer.concat(
        Array.from({ length: 20_000 }, (_, at) =>
          Buffer.concat([
            head(2 * at + 1, [...get.slice(0, 3), [':path', '/probe']]),
            frame(RST_STREAM, 2 * at + 1, u32(8)),
          ]),
        ),
      ),
    ],
    LAST,
  ],
  [
    '10,000 SETTINGS',
    `${CALMED} | nothing, goes on, nothing forwarded`,
    () => [times(10_000, frame(4, 0, setting(3, 100)))],
  ],
  ...(
    [
      ['PING', frame(6, 0, Buffer.alloc(8))],
      ['WINDOW_UPDATE', frame(8, 0, u32(1))],
      ['PRIORITY', frame(2, 5, Buffer.of(0, 0, 0, 1, 1))],
    ] as const
  ).map(
    ([name, one]): Short => [
      `${name} for 11 s`,
      CALMED,
      () => lasting(times(1_000, one)),
      { ...LAST, withinMs: 4_000, rowMs: 20_000 },
    ],
  ),
]);
