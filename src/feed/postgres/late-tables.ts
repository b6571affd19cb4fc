// Makes a feed tell of tables that were made after it was installed, if the configuration asks for that.

import { messageOf } from '../../errors.ts';
import type { Clock } from '../../ports.ts';

const AGAIN_MS = 1_000;
const AGAIN_MAX_MS = 60_000;

export class LateTables {
  readonly #clock: Clock;
  /** Installs the feed for all tables that exist now. Without it, only `feed install` takes tables up. */
  readonly #extend: (() => Promise<void>) | undefined;
  #isBusy = false;
  /** Tables of the last attempt. */
  #known = '';
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #delayMs = AGAIN_MS;
  #problem: string | undefined;

  constructor({ clock, extend }: { readonly clock: Clock; readonly extend?: () => Promise<void> }) {
    this.#clock = clock;
    this.#extend = extend;
  }

  /** Why the tables could not be taken up. Undefined when they were, or nobody tried. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** `untold`: one text for each table that the feed does not tell of, as now known. */
  take(untold: readonly string[]): void {
    if (untold.length === 0) this.#problem = undefined;
    if (this.#extend === undefined || untold.length === 0 || this.#isBusy) return;
    const now = this.#clock.monotonic();
    const known = untold.join('\n');
    if (known === this.#known && now < this.#nextAtMs) return;
    this.#delayMs = known === this.#known ? Math.min(this.#delayMs * 2, AGAIN_MAX_MS) : AGAIN_MS;
    this.#known = known;
    this.#nextAtMs = now + this.#delayMs;
    this.#isBusy = true;
    this.#extend()
      .then(
        () => {
          this.#problem = undefined;
        },
        (error: unknown) => {
          const got = messageOf(error);
          this.#problem = `expected to install the feed on tables made later, got: ${got}`;
        },
      )
      .finally(() => {
        this.#isBusy = false;
      });
  }
}
