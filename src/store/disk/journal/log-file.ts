// The log of invalidations as a file: a header, then records, written from its beginning to its end.
//
// Two files take turns and are written over, so old records may follow the last one. Each record therefore has a serial
// number, and its checksum begins with the epoch. The log ends where a record does not continue the serial numbers of this
// epoch. The witness tells whether that is the right end.
//
// A file reserves room ahead, as zeros. So a full disk shows while there is still room to write in, and a sync has only bytes
// to bring to the disk and no new length.

import { crc32 } from 'node:zlib';
import type { LogChange, OpenIntent, Position } from '../../../ledger/log.ts';
import type { DiskFile, DiskFolder } from '../contract.ts';

/** The state at the beginning of the log. */
export interface LogHeader {
  readonly epoch: string;
  /** Position of the last invalidation before the first record; recorded in the manifest before the log begins. */
  readonly base: Position;
  /** Serial number of the last record before the first one here. Changes of every kind are counted. */
  readonly serial: number;
  readonly intents: readonly OpenIntent[];
}

export interface LogRecord {
  readonly serial: number;
  /** Position of the change. An intent's opening or closing has the position of the last invalidation before it. */
  readonly position: Position;
  readonly change: LogChange;
}

export interface LogContent {
  readonly header: LogHeader;
  readonly records: readonly LogRecord[];
}

/** Changes with the format. A log with another one counts as unreadable. */
const MAGIC = Buffer.from('TGLOG 1\n', 'latin1');
const HEADER_BYTES = MAGIC.length + 8;
/** Bytes of a record before its change: checksum of the rest, length of the change, serial number, position. */
const RECORD_BYTES = 24;

export function encodeHeader(header: LogHeader): Uint8Array {
  const payload = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.alloc(HEADER_BYTES + payload.length);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(payload.length, MAGIC.length);
  bytes.writeUInt32LE(crc32(payload, crc32(MAGIC)), MAGIC.length + 4);
  payload.copy(bytes, HEADER_BYTES);
  return bytes;
}

export function encodeRecord(epoch: string, { serial, position, change }: LogRecord): Uint8Array {
  const payload = JSON.stringify(change);
  const length = Buffer.byteLength(payload);
  const bytes = Buffer.allocUnsafe(RECORD_BYTES + length);
  bytes.writeUInt32LE(length, 4);
  bytes.writeDoubleLE(serial, 8);
  bytes.writeDoubleLE(position, 16);
  bytes.write(payload, RECORD_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(4), crc32(epoch)), 0);
  return bytes;
}

/** `end`: where the records begin. Returns undefined when there is no header. */
export function decodeHeader(bytes: Buffer): { readonly header: LogHeader; readonly end: number } | undefined {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const end = HEADER_BYTES + bytes.readUInt32LE(MAGIC.length);
  const payload = bytes.subarray(HEADER_BYTES, end);
  if (end > bytes.length || crc32(payload, crc32(MAGIC)) !== bytes.readUInt32LE(MAGIC.length + 4)) return undefined;
  return { header: JSON.parse(payload.toString()) as LogHeader, end };
}

/** Returns undefined when there is no header. */
export function decodeLog(bytes: Buffer): LogContent | undefined {
  const found = decodeHeader(bytes);
  return found && { header: found.header, records: recordsFrom(bytes.subarray(found.end), found.header) };
}

function recordsFrom(bytes: Buffer, { epoch, base, serial }: LogHeader): LogRecord[] {
  const records: LogRecord[] = [];
  const seed = crc32(epoch);
  let last: { serial: number; position: Position } = { serial, position: base };
  for (let at = 0; at + RECORD_BYTES <= bytes.length; ) {
    const end = at + RECORD_BYTES + bytes.readUInt32LE(at + 4);
    if (end > bytes.length || crc32(bytes.subarray(at + 4, end), seed) !== bytes.readUInt32LE(at)) break;
    const change = JSON.parse(bytes.toString('utf8', at + RECORD_BYTES, end)) as LogChange;
    const next = { serial: bytes.readDoubleLE(at + 8), position: bytes.readDoubleLE(at + 16), change };
    if (!follows(next, last)) break;
    records.push(next);
    last = next;
    at = end;
  }
  return records;
}

/** A newer version's kind is unknown here, so the log ends before it. */
function follows(next: LogRecord, last: { readonly serial: number; readonly position: Position }): boolean {
  const step = STEP[next.change.kind] as number | undefined;
  return step !== undefined && next.serial === last.serial + 1 && next.position === last.position + step;
}

/** How far a change moves the position. */
const STEP: Readonly<Record<LogChange['kind'], number>> = { invalidate: 1, open: 0, close: 0 };

/** The end of a log. */
export function reachOf({ header, records }: LogContent): { readonly serial: number; readonly position: Position } {
  const last = records.at(-1);
  return last === undefined ? { serial: header.serial, position: header.base } : last;
}

const ROOM = new Uint8Array(256 * 1024);

export class LogFile {
  readonly #file: DiskFile;
  #end = 0;
  #room: number;
  #records = 0;

  private constructor(file: DiskFile) {
    this.#file = file;
    this.#room = file.size();
  }

  /** Overwrites the file of that name. `parts`: the header and the existing records. */
  static begin(folder: DiskFolder, name: string, parts: readonly Uint8Array[]): LogFile {
    const log = new LogFile(folder.open(name, { create: true }));
    try {
      log.append(Buffer.concat(parts));
      log.#records = parts.length - 1;
      return log;
    } catch (error) {
      log.close();
      throw error;
    }
  }

  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#end;
  }

  append(record: Uint8Array): void {
    while (this.#end + record.length > this.#room) {
      this.#file.writeNow(ROOM, this.#room);
      this.#room += ROOM.length;
    }
    this.#file.writeNow(record, this.#end);
    this.#end += record.length;
    this.#records++;
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}
