// The metrics of a gate, loaded on demand.
//
// Prom-client loads 80 modules, which would delay a starting gate. The first caller that needs it loads it, or `load`
// does; earlier observations are kept and recorded then.

import type { Metrics, MetricsSources } from './prometheus.ts';

export type { Metrics, MetricsSnapshot } from './prometheus.ts';

type Loaded = Omit<Metrics, 'load'>;

export function createMetrics(sources: MetricsSources): Metrics {
  let loaded: Loaded | undefined;
  let loading: Promise<Loaded> | undefined;
  const load = async (): Promise<Loaded> => {
    const { createPrometheus } = await import('./prometheus.ts');
    loaded = createPrometheus(sources);
    return loaded;
  };
  const ready = () => (loading ??= load());
  return {
    load: async () => void (await ready()),
    text: async (others) => (await ready()).text(others),
    measured: async () => (await ready()).measured(),
    observeForward(report) {
      if (report.forwardMs === undefined) return;
      if (loaded !== undefined) loaded.observeForward(report);
      // If loading fails, callers that ask for the metrics get the error.
      else
        ready().then(
          (metrics) => metrics.observeForward(report),
          () => {},
        );
    },
  };
}
