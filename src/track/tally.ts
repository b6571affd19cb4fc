// What a tracker says of itself: counts of what it has done, and what it cannot see.

import { TidegateError } from '../errors.ts';
import type { TrackerCounts, Untracked } from './contract.ts';

/** Paths of strangers are among the names. */
const MAX_PROBLEMS = 100;

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
  readonly #onFault: (error: unknown) => void;
  readonly #problems = new Map<string, string>();

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  untracked(reason: Untracked): void {
    this.#untracked[reason] = (this.#untracked[reason] ?? 0) + 1;
  }

  coarsened(level: 'template' | 'table' | 'source'): void {
    this.#coarsened[level]++;
  }

  counts(): TrackerCounts {
    return { ...this, untracked: { ...this.#untracked }, coarsened: { ...this.#coarsened } };
  }

  get problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  /** Tells a problem once with its mend: to `onFault`, and in `status()` from then on. `about`: one problem has one such name. */
  tell(about: string, message: string): void {
    if (this.#problems.has(about) || this.#problems.size >= MAX_PROBLEMS) return;
    this.#problems.set(about, message);
    this.#onFault(new TidegateError('E_UNSEEN', message));
  }
}
