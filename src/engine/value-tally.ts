// Counters of a data cache: plain numbers, incremented where things happen.

import type { ValueStats } from './value-contract.ts';

export class ValueTally {
  hits = 0;
  misses = 0;
  stale = 0;
  collapsed = 0;
  fills = 0;
  fillFailures = 0;
  refusedStores = 0;
  sets = 0;
  invalidations = 0;
  readonly #tierFaults: Record<string, number>;

  constructor(tiers: readonly string[]) {
    this.#tierFaults = Object.fromEntries(tiers.map((name) => [name, 0]));
  }

  tierFault(tier: string): void {
    this.#tierFaults[tier] = (this.#tierFaults[tier] ?? 0) + 1;
  }

  stats(fillsInFlight: number): ValueStats {
    const { hits, misses, stale, collapsed, fills, fillFailures, refusedStores, sets, invalidations } = this;
    const counts = { hits, misses, stale, collapsed, fills, fillFailures, refusedStores, sets, invalidations };
    return { ...counts, fillsInFlight, tierFaults: { ...this.#tierFaults } };
  }
}
