// The files of the journal: the log of invalidations, the tail mark, and the sync that both wait for.
//
// The log is a header, then records, written from its beginning to its end.
//
// Two files take turns and are written over, so old records may follow the last one. Each record therefore has a serial
// number, and its checksum begins with the epoch. The log ends where a record does not continue the serial numbers of this
// epoch. The tail mark tells whether that is the right end.
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

/**
 * Changes with the format, and when a version begins to store entries under names that invalidations of the one before it leave
 * out. A log with another one counts as unreadable: nothing that the other version has stored is current.
 */
const MAGIC = Buffer.from('TGLOG 2\n', 'latin1');
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
    // A newer version's kind is unknown here, so the log ends before it.
    const step = STEP[change.kind] as number | undefined;
    if (step === undefined || next.serial !== last.serial + 1 || next.position !== last.position + step) break;
    records.push(next);
    last = next;
    at = end;
  }
  return records;
}

/** How far a change moves the position. */
const STEP: Readonly<Record<LogChange['kind'], number>> = { invalidate: 1, open: 0, close: 0 };

/** The end of a log. */
export function reachOf({ header, records }: LogContent): { readonly serial: number; readonly position: Position } {
  return records.at(-1) ?? { serial: header.serial, position: header.base };
}

const ROOM = new Uint8Array(256 * 1024);

export class LogFile {
  readonly #file: DiskFile;
  #room: number;
  bytes = 0;
  records = 0;

  private constructor(file: DiskFile) {
    this.#file = file;
    this.#room = file.size();
  }

  /** Overwrites the file of that name. `parts`: the header and the existing records. */
  static begin(folder: DiskFolder, name: string, parts: readonly Uint8Array[]): LogFile {
    const log = new LogFile(folder.open(name, { create: true }));
    try {
      log.append(Buffer.concat(parts));
      log.records = parts.length - 1;
      return log;
    } catch (error) {
      log.close();
      throw error;
    }
  }

  append(record: Uint8Array): void {
    while (this.bytes + record.length > this.#room) {
      this.#file.writeNow(ROOM, this.#room);
      this.#room += ROOM.length;
    }
    this.#file.writeNow(record, this.bytes);
    this.bytes += record.length;
    this.records++;
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}

/** How far the log has come. */
export interface LogEnd {
  readonly epoch: string;
  /** Serial number of the last record, and the log's position after it. */
  readonly serial: number;
  readonly position: Position;
}

export type TailMarkReading =
  | { readonly kind: 'exact'; readonly end: LogEnd }
  | { readonly kind: 'fenced' | 'damaged' | 'missing' };

const SLOT_MAGIC = 0x57544754;
/** Each slot has a block of the usual size, so that a write to one cannot damage the other. */
const SLOT_BYTES = 4096;
const FIXED_BYTES = 28;
const MAX_EPOCH_BYTES = 64;

/** A slot: crc, magic, state, length of the epoch, serial, position, epoch. */
function encodeSlot(state: 'exact' | 'fenced', { epoch, serial, position }: LogEnd): Buffer {
  const length = Buffer.byteLength(epoch);
  if (length > MAX_EPOCH_BYTES) throw new TypeError(`expected an epoch of ${MAX_EPOCH_BYTES} bytes, got ${length}`);
  const slot = Buffer.alloc(FIXED_BYTES + MAX_EPOCH_BYTES);
  slot.writeUInt32LE(SLOT_MAGIC, 4);
  slot.writeUInt16LE(state === 'exact' ? 1 : 2, 8);
  slot.writeUInt16LE(length, 10);
  slot.writeDoubleLE(serial, 12);
  slot.writeDoubleLE(position, 20);
  slot.write(epoch, FIXED_BYTES);
  slot.writeUInt32LE(crc32(slot.subarray(4)), 0);
  return slot;
}

function readSlot(file: DiskFile, slot: number): { readonly state: number; readonly end: LogEnd } | undefined {
  const bytes = Buffer.alloc(FIXED_BYTES + MAX_EPOCH_BYTES);
  if (file.readNow(bytes, slot * SLOT_BYTES) < bytes.length) return undefined;
  if (bytes.readUInt32LE(4) !== SLOT_MAGIC || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return undefined;
  const epoch = bytes.toString('utf8', FIXED_BYTES, FIXED_BYTES + bytes.readUInt16LE(10));
  const end = { epoch, serial: bytes.readDoubleLE(12), position: bytes.readDoubleLE(20) };
  return { state: bytes.readUInt16LE(8), end };
}

/** `file` is undefined when there is none. */
export function readTailMark(file: DiskFile | undefined): TailMarkReading {
  if (file === undefined || file.size() === 0) return { kind: 'missing' };
  const [one, other] = [readSlot(file, 0), readSlot(file, 1)];
  if (one === undefined || other === undefined) return { kind: 'damaged' };
  if (one.state !== 1 || other.state !== 1) return { kind: 'fenced' };
  if (one.end.epoch !== other.end.epoch) return { kind: 'damaged' };
  return { kind: 'exact', end: one.end.serial > other.end.serial ? one.end : other.end };
}

/**
 * The tail mark: a small file that says how far the log has come. It reveals a log that has lost its end, or a manifest that
 * has gone back in time.
 *
 * It is written in place, and a write may fail half way. So two slots take turns, each in a block of its own. An unreadable
 * slot makes everything unknown, since it may be the current one. 'fenced' says that the log could not be written, so
 * nothing on this disk may be trusted after a restart; writing it needs no room on the disk.
 */
export class TailMark {
  readonly #file: DiskFile;
  #turn = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Records how far the log has come. */
  advance(end: LogEnd): void {
    this.#turn = 1 - this.#turn;
    this.#file.writeNow(encodeSlot('exact', end), this.#turn * SLOT_BYTES);
  }

  /** Writes both slots, whatever they said before. */
  restate(state: 'exact' | 'fenced', end: LogEnd): void {
    const bytes = encodeSlot(state, end);
    this.#file.writeNow(bytes, 0);
    this.#file.writeNow(bytes, SLOT_BYTES);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}

/**
 * Lets many callers wait until their writes are durable, with one sync at a time for all of them. A sync covers only bytes
 * written before it began. So a caller that comes during a sync waits for the next one, and shares it with all others that
 * come meanwhile.
 */
export class GroupSync {
  readonly #sync: () => Promise<void>;
  #waiting: PromiseWithResolvers<void>[] = [];
  #wanted = false;
  #running = false;

  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** Makes sure that earlier writes become durable. */
  request(): void {
    this.#wanted = true;
    if (!this.#running) void this.#run();
  }

  /** Resolves when earlier writes are durable; rejects with the error that prevents it. */
  done(): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#waiting.push(waiting);
    this.request();
    return waiting.promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Callers in this same step share the first sync.
    await undefined;
    while (this.#wanted) {
      this.#wanted = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      try {
        await this.#sync();
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        for (const { reject } of waiting) reject(error as Error);
      }
    }
    this.#running = false;
  }
}
