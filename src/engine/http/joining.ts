// When a request may wait for another's fill, and when it may have what came of it (collapsed forwarding, RFC 9111 §4). The
// ledger says whether the read is new enough; here is what HTTP adds. The question is asked twice: at the door, by URI and
// origin, and at the landing, when the tags are known.
//
// For keys known to be uncacheable nobody waits: a queue for an answer that no one may share would serialise the clients
// (Varnish calls this hit-for-miss).

import type { EntryLedger } from '../../entry/key.ts';
import type { Subject } from '../../ledger/invalidations.ts';
import type { Arrival } from '../../ledger/ledger.ts';
import type { RequestDemands } from '../../semantics/cache-control.ts';
import { decideReuse } from '../../semantics/reuse.ts';
import { RecentMap } from '../recent-map.ts';
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
  const { draft, plan } = flight;
  // It was sent by rules that a reload has replaced.
  if (plan.request.route.retired()) return false;
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

/** How long a key counts as uncacheable after an answer that could not be stored. */
const REMEMBER_MS = 120_000;
const MIN_KEYS = 10_000;

export class HitForMiss {
  readonly #until = new RecentMap<number>(MIN_KEYS);

  /** `monotonicMs`: the instant of asking. */
  has(key: string, monotonicMs: number): boolean {
    const until = this.#until.get(key);
    return until !== undefined && monotonicMs < until;
  }

  add(key: string, monotonicMs: number): void {
    this.#until.set(key, monotonicMs + REMEMBER_MS);
  }

  delete(key: string): void {
    this.#until.delete(key);
  }
}
