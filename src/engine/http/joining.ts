// When a request may wait for another's fill, and when it may have what came of it (collapsed forwarding, RFC 9111 §4). The
// ledger says whether the read is new enough; here is what HTTP adds. The question is asked twice: at the door, by URI and
// origin, and at the landing, when the tags are known.

import type { EntryLedger } from '../../entry/subject.ts';
import type { Subject } from '../../ledger/invalidations.ts';
import type { Arrival } from '../../ledger/ledger.ts';
import type { RequestDemands } from '../../semantics/cache-control.ts';
import { decideReuse } from '../../semantics/reuse.ts';
import type { Landing, RunningFlight } from './flight-plan.ts';

export interface Joiner {
  readonly arrival: Arrival;
  readonly demands: RequestDemands;
  /** The key of the variant that the joiner selects, given the response's selecting fields. */
  readonly variantKey: (names: readonly string[]) => string;
}

/** At the door: may the joiner wait for the flight? */
export function mayJoin(flight: RunningFlight, joiner: Joiner, ledger: EntryLedger): boolean {
  if (!flight.joinable) return false;
  const { draft } = flight;
  // Its head is there: a reload came later, and asks for another.
  if (draft !== undefined && isReload(joiner.demands)) return false;
  if (draft !== undefined && draft.key !== joiner.variantKey(draft.names)) return false;
  return ledger.mayShare(flight.fill, joiner.arrival, subjectOfFlight(flight, draft?.tags ?? []));
}

/** At the landing: may the joiner have the result? If not it asks again, on its own if need be. */
export function mayShare(what: {
  readonly landing: Landing;
  readonly flight: RunningFlight;
  readonly joiner: Joiner;
  readonly now: number;
  readonly ledger: EntryLedger;
}): boolean {
  const { landing, flight, joiner, now, ledger } = what;
  if (landing.kind === 'failed') return true;
  if (landing.kind === 'entry' && !landing.shareable) return false;
  const shared = landing.kind === 'entry' ? landing.entry : landing.draft;
  const names = landing.kind === 'entry' ? landing.names : landing.draft?.names;
  // Not to be stored, so not to be shared: it may be for the first client alone.
  if (shared === undefined || names === undefined || shared.key !== joiner.variantKey(names)) return false;
  if (!ledger.mayShare(flight.fill, joiner.arrival, subjectOfFlight(flight, shared.tags))) return false;
  return decideReuse(leftOf(joiner.demands), shared, { now, outdated: false }).kind === 'serve';
}

function isReload({ noCache, maxAgeMs }: RequestDemands): boolean {
  return noCache || maxAgeMs === 0;
}

/** The demands without those that an answer fresh from the origin meets: a reload wants nothing else. */
function leftOf(demands: RequestDemands): RequestDemands {
  return isReload(demands) ? { ...demands, noCache: false, maxAgeMs: undefined } : demands;
}

function subjectOfFlight({ plan }: RunningFlight, tags: readonly string[]): Subject {
  const { uri, route } = plan.request;
  return { uri, origin: route.originName, tags };
}
