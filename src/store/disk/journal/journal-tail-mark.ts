// The witness: a small file that says how far the log of invalidations has come. It reveals a log that has lost its end, or
// a manifest that has gone back in time.
//
// It is written in place, and a write may fail half way. So two slots take turns, each in a block of its own. An unreadable
// slot makes everything unknown, since it may be the current one. 'fenced' says that the log could not be written, so
// nothing on this disk may be trusted after a restart; writing it needs no room on the disk.

import { crc32 } from 'node:zlib';
import type { Position } from '../../../ledger/log.ts';
import type { DiskFile } from '../contract.ts';

export interface Testimony {
  readonly epoch: string;
  /** Serial number of the last record, and the log's position after it. */
  readonly serial: number;
  readonly position: Position;
}

export type WitnessReading =
  | { readonly kind: 'exact'; readonly testimony: Testimony }
  | { readonly kind: 'fenced' | 'damaged' | 'missing' };

const MAGIC = 0x57544754;
/** Each slot has a block of the usual size, so that a write to one cannot damage the other. */
const SLOT_BYTES = 4096;
const FIXED_BYTES = 28;
const MAX_EPOCH_BYTES = 64;

/** A slot: crc, magic, state, length of the epoch, serial, position, epoch. */
function encodeSlot(state: 'exact' | 'fenced', { epoch, serial, position }: Testimony): Buffer {
  const length = Buffer.byteLength(epoch);
  if (length > MAX_EPOCH_BYTES) throw new TypeError(`expected an epoch of ${MAX_EPOCH_BYTES} bytes, got ${length}`);
  const slot = Buffer.alloc(FIXED_BYTES + MAX_EPOCH_BYTES);
  slot.writeUInt32LE(MAGIC, 4);
  slot.writeUInt16LE(state === 'exact' ? 1 : 2, 8);
  slot.writeUInt16LE(length, 10);
  slot.writeDoubleLE(serial, 12);
  slot.writeDoubleLE(position, 20);
  slot.write(epoch, FIXED_BYTES);
  slot.writeUInt32LE(crc32(slot.subarray(4)), 0);
  return slot;
}

type Slot = { readonly state: number; readonly testimony: Testimony } | undefined;

function readSlot(file: DiskFile, slot: number): Slot {
  const bytes = Buffer.alloc(FIXED_BYTES + MAX_EPOCH_BYTES);
  if (file.readNow(bytes, slot * SLOT_BYTES) < bytes.length) return undefined;
  if (bytes.readUInt32LE(4) !== MAGIC || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return undefined;
  const epoch = bytes.toString('utf8', FIXED_BYTES, FIXED_BYTES + bytes.readUInt16LE(10));
  const testimony = { epoch, serial: bytes.readDoubleLE(12), position: bytes.readDoubleLE(20) };
  return { state: bytes.readUInt16LE(8), testimony };
}

/** `file` is undefined when there is none. */
export function readWitness(file: DiskFile | undefined): WitnessReading {
  if (file === undefined || file.size() === 0) return { kind: 'missing' };
  const [one, other] = [readSlot(file, 0), readSlot(file, 1)];
  if (one === undefined || other === undefined) return { kind: 'damaged' };
  if (one.state !== 1 || other.state !== 1) return { kind: 'fenced' };
  if (one.testimony.epoch !== other.testimony.epoch) return { kind: 'damaged' };
  const last = one.testimony.serial > other.testimony.serial ? one : other;
  return { kind: 'exact', testimony: last.testimony };
}

export class Witness {
  readonly #file: DiskFile;
  #turn = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Records how far the log has come. */
  testify(testimony: Testimony): void {
    this.#turn = 1 - this.#turn;
    this.#file.writeNow(encodeSlot('exact', testimony), this.#turn * SLOT_BYTES);
  }

  /** Writes both slots, whatever they said before. */
  restate(state: 'exact' | 'fenced', testimony: Testimony): void {
    const bytes = encodeSlot(state, testimony);
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
