// `tidegate/prometheus`: the figures of data caches in a registry of prom-client.

import { Counter, Gauge, type Registry } from 'prom-client';
import { MEASURES, type Measure, type NamedCaches, seriesOf } from './measures.ts';

export type { NamedCaches };

/** Adds `tidegate_cache_…` to the registry; read from the caches at each scrape, so a hit costs nothing more. */
export function registerCacheMetrics(registry: Registry, caches: NamedCaches): void {
  for (const measure of MEASURES) register(registry, measure, caches);
}

function register(registry: Registry, measure: Measure, caches: NamedCaches): void {
  const isCounter = measure.kind === 'counter';
  const options = {
    name: `tidegate_cache_${measure.name.join('_')}${isCounter ? '_total' : ''}`,
    help: measure.help,
    labelNames: ['cache', ...(measure.label === undefined ? [] : [measure.label])],
    registers: [registry],
  };
  const copy = (metric: { reset(): void; inc(labels: object, by: number): void }): void => {
    metric.reset();
    for (const { labels, value } of seriesOf(measure, caches)) metric.inc(labels, value);
  };
  if (isCounter) {
    new Counter({
      ...options,
      collect() {
        copy(this);
      },
    });
  } else {
    new Gauge({
      ...options,
      collect() {
        copy(this);
      },
    });
  }
}
