// How far the log is in force in a process, and in others of its machine that serve by its lease.

import type { Eventually } from '../../ports.ts';
import type { LogPlace } from './messages.ts';

/** Processes of this machine that are told of the log by this one, and serve by its lease. */
export interface Dependents {
  /** Settles when all that followers were told so far is in force there; undefined: it is. */
  readonly settled: () => Eventually<unknown>;
  /** Called after each renewal, and where the lease is lost. It must not reach them before what followers were told. */
  readonly leased: (lease: SharedLease) => void;
}

/** By the clocks of the machine. */
export interface SharedLease {
  readonly endMs: number;
  /** How far the wall clock is before the other; see SleepWatch. */
  readonly aheadMs: number;
}

export class LogShare {
  readonly #fault: (error: unknown) => void;
  #dependents: Dependents | undefined;
  /** All changes up to there are in force here and at the dependents. */
  place: LogPlace | undefined;
  /** Number of the change that the keeper was last told to be in force. */
  told = -1;
  /** How often another member took the place of one that ended. */
  replacements = 0;

  constructor(fault: (error: unknown) => void) {
    this.#fault = fault;
  }

  get hasDependents(): boolean {
    return this.#dependents !== undefined;
  }

  serveBy(dependents: Dependents): void {
    this.#dependents = dependents;
  }

  lease(lease: SharedLease): void {
    this.#dependents?.leased(lease);
  }

  /** `known`: the last change in force in this process. */
  readonly inForce = (known: LogPlace): LogPlace => (this.place?.epoch === known.epoch ? this.place : known);

  /** Another member takes the place of this one. */
  forget(): void {
    this.replacements++;
    this.place = undefined;
  }

  /** Notes what is in force everywhere. `grown`: called where that is so only later. */
  settle(known: LogPlace, grown: () => Promise<void>): void {
    const settled = this.#dependents?.settled();
    if (!(settled instanceof Promise)) {
      this.place = known;
      return;
    }
    const { replacements } = this;
    settled
      .then(() => {
        if (replacements !== this.replacements || known.number <= (this.place?.number ?? -1)) return undefined;
        this.place = known;
        return grown();
      })
      .catch(this.#fault);
  }
}
