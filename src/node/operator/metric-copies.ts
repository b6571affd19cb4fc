// Metrics that are copied from figures of other places at each scrape.

import type { GateStats } from '../../engine/contract.ts';
import type { Metric, Series } from '../../metrics/collected.ts';
import { type FigureOrParts, seriesOf } from '../../metrics/measures.ts';

export interface Copy<Stats> {
  readonly metric: Metric;
  readonly read: (stats: Stats) => readonly Series[];
}

/** `named`: the name, and the label in braces where there are several. */
export function counter<Stats = GateStats>(
  named: string,
  help: string,
  read: (stats: Stats) => FigureOrParts,
): Copy<Stats> {
  return copyOf('counter', named, { help, read });
}

/** Of figures that stand by the label's values. */
export function countsOf(named: string, help: string): Copy<Readonly<Record<string, number>>> {
  return counter(named, help, (figures) => figures);
}

export function gauge<Stats>(named: string, help: string, read: (stats: Stats) => FigureOrParts): Copy<Stats> {
  return copyOf('gauge', named, { help, read });
}

export function copyOf<Stats>(
  kind: Metric['kind'],
  named: string,
  { help, read }: { readonly help: string; readonly read: (stats: Stats) => FigureOrParts },
): Copy<Stats> {
  const [own, label] = named.replace('}', '').split('{');
  const name = `tidegate_${own}${kind === 'counter' ? '_total' : ''}`;
  return {
    metric: { kind, name, help, labelNames: label === undefined ? [] : [label] },
    read: (stats) => seriesOf(read(stats), label),
  };
}
