// Counts the events of a data cache, and reports them to its observer.

import type { Selector } from '../../ledger/selector.ts';
import type { AskedStats, ValueEvent, ValueStats, ValueWatch } from './value-contract.ts';

/** Namespaces that are counted apart. */
const MAX_NAMESPACES = 200;
const SEPARATOR = ':';

/** Counter of each event that tells of a key and nothing more. */
const COUNTERS = { miss: 'misses', stale: 'stale', collapsed: 'collapsed' } as const;

export class ValueTally {
  readonly #counts = {
    ...{ hits: 0, misses: 0, stale: 0, collapsed: 0, fills: 0, fillFailures: 0 },
    ...{ refusedStores: 0, sets: 0, invalidations: 0 },
  };
  readonly #namespaces = new Map<string, { -readonly [name in keyof AskedStats]: number }>();
  readonly #tierFaults: Record<string, number>;
  readonly #tierPaused: Record<string, boolean>;
  readonly #watch: ValueWatch;
  readonly #tiers: readonly string[];
  readonly #foundIn = new WeakMap<object, string>();

  constructor(tiers: readonly string[], watch: ValueWatch = NOBODY) {
    this.#tierFaults = Object.fromEntries(tiers.map((name) => [name, 0]));
    this.#tierPaused = Object.fromEntries(tiers.map((name) => [name, false]));
    this.#tiers = tiers;
    this.#watch = watch;
  }

  /** A tier has it; for the event of the hit, if that becomes one. */
  found(entry: object, at: number): void {
    if (this.#watch.isOn) this.#foundIn.set(entry, this.#tiers[at] as string);
  }

  countIn(prefix: string): void {
    const name = prefix.slice(0, -SEPARATOR.length);
    if (this.#namespaces.has(name) || this.#namespaces.size >= MAX_NAMESPACES) return;
    this.#namespaces.set(name, { hits: 0, misses: 0, stale: 0, collapsed: 0 });
  }

  asksAgain(keys: readonly string[]): void {
    this.#counts.misses -= keys.length;
    if (this.#namespaces.size > 0) for (const key of keys) this.#countApart('misses', key, -1);
  }

  #countApart(what: keyof AskedStats, key: string, by: 1 | -1): void {
    const end = key.indexOf(SEPARATOR);
    const counts = end < 0 ? undefined : this.#namespaces.get(key.slice(0, end));
    if (counts !== undefined) counts[what] += by;
  }

  hit(key: string, entry: object): void {
    this.#counts.hits++;
    if (this.#namespaces.size > 0) this.#countApart('hits', key, 1);
    if (this.#watch.isOn) this.#tellHit(key, entry);
  }

  #tellHit(key: string, entry: object): void {
    const tier = this.#foundIn.get(entry) ?? (this.#tiers[0] as string);
    this.#foundIn.delete(entry);
    this.#watch.told({ kind: 'hit', key, tier });
  }

  count(kind: keyof typeof COUNTERS, key: string): void {
    this.#counts[COUNTERS[kind]]++;
    if (this.#namespaces.size > 0) this.#countApart(COUNTERS[kind], key, 1);
    if (this.#watch.isOn) this.#watch.told({ kind, key });
  }

  begun(): void {
    this.#counts.fills++;
  }

  filled(end: Omit<Extract<ValueEvent, { kind: 'fill' }>, 'kind'>): void {
    if (end.result === 'failed') this.#counts.fillFailures++;
    if (end.result === 'refused') this.#counts.refusedStores++;
    if (this.#watch.isOn) this.#watch.told({ kind: 'fill', ...end });
  }

  set(key: string, stored: 'stored' | 'refused' | 'not-stored'): void {
    this.#counts.sets++;
    if (stored === 'refused') this.#counts.refusedStores++;
    if (this.#watch.isOn) this.#watch.told({ kind: 'set', key, stored: stored === 'stored' });
  }

  invalidated(selectors: readonly Selector[], soft: boolean): void {
    this.#counts.invalidations++;
    if (this.#watch.isOn) this.#watch.told({ kind: 'invalidate', selectors, soft });
  }

  tierFault(tier: string, error: unknown): void {
    this.#tierFaults[tier] = (this.#tierFaults[tier] ?? 0) + 1;
    if (this.#watch.isOn) this.#watch.told({ kind: 'tier-fault', tier, error });
  }

  tierPaused(tier: string, isPaused: boolean): void {
    this.#tierPaused[tier] = isPaused;
    if (this.#watch.isOn) this.#watch.told({ kind: isPaused ? 'tier-paused' : 'tier-resumed', tier });
  }

  stats(fillsInFlight: number): ValueStats {
    return {
      ...this.#counts,
      namespaces: Object.fromEntries([...this.#namespaces].map(([name, counts]) => [name, { ...counts }])),
      fillsInFlight,
      tierFaults: { ...this.#tierFaults },
      tierPaused: { ...this.#tierPaused },
    };
  }
}

const NOBODY: ValueWatch = { isOn: false, told: () => {} };
