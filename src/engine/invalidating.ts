// Invalidations that the gate itself makes, counted under their cause with what the fastest tier held of them.

import type { Position } from '../ledger/log.ts';
import type { Selector } from '../ledger/selector.ts';
import type { Eventually } from '../ports.ts';
import type { Context } from './context.ts';
import { allAtOnce } from './eventually.ts';
import type { InvalidationCause } from './statistics/counts.ts';

/** A write or a report may name a million entries: they are not all looked at for the sake of a figure. */
const MOST_COUNTED = 1_000;

/** Gives their positions in the order of the selectors, once all are in force. */
export function invalidateBy(
  { invalidator, tiers, fault }: Pick<Context, 'invalidator' | 'tiers' | 'fault'>,
  cause: InvalidationCause,
  selectors: readonly Selector[],
): Eventually<readonly Position[]> {
  const positions = allAtOnce(selectors.map((selector) => invalidator.invalidate(selector, { cause })));
  // An invalidation holds, whether what it named can be counted or not.
  try {
    invalidator.found(cause, tiers.countHeld(selectors, MOST_COUNTED));
  } catch (error) {
    fault(error);
  }
  return positions;
}
