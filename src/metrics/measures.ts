// The measures of a data cache that both kinds of metrics offer, by name: what they count, and where it is read.

import type { Cache, CacheStats } from '../cache/contract.ts';
import type { AskedStats } from '../engine/values/value-contract.ts';
import type { Series } from './collected.ts';

/** Caches by the name they are told apart by. */
export interface NamedCaches {
  readonly [name: string]: Pick<Cache, 'stats'>;
}

/** One figure, or one for each value of a label. */
export type FigureOrParts = number | { readonly [value: string]: number };

export interface Measure {
  /** Words, to be joined as each system does. */
  readonly name: readonly string[];
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  /** UCUM, as OpenTelemetry asks. */
  readonly unit: string;
  /** The label that tells several series of one cache apart. */
  readonly label?: string;
  readonly read: (stats: CacheStats) => FigureOrParts;
}

export const MEASURES: readonly Measure[] = [
  {
    ...{ name: ['requests'], help: 'Values asked for, by what came of it.', kind: 'counter', unit: '{request}' },
    label: 'result',
    read: ({ hits, misses, stale, collapsed }) => ({ hit: hits, miss: misses, stale, collapsed }),
  },
  byNamespace('hits', 'Values found in a namespace.', ({ hits, stale }) => hits + stale),
  byNamespace('misses', 'Values of a namespace that were filled, or not there.', (asked) => {
    return asked.misses + asked.collapsed;
  }),
  counter(['fills'], 'Fills begun.', '{fill}', ({ fills }) => fills),
  counter(['fill', 'failures'], 'Fills that failed.', '{fill}', ({ fillFailures }) => fillFailures),
  counter(['refused', 'stores'], 'Values not stored since an invalidation overtook them.', '{value}', (stats) => {
    return stats.refusedStores;
  }),
  counter(['sets'], 'Values put in.', '{value}', ({ sets }) => sets),
  counter(['invalidations'], 'Invalidations.', '{invalidation}', ({ invalidations }) => invalidations),
  counter(['evictions'], 'Values evicted from memory for room.', '{value}', ({ memory }) => memory.evictions),
  counter(['declined'], 'Values that memory did not take in.', '{value}', ({ memory }) => memory.declined),
  {
    ...{ name: ['tier', 'faults'], help: 'Answers of a tier that failed or took too long.', kind: 'counter' },
    ...{ unit: '{answer}', label: 'tier' },
    read: ({ tierFaults }) => tierFaults,
  },
  {
    ...{ name: ['tier', 'paused'], help: '1 while a tier is left alone.', kind: 'gauge', unit: '{tier}' },
    label: 'tier',
    read: ({ tierPaused }) => Object.fromEntries(Object.entries(tierPaused).map(([tier, is]) => [tier, is ? 1 : 0])),
  },
  gauge(['entries'], 'Values in memory.', '{value}', ({ memory }) => memory.entries),
  gauge(['memory', 'bytes'], 'Bytes of the values in memory.', 'By', ({ memory }) => memory.bytes),
  gauge(['memory', 'max', 'bytes'], 'Bytes that values may take in memory.', 'By', ({ memory }) => memory.maxBytes),
  gauge(['fills', 'in', 'flight'], 'Fills under way.', '{fill}', ({ fillsInFlight }) => fillsInFlight),
];

type UnitAndRead = [unit: string, read: (stats: CacheStats) => number];

function counter(name: readonly string[], help: string, ...[unit, read]: UnitAndRead): Measure {
  return { name, help, kind: 'counter', unit, read };
}

function byNamespace(what: string, help: string, count: (asked: AskedStats) => number): Measure {
  return {
    ...{ name: ['namespace', what], help, kind: 'counter', unit: '{request}', label: 'namespace' },
    read: ({ namespaces }) =>
      Object.fromEntries(Object.entries(namespaces).map(([name, asked]) => [name, count(asked)])),
  };
}

function gauge(name: readonly string[], help: string, ...[unit, read]: UnitAndRead): Measure {
  return { name, help, kind: 'gauge', unit, read };
}

export function seriesOfCaches({ label, read }: Measure, caches: NamedCaches): Series[] {
  return Object.entries(caches).flatMap(([cache, one]) => seriesOf(read(one.stats()), label, { cache }));
}

/** `common`: labels of each. */
export function seriesOf(figures: FigureOrParts, label: string | undefined, common: Series['labels'] = {}): Series[] {
  if (typeof figures === 'number') return [{ labels: common, value: figures }];
  return Object.entries(figures).map(([part, value]) => ({ labels: { ...common, [label as string]: part }, value }));
}
