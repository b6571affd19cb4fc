// A disk that cannot be written to, or holds less than the store may take: when to try again, and how much it holds.

import type { Cancel } from '../../../ports.ts';
import type { DiskPlatform } from '../contract.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** A full disk answers at once, and may have room at any time. */
const FULL_PAUSE_MS = 250;

/**
 * Backs off from a disk that cannot be written to: writers stop for a while, try again, and go on once it works. The first
 * failure of an episode is reported, later ones are counted.
 */
export class DiskBackOff {
  readonly #platform: DiskPlatform;
  failures = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #inEpisode = false;
  #isFull = false;
  #cancel: Cancel | undefined;
  #resumed: (() => void) | undefined;

  constructor(platform: DiskPlatform) {
    this.#platform = platform;
  }

  /** Whether nothing may be written now. */
  get isPaused(): boolean {
    return this.#cancel !== undefined;
  }

  /** Returns whether a pause begins; `resumed` is called at its end. */
  failed(error: unknown, resumed?: () => void): boolean {
    this.failures++;
    if (!this.#inEpisode) this.#platform.fault(error);
    this.#inEpisode = true;
    if (this.isPaused) return false;
    this.#isFull = isFull(error);
    this.#resumed = resumed;
    this.#cancel = this.#platform.tasks.later(this.#isFull ? FULL_PAUSE_MS : this.#pauseMs, () => this.#resume());
    if (!this.#isFull) this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    return true;
  }

  /** The disk has more room than before: a pause for want of it ends. */
  freed(): void {
    if (this.#isFull && this.isPaused) this.#resume();
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

  #resume(): void {
    this.close();
    this.#resumed?.();
  }
}

export function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Turnovers of the store after which it grows by each byte that is written. */
const TURNOVERS = 4;

/**
 * How many bytes the store may hold: `maxBytes`, or less while the disk turns out to have less room. After a full disk it grows with
 * what is written, slowly at first, so that a disk that stays small is seldom found full, and room that returns is used.
 */
export class Capacity {
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  #fullAt = 0;
  #written = 0;
  bytes: number;

  constructor({ maxBytes, segmentBytes }: Pick<DiskPlatform, 'maxBytes' | 'segmentBytes'>) {
    this.#maxBytes = maxBytes;
    this.#segmentBytes = segmentBytes;
    this.bytes = maxBytes;
  }

  /** The disk is full with so many bytes of the store. */
  ranFull(usedBytes: number): void {
    // Else it is about to hold less already.
    if (usedBytes > this.bytes) return;
    this.bytes = Math.max(this.#segmentBytes, usedBytes - this.#segmentBytes);
    this.#fullAt = this.bytes;
    this.#written = 0;
  }

  wrote(bytes: number): void {
    if (this.bytes === this.#maxBytes) return;
    this.#written += bytes;
    const part = Math.min(1, this.#written / (TURNOVERS * this.#fullAt));
    this.bytes = Math.min(this.#maxBytes, this.bytes + part * bytes);
  }
}
