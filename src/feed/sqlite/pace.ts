// When the feed of SQLite looks again: soon after news or an announcement, seldom at rest.
//
// An announcement says that somebody writes to the file. The commit can be read only later, by as long as the disk takes. So
// the feed looks several times after an announcement.

/** Pause between looks while there is news, so that commits in between are read together. */
export const BUSY_PAUSE_MS = 2;
/** Pause at rest where writes are announced, for those that are not. */
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

  /** Called when there is news, or an announcement of it. */
  busy(): void {
    this.#quietLooks = 0;
  }

  /** The time until the next look, after a look or after this many failures in a row. */
  next(failures: number): number {
    if (failures > 0)
      return Math.min(this.#pollMs * 2 ** Math.min(failures, 10), Math.max(LONGEST_PAUSE_MS, this.#pollMs));
    if (this.#quietLooks >= BUSY_LOOKS) return this.isWatched ? Math.max(WATCHED_PAUSE_MS, this.#pollMs) : this.#pollMs;
    // A slow or distant database, which has a long poll time, is asked less often.
    const firstMs = Math.max(BUSY_PAUSE_MS, this.#pollMs / 4);
    return Math.min(this.#pollMs, firstMs * 2 ** this.#quietLooks++);
  }
}
