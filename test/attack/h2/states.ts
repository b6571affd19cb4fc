// Frames that the state of a connection or a stream does not allow, and each frame's own errors.

import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  fieldBlock,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../../kit/h2-frames.ts';
import type { Row } from '../rows.ts';
import { connection, frame, GOT, IGNORED, LAST, PROTOCOL, rowsOf, type Short, setting, u32 } from './frames.ts';
import { head, type Made } from './vectors.ts';

export const STREAM_IDS: readonly Row[] = rowsOf('RFC 9113 §5.1.1', [
  ...[2, 4, 100, 0x7ffffffe].map(
    (id): Short => [`HEADERS on stream ${id}`, PROTOCOL, ({ get }) => [head(id, get)], LAST],
  ),
  ['HEADERS on stream 0', PROTOCOL, ({ get }) => [head(0, get)], LAST],
  [
    'HEADERS on a lower stream',
    'connection PROTOCOL_ERROR or STREAM_CLOSED, ended, 1 forwarded | connection STREAM_CLOSED, ended, 1 forwarded',
    ({ get }) => [head(5, get), 100, head(3, get)],
    {
      ...LAST,
      exception: {
        got: '200, goes on, 1 forwarded',
        issue: 'nghttp2 takes a lower id for a closed stream and ignores the frame; nobody is asked for it (D52)',
      },
    },
  ],
  [
    'HEADERS on a lower stream at once',
    'connection PROTOCOL_ERROR, ended, nothing forwarded or 1 forwarded | connection STREAM_CLOSED, ended, nothing forwarded or 1 forwarded',
    ({ get }) => [Buffer.concat([head(5, get), head(3, get)])],
    {
      ...LAST,
      exception: {
        got: '200, goes on, 1 forwarded',
        issue: 'nghttp2 takes a lower id for a closed stream and ignores the frame; nobody is asked for it (D52)',
      },
    },
  ],
  [
    'HEADERS on the same stream again',
    'connection STREAM_CLOSED, ended, 1 forwarded | connection PROTOCOL_ERROR, ended, 1 forwarded | stream STREAM_CLOSED, goes on, 1 forwarded',
    ({ get }) => [head(1, get), 100, head(1, get)],
    {
      ...LAST,
      exception: {
        got: '200, goes on, 1 forwarded',
        issue: 'nghttp2 takes a lower id for a closed stream and ignores the frame; nobody is asked for it (D52)',
      },
    },
  ],
  [
    'the reserved bit of a stream',
    GOT,
    ({ get }) => [
      (() => {
        const bytes = head(1, get);
        bytes[5] = 0x80;
        return bytes;
      })(),
    ],
  ],
]);

const idle = (name: string, type: number, payload?: Uint8Array): Short => [
  `${name} on an idle stream`,
  PROTOCOL,
  () => [frame(type, 7, payload)],
  LAST,
];
const ENDED =
  'nothing, ended, nothing forwarded or 1 forwarded | connection STREAM_CLOSED, ended, nothing forwarded or 1 forwarded | connection PROTOCOL_ERROR, ended, nothing forwarded or 1 forwarded | stream STREAM_CLOSED, goes on, nothing forwarded or 1 forwarded';

export const STATES: readonly Row[] = rowsOf('RFC 9113 §5.1', [
  idle('DATA', DATA, Buffer.from('x')),
  idle('empty DATA', DATA),
  idle('RST_STREAM', RST_STREAM, u32(8)),
  idle('WINDOW_UPDATE', WINDOW_UPDATE, u32(1)),
  idle('CONTINUATION', CONTINUATION, fieldBlock(['x', 'y'])),
  ['PRIORITY on an idle stream', IGNORED, () => [frame(PRIORITY, 7, Buffer.of(0, 0, 0, 0, 1))]],
  [
    'DATA behind the end of a stream',
    ENDED,
    ({ get }) => [Buffer.concat([head(1, get), frame(DATA, 1, Buffer.from('x'))])],
    LAST,
  ],
  ['HEADERS behind the end of a stream', ENDED, ({ get }) => [Buffer.concat([head(1, get), head(1, get)])], LAST],
  [
    'CONTINUATION behind the end of a stream',
    ENDED,
    ({ get }) => [Buffer.concat([head(1, get), frame(CONTINUATION, 1, fieldBlock(['x', 'y']), END_HEADERS)])],
    LAST,
  ],
  [
    'DATA behind RST_STREAM',
    `${ENDED} | nothing, goes on, nothing forwarded`,
    ({ post }) => [
      Buffer.concat([
        head(1, post, END_HEADERS),
        frame(RST_STREAM, 1, u32(8)),
        frame(DATA, 1, Buffer.from('x'), END_STREAM),
      ]),
    ],
  ],
  ['WINDOW_UPDATE on a closed stream', GOT, ({ get }) => [head(1, get), 100, frame(WINDOW_UPDATE, 1, u32(1))]],
  ['RST_STREAM on a closed stream', GOT, ({ get }) => [head(1, get), 100, frame(RST_STREAM, 1, u32(8))]],
  [
    'a request that is reset at once',
    'nothing, goes on, nothing forwarded or 1 forwarded',
    ({ get }) => [Buffer.concat([head(1, get), frame(RST_STREAM, 1, u32(8))])],
  ],
]);

