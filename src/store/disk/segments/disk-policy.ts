// What leaves the disk for room: S3-FIFO (Yang et al., SOSP 2023) over whole segments. There are two queues of append-only
// segments. A new entry goes to the small one, a twelfth of the room, and to the main one if the ghost remembers it: so
// what is asked for once passes through a twelfth of the disk. The oldest segment of one queue goes; of its entries those
// that were used go on in the main queue, which costs writing them again, and the others are dropped.
//
// The bound of what is written again. A bound for each segment would cost the most just when most of
// it is worth keeping. So a segment of which nearly all is kept moves on whole, which writes nothing; and what may be
// rewritten of the others is a credit, earned by what is admitted.

import { Ghost } from './ghost.ts';

/** A queue of segments. */
export type DiskQueue = 'small' | 'main';

/** Bytes in use by the segments of each queue. */
export interface QueueBytes {
  readonly small: number;
  readonly main: number;
}

/** Frequencies count up to this: one more with each get. */
export const MAX_DISK_FREQUENCY = 3;

const SEGMENTS = 64;
const MIN_SEGMENT_BYTES = 2 ** 20;
const MAX_SEGMENT_BYTES = 2 ** 27;

/** Length at which a segment is full. `minBytes`: for a replay of caches smaller than any real one. */
export function segmentBytes(maxBytes: number, minBytes = MIN_SEGMENT_BYTES): number {
  return Math.ceil(Math.min(MAX_SEGMENT_BYTES, Math.max(minBytes, maxBytes / SEGMENTS)));
}

const SMALL_PART = 0.08;
/** Bytes of entries that the ghost remembers, to those of the disk: it holds as much as was dropped in that time. */
const GHOST_PART = 3;
/** A get within the small queue is worth little: many things are asked for twice within a moment, and never again. */
const KEPT_FROM: { readonly [queue in DiskQueue]: number } = { small: 2, main: 1 };
/** Of the bytes of a segment: if this much would be kept, it moves. */
const MOVED_FROM = 0.9;
/** What may be rewritten to what is admitted: so no more than 1.4 times the admitted bytes are ever written. */
const REWRITTEN_PART = 0.4;
/** Of the credit, in segments: what one burst of evictions may rewrite. */
const MAX_CREDIT_SEGMENTS = 4;

export interface DiskPolicyOptions {
  readonly maxBytes: number;
  /** Length at which a segment is full. Default: `segmentBytes(maxBytes)`. */
  readonly segmentBytes?: number | undefined;
}

/** The policy. Hashes are of keys, 32 bits, well spread. */
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

  /** Where an entry of so many bytes is appended: asked once for each. What was dropped of late has proved its worth. */
  queueFor(hash: number, bytes: number): DiskQueue {
    this.#credit = Math.min(this.#credit + REWRITTEN_PART * bytes, this.#maxCredit);
    return this.#ghost.recall(hash) ? 'main' : 'small';
  }

  /** The queue whose oldest segment goes. Asked when there is no room; at least one queue holds something. */
  victim(bytes: QueueBytes): DiskQueue {
    if (bytes.main === 0) return 'small';
    return bytes.small > this.#smallBytes ? 'small' : 'main';
  }

  /** What becomes of an entry whose segment goes: it is kept in the main queue, or dropped. */
  fate(queue: DiskQueue, frequency: number): 'keep' | 'drop' {
    return frequency >= KEPT_FROM[queue] ? 'keep' : 'drop';
  }

  /**
   * What becomes of the segment itself, by the bytes in it whose fate is to be kept. `move`: it goes to the end of the
   * main queue as it is, with all its entries, which get their `frequencyAfter`. `rewrite`: entries that are kept and for
   * which `mayRewrite` says so are appended to the main queue; the others are dropped, and then it is removed.
   */
  segmentFate(bytes: { readonly kept: number; readonly all: number }): 'move' | 'rewrite' {
    return bytes.kept >= MOVED_FROM * bytes.all ? 'move' : 'rewrite';
  }

  /** The frequency of an entry that is kept, or whose segment moves. In the main queue it has to be used again. */
  frequencyAfter(queue: DiskQueue, frequency: number): number {
    return queue === 'small' ? 0 : Math.max(0, frequency - 1);
  }

  /** Whether an entry that is to be kept may be written again; takes it from the credit. */
  mayRewrite(bytes: number): boolean {
    if (this.#credit <= 0) return false;
    this.#credit -= bytes;
    return true;
  }

  /** The entry has left the queue for room. */
  dropped(hash: number, bytes: number, queue: DiskQueue): void {
    // What leaves the main queue had its time there.
    if (queue === 'small') this.#ghost.remember(hash, bytes);
  }
}
