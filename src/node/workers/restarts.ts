// Decides whether and when a dead worker is replaced. Pure.

export interface Death {
  /** Monotonic. */
  readonly atMs: number;
  /** How long it had served; 0 when it never did. */
  readonly servedMs: number;
}

export type Replacement =
  | { readonly kind: 'start'; readonly afterMs: number }
  | { readonly kind: 'give-up'; readonly deaths: number };

/** A worker that served for less time died of a cause that will hit its successor as well. */
const EARLY_MS = 1_000;
const MOST_EARLY = 5;
const WITHIN_MS = 10_000;
const FIRST_PAUSE_MS = 100;

export class Restarts {
  #early: number[] = [];

  died({ atMs, servedMs }: Death): Replacement {
    if (servedMs >= EARLY_MS) return { kind: 'start', afterMs: 0 };
    this.#early = [...this.#early.filter((at) => at > atMs - WITHIN_MS), atMs];
    const deaths = this.#early.length;
    if (deaths >= MOST_EARLY) return { kind: 'give-up', deaths };
    return { kind: 'start', afterMs: deaths === 1 ? 0 : FIRST_PAUSE_MS * 2 ** (deaths - 2) };
  }
}
