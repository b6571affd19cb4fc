// Counts of what tracking has done.

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
    const { reads, outside, writes, changes, outdated, forgotten, overtaken, gaps, unsettled } = this;
    const plain = { reads, outside, writes, changes, outdated, forgotten, overtaken, gaps, unsettled };
    return { ...plain, untracked: { ...this.#untracked }, coarsened: { ...this.#coarsened } };
  }
}
