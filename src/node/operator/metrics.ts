// The measurements of a gate for operators. prometheus.ts takes them.

import type { ExchangeReport, GateStats } from '../../engine/contract.ts';
import type { SourceState } from '../../engine/source-leases.ts';

export interface MetricsSources {
  readonly stats: () => GateStats;
  /** Bytes of content sent to clients since the start; undefined when not counted. */
  readonly clientBytes?: () => number;
  /** Undefined when sources are not shown. */
  readonly sources?: () => readonly SourceState[];
}

/** A snapshot of prom-client; only `name` is read here. */
export type MetricsSnapshot = readonly { readonly name: string }[];

export interface Metrics {
  /** Everything in the text format, plus the measurements of other processes. */
  text(others?: readonly MetricsSnapshot[]): Promise<string>;
  /** Metrics measured here and not copied from the engine, as plain data. */
  measured(): Promise<MetricsSnapshot>;
  /** Called for each exchange; counts those that asked the origin. */
  observeForward(report: Pick<ExchangeReport, 'request' | 'forwardMs'>): void;
  /** Begins to measure the process: its memory, its event loop. */
  load(): Promise<void>;
}
