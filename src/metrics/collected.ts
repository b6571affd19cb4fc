// A metric of prom-client whose series are read anew at each scrape, so that counting costs nothing more.

import { Counter, Gauge, type Registry } from 'prom-client';

export interface Series {
  readonly labels: { readonly [name: string]: string };
  readonly value: number;
}

export interface Metric {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
}

export function registerCollected(
  registry: Registry,
  { kind, ...metric }: Metric,
  read: () => readonly Series[],
): void {
  const Made = kind === 'counter' ? Counter : Gauge;
  new Made({
    ...metric,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of read()) this.inc(labels, value);
    },
  });
}