export const FRAMES: readonly Row[] = rowsOf('RFC 9113 §6', [
  ['DATA on stream 0', PROTOCOL, () => [frame(DATA, 0, Buffer.from('x'))], LAST],
  [
    'DATA with more padding than bytes',
    PROTOCOL,
    ({ post }) => [head(1, post, END_HEADERS), frame(DATA, 1, Buffer.of(5, 0), 8)],
    LAST,
  ],
  [
    'DATA with padding of its own length',
    PROTOCOL,
    ({ post }) => [head(1, post, END_HEADERS), frame(DATA, 1, Buffer.of(1), 8)],
    LAST,
  ],
  [
    'HEADERS with more padding than bytes',
    PROTOCOL,
    () => [frame(HEADERS, 1, Buffer.of(9, 0), 8 | END_HEADERS | END_STREAM)],
    LAST,
  ],
  [
    'HEADERS that depend on themselves',
    'nothing, ended, nothing forwarded | stream PROTOCOL_ERROR, goes on, nothing forwarded | connection PROTOCOL_ERROR, ended, nothing forwarded | 200, goes on, 1 forwarded',
    ({ get }) => [
      frame(HEADERS, 1, Buffer.concat([u32(1), Buffer.of(1), fieldBlock(...get)]), 0x20 | END_HEADERS | END_STREAM),
    ],
  ],
  [
    'HEADERS with padding and priority',
    GOT,
    ({ get }) => [
      frame(
        HEADERS,
        1,
        Buffer.concat([Buffer.of(2), u32(0), Buffer.of(1), fieldBlock(...get), Buffer.alloc(2)]),
        0x28 | END_HEADERS | END_STREAM,
      ),
    ],
  ],
  [
    'PRIORITY on stream 0',
    PROTOCOL,
    () => [frame(PRIORITY, 0, Buffer.of(0, 0, 0, 1, 1))],
    {
      ...LAST,
      exception: { got: 'nothing, goes on, nothing forwarded', issue: 'nghttp2 reads no PRIORITY any more (D52)' },
    },
  ],
  ['RST_STREAM on stream 0', PROTOCOL, () => [frame(RST_STREAM, 0, u32(8))], LAST],
  ['SETTINGS on stream 1', PROTOCOL, () => [frame(SETTINGS, 1, setting(3, 1))], LAST],
  ...[2, 3, 0xffffffff].map(
    (value): Short => [`ENABLE_PUSH of ${value}`, PROTOCOL, () => [frame(SETTINGS, 0, setting(2, value))], LAST],
  ),
  ['ENABLE_PUSH of 1 by a client', IGNORED, () => [frame(SETTINGS, 0, setting(2, 1))]],
  ...[0x80000000, 0xffffffff].map(
    (value): Short => [
      `INITIAL_WINDOW_SIZE of ${value}`,
      connection('FLOW_CONTROL_ERROR'),
      () => [frame(SETTINGS, 0, setting(4, value))],
      LAST,
    ],
  ),
  ...[0, 16_383, 16_777_216, 0xffffffff].map(
    (value): Short => [`MAX_FRAME_SIZE of ${value}`, PROTOCOL, () => [frame(SETTINGS, 0, setting(5, value))], LAST],
  ),
  ['ENABLE_CONNECT_PROTOCOL of 2', `${PROTOCOL} | ${IGNORED}`, () => [frame(SETTINGS, 0, setting(8, 2))]],
  ['an unknown setting', IGNORED, () => [frame(SETTINGS, 0, setting(0xfefe, 7))]],
  [
    'an acknowledgement of SETTINGS that nobody sent',
    `${PROTOCOL} | ${IGNORED}`,
    () => [frame(SETTINGS, 0, undefined, 1), frame(SETTINGS, 0, undefined, 1)],
  ],
  ['HEADER_TABLE_SIZE of 4 GiB', GOT, ({ get }) => [frame(SETTINGS, 0, setting(1, 0xffffffff)), head(1, get)]],
  ['a window of 0 for the answer', GOT, ({ get }) => [frame(SETTINGS, 0, setting(4, 0)), head(1, get)]],
  [
    'PUSH_PROMISE by a client',
    PROTOCOL,
    ({ get }) => [
      head(1, get, END_HEADERS),
      frame(PUSH_PROMISE, 1, Buffer.concat([u32(2), fieldBlock(...get)]), END_HEADERS),
    ],
    {
      ...LAST,
      expected: `${PROTOCOL} | connection PROTOCOL_ERROR, ended, 1 forwarded | 400, ended, nothing forwarded`,
    },
  ],
  ['PING on stream 1', PROTOCOL, () => [frame(PING, 1, Buffer.alloc(8))], LAST],
  [
    'an answer to PING that nobody sent',
    IGNORED,
    () => [frame(PING, 0, Buffer.alloc(8), 1)],
    {
      exception: {
        got: 'connection INTERNAL_ERROR, ended, nothing forwarded | nothing, ended, nothing forwarded',
        issue: 'node:http2 ends the connection (D52)',
      },
    },
  ],
  ['GOAWAY on stream 1', PROTOCOL, () => [frame(GOAWAY, 1, u32(0, 0))], LAST],
  ['WINDOW_UPDATE of 0 for the connection', PROTOCOL, () => [frame(WINDOW_UPDATE, 0, u32(0))], LAST],
  [
    'WINDOW_UPDATE of 0 for a stream',
    'nothing, ended, nothing forwarded | stream PROTOCOL_ERROR, goes on, nothing forwarded | connection PROTOCOL_ERROR, ended, nothing forwarded',
    ({ post }) => [head(1, post, END_HEADERS), frame(WINDOW_UPDATE, 1, u32(0))],
  ],
  [
    'a window of the connection beyond 2³¹-1',
    connection('FLOW_CONTROL_ERROR'),
    () => [frame(WINDOW_UPDATE, 0, u32(0x7fffffff))],
    LAST,
  ],
  [
    'a window of a stream beyond 2³¹-1',
    `stream FLOW_CONTROL_ERROR, goes on, nothing forwarded | ${connection('FLOW_CONTROL_ERROR')}`,
    ({ post }) => [head(1, post, END_HEADERS), frame(WINDOW_UPDATE, 1, u32(0x7fffffff))],
  ],
  ['CONTINUATION on stream 0', PROTOCOL, () => [frame(CONTINUATION, 0, undefined, END_HEADERS)], LAST],
  [
    'CONTINUATION without HEADERS',
    `${PROTOCOL} | connection PROTOCOL_ERROR, ended, 1 forwarded`,
    ({ post }) => [head(1, post, END_HEADERS), frame(CONTINUATION, 1, fieldBlock(['x', 'y']), END_HEADERS)],
    LAST,
  ],
  ...(
    [
      ['PING', frame(PING, 0, Buffer.alloc(8))],
      ['DATA', frame(DATA, 1, Buffer.from('x'))],
      ['HEADERS of another stream', frame(HEADERS, 3, fieldBlock(['x', 'y']), END_HEADERS)],
      ['CONTINUATION of another stream', frame(CONTINUATION, 3, fieldBlock(['x', 'y']), END_HEADERS)],
      ['an unknown frame', frame(0xfa, 0, Buffer.alloc(3))],
      ['SETTINGS', frame(SETTINGS, 0)],
      ['WINDOW_UPDATE', frame(WINDOW_UPDATE, 0, u32(1))],
    ] as const
  ).map(
    ([name, between]): Short => [
      `${name} within a head`,
      PROTOCOL,
      ({ get }: Made) => [head(1, get, END_STREAM), between, frame(CONTINUATION, 1, undefined, END_HEADERS)],
      LAST,
    ],
  ),
  [
    'a head in three pieces',
    GOT,
    ({ get }) => [
      head(1, get.slice(0, 2), END_STREAM),
      frame(CONTINUATION, 1, fieldBlock(...get.slice(2))),
      frame(CONTINUATION, 1, undefined, END_HEADERS),
    ],
  ],
  ['a frame of an unknown type', IGNORED, () => [frame(0xfa, 0, Buffer.alloc(100)), frame(0xfb, 9, Buffer.alloc(9))]],
  [
    'unknown flags',
    GOT,
    ({ get }) => [head(1, get, END_HEADERS | END_STREAM | 0xd2)],
    { expected: `${GOT} | ${PROTOCOL}` },
  ],
]);
