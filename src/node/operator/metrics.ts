// What a gate measures of itself, as operators see it. How is in prometheus.ts.

import type { ExchangeReport, GateStats } from '../../engine/contract.ts';
import type { SourceState } from '../../engine/source-leases.ts';

export interface MetricsSources {
  readonly stats: () => GateStats;
  /** Bytes of content sent to clients since the start; undefined: not counted. */
  readonly clientBytes?: () => number;
  /** Undefined: not shown. */
  readonly sources?: () => readonly SourceState[];
}

/** Of prom-client; only `name` is looked at here. */
export type MetricsSnapshot = readonly { readonly name: string }[];

export interface Metrics {
  /** Everything in the text format, with what other processes measured added up. */
  text(others?: readonly MetricsSnapshot[]): Promise<string>;
  /** What is measured here and not copied from the engine, as plain data. */
  measured(): Promise<MetricsSnapshot>;
  /** Told of each exchange; counts those for which the origin was asked. */
  observeForward(report: Pick<ExchangeReport, 'request' | 'forwardMs'>): void;
  /** Begins to measure what is of the process: its memory, its event loop. */
  load(): Promise<void>;
}
