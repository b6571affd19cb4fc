// When a request may wait for another's fill, and when it may have what came of it (collapsed forwarding, RFC 9111 §4).
//
// The one complication: nothing acknowledged before a request arrived may be missing from its answer. A fill that began
// at the very position at which the request arrived, or later, is safe. One that began earlier is safe only if nothing
// invalidated since its beginning affects it, and what affects it is known for sure only with its head, which has the
// tags. So the question is asked twice: at the door, by URI and origin, and at the landing.

import type { Position } from '../dependency/position.ts';
import type { RequestDemands } from '../semantics/cache-control.ts';
import { decideReuse } from '../semantics/reuse.ts';
import type { Landing, RunningFlight } from './flight-plan.ts';
import type { Invalidator } from './invalidator.ts';

/** At the door: may a request that arrived at this log position wait for the flight? */
export function mayJoin(flight: RunningFlight, arrival: Position, invalidator: Invalidator): boolean {
  if (!flight.joinable) return false;
  if (arrival <= flight.stamp.position) return true;
  const { uri, route } = flight.plan.request;
  return !invalidator.isAffectedSince(flight.stamp, { uri, origin: route.originName, tags: [] });
}

export interface Joiner {
  readonly arrival: Position;
  readonly now: number;
  readonly demands: RequestDemands;
  /** The key of the variant that the joiner selects, given the response's selecting fields. */
  readonly variantKey: (names: readonly string[]) => string;
}

/** At the landing: may the joiner have the result? If not it asks again, on its own if need be. */
export function mayShare(what: {
  readonly landing: Landing;
  readonly flight: RunningFlight;
  readonly joiner: Joiner;
  readonly invalidator: Invalidator;
}): boolean {
  const { landing, flight, joiner, invalidator } = what;
  if (landing.kind === 'failed') return true;
  if (landing.kind === 'entry' && !landing.shareable) return false;
  const stored = landing.kind === 'entry' ? { ...landing.entry, names: undefined } : landing.draft;
  // Not stored, so not to be shared: it may be for the first client alone.
  if (stored === undefined || typeof stored === 'string') return false;
  if (stored.names !== undefined && stored.key !== joiner.variantKey(stored.names)) return false;
  const { uri, route } = flight.plan.request;
  const affected = invalidator.isAffectedSince(flight.stamp, { uri, origin: route.originName, tags: stored.tags });
  if (affected && joiner.arrival > flight.stamp.position) return false;
  return decideReuse(joiner.demands, stored, { now: joiner.now, outdated: false }).kind === 'serve';
}
