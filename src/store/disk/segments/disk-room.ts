// The room on the disk: whether the tier takes more bytes, what follows from a write that failed or worked, and which data
// leaves for room.
//
// What leaves is decided by S3-FIFO (Yang et al., SOSP 2023) over whole segments. There are two queues of
// append-only segments. A new entry goes to the small one, a twelfth of the room, or to the main one if the ghost remembers
// it. So entries that are requested once pass through a twelfth of the disk. The oldest segment of one queue goes. Its used
// entries go on in the main queue, which costs writing them again; the others are dropped.
//
// Rewriting has a bound. A bound for each segment would cost the most just when most of the segment is worth keeping. So a
// segment of which nearly all is kept moves on whole, which writes nothing. For the others there is a credit of bytes to
// rewrite, earned by admitted bytes.

import { AgedNumbers, WAYS } from '../../eviction.ts';
import type { DiskPlatform, DiskQueue } from '../contract.ts';
import { Capacity, DiskBackOff, isFull } from './full-disk.ts';
import type { Segments } from './segments.ts';

/** Frequencies count up to this: each get adds one. */
export const MAX_DISK_FREQUENCY = 3;

const SEGMENTS = 64;
const MIN_SEGMENT_BYTES = 2 ** 20;
const MAX_SEGMENT_BYTES = 2 ** 27;

/** Length at which a segment is full. `minBytes`: for a replay of caches smaller than any real one. */
export function segmentBytes(maxBytes: number, minBytes = MIN_SEGMENT_BYTES): number {
  return Math.ceil(Math.min(MAX_SEGMENT_BYTES, Math.max(minBytes, maxBytes / SEGMENTS)));
}

const SMALL_PART = 0.08;
/** Bytes that the ghost remembers, as a multiple of the disk's: it holds as much as was dropped in that time. */
const GHOST_PART = 3;
/** A get within the small queue is worth little: many entries are requested twice within a moment, and never again. */
const KEPT_FROM: { readonly [queue in DiskQueue]: number } = { small: 2, main: 1 };
/** A segment moves whole if at least this part of its bytes would be kept. */
const MOVED_FROM = 0.9;
/** Bytes that may be rewritten for each admitted byte: at most 1.4 times the admitted bytes are ever written. */
const REWRITTEN_PART = 0.4;
/** Upper limit of the credit, in segments: one burst of evictions may rewrite this much. */
const MAX_CREDIT_SEGMENTS = 4;

/** The policy. Hashes are of keys, with 32 well-spread bits. */
export class DiskPolicy {
  readonly #smallBytes: number;
  readonly #maxCredit: number;
  readonly #ghost: Ghost;
  #credit: number;

  /** `segmentBytes`: length at which a segment is full. */
  constructor(size: { readonly maxBytes: number; readonly segmentBytes?: number }) {
    const { maxBytes, segmentBytes: fullBytes = segmentBytes(maxBytes) } = size;
    this.#smallBytes = SMALL_PART * maxBytes;
    this.#maxCredit = MAX_CREDIT_SEGMENTS * fullBytes;
    this.#credit = this.#maxCredit;
    this.#ghost = new Ghost(GHOST_PART * maxBytes);
  }

  /**
   * The queue to which an entry of this length is appended; call once per entry. A recently dropped entry has proved its
   * worth.
   */
  queueFor(hash: number, bytes: number): DiskQueue {
    this.#credit = Math.min(this.#credit + REWRITTEN_PART * bytes, this.#maxCredit);
    return this.#ghost.recall(hash) ? 'main' : 'small';
  }

  /** The queue whose oldest segment goes. Call when there is no room; at least one queue must hold something. */
  victim(bytes: Segments['queueBytes']): DiskQueue {
    if (bytes.main === 0) return 'small';
    return bytes.small > this.#smallBytes ? 'small' : 'main';
  }

  /** The fate of an entry whose segment goes: the main queue keeps it, or it is dropped. */
  fate(queue: DiskQueue, frequency: number): 'keep' | 'drop' {
    return frequency >= KEPT_FROM[queue] ? 'keep' : 'drop';
  }

  /**
   * The fate of the segment itself, from the bytes of its entries that are to be kept. `move`: the segment goes to the end
   * of the main queue as it is, with all its entries, which get their `frequencyAfter`. `rewrite`: kept entries are appended
   * to the main queue if `mayRewrite` allows it; the others are dropped, and then the segment is removed.
   */
  segmentFate(bytes: { readonly kept: number; readonly all: number }): 'move' | 'rewrite' {
    return bytes.kept >= MOVED_FROM * bytes.all ? 'move' : 'rewrite';
  }

  /** The new frequency of an entry that is kept, or whose segment moves. In the main queue it must be used again. */
  frequencyAfter(queue: DiskQueue, frequency: number): number {
    return queue === 'small' ? 0 : Math.max(0, frequency - 1);
  }

