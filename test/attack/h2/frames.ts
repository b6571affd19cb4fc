// Frames that break the rules of RFC 9113 §3 to §6.

import {
  DATA,
  END_HEADERS,
  frameBytes,
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
import { head, PREFACE, rowOf, type Vector } from './vectors.ts';

export type Short = readonly [name: string, expected: string, frames: Vector['frames'], more?: Partial<Vector>];

export const rowsOf = (rule: string, shorts: readonly Short[]): Row[] =>
  shorts.map(([name, expected, frames, more]) => rowOf(rule, { name, expected, frames, ...more }));

export const u32 = (...values: number[]) =>
  Buffer.concat(values.map((value) => Buffer.of(value >>> 24, value >> 16, value >> 8, value)));
export const setting = (id: number, value: number) => Buffer.concat([Buffer.of(id >> 8, id), u32(value)]);
export const frame = (type: number, stream: number, payload?: Uint8Array, flags = 0) =>
  frameBytes(type, flags, payload === undefined ? [stream] : [stream, payload]);
/** A frame with a length that its payload does not have. */
const lying = (bytes: Buffer, length: number) => {
  const copy = Buffer.from(bytes);
  copy.writeUIntBE(length, 0, 3);
  return copy;
};
// GOAWAY is a SHOULD (RFC 9113 §5.4.1): the end of the connection must come.
export const connection = (code: string) =>
  `connection ${code}, ended, nothing forwarded | nothing, ended, nothing forwarded`;
export const PROTOCOL = connection('PROTOCOL_ERROR');
const SIZE = connection('FRAME_SIZE_ERROR');
export const IGNORED = 'nothing, goes on, nothing forwarded';
export const GOT = '200, goes on, 1 forwarded';
export const LAST = { last: true };
/** RFC 9113 §3.4: GOAWAY may be left out, and node:http2 names no code of its own for it. */
const ANY_END = `${PROTOCOL} | connection INTERNAL_ERROR, ended, nothing forwarded`;

export const PREFACES: readonly Row[] = rowsOf('RFC 9113 §3.4', [
  ['no preface', ANY_END, ({ get }) => [head(1, get)], { bare: true, last: true }],
  [
    'a preface of HTTP/1.1',
    ANY_END,
    () => ['GET / HTTP/1.1\r\n\r\n'.padEnd(60)].map((text) => Buffer.from(text)),
    { bare: true, last: true },
  ],
  [
    'a preface with another byte',
    ANY_END,
    ({ get }) => [Buffer.concat([PREFACE.subarray(0, 23), Buffer.of(0x20), PREFACE.subarray(24)]), head(1, get)],
    { bare: true, last: true },
  ],
  [
    'no SETTINGS behind the preface',
    PROTOCOL,
    ({ get }) => [PREFACE.subarray(0, 24), head(1, get)],
    { bare: true, last: true },
  ],
  [
    'the preface in single bytes',
    GOT,
    ({ get }) => [...[...PREFACE].map((byte) => Buffer.of(byte)), head(1, get)],
    { bare: true },
  ],
  ['the preface twice', SIZE, ({ get }) => [PREFACE.subarray(0, 24), head(1, get)], LAST],
]);

export const SIZES: readonly Row[] = rowsOf('RFC 9113 §4.2', [
  ...[
    ['DATA', DATA, 1],
    ['HEADERS', HEADERS, 1],
    ['SETTINGS', SETTINGS, 0],
    ['an unknown type', 0xfa, 0],
    ['PUSH_PROMISE', PUSH_PROMISE, 1],
  ].map(
    ([name, type, stream]): Short => [
      `${name} of 16,385 bytes`,
      SIZE,
      () => [frame(type as number, stream as number, Buffer.alloc(16_385))],
      LAST,
    ],
  ),
  ...[0, 4, 7, 9, 16].map(
    (size): Short => [`PING of ${size} bytes`, SIZE, () => [frame(PING, 0, Buffer.alloc(size))], LAST],
  ),
  ...[0, 3, 5].map(
    (size): Short => [
      `RST_STREAM of ${size} bytes`,
      connection('FRAME_SIZE_ERROR').replace('nothing forwarded', 'nothing forwarded or 1 forwarded'),
      ({ post }) => [head(1, post, END_HEADERS), frame(RST_STREAM, 1, Buffer.alloc(size))],
      LAST,
    ],
  ),
  ...[0, 3, 5].map(
    (size): Short => [
      `WINDOW_UPDATE of ${size} bytes`,
      SIZE,
      () => [frame(WINDOW_UPDATE, 0, Buffer.alloc(size))],
      LAST,
    ],
  ),
  ...[1, 5, 7, 13].map(
    (size): Short => [`SETTINGS of ${size} bytes`, SIZE, () => [frame(SETTINGS, 0, Buffer.alloc(size))], LAST],
  ),
  ...[0, 4, 7].map(
    (size): Short => [`GOAWAY of ${size} bytes`, SIZE, () => [frame(GOAWAY, 0, Buffer.alloc(size))], LAST],
  ),
  [
    'PRIORITY of 4 bytes',
    'stream or connection FRAME_SIZE_ERROR, goes on or ended, nothing forwarded | connection FRAME_SIZE_ERROR, ended, nothing forwarded | stream FRAME_SIZE_ERROR, goes on, nothing forwarded',
    () => [frame(PRIORITY, 1, Buffer.alloc(4))],
    LAST,
  ],
  ['an acknowledgement of SETTINGS with content', SIZE, () => [frame(SETTINGS, 0, setting(3, 1), 1)], LAST],
  ['a length of 16 MiB', SIZE, () => [lying(frame(DATA, 1, Buffer.alloc(10)), 0xffffff)], LAST],
  [
    'HEADERS of 16,384 bytes',
    `431 or 400, goes on, nothing forwarded | 200, goes on, 1 forwarded`,
    ({ get }) => [head(1, [...get, ['x', 'y'.repeat(15_000)]])],
  ],
]);
