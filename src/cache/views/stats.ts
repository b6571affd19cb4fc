// The figures of views.

import type { Slot, ViewFailure } from './slot.ts';
import type { ViewPlan } from './view.ts';

/** Since the start. */
export interface ViewCounts {
  computed: number;
  failed: number;
  /** Readers. */
  answered: number;
  /** Those of them who waited for a computation. */
  waited: number;
}

export interface ViewStats extends Readonly<ViewCounts> {
  readonly name: string;
  /** Kept now. */
  readonly combinations: number;
  readonly computing: number;
  readonly outdated: number;
  /** Of the oldest value; undefined: there is none. */
  readonly oldestMs: number | undefined;
  readonly bytes: number;
  /** By key, those whose last computation failed; of many, the first 20. */
  readonly failing: { readonly [key: string]: ViewFailure };
}

const MAX_FAILING = 20;

interface StatsOf<Stamp> {
  readonly now: number;
  readonly slots: readonly Slot<Stamp>[];
  readonly isOutdated: (slot: Slot<Stamp>) => boolean;
}

export function viewStats<Stamp>(
  view: ViewPlan,
  counts: ViewCounts,
  { now, slots, isOutdated }: StatsOf<Stamp>,
): ViewStats {
  const kept = slots.flatMap((slot) => (slot.kept === undefined ? [] : [{ slot, kept: slot.kept }]));
  const failing = slots.flatMap(({ key, failure }) => (failure === undefined ? [] : [[key, failure] as const]));
  const oldestMs = kept.reduce((oldest, { kept: { computedMs } }) => Math.max(oldest, now - computedMs), 0);
  return {
    ...{ name: view.name, ...counts, combinations: slots.length },
    computing: slots.filter(({ flight }) => flight !== undefined).length,
    outdated: kept.filter((one) => isOutdated(one.slot)).length,
    oldestMs: kept.length === 0 ? undefined : oldestMs,
    bytes: kept.reduce((sum, { kept: { owned } }) => sum + owned.bytes, 0),
    failing: Object.fromEntries(failing.slice(0, MAX_FAILING)),
  };
}
