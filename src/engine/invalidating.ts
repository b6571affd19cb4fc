// An invalidation that the gate itself makes, counted under its cause with what the fastest tier held of it.

import type { Position } from '../ledger/log.ts';
import type { Selector } from '../ledger/selector.ts';
import type { Eventually } from '../ports.ts';
import type { Context } from './context.ts';
import type { InvalidationCause } from './statistics/counts.ts';

/** Of one tag a write or a report may name a million: they are not all looked at for the sake of a figure. */
const MOST_COUNTED = 1_000;

export function invalidateBy(
  { invalidator, tiers }: Pick<Context, 'invalidator' | 'tiers'>,
  selector: Selector,
  cause: InvalidationCause,
): Eventually<Position> {
  invalidator.found(cause, tiers.countHeld(selector, MOST_COUNTED));
  return invalidator.invalidate(selector, { cause });
}
