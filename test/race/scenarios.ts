// The matrix: every way to invalidate × every kind of fill × every instant of the fill at which the invalidation may
// come, and for a write every pair of instants at which it is sent and answered.

import { KINDS, type Kind } from './kinds.ts';
import type { Tiers } from './race-bench.ts';
import { WAYS, type Way } from './ways.ts';

/** Instants of a fill, in order. The last but the first two are races; the others are controls. */
export const INSTANTS = [
  'before the request',
  'before the read',
  'after the read',
  'after the head',
  'within the body',
  'before the end',
  'after the end',
] as const;
export type Instant = (typeof INSTANTS)[number];

/** With a bodiless answer, nothing lies between these. */
const BODILESS: readonly Instant[] = ['before the request', 'before the read', 'after the read', 'after the end'];

export interface Cell {
  readonly tiers: Tiers;
  readonly way: Way;
  readonly kind: Kind;
  readonly act: 'invalidate' | 'purge' | 'write';
  /** When the call is made or the write is sent. */
  readonly sent: Instant;
  /** When the call returns or the write is answered. */
  readonly acknowledged: Instant;
  /** Whose answer from the origin comes first: the fill's, or that of those who come after the invalidation. */
  readonly first: 'fill' | 'late';
}

export function cellName(cell: Cell): string {
  const { tiers, way, kind, act, sent, acknowledged, first } = cell;
  const when = act === 'write' ? `sent ${sent}, answered ${acknowledged}` : `${act} ${acknowledged}`;
  return `${way.name} × ${kind.name}: ${when}; ${first} first; ${tiers}`;
}

/** All in memory alone. */
export function allCells(): Cell[] {
  return WAYS.flatMap((way) => KINDS.flatMap((kind) => cellsOf(way, kind)));
}

const ON_DISK: readonly Tiers[] = ['disk', 'memory+disk'];

/**
 * Those that a disk adds: a change is told at every instant, and writes are sent first or in no time. Every other one has
 * no memory.
 */
export function cellsOnDisk(way: Way, kind: Kind): Cell[] {
  const few = cellsOf(way, kind).filter(({ act, sent, acknowledged, first }) => {
    if (act === 'purge' || (first === 'fill') !== (acknowledged === 'after the end')) return false;
    return act === 'invalidate' || sent === acknowledged || sent === 'before the request';
  });
  const of = WAYS.indexOf(way) + KINDS.indexOf(kind);
  return few.map((cell, at) => ({ ...cell, tiers: ON_DISK[(at + of) % 2] as Tiers }));
}

export function cellsOf(way: Way, kind: Kind): Cell[] {
  const instants = kind.bodiless === true ? BODILESS : INSTANTS;
  const cells: Cell[] = [];
  for (const [at, acknowledged] of instants.entries()) {
    if (at === 0) continue;
    // After the end there is no fill left to be first.
    const orders = acknowledged === 'after the end' ? (['fill'] as const) : (['fill', 'late'] as const);
    for (const first of orders) {
      if ('selector' in way) {
        for (const act of ['invalidate', 'purge'] as const) {
          cells.push({ tiers: 'memory', way, kind, act, sent: acknowledged, acknowledged, first });
        }
      } else {
        for (const sent of instants.slice(0, at + 1))
          cells.push({ tiers: 'memory', way, kind, act: 'write', sent, acknowledged, first });
      }
    }
  }
  return cells;
}
