// A member of a leased log for a process that lasts: it renews by itself, hears when the log has gone on, and where its log ends, it goes
// on in the one that begins.
//
// A log ends when its engine was lost or set back, or when this process was too far behind. What happened meanwhile nobody knows, so
// followers are told from what the log goes on now. Epoch and positions are those of the log, the same for all its members.

import { TidegateError } from '../../errors.ts';
import type { Invalidations } from '../../ledger/invalidations.ts';
import type { InvalidationsImage, LogChange, Position } from '../../ledger/log.ts';
import type { Cancel, Clock, InvalidationLog, Tasks } from '../../ports.ts';
import { LogCopy } from './log-copy.ts';
import { type Dependents, LogShare } from './log-share.ts';
import type { LeasedLog } from './member.ts';
import type { LogPlace } from './messages.ts';
import { SleepWatch } from './sleep-watch.ts';

export interface LastingLogParts {
  /** A new member of the log. */
  readonly join: (inForce: (known: LogPlace) => LogPlace) => LeasedLog;
  /** Called as the log goes on, with what is in force and up to where: to be written down for those who join. */
  readonly keep: (place: LogPlace, image: () => InvalidationsImage) => Promise<unknown>;
  /** Called with a member that serves no more. */
  readonly left: (member: LeasedLog) => Promise<void>;
  readonly clock: Clock;
  readonly tasks: Pick<Tasks, 'later'>;
  /** Time between two renewals. */
  readonly renewMs: number;
  readonly newEpoch: () => string;
  /** Hears why a renewal failed: until one succeeds nothing is served from a cache. */
  readonly fault: (error: unknown) => void;
}

export interface LogState {
  /** The last change in force here; undefined: there is none yet. */
  readonly known: LogPlace | undefined;
  /** When the lease ends, by the clock. */
  readonly leaseEndMs: number;
  /** How often all that was stored before became outdated: another epoch, or too much was missed. */
  readonly flushes: number;
}

export class LastingLog {
  readonly #parts: LastingLogParts;
  readonly #copy: LogCopy;
  readonly #share: LogShare;
  readonly #sleep: SleepWatch;
  #member: LeasedLog;
  /** False: a member is about to join, and what it knows is not in force yet. */
  #isBegun = false;
  #cancel: Cancel = () => {};
  #closed: TidegateError | undefined;

  constructor(parts: LastingLogParts) {
    this.#parts = parts;
    this.#sleep = new SleepWatch(parts.clock);
    this.#copy = new LogCopy(parts.newEpoch());
    this.#share = new LogShare(parts.fault);
    this.#member = parts.join(this.#share.inForce);
  }

