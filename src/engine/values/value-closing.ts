// The fills of a data cache that is closed.

import type { Tasks } from '../../ports.ts';
import { closing } from './value-failures.ts';
import type { ValueFlight } from './value-flight.ts';

/** How long a fill without a hard timeout is waited for. */
const CLOSE_MS = 5_000;

/**
 * Resolves once none of them is under way, those begun meanwhile included, or with `enough`. Those without a hard timeout are
 * told by their signal to end, and waited for a limited time; when it was enough, all are told.
 */
export async function allLanded(
  running: ReadonlySet<ValueFlight>,
  tasks: Pick<Tasks, 'later'>,
  enough: Promise<unknown>,
): Promise<void> {
  const { promise: given, resolve } = Promise.withResolvers<void>();
  const cancel = tasks.later(CLOSE_MS, resolve);
  const known = new Set<ValueFlight>();
  const isNew = (flight: ValueFlight) => !known.has(flight);
  for (let begun = [...running]; begun.length > 0; begun = [...running].filter(isNew)) {
    const ends = begun.map((flight) => {
      known.add(flight);
      if (flight.plan.terms.hardMs !== Number.POSITIVE_INFINITY) return flight.landed;
      flight.abort(closing(flight.key));
      return Promise.race([flight.landed, given]);
    });
    await Promise.race([Promise.all(ends), enough]);
  }
  cancel();
  for (const flight of running) flight.abort(closing(flight.key));
}
