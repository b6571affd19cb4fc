// The head of a stored response as bytes: `name: value CRLF` for each field line and an empty line at the end, in
// latin1, as HTTP/1.1 carries it. Head and body are adjacent, so a front may write both unchanged.

import type { Fields } from '../semantics/fields.ts';

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SPACE = 0x20;

/** Bytes that `encodeHead` writes for these fields. */
export function headLength(fields: Fields): number {
  let length = 2;
  for (let at = 0; at < fields.length; at += 2) {
    length += (fields[at] as string).length + (fields[at + 1] as string).length + 4;
  }
  return length;
}

/** Writes the fields at the start of `bytes`, which has room for `headLength(fields)`; returns the bytes written. */
export function encodeHead(fields: Fields, bytes: Uint8Array): number {
  let to = 0;
  for (let at = 0; at < fields.length; at += 2) {
    to = writeLatin1(fields[at] as string, bytes, to);
    bytes[to++] = COLON;
    bytes[to++] = SPACE;
    to = writeLatin1(fields[at + 1] as string, bytes, to);
    bytes[to++] = CR;
    bytes[to++] = LF;
  }
  bytes[to++] = CR;
  bytes[to++] = LF;
  return to;
}

function writeLatin1(text: string, bytes: Uint8Array, start: number): number {
  for (let at = 0; at < text.length; at++) bytes[start + at] = text.charCodeAt(at);
  return start + text.length;
}

/** Reads back what `encodeHead` wrote: the first `length` bytes. */
export function decodeHead(bytes: Uint8Array, length: number): string[] {
  const fields: string[] = [];
  const text = readLatin1(bytes, length);
  let start = 0;
  while (start < length - 2) {
    const colon = text.indexOf(':', start);
    const end = text.indexOf('\r\n', colon);
    fields.push(text.slice(start, colon), text.slice(colon + 2, end));
    start = end + 2;
  }
  return fields;
}

/** Argument lists longer than this may overflow the stack. */
const CHUNK_BYTES = 8192;

function readLatin1(bytes: Uint8Array, length: number): string {
  let text = '';
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, Math.min(length, at + CHUNK_BYTES));
    text += String.fromCharCode.apply(null, chunk as unknown as number[]);
  }
  return text;
}
