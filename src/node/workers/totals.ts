// The counts of all processes of a gate, added up. They must not go back when a worker dies.

import type { GateStats } from '../../engine/contract.ts';
import { added, type GateCounts } from '../../engine/statistics/counts.ts';
import { nothingHeld } from '../../memory/budget.ts';
import { type PredictionFigures, withPrecision } from '../../prediction/prediction.ts';
import type { MetricsSnapshot } from '../operator/metrics.ts';
import type { Figures } from './worker-process.ts';

/** The measurement of exchanges; all others describe the process, and end with it. */
const KEPT_METRIC = 'tidegate_origin_seconds';

/** What is added up. */
type Counted = Pick<Figures, 'stats' | 'counts' | 'prediction'>;

/**
 * The counts of all workers, added up. Counters must not go back when a worker dies. Its last known counts are kept, without
 * the figures of its contents.
 */
export class Totals {
  #latest: Counted | undefined;
  #retired: Counted | undefined;
  #retiredMeasured: readonly MetricsSnapshot[] = [];

  /** As of the last `update`. */
  get stats(): GateStats {
    return this.#taken.stats;
  }

  get counts(): GateCounts {
    return this.#taken.counts;
  }

  get prediction(): PredictionFigures | undefined {
    return this.#taken.prediction;
  }

  get #taken(): Counted {
    if (this.#latest === undefined) throw new TypeError('expected totals that were taken, got none');
    return this.#latest;
  }

  /** `own`: the primary's own counts, with its disk. */
  update({ stats: own, counts }: Counted, workers: readonly Counted[]): void {
    const all = sumOf([{ stats: own, counts }, ...workers, ...(this.#retired ? [this.#retired] : [])]);
    const intentsOpen = Math.max(own.intentsOpen, ...workers.map(({ stats }) => stats.intentsOpen));
    const stats = {
      ...all.stats,
      intentsOpen,
      position: own.position,
      ...(own.disk !== undefined && { disk: own.disk }),
    };
    this.#latest = { ...all, stats };
  }

  /** Includes the measurements of dead workers. */
  async measured(workers: readonly Figures[]): Promise<MetricsSnapshot[]> {
    const retired = this.#retiredMeasured;
    const gone = retired.length > 1 ? [await summed(retired)] : retired;
    // Skipped when another worker has gone meanwhile.
    if (this.#retiredMeasured === retired) this.#retiredMeasured = gone;
    return [...workers.map(({ measured }) => measured), ...gone];
  }

  retire({ stats, counts, prediction, measured }: Omit<Figures, 'origins' | 'tenants' | 'urls'>): void {
    const { held: had } = stats.memory;
    const held = had && { maxBytes: 0, bytes: nothingHeld(), uncollected: 0, refused: had.refused };
    const memory = { ...stats.memory, entries: 0, bytes: 0, maxBytes: 0, ...(held && { held }) };
    const counted: Counted = {
      ...{ stats: { ...stats, memory, fillsInFlight: 0 }, counts },
      // What was open went with its memory.
      prediction: prediction && { ...prediction, unused: prediction.unused + prediction.open, open: 0 },
    };
    this.#retired = this.#retired === undefined ? counted : sumOf([this.#retired, counted]);
    this.#retiredMeasured = [...this.#retiredMeasured, measured.filter(({ name }) => name === KEPT_METRIC)];
  }
}

async function summed(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const { AggregatorRegistry } = await import('prom-client');
  return AggregatorRegistry.aggregate(snapshots as object[]).getMetricsAsJSON();
}

function sumOf(all: readonly [Counted, ...(readonly Counted[])]): Counted {
  const { stats, counts } = all.map((one) => ({ stats: one.stats, counts: one.counts })).reduce(added);
  return { stats, counts, prediction: predictionOfAll(all.flatMap(({ prediction }) => prediction ?? [])) };
}

/** Of the thresholds the least, since one of them fills what is as likely. */
function predictionOfAll([first, ...others]: readonly PredictionFigures[]): PredictionFigures | undefined {
  const sum = (one: PredictionFigures, other: PredictionFigures) =>
    withPrecision({ ...added(one, other), threshold: Math.min(one.threshold, other.threshold) });
  return first && others.reduce(sum, first);
}
