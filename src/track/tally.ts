// What a tracker says of itself: counts of what it has done, and what it cannot see.

import { TidegateError } from '../errors.ts';
import type { TrackerCounts, Untracked } from './contract.ts';

export class Tally {
  reads = 0;
  outside = 0;
  writes = 0;
  changes = 0;
  outdated = 0;
  forgotten = 0;
  overtaken = 0;
  gaps = 0;
  unsettled = 0;
  readonly #untracked: Partial<Record<Untracked, number>> = {};
  readonly #coarsened = { template: 0, table: 0, source: 0 };

  untracked(reason: Untracked): void {
    this.#untracked[reason] = (this.#untracked[reason] ?? 0) + 1;
  }

  coarsened(level: 'template' | 'table' | 'source'): void {
    this.#coarsened[level]++;
  }

  counts(): TrackerCounts {
    return { ...this, untracked: { ...this.#untracked }, coarsened: { ...this.#coarsened } };
  }
}

/** Paths of strangers are among the names. */
const MAX_PROBLEMS = 100;

/** Each problem is told once with its mend: to `onFault`, and in `status()` from then on. */
export class Problems {
  readonly #onFault: (error: unknown) => void;
  readonly #told = new Map<string, string>();

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  get all(): readonly string[] {
    return [...this.#told.values()];
  }

  /** `about`: one problem has one such name. */
  tell(about: string, message: string): void {
    if (this.#told.has(about) || this.#told.size >= MAX_PROBLEMS) return;
    this.#told.set(about, message);
    this.#onFault(new TidegateError('E_UNSEEN', message));
  }
}
