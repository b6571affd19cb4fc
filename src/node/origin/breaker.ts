// The circuit breaker of an origin: whether it is asked at all.
//
// Requests admitted while the circuit was closed may settle after it has opened. Their results are outdated by then, so only the
// probe decides about an open circuit; hence each admission carries a permit.

import type { Permit, Reach } from './origin-forward.ts';
import type { OriginOptions } from './origin-wire.ts';

export type BreakerState =
  | { readonly kind: 'closed'; readonly failures: number }
  /** `untilMs` is monotonic time. */
  | { readonly kind: 'open'; readonly untilMs: number }
  /** One probe is on its way. */
  | { readonly kind: 'half-open' };

export const CLOSED: BreakerState = Object.freeze({ kind: 'closed', failures: 0 });

const LEAST_OPEN_MS = 1_000;

export class Breaker {
  readonly #policy: OriginOptions['breaker'];
  state = CLOSED;

  constructor(policy: OriginOptions['breaker']) {
    this.#policy = policy;
  }

  /** Whether no request may be sent at monotonic time `nowMs`. */
  isOpen(nowMs: number): boolean {
    const { state } = this;
    return state.kind === 'half-open' || (state.kind === 'open' && nowMs < state.untilMs);
  }

  /** When an open circuit may be asked again: an estimate, where the probe decides. */
  openForMs(nowMs: number): number {
    return this.state.kind === 'open' ? Math.max(LEAST_OPEN_MS, this.state.untilMs - nowMs) : LEAST_OPEN_MS;
  }

  /** Asks to send a request at monotonic time `nowMs`; undefined while the circuit is open. */
  admit(nowMs: number): Permit | undefined {
    if (this.isOpen(nowMs)) return undefined;
    if (this.state.kind === 'closed') return 'usual';
    this.state = { kind: 'half-open' };
    return 'probe';
  }

  /** Notes that an admitted request has ended; call this exactly once for each permit. */
  settle(permit: Permit, reach: Reach, nowMs: number): void {
    const { failures: most, openMs } = this.#policy;
    if (permit === 'probe') {
      // An inconclusive probe leaves the question open: the next request asks again.
      const untilMs = reach === 'unknown' ? nowMs : nowMs + openMs;
      this.state = reach === 'reached' ? CLOSED : { kind: 'open', untilMs };
    } else if (this.state.kind === 'closed' && reach !== 'unknown') {
      const failures = reach === 'reached' ? 0 : this.state.failures + 1;
      const opens = most > 0 && failures >= most;
      this.state = opens ? { kind: 'open', untilMs: nowMs + openMs } : { kind: 'closed', failures };
    }
  }
}
