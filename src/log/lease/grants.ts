// The leases that the keeper has granted, and who waits for their end.
//
// A member may serve without knowing a change as long as it has a lease that was granted before the change was appended. So
// an acknowledgement waits until each such lease has run out here, or its member has said that it knows the change. A lease
// that is granted later counts for nothing: it came with the change.
//
// The keeper counts a lease from when the request for it had arrived, the member from before it sent the request. Only the
// lengths of the two are compared, so the clocks need not agree, and the lease ends at the member first. The platform's clock
// stands still between I/O. At the keeper the arrival of the request is I/O: the clock says no less than the time of sending,
// plus what is counted. The end of a timer is I/O too, and a clock that stands still there says too little: the wait is longer.

import type { Clock, Eventually, Tasks } from '../../ports.ts';

/** By so much two clocks may differ over the time of a lease: one part in a hundred, and a clock that counts in milliseconds. */
export function driftMs(leaseMs: number): number {
  return 5 + leaseMs / 100;
}

interface Grant {
  /** When the member's last lease has certainly run out, on the keeper's clock. */
  endMs: number;
  /** All changes up to this number are in force at the member. */
  known: number;
}

interface Wait {
  readonly number: number;
  /** Ends of the leases waited for, as they were when the change was appended. */
  readonly ends: Map<string, number>;
  readonly resolve: () => void;
}

/** Stands for all members that an earlier instance of the keeper may have granted a lease. No member has an empty name. */
const EARLIER = '';
/** Grants that have run out are dropped when there are so many more of them than before. */
const SWEEP_AFTER = 1_000;

export class Grants {
  readonly #clock: Clock;
  readonly #tasks: Tasks;
  readonly #grants = new Map<string, Grant>();
  readonly #waits = new Set<Wait>();
  #sweepAt = SWEEP_AFTER;

  /**
   * To be made at the first call of an instance, when the clock has moved. `earlierMs`: the longest lease that an earlier
   * instance may have granted. That instance is over, so its last grant was before now.
   */
  constructor({ clock, tasks }: { readonly clock: Clock; readonly tasks: Tasks }, earlierMs: number) {
    this.#clock = clock;
    this.#tasks = tasks;
    if (earlierMs > 0) this.granted(EARLIER, earlierMs);
  }

  granted(member: string, leaseMs: number): void {
    const now = this.#clock.monotonic();
    const grant = this.#grants.get(member) ?? { endMs: 0, known: -1 };
    grant.endMs = Math.max(grant.endMs, now + leaseMs + driftMs(leaseMs));
    this.#grants.set(member, grant);
    if (this.#grants.size > this.#sweepAt) this.#sweep(now);
  }

  /** True: a lease of this length that is granted now outlasts all others. */
  endWithin(leaseMs: number): boolean {
    const latestMs = this.#clock.monotonic() + leaseMs + driftMs(leaseMs);
    for (const { endMs } of this.#grants.values()) if (endMs > latestMs) return false;
    return true;
  }

  /** The member says that all changes up to `number` are in force there. */
  confirmed(member: string, number: number): void {
    const grant = this.#grants.get(member);
    if (grant !== undefined) grant.known = Math.max(grant.known, number);
    for (const wait of this.#waits) {
      if (wait.number <= number && wait.ends.delete(member) && wait.ends.size === 0) this.#end(wait);
    }
  }

  /** The numbers start again: nobody knows a change of the new log. */
  begin(): void {
    for (const grant of this.#grants.values()) grant.known = -1;
  }

  /** Resolves when no member but `except` serves without knowing the change of this number, which is appended now. */
  known(number: number, except: string): Eventually<void> {
    const now = this.#clock.monotonic();
    const ends = new Map<string, number>();
    for (const [member, { endMs, known }] of this.#grants) {
      if (member !== except && known < number && endMs > now) ends.set(member, endMs);
    }
    if (ends.size === 0) return undefined;
    return new Promise((resolve) => {
      const wait = { number, ends, resolve };
      this.#waits.add(wait);
      this.#settle(wait);
    });
  }

  /** Ends the wait, or looks again when the first of its leases has run out. */
  #settle(wait: Wait): void {
    if (!this.#waits.has(wait)) return;
    const now = this.#clock.monotonic();
    for (const [member, endMs] of wait.ends) if (endMs <= now) wait.ends.delete(member);
    if (wait.ends.size === 0) return this.#end(wait);
    this.#tasks.later(Math.min(...wait.ends.values()) - now, () => this.#settle(wait));
  }

  #end(wait: Wait): void {
    this.#waits.delete(wait);
    wait.resolve();
  }

  #sweep(now: number): void {
    for (const [member, { endMs }] of this.#grants) if (endMs <= now) this.#grants.delete(member);
    this.#sweepAt = this.#grants.size + SWEEP_AFTER;
  }
}
