// `tidegate/prometheus`: the figures of data caches in a registry of prom-client.

import type { Registry } from 'prom-client';
import { registerCollected } from './collected.ts';
import { MEASURES, type NamedCaches, seriesOfCaches } from './measures.ts';

export type { NamedCaches };

/** Adds `tidegate_cache_…` to the registry; read from the caches at each scrape, so a hit costs nothing more. */
export function registerCacheMetrics(registry: Registry, caches: NamedCaches): void {
  for (const measure of MEASURES) {
    const { kind, help, label } = measure;
    const name = `tidegate_cache_${measure.name.join('_')}${kind === 'counter' ? '_total' : ''}`;
    const labelNames = label === undefined ? ['cache'] : ['cache', label];
    registerCollected(registry, { kind, name, help, labelNames }, () => seriesOfCaches(measure, caches));
  }
}
