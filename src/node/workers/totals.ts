// The counts of all workers, added up.
//
// Counters must not go back when a worker dies. Its last known counts are kept, without the figures of its contents.

import type { GateStats } from '../../engine/contract.ts';
import type { MetricsSnapshot } from '../operator/metrics.ts';
import type { Figures } from './messages.ts';

/** The measurement of exchanges; all others describe the process, and end with it. */
const KEPT_METRIC = 'tidegate_origin_seconds';

export class Totals {
  #latest: { readonly stats: GateStats; readonly clientBytes: number } | undefined;
  #retired: GateStats[] = [];
  #retiredBytes = 0;
  #retiredMeasured: readonly MetricsSnapshot[] = [];

  /** As of the last `update`. */
  get stats(): GateStats {
    if (this.#latest === undefined) throw new TypeError('expected totals that were taken, got none');
    return this.#latest.stats;
  }

  get clientBytes(): number {
    return this.#latest?.clientBytes ?? 0;
  }

  /** `own`: the primary's own counts, with its disk. */
  update(own: GateStats, workers: readonly Figures[]): void {
    const living = workers.map(({ stats }) => stats);
    const stats = [...living, ...this.#retired].reduce(sum, own);
    const intentsOpen = Math.max(own.intentsOpen, ...living.map((one) => one.intentsOpen));
    this.#latest = {
      stats: { ...stats, intentsOpen, position: own.position, ...(own.disk !== undefined && { disk: own.disk }) },
      clientBytes: workers.reduce((bytes, one) => bytes + one.clientBytes, this.#retiredBytes),
    };
  }

  /** Includes the measurements of dead workers. */
  async measured(workers: readonly Figures[]): Promise<MetricsSnapshot[]> {
    const retired = this.#retiredMeasured;
    const gone = retired.length > 1 ? [await summed(retired)] : retired;
    // Skipped when another worker has gone meanwhile.
    if (this.#retiredMeasured === retired) this.#retiredMeasured = gone;
    return [...workers.map(({ measured }) => measured), ...gone];
  }

  retire({ stats, clientBytes, measured }: Figures): void {
    const memory = { ...stats.memory, entries: 0, bytes: 0, maxBytes: 0 };
    const counted = { ...stats, memory, fillsInFlight: 0 };
    this.#retired = [this.#retired.reduce(sum, counted)];
    this.#retiredBytes += clientBytes;
    const kept = measured.filter(({ name }) => name === KEPT_METRIC);
    this.#retiredMeasured = [...this.#retiredMeasured, kept];
  }
}

async function summed(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const { AggregatorRegistry } = await import('prom-client');
  return AggregatorRegistry.aggregate(snapshots as object[]).getMetricsAsJSON();
}

function sum(one: GateStats, other: GateStats): GateStats {
  return added(one, other) as GateStats;
}

/** Adds numbers, and tables by name; takes the first of any other values. */
function added(one: unknown, other: unknown): unknown {
  if (typeof one === 'number' && typeof other === 'number') return one + other;
  if (!isTable(one) || !isTable(other)) return one ?? other;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, added(one[name], other[name])]));
}

function isTable(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null;
}
