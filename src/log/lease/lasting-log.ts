// A member of a leased log for a process that lasts: it renews by itself, hears when the log has gone on, and where its log ends, it goes
// on in the one that begins.
//
// A log ends when its engine was lost or set back, or when this process was too far behind. What happened meanwhile nobody knows, so
// everything is invalidated. Positions go on: followers hear those of this process, which are those of the log and what went before.

import { TidegateError } from '../../errors.ts';
import { Invalidations } from '../../ledger/invalidations.ts';
import type { LogChange, Position } from '../../ledger/log.ts';
import type { Cancel, Clock, InvalidationLog, Tasks } from '../../ports.ts';
import { dense, emptied } from './image.ts';
import type { LeasedLog } from './member.ts';
import type { LogPlace } from './messages.ts';
import { SleepWatch } from './sleep-watch.ts';

export interface LastingLogParts {
  /** A new member of the log. */
  readonly join: () => LeasedLog;
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

type Apply = (position: Position, change: LogChange) => void;

export class LastingLog {
  readonly #parts: LastingLogParts;
  readonly #followers = new Set<Apply>();
  readonly #sleep: SleepWatch;
  #member: LeasedLog;
  /** Position here of the position 0 there. */
  #base = 0;
  #applied = 0;
  /** False: a member is about to join, and what it knows is not in force yet. */
  #isBegun = false;
  /** Number of the change that the keeper was last told to be in force here. */
  #told = -1;
  #renewing: Promise<void> | undefined;
  #isAgain = false;
  #cancel: Cancel = () => {};
  #closed: TidegateError | undefined;
  /** Logs that ended, and so all was invalidated. */
  flushes = 0;

  constructor(parts: LastingLogParts) {
    this.#parts = parts;
    this.#member = parts.join();
    this.#sleep = new SleepWatch(parts.clock);
  }

  /** Rejects with E_LOG when the log is not in reach. */
  async begin(): Promise<void> {
    await this.#member.renew();
    this.#begun();
    void this.renew().catch(this.#parts.fault);
    this.#renewLater();
  }

  /** True: every change acknowledged before now is in force here, so a cache may serve. */
  isLeased(): boolean {
    return this.#isBegun && this.#member.isLeased() && !this.#sleep.hasSlept;
  }

  /** Everything that one cache begins from. It hears of all from now on. */
  history(): { readonly invalidations: Invalidations; readonly log: InvalidationLog } {
    const from = dense(emptied(this.#parts.newEpoch(), this.#applied));
    const invalidations = new Invalidations({ from: { ...from, buckets: new Float64Array(BUCKETS) } });
    const follow = (apply: Apply) => void this.#followers.add(apply);
    const append = async (change: LogChange) => {
      if (this.#closed !== undefined) throw this.#closed;
      const base = this.#base;
      return base + (await this.#member.append(change));
    };
    return { invalidations, log: { follow, append } };
  }

  /** The log may have gone on to there. */
  goneOn({ epoch, number }: Pick<LogPlace, 'epoch' | 'number'>): void {
    const { known } = this.#member;
    if (known === undefined || known.epoch !== epoch || number > this.#told) this.renew().catch(this.#parts.fault);
  }

  /** Resolves when all that was appended before is in force here, and the keeper knows that. Rejects with E_LOG. */
  renew(): Promise<void> {
    this.#isAgain = true;
    this.#renewing ??= this.#renewed().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async close(): Promise<void> {
    this.#closed ??= new TidegateError('E_LOG', 'expected a log that goes on, got its end');
    this.#cancel();
    this.#member.close();
    // A renewal under way would make it a member again.
    await this.#renewing?.catch(() => undefined);
    await this.#parts.left(this.#member);
  }

  async #renewed(): Promise<void> {
    while (this.#isAgain) {
      if (this.#closed !== undefined) throw this.#closed;
      this.#isAgain = false;
      let told = this.#member.known?.number ?? -1;
      const { aheadMs } = this.#sleep;
      try {
        await this.#member.renew();
      } catch (error) {
        if (this.#member.ended === undefined || this.#closed !== undefined) throw error;
        await this.#joinAnew();
        told = -1;
      }
      this.#told = told;
      this.#sleep.note(aheadMs);
      // What has come is in force now: to be told at once, since somebody may wait for it.
      if ((this.#member.known?.number ?? -1) > told) this.#isAgain = true;
    }
  }

  async #joinAnew(): Promise<void> {
    this.#isBegun = false;
    void this.#parts.left(this.#member);
    this.#member = this.#parts.join();
    await this.#member.renew();
    this.flushes++;
    this.#begun();
  }

  #begun(): void {
    const { applied } = this.#member.history().invalidations;
    const first = this.#applied + 1;
    this.#base = first - applied;
    this.#tell(first, EVERYTHING);
    const base = this.#base;
    this.#member.follow((position, change) => this.#tell(base + position, change));
    this.#isBegun = true;
  }

  #tell(position: Position, change: LogChange): void {
    this.#applied = position;
    for (const apply of this.#followers) apply(position, change);
  }

  #renewLater(): void {
    this.#cancel = this.#parts.tasks.later(this.#parts.renewMs, () => {
      this.renew().catch((error: unknown) => {
        if (this.#closed === undefined) this.#parts.fault(error);
      });
      this.#renewLater();
    });
  }
}

/** Of each cache: 2 MB. */
const BUCKETS = 2 ** 18;
const EVERYTHING: LogChange = Object.freeze({ kind: 'invalidate', selector: Object.freeze({ kind: 'all' }) });