  /** Whether a kept entry may be written again; takes its bytes from the credit. */
  mayRewrite(bytes: number): boolean {
    if (this.#credit <= 0) return false;
    this.#credit -= bytes;
    return true;
  }

  /** Call when the entry has left the queue for room. */
  dropped(hash: number, bytes: number, queue: DiskQueue): void {
    // Entries that leave the main queue have had their time there.
    if (queue === 'small') this.#ghost.remember(hash, bytes);
  }
}

const FIRST_SETS = 128;
/** A bound of some 100 MB. */
const MAX_SETS = 2 ** 21;
const MIN_GROWTH = 1.5;
/** The table grows when the valuable entries it lost exceed this part of its places. It always loses a few, by chance. */
const LOST_PART = 1 / 8;
/** Ages are counted in this part of the bytes, modulo 2^16: after 64 times as many bytes an old place may look new. */
const TICKS = 2 ** 10;
const TICK_MASK = 0xffff;

/**
 * The disk policy's memory of entries that are gone: the hashes of their keys, until a set number of bytes of others have
 * gone after them. Six bytes each in typed arrays, which the garbage collector does not walk.
 *
 * The number of entries in those bytes is known only as they come. The table grows at once to the size that their mean size
 * requires, and not step by step, since each step copies it.
 */
export class Ghost {
  readonly #maxBytes: number;
  /** Bytes of everything ever remembered. */
  #bytes = 0;
  /** Since the last count: entries remembered, their bytes, and entries pushed out before their time. */
  #count = 0;
  #countedBytes = 0;
  #lost = 0;
  /** Ticks at which the entries were remembered. */
  readonly #born = new AgedNumbers(Uint16Array, (born) => this.#isAlive(born));

  constructor(maxBytes: number) {
    this.#maxBytes = Math.max(1, maxBytes);
    this.#born.resize(FIRST_SETS);
  }

  get memoryBytes(): number {
    return this.#born.memoryBytes;
  }

  remember(hash: number, bytes: number): void {
    const { sets } = this.#born;
    this.#bytes += bytes;
    if (this.#countedBytes > this.#maxBytes) this.#countAnew();
    this.#countedBytes += bytes;
    this.#count++;
    if (this.#isAlive(this.#born.oldest(hash >>> 0))) this.#lost++;
    if (this.#lost > LOST_PART * WAYS * sets && sets < MAX_SETS) {
      const expected = (this.#maxBytes * this.#count) / this.#countedBytes / WAYS;
      this.#born.resize(Math.min(MAX_SETS, Math.ceil(Math.max(MIN_GROWTH * sets, expected))));
      this.#countAnew();
    }
    this.#born.remember(hash >>> 0, this.#now());
  }

  /** Whether the hash is remembered; it is then forgotten. */
  recall(hash: number): boolean {
    return this.#born.recall(hash >>> 0) !== 0;
  }

  #now(): number {
    return Math.floor((this.#bytes / this.#maxBytes) * TICKS) % TICK_MASK || TICK_MASK;
  }

  #isAlive(born: number): boolean {
    const age = this.#now() - born;
    return born !== 0 && (age < 0 ? age + TICK_MASK : age) <= TICKS;
  }

  #countAnew(): void {
    this.#count = 0;
    this.#countedBytes = 0;
    this.#lost = 0;
  }
}

/** The store does not accept it, though nothing is wrong with the disk. */
class NoRoom extends Error {}

/** An entry above this part of the store is declined: it would push out all small entries. */
const LARGEST_PART = 1 / 4;

interface RoomParts {
  readonly segments: Segments;
  readonly batches: { readonly isOverloaded: boolean; freed(): void };
  /** Makes room; `isDiskFull`: by at least one segment. */
  readonly evict: (isDiskFull: boolean) => void;
}

export class DiskRoom {
  readonly #platform: DiskPlatform;
  readonly #parts: RoomParts;
  readonly backOff: DiskBackOff;
  readonly #capacity: Capacity;
  /** Number of entries and bodies not accepted. */
  declined = 0;
  /** Bytes of large bodies that no entry names yet. */
  unnamedBytes = 0;

  constructor(platform: DiskPlatform, parts: RoomParts) {
    this.#platform = platform;
    this.#parts = parts;
    this.backOff = new DiskBackOff(platform);
    this.#capacity = new Capacity(platform);
  }

  /** Bytes in use, including bodies that are being written. */
  get usedBytes(): number {
    const { small, main } = this.#parts.segments.queueBytes;
    return small + main + this.unnamedBytes;
  }

  get isExceeded(): boolean {
    return this.usedBytes > this.#capacity.bytes;
  }

  /** Why a body or entry of this length is not accepted. Undefined when it is. */
  refusal(bytes: number): Error | undefined {
    const { maxBytes, segmentBytes } = this.#platform;
    if (bytes > maxBytes * LARGEST_PART)
      return new NoRoom(`expected at most a quarter of ${maxBytes} bytes, got ${bytes}`);
    const isExceeded = this.usedBytes > this.#capacity.bytes + segmentBytes;
    const isClosed = this.backOff.isPaused || this.#parts.batches.isOverloaded || isExceeded;
    return isClosed ? new NoRoom('expected a disk with room, got one that is full') : undefined;
  }

  succeeded(bytes: number): void {
    this.backOff.succeeded();
    this.#capacity.wrote(bytes);
    if (this.isExceeded) this.#parts.evict(false);
  }

  failed(error: unknown): void {
    if (error instanceof NoRoom) this.declined++;
    else if (this.backOff.failed(error) && isFull(error)) return this.ranFull();
    // A write that failed may have used up room, and nothing is accepted while there is too little.
    if (this.isExceeded) this.#parts.evict(false);
  }

  /** The disk holds less than `maxBytes`: old entries go, so that new ones find room. */
  ranFull(): void {
    this.#capacity.ranFull(this.usedBytes);
    this.#parts.evict(true);
  }

  /** Files are gone: whoever waits for a disk that is no longer full goes on. */
  freed(): void {
    this.backOff.freed();
    this.#parts.batches.freed();
  }
}