  /** Rejects with E_LOG when the log is not in reach; it goes on to ask, until `close`. */
  async begin(): Promise<void> {
    const again = () => {
      this.#cancel = this.#parts.tasks.later(this.#parts.renewMs, again);
      this.renew().catch((error: unknown) => {
        if (this.#closed === undefined) this.#parts.fault(error);
      });
    };
    this.#cancel = this.#parts.tasks.later(this.#parts.renewMs, again);
    await this.renew();
  }

  /** True: every change acknowledged before now is in force here, so a cache may serve. */
  isLeased(): boolean {
    return this.#isBegun && this.#member.isLeased() && !this.#sleep.hasSlept;
  }

  state(): LogState {
    const [isBegun, member] = [this.#isBegun, this.#member];
    return {
      known: isBegun ? member.known : undefined,
      leaseEndMs: isBegun ? member.leaseEndMs : Number.NEGATIVE_INFINITY,
      flushes: this.#share.replacements,
    };
  }

  /** Everything that one cache begins from, and what it is told from then on. */
  history(): { readonly invalidations: Invalidations; readonly log: InvalidationLog } {
    return this.#copy.history((change) => this.#append(change));
  }

  /** To be called before the first of them serves. */
  serveBy(dependents: Dependents): void {
    this.#share.serveBy(dependents);
    this.#shareLease();
  }

  /** See `LeasedLog.opened`. */
  opened(): Promise<unknown> | undefined {
    return this.#member.opened();
  }

  /** The log may have gone on to there. */
  goneOn({ epoch, number }: Pick<LogPlace, 'epoch' | 'number'>): void {
    const { known } = this.#member;
    if (known?.epoch !== epoch || number > this.#share.told) this.renew().catch(this.#parts.fault);
  }

  /** Resolves when all that was appended before is in force here, and the keeper knows that. Rejects with E_LOG. */
  readonly renew: () => Promise<void> = coalesced(() => this.#renewed());

  async close(): Promise<void> {
    this.#closed ??= new TidegateError('E_LOG', 'expected a log that goes on, got its end');
    this.#cancel();
    this.#member.close();
    // A renewal under way would make it a member again.
    await this.renew().catch(() => undefined);
    await this.#parts.left(this.#member);
  }

  async #append(change: LogChange): Promise<Position> {
    if (this.#closed !== undefined) throw this.#closed;
    this.#copy.noteOwn(change);
    const member = this.#member;
    try {
      const position = await member.append(change);
      this.#settle();
      return position;
    } catch (error) {
      this.#shareLease();
      if (member.ended === undefined || this.#closed !== undefined) throw error;
      // The log ended. Whoever waits for the change needs it in the log that has taken its place.
      if (this.#member === member) await this.renew();
      return await this.#member.append(change);
    }
  }

  /** True: changes came with the reply, and the keeper does not know yet that they are in force here. */
  async #renewed(): Promise<boolean> {
    if (this.#closed !== undefined) throw this.#closed;
    const share = this.#share;
    let told = share.place?.number ?? -1;
    const { aheadMs } = this.#sleep;
    try {
      await this.#member.renew();
    } catch (error) {
      if (this.#member.ended === undefined || this.#closed !== undefined) throw error;
      await this.#joinAnew();
      told = -1;
    }
    if (!this.#isBegun) this.#begun();
    share.told = told;
    this.#settle();
    this.#sleep.note(aheadMs);
    this.#shareLease();
    // To be told at once, since somebody may wait for it.
    return (share.place?.number ?? -1) > told;
  }

  /** Until it has joined, its caches serve nothing. */
  async #joinAnew(): Promise<void> {
    this.#isBegun = false;
    this.#share.forget();
    this.#shareLease();
    // Dependents may serve by its lease until that is over, and are to be waited for.
    if (!this.#share.hasDependents) void this.#parts.left(this.#member);
    this.#member = this.#parts.join(this.#share.inForce);
    await this.#member.renew();
  }

  #begun(): void {
    const member = this.#member;
    this.#share.place = member.known;
    this.#copy.begin(member.history().invalidations);
    member.follow((position, change) => this.#copy.force(position, change));
    // This member claims all of them, also those that the log still has: it counts them to the member that has left.
    for (const open of this.#copy.own()) {
      this.#copy.force(this.#copy.applied, open);
      member.append(open).catch(this.#parts.fault);
    }
    this.#isBegun = true;
  }

  #settle(): void {
    const { known } = this.#member;
    if (known === undefined || !this.#isBegun) return;
    this.#share.settle(known, () => this.renew());
    this.#parts.keep(known, () => this.#copy.image()).catch(this.#parts.fault);
  }

  #shareLease(): void {
    this.#share.lease({ endMs: this.state().leaseEndMs, aheadMs: this.#sleep.notedMs });
  }
}

/** Runs the work, and once more where somebody asks while it runs, or it gives true. Who asks waits for the last run. */
function coalesced(work: () => Promise<boolean>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let isAgain = false;
  const run = async () => {
    while (isAgain) {
      isAgain = false;
      if (await work()) isAgain = true;
    }
  };
  return () => {
    isAgain = true;
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}
