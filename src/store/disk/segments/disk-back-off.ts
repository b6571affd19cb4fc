// Backs off from a disk that cannot be written to: writers stop for a while, try again, and go on once it works. The first
// failure of an episode is reported, later ones are counted.

import type { Cancel, Tasks } from '../../../ports.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

interface TroubleOptions {
  readonly tasks: Tasks;
  readonly fault: (error: unknown) => void;
  /** Called at the beginning of each pause for want of room. */
  readonly full?: () => void;
  /** Called at the end of each pause. */
  readonly resumed?: () => void;
}

export class Trouble {
  readonly #options: TroubleOptions;
  #failures = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #inEpisode = false;
  #cancel: Cancel | undefined;

  constructor(options: TroubleOptions) {
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
