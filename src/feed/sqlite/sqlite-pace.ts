// When the feed of SQLite looks again: soon after something was found or announced, seldom at rest.
//
// An announcement says that a file is being written, which is before the commit is there to be read,
// by as long as the disk takes. So it is looked several times after one, until it must be there.

/** Between looks while there is news: what is committed meanwhile is read together. */
export const BUSY_PAUSE_MS = 2;
/** At rest, where writes are announced: only for what is not. */
const WATCHED_PAUSE_MS = 20;
const BUSY_LOOKS = 12;
const LONGEST_PAUSE_MS = 1_000;

export class Pace {
  /** Whether writes are announced. */
  isWatched = false;
  readonly #pollMs: number;
  #quietLooks = BUSY_LOOKS;

  constructor(pollMs: number) {
    this.#pollMs = pollMs;
  }

  /** Something was found, or is announced. */
  busy(): void {
    this.#quietLooks = 0;
  }

  /** After a look, or after so many that failed: how long until the next. */
  next(failures: number): number {
    if (failures > 0)
      return Math.min(this.#pollMs * 2 ** Math.min(failures, 10), Math.max(LONGEST_PAUSE_MS, this.#pollMs));
    if (this.#quietLooks >= BUSY_LOOKS) return this.isWatched ? Math.max(WATCHED_PAUSE_MS, this.#pollMs) : this.#pollMs;
    // A database that is far away is not asked that often.
    const firstMs = Math.max(BUSY_PAUSE_MS, this.#pollMs / 4);
    return Math.min(this.#pollMs, firstMs * 2 ** this.#quietLooks++);
  }
}
