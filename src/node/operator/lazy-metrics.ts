// The metrics of a gate, once somebody asks for them.
//
// Prom-client loads 80 modules, which a gate that starts has better things to do than to wait for.
// It is loaded by the first that needs it, or by `load`; what is observed meanwhile is observed then.

import type { Metrics, MetricsSources } from './metrics.ts';

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
      // Were it not to load, whoever asks for the metrics is told.
      else
        ready().then(
          (metrics) => metrics.observeForward(report),
          () => {},
        );
    },
  };
}
