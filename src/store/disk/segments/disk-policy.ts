// Decides which data leaves the disk for room: S3-FIFO (Yang et al., SOSP 2023) over whole segments. There are two queues of
// append-only segments. A new entry goes to the small one, a twelfth of the room, or to the main one if the ghost remembers
// it. So entries that are requested once pass through a twelfth of the disk. The oldest segment of one queue goes. Its used
// entries go on in the main queue, which costs writing them again; the others are dropped.
//
// Rewriting has a bound. A bound for each segment would cost the most just when most of the segment is worth keeping. So a
// segment of which nearly all is kept moves on whole, which writes nothing. For the others there is a credit of bytes to
// rewrite, earned by admitted bytes.

import { Ghost } from './ghost.ts';

/** A queue of segments. */
export type DiskQueue = 'small' | 'main';

/** Bytes in use by the segments of each queue. */
export interface QueueBytes {
  readonly small: number;
  readonly main: number;
}

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

export interface DiskPolicyOptions {
  readonly maxBytes: number;
  /** Length at which a segment is full. Default: `segmentBytes(maxBytes)`. */
  readonly segmentBytes?: number | undefined;
}

/** The policy. Hashes are of keys, with 32 well-spread bits. */
export class DiskPolicy {
  readonly #smallBytes: number;
  readonly #maxCredit: number;
  readonly #ghost: Ghost;
  #credit: number;

  constructor({ maxBytes, segmentBytes: fullBytes = segmentBytes(maxBytes) }: DiskPolicyOptions) {
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
  victim(bytes: QueueBytes): DiskQueue {
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
