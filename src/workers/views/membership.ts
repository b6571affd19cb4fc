// By what values of views are judged: the Durable Object that computes them is a member of the invalidation log, and so is each
// isolate that gives them again, like an isolate with a gate. Each call of `renew` is one of its own: requests of an isolate
// may not wait for each other's promises.

import { allTags } from '../../cache/keys/tags.ts';
import type { Judgement } from '../../cache/views/runner.ts';
import type { Slot } from '../../cache/views/slot.ts';
import type { ViewPlan } from '../../cache/views/view.ts';
import { type LedgerEntry, subjectOf } from '../../entry/key.ts';
import { Ledger, type Stamp } from '../../ledger/ledger.ts';
import type { LeasedLog } from '../../log/lease/member.ts';

export interface MembershipParts {
  /** A new member of the log. */
  readonly join: () => LeasedLog;
  /** Something was invalidated. */
  readonly changed: () => void;
  /** Lets work go on after the present request is answered. */
  readonly defer: (work: Promise<unknown>) => void;
  readonly fault: (error: unknown) => void;
}

export class Membership {
  readonly #parts: MembershipParts;
  #log: LeasedLog | undefined;
  #ledger: Ledger<LedgerEntry> | undefined;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** True: all that was acknowledged before the present request arrived, and may reach the view, is in force here. */
  isHeard({ isNamed }: Pick<ViewPlan, 'isNamed'>): boolean {
    if (!isNamed) return true;
    if (this.#log?.isLeased() !== true || this.#ledger === undefined) return false;
    if (this.#log.renewalDue()) void this.tryRenew();
    return true;
  }

  /** As `renew`, after the answer too. False: the log does not answer. */
  tryRenew(): Promise<boolean> {
    const { defer, fault } = this.#parts;
    const failed = (error: unknown) => {
      fault(error);
      return false;
    };
    const renewed = this.renew().then(() => true, failed);
    defer(renewed);
    return renewed;
  }

  /** When it resolves, all that was acknowledged before the call is in force here. Rejects with E_LOG. */
  async renew(): Promise<void> {
    const log = this.#joined();
    // Where the log began anew, another member takes its place.
    await this.#renewed(log).catch((error: unknown) => {
      if (log.ended === undefined) throw error;
      return this.#renewed(this.#joined());
    });
  }

  /** Of a read that begins now. Undefined: the log has not been joined yet. */
  stamp(): Stamp | undefined {
    return this.#ledger?.stamp();
  }

  judge({ key, tags, view }: Slot<Stamp>, { epoch, position }: Stamp): Judgement {
    if (!view.isNamed) return 'current';
    const ledger = this.#ledger;
    const all = allTags([], tags, view.tables);
    const entry = { kind: 'value', key, tags: all, epoch, stamp: position, checkedUpTo: position } as const;
    if (ledger?.isCurrent(entry) === true) return 'current';
    return ledger?.isExpired(entry) === true ? 'expired' : 'outdated';
  }

  #joined(): LeasedLog {
    if (this.#log === undefined || this.#log.ended !== undefined) {
      this.#log = this.#parts.join();
      this.#ledger = undefined;
    }
    return this.#log;
  }

  async #renewed(log: LeasedLog): Promise<void> {
    await log.renew();
    if (this.#ledger !== undefined || this.#log !== log) return;
    const ledger = new Ledger<LedgerEntry>(log.history().invalidations, subjectOf);
    this.#ledger = ledger;
    log.follow((position, event) => {
      ledger.apply(position, event);
      if (event.kind === 'invalidate') this.#parts.changed();
    });
    // What was kept before may be outdated by now.
    this.#parts.changed();
  }
}
