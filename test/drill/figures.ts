// The figures of a drill as they grow.

import type { Fault } from './judge.ts';

export interface Found {
  readonly fault: Fault;
  readonly sentence: string;
  /** Where: the set-up and the round. */
  readonly where: string;
}

export class Figures {
  readonly counts = new Map<string, number>();
  /** Of each answer that was outdated, for how long. */
  readonly lagsMs: number[] = [];
  /** Until hits of every kind were back. */
  readonly recoveries: { readonly where: string; readonly after: string; readonly ms: number }[] = [];
  readonly found: Found[] = [];
  where = '';
  readonly #tell: (found: Found) => void;

  constructor(tell: (found: Found) => void) {
    this.#tell = tell;
  }

  count(name: string, by = 1): void {
    this.counts.set(name, this.of(name) + by);
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  find(fault: Fault, sentence: string): void {
    const found = { fault, sentence, where: this.where };
    this.found.push(found);
    this.#tell(found);
  }
}
