// The bytes of a segment file: its header, then records (store/entry-record.ts), written and read with what Node has for it.

import { crc32 } from 'node:zlib';
import type { Entry } from '../../../entry/stored-response.ts';
import {
  decodeEntry,
  type EncodedRecord,
  encodeEntry,
  RECORD_FORMAT,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  type RecordFault,
  type RecordIdentity,
  type RecordPlatform,
  VARIANTS,
  WIDE,
} from '../../entry-record.ts';
import type { DiskFile, DiskQueue } from '../contract.ts';

/**
 * Records up to this length are written at once, and read at once while they are in the page cache: copying them takes less
 * than the way through the thread pool. A body of 64 KiB and its head fit.
 */
export const AT_ONCE_BYTES = 80 * 1024;

/** Magic and queue: the file says its queue to the next process. A damaged header counts as `small`, which goes first. */
export const SEGMENT_HEADER_BYTES = 8;
const SEGMENT_MAGIC = 0x53454754; // 'TGES'
const MAIN = 1;

export function segmentHeader(queue: DiskQueue): Uint8Array {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  header.writeUInt32LE(SEGMENT_MAGIC);
  header[4] = queue === 'main' ? MAIN : 0;
  return header;
}

/** Throws when the file cannot be read. */
export function queueOf(file: DiskFile): DiskQueue {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const read = file.readNow(header, 0);
  return read === header.length && header.readUInt32LE(0) === SEGMENT_MAGIC && header[4] === MAIN ? 'main' : 'small';
}

const NODE: RecordPlatform<Buffer> = {
  crc32,
  allocate: (length) => Buffer.allocUnsafe(length),
  writeText: (record, text, wide) => void record.write(text, RECORD_HEADER_BYTES, wide ? 'utf16le' : 'latin1'),
  readText: (record, wide, end) => record.toString(wide ? 'utf16le' : 'latin1', RECORD_HEADER_BYTES, end),
};

export function encodeRecord(entry: Entry, generation: number): EncodedRecord {
  return encodeEntry(entry, generation, NODE);
}

/** As `decodeEntry`. */
export function decodeRecord(record: Buffer, expected: RecordIdentity): Entry | RecordFault {
  return decodeEntry(record, expected, NODE);
}

/** The approximate length of its record. */
export function sizeOf(entry: Entry): number {
  if (entry.kind === 'response') return entry.bytes.length;
  let size = 0;
  for (const key of entry.variantKeys) size += key.length;
  return size;
}

/**
 * The header's values and the key, unverified: for a check that reads no bodies. `start`: the record's first bytes, which
 * reach to the end of the key.
 */
export function recordHeader(start: Buffer): { generation: number; bytes: number; key: string } | undefined {
  if (start.length < RECORD_HEADER_BYTES || start.readUInt32LE(0) !== RECORD_MAGIC || start[8] !== RECORD_FORMAT)
    return undefined;
  const textBytes = start.readUInt32LE(24);
  const bytes =
    RECORD_HEADER_BYTES + textBytes + start.readUInt32LE(28) + start.readUInt32LE(32) + start.readUInt32LE(36);
  const wide = ((start[9] as number) & WIDE) !== 0;
  const text = NODE.readText(start, wide, RECORD_HEADER_BYTES + textBytes);
  return { generation: start.readDoubleLE(16), bytes, key: text.slice(0, start.readUInt32LE(12)) };
}

/** Whether the record holds a list of variants. */
export function isListRecord(start: Buffer): boolean {
  return ((start[9] as number) & VARIANTS) !== 0;
}
