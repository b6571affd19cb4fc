// What stores outside Node do with bytes: records, checksums and digests without `Buffer` and without Node's modules.

import { RECORD_HEADER_BYTES, type RecordPlatform } from './entry-record.ts';

/** Longer lists of arguments may overflow the stack. */
const CHUNK_UNITS = 8192;

export const PORTABLE: RecordPlatform<Uint8Array> = {
  crc32,
  allocate: (length) => new Uint8Array(length),
  writeText(record, text, wide) {
    let at = RECORD_HEADER_BYTES;
    for (let unit = 0; unit < text.length; unit++) {
      const code = text.charCodeAt(unit);
      record[at++] = code;
      if (wide) record[at++] = code >>> 8;
    }
  },
  // Not by a TextDecoder: its latin1 is windows-1252, and its UTF-16 loses lone surrogates.
  readText(record, wide, end) {
    const unitBytes = wide ? 2 : 1;
    let text = '';
    const units: number[] = [];
    for (let at = RECORD_HEADER_BYTES; at + unitBytes <= end; at += unitBytes) {
      units.push((record[at] as number) | (wide ? (record[at + 1] as number) << 8 : 0));
      if (units.length < CHUNK_UNITS) continue;
      text += String.fromCharCode(...units);
      units.length = 0;
    }
    return text + String.fromCharCode(...units);
  },
};

let table: Uint32Array | undefined;

/** CRC-32 as in zlib, continued from that of earlier bytes. */
function crc32(bytes: Uint8Array, before = 0): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    return crc;
  });
  let crc = ~before;
  for (let at = 0; at < bytes.length; at++) {
    crc = (table[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** SHA-256 in hex. Lone surrogates of a text count as one character, so whoever looks up a text compares it. */
export async function digestOf(content: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  let hex = '';
  for (const byte of digest) hex += byte.toString(16).padStart(2, '0');
  return hex;
}
