// The circuit breaker of an origin as pure functions: a state, and what admits a request or settles it.
//
// Requests admitted while the circuit was closed may settle after it has opened. Their results are outdated by then,
// so only the probe decides about an open circuit; hence each admission carries a permit.

/** When the circuit opens and for how long. */
export interface BreakerPolicy {
  /** This many failures in a row open the circuit; 0: it never opens. */
  readonly failures: number;
  readonly openMs: number;
}

export type BreakerState =
  | { readonly kind: 'closed'; readonly failures: number }
  /** `untilMs` is monotonic time. */
  | { readonly kind: 'open'; readonly untilMs: number }
  /** One probe is on its way. */
  | { readonly kind: 'half-open' };

/** The kind of an admitted request. */
export type Permit = 'usual' | 'probe';

/**
 * The result of a request for the circuit: `reached` when a response head arrived (whatever its status),
 * `unreachable` when no connection was made or a time limit ran out, `unknown` when it ended for another reason.
 */
export type Reach = 'reached' | 'unreachable' | 'unknown';

interface Settlement {
  readonly permit: Permit;
  readonly reach: Reach;
  readonly nowMs: number;
}

interface Admission {
  readonly state: BreakerState;
  /** Undefined when refused because the circuit is open. */
  readonly permit: Permit | undefined;
}

export const CLOSED: BreakerState = Object.freeze({ kind: 'closed', failures: 0 });
const HALF_OPEN: BreakerState = Object.freeze({ kind: 'half-open' });

/** Asks to send a request at monotonic time `nowMs`. */
export function admit(state: BreakerState, nowMs: number): Admission {
  switch (state.kind) {
    case 'closed':
      return { state, permit: 'usual' };
    case 'open':
      return nowMs < state.untilMs ? { state, permit: undefined } : { state: HALF_OPEN, permit: 'probe' };
    case 'half-open':
      return { state, permit: undefined };
  }
}

/** The state after an admitted request has ended; each permit is settled exactly once. */
export function settle(state: BreakerState, settlement: Settlement, policy: BreakerPolicy): BreakerState {
  const { permit, reach, nowMs } = settlement;
  if (permit === 'probe') {
    if (reach === 'reached') return CLOSED;
    // An inconclusive probe leaves the question open: the next request asks again.
    return { kind: 'open', untilMs: reach === 'unknown' ? nowMs : nowMs + policy.openMs };
  }
  if (state.kind !== 'closed' || reach === 'unknown') return state;
  if (reach === 'reached') return CLOSED;
  const failures = state.failures + 1;
  if (policy.failures > 0 && failures >= policy.failures) return { kind: 'open', untilMs: nowMs + policy.openMs };
  return { kind: 'closed', failures };
}
