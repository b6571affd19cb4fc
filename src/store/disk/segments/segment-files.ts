// Names and headers of segment files.

import type { DiskFile } from '../contract.ts';
import type { DiskQueue } from './disk-policy.ts';

export const SEGMENT_FOLDER = 'segments';

/** Magic and queue: the file says its queue to the next process. A damaged header counts as `small`, which goes first. */
export const SEGMENT_HEADER_BYTES = 8;
const SEGMENT_MAGIC = 0x53454754; // 'TGES'
const MAIN = 1;

export function segmentName(number: number): string {
  return `${SEGMENT_FOLDER}/${number}.seg`;
}

/** The number in a file's name. Undefined when the file is not a segment's. */
export function segmentNumber(name: string): number | undefined {
  const match = /^(\d{1,10})\.seg$/.exec(name);
  const number = Number(match?.[1]);
  return number > 0 && number < 2 ** 32 ? number : undefined;
}

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
