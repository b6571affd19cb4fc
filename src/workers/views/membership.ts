// By what a Durable Object of views judges its values: it is a member of the invalidation log, like an isolate with a gate.
//
// Isolates keep what they have read for as long as the lease lasted that the object held then. So the object renews only
// once its lease is over: a renewal before would tell the log that the object knows of a change, while isolates still give
// copies that are older.

import { type LedgerEntry, subjectOf } from '../../entry/key.ts';
import { Ledger, type Stamp } from '../../ledger/ledger.ts';
import type { LeasedLog } from '../../log/lease/member.ts';
import type { Clock } from '../../ports.ts';

export interface MembershipParts {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Of a lease; 0 in mode `strict`. */
  readonly leaseMs: number;
  /** A new member of the log. */
  readonly join: () => LeasedLog;
  /** Something was invalidated. */
  readonly changed: () => void;
}

/** The names of a value. */
export type Names = Pick<LedgerEntry, 'key' | 'tags'>;

export class Membership {
  readonly #parts: MembershipParts;
  #log: LeasedLog | undefined;
  #ledger: Ledger<LedgerEntry> | undefined;
  #endMs = Number.NEGATIVE_INFINITY;
  #renewing: Promise<void> | undefined;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** How long what is current now may be given by others. */
  get leftMs(): number {
    return Math.max(0, this.#endMs - this.#parts.clock.monotonic());
  }

  /** When it resolves, all that was acknowledged before the call is in force here. Rejects with E_LOG. */
  async ready(): Promise<void> {
    if (this.leftMs > 0) return;
    // What was sent before this call says enough only if it brings a lease.
    if (this.#renewing !== undefined) {
      await this.#renewing.catch(() => undefined);
      if (this.leftMs > 0) return;
    }
    const own = this.#renew().finally(() => {
      if (this.#renewing === own) this.#renewing = undefined;
    });
    this.#renewing = own;
    await own;
  }

  /** Of a read that begins now. Undefined: the object has not joined the log yet. */
  stamp(): Stamp | undefined {
    return this.#ledger?.stamp();
  }

  judge({ key, tags }: Names, { epoch, position }: Stamp): 'current' | 'expired' | 'outdated' {
    const ledger = this.#ledger;
    const entry = { kind: 'value', key, tags, epoch, stamp: position, checkedUpTo: position } as const;
    if (ledger?.isCurrent(entry) === true) return 'current';
    return ledger?.isExpired(entry) === true ? 'expired' : 'outdated';
  }

  async #renew(): Promise<void> {
    const sentAtMs = this.#parts.clock.monotonic();
    const log = this.#joined();
    try {
      await log.renew();
    } catch (error) {
      // The log began anew: the next call joins it as another member.
      if (log.ended === undefined || this.#ledger === undefined) throw error;
      this.#ledger = undefined;
      return this.#renew();
    }
    if (this.#ledger === undefined) this.#follow(log);
    this.#endMs = sentAtMs + this.#parts.leaseMs;
  }

  #joined(): LeasedLog {
    if (this.#log === undefined || this.#log.ended !== undefined) {
      this.#log = this.#parts.join();
      this.#ledger = undefined;
    }
    return this.#log;
  }

  #follow(log: LeasedLog): void {
    const ledger = new Ledger<LedgerEntry>(log.history().invalidations, subjectOf);
    this.#ledger = ledger;
    log.follow((position, change) => {
      ledger.apply(position, change);
      if (change.kind === 'invalidate') this.#parts.changed();
    });
    // What was kept before may be outdated by now.
    this.#parts.changed();
  }
}
