// The room on the disk: whether the tier takes more bytes, and what follows from a write that failed or worked.

import type { Cancel, Tasks } from '../../../ports.ts';
import type { Segments } from './segments.ts';

/** The store does not accept it, though nothing is wrong with the disk. */
class NoRoom extends Error {}

/** An entry above this part of the store is declined: it would push out all small entries. */
const LARGEST_PART = 1 / 4;

interface RoomOptions {
  /** Eviction begins above this. */
  readonly maxBytes: number;
  /** Files may exceed `maxBytes` by this much before nothing more is accepted. */
  readonly segmentBytes: number;
  readonly segments: Segments;
  readonly batches: { readonly isOverloaded: boolean };
  readonly tasks: Tasks;
  readonly fault: (error: unknown) => void;
  /** Makes room where there is too little; `isDiskFull`: in any case. */
  readonly evict: (isDiskFull: boolean) => void;
}

export class DiskRoom {
  readonly #options: RoomOptions;
  readonly #backOff: DiskBackOff;
  /** Number of entries and bodies not accepted. */
  declined = 0;
  /** Bytes of large bodies that no entry names yet. */
  unnamedBytes = 0;

  constructor(options: RoomOptions) {
    const { tasks, fault, evict } = options;
    this.#options = options;
    this.#backOff = new DiskBackOff({ tasks, fault, full: () => evict(true) });
  }

  get failures(): number {
    return this.#backOff.failures;
  }

  /** Bytes in use, including bodies that are being written. */
  get usedBytes(): number {
    const { small, main } = this.#options.segments.queueBytes;
    return small + main + this.unnamedBytes;
  }

  get isExceeded(): boolean {
    return this.usedBytes > this.#options.maxBytes;
  }

  /** Why a body or entry of this length is not accepted. Undefined when it is. */
  refusal(bytes: number): Error | undefined {
    const { maxBytes, segmentBytes, batches } = this.#options;
    if (bytes > maxBytes * LARGEST_PART)
      return new NoRoom(`expected at most a quarter of ${maxBytes} bytes, got ${bytes}`);
    const isFull = this.#backOff.isPaused || batches.isOverloaded || this.usedBytes > maxBytes + segmentBytes;
    return isFull ? new NoRoom('expected a disk with room, got one that is full') : undefined;
  }

  succeeded(): void {
    this.#backOff.succeeded();
    this.#options.evict(false);
  }

  failed(error: unknown): void {
    if (error instanceof NoRoom) this.declined++;
    else this.#backOff.failed(error);
    // A write that failed may have used up room, and nothing is accepted while there is too little.
    this.#options.evict(false);
  }

  close(): void {
    this.#backOff.close();
  }
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

interface BackOffOptions {
  readonly tasks: Tasks;
  readonly fault: (error: unknown) => void;
  /** Called at the beginning of each pause for want of room. */
  readonly full?: () => void;
  /** Called at the end of each pause. */
  readonly resumed?: () => void;
}

/**
 * Backs off from a disk that cannot be written to: writers stop for a while, try again, and go on once it works. The first
 * failure of an episode is reported, later ones are counted.
 */
export class DiskBackOff {
  readonly #options: BackOffOptions;
  #failures = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #inEpisode = false;
  #cancel: Cancel | undefined;

  constructor(options: BackOffOptions) {
    this.#options = options;
  }

  /** Whether nothing may be written now. */
  get isPaused(): boolean {
    return this.#cancel !== undefined;
  }

  get failures(): number {
    return this.#failures;
  }

  failed(error: unknown): void {
    this.#failures++;
    if (!this.#inEpisode) this.#options.fault(error);
    this.#inEpisode = true;
    if (this.isPaused) return;
    this.#cancel = this.#options.tasks.later(this.#pauseMs, () => {
      this.#cancel = undefined;
      this.#options.resumed?.();
    });
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    if (isFull(error)) this.#options.full?.();
  }

  /** Call after a successful write. A write that began before the pause does not end the episode. */
  succeeded(): void {
    if (this.isPaused || !this.#inEpisode) return;
    this.#inEpisode = false;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
