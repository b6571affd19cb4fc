// The matrix of the data cache: every way × every kind of fill × every instant × who asks after × the tiers and the log.

import { DATA_KINDS, type DataKind } from './data-kinds.ts';
import { DATA_WAYS, type DataWay } from './data-ways.ts';
import type { DataTiers, LogKind } from './data-world.ts';

/** Instants of a fill, in order. The first and the last are controls. */
export const DATA_INSTANTS = [
  'before the request',
  'before the read',
  'after the read',
  'as it ends',
  'during the put',
  'after the end',
] as const;
export type DataInstant = (typeof DATA_INSTANTS)[number];

export interface DataCell {
  readonly way: DataWay;
  readonly kind: DataKind;
  readonly tiers: DataTiers;
  readonly log: LogKind;
  readonly sent: DataInstant;
  readonly acknowledged: DataInstant;
  /** Promise turns that pass between `sent` and the call; for what lies within one instant. */
  readonly turns: number;
  /** Who asks after. */
  readonly late: 'get' | 'getOrSet' | 'getMany';
  /** Whose read ends first: the fill's, or that of who asks after. */
  readonly first: 'fill' | 'late';
}

export function dataCellName({ way, kind, tiers, log, sent, acknowledged, turns, late, first }: DataCell): string {
  const when = sent === acknowledged ? sent : `${sent}, acknowledged ${acknowledged}`;
  return `${way.name} × ${kind.name}: ${when}+${turns}; then ${late}, ${first} first; ${tiers}, log ${log}`;
}

/** More than any of the cache's steps takes. */
const TURNS = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const WHO = [
  { late: 'get', first: 'fill' },
  { late: 'getOrSet', first: 'fill' },
  { late: 'getOrSet', first: 'late' },
  { late: 'getMany', first: 'fill' },
] as const;

export function dataCellsOf(way: DataWay, kind: DataKind): DataCell[] {
  const cells: DataCell[] = [];
  for (const tiers of tiersFor(way, kind)) {
    for (const instant of DATA_INSTANTS) {
      if (instant === 'during the put' && tiers === 'memory') continue;
      const at = { way, kind, tiers, log: 'local', sent: instant, acknowledged: instant } as const;
      for (const who of WHO) {
        const all = who.late === 'getOrSet' && instant === 'as it ends';
        for (const turns of all ? TURNS : [0]) cells.push({ ...at, ...who, turns });
      }
    }
    cells.push(...slowlyAcknowledged(way, kind, tiers));
  }
  return cells;
}

/** Told at one instant and acknowledged at another: the log takes time, or a tier does. */
function slowlyAcknowledged(way: DataWay, kind: DataKind, tiers: DataTiers): DataCell[] {
  const cells: DataCell[] = [];
  const logs: readonly LogKind[] = way.sets === 'alone' ? [] : ['durable', 'shared'];
  const takesTime = way.deletes === true && tiers !== 'memory' ? (['local'] as const) : [];
  for (const log of [...logs, ...takesTime]) {
    for (const [at, sent] of DATA_INSTANTS.entries()) {
      for (const acknowledged of DATA_INSTANTS.slice(at + 1)) {
        if ([sent, acknowledged].includes('during the put') && tiers === 'memory') continue;
        for (const who of WHO.slice(0, 2)) cells.push({ way, kind, tiers, log, sent, acknowledged, turns: 0, ...who });
      }
    }
  }
  return cells;
}

function tiersFor(way: DataWay, kind: DataKind): DataTiers[] {
  if (kind.promotes === true) return ['memory+slow'];
  return way.name === 'set in memory' ? ['memory', 'memory+slow'] : ['memory', 'memory+slow', 'slow', 'lossy'];
}

export function allDataCells(): DataCell[] {
  return DATA_WAYS.flatMap((way) => DATA_KINDS.flatMap((kind) => dataCellsOf(way, kind)));
}
