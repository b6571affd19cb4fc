// The lease as its member holds it: until when it may serve, and when to ask for more.
//
// The lease is counted from before the request for it was sent, by this member's clock. On Workers that clock stands still
// between I/O, so it may say too little. Too little at the sending makes the lease shorter. At the check it does no harm
// either: the clock says no less than when the request to be served arrived, and who arrived within the lease came before the
// acknowledgement of every change that the member does not know.

import type { Clock } from '../../ports.ts';

/** A renewal under way. */
export interface Asking {
  readonly order: number;
  readonly sentAtMs: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

export class HeldLease {
  readonly #clock: Clock;
  #lengthMs = 0;
  #endMs = NEVER;
  /** From then on somebody should renew in the background. */
  #dueAtMs = NEVER;
  #latestMs = NEVER;
  #asked = 0;
  #askedBeforeLapse = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isValid(): boolean {
    return this.#now() < this.#endMs;
  }

  get endMs(): number {
    return this.#endMs;
  }

  /** To be called before the request is sent. */
  ask(): Asking {
    return { order: ++this.#asked, sentAtMs: this.#clock.monotonic() };
  }

  /** False: the lease was asked for before the last lapse, and counts for nothing. */
  grant({ order, sentAtMs }: Asking, leaseMs: number): boolean {
    if (order <= this.#askedBeforeLapse) return false;
    const endMs = sentAtMs + leaseMs;
    if (endMs <= this.#endMs) return true;
    this.#endMs = endMs;
    this.#lengthMs = leaseMs;
    this.#dueAtMs = endMs - leaseMs / 2;
    return true;
  }

  /** Ends the lease, and those that are being asked for. */
  lapse(): void {
    this.#endMs = NEVER;
    this.#askedBeforeLapse = this.#asked;
  }

  /** True for one caller in the second half of the lease; for another each quarter of a lease in which no lease came. */
  takeDue(): boolean {
    const now = this.#now();
    if (now < this.#dueAtMs || now >= this.#endMs) return false;
    this.#dueAtMs = now + this.#lengthMs / 4;
    return true;
  }

  /** Never goes back, where requests have clocks of their own that stand still. */
  #now(): number {
    this.#latestMs = Math.max(this.#latestMs, this.#clock.monotonic());
    return this.#latestMs;
  }
}
