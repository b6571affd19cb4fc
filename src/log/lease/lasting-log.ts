// A member of a leased log for a process that lasts: it renews by itself, hears when the log has gone on, and where its log ends, it goes
// on in the one that begins.
//
// A log ends when its engine was lost or set back, or when this process was too far behind. What happened meanwhile nobody knows, so
// followers are told from what the log goes on now. Epoch and positions are those of the log, the same for all its members.

import { TidegateError } from '../../errors.ts';
import { Invalidations } from '../../ledger/invalidations.ts';
import type { InvalidationsImage, LogChange, LogEvent, OpenIntent, Position } from '../../ledger/log.ts';
import type { Cancel, Clock, Eventually, InvalidationLog, Tasks } from '../../ports.ts';
import { dense, emptied } from './image.ts';
import type { LeasedLog } from './member.ts';
import type { LogPlace } from './messages.ts';
import { SleepWatch } from './sleep-watch.ts';

export interface LastingLogParts {
  /** A new member of the log. */
  readonly join: (inForce: (known: LogPlace) => LogPlace) => LeasedLog;
  /** Called after each renewal with what is in force, and up to where: to be written down for those who join. */
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

type Apply = (position: Position, event: LogEvent) => void;

export class LastingLog {
  readonly #parts: LastingLogParts;
  readonly #followers = new Set<Apply>();
  readonly #sleep: SleepWatch;
  #member: LeasedLog;
  /** All that is in force here. Before the first renewal: of an epoch that no log has. */
  #invalidations: Invalidations;
  readonly #intents = new Map<string, OpenIntent>();
  /** Intents of this process, which it opens again where the log has lost them. */
  readonly #own = new Map<string, Extract<LogChange, { kind: 'open' }>>();
  /** False: a member is about to join, and what it knows is not in force yet. */
  #isBegun = false;
  #dependents: Dependents | undefined;
  /** All changes up to there are in force here and at the dependents. */
  #place: LogPlace | undefined;
  /** Number of the change that the keeper was last told to be in force. */
  #told = -1;
  #renewing: Promise<void> | undefined;
  #isAgain = false;
  #cancel: Cancel = () => {};
  #closed: TidegateError | undefined;
  /** How often all that was stored before became outdated: another epoch, or too much was missed. */
  flushes = 0;

  constructor(parts: LastingLogParts) {
    this.#parts = parts;
    this.#member = this.#join();
    this.#sleep = new SleepWatch(parts.clock);
    this.#invalidations = new Invalidations({ from: dense(emptied(parts.newEpoch(), 0)) });
  }

  /** Rejects with E_LOG when the log is not in reach; it goes on to ask, until `close`. */
  async begin(): Promise<void> {
    this.#renewLater();
    await this.renew();
  }

  /** True: every change acknowledged before now is in force here, so a cache may serve. */
  isLeased(): boolean {
    return this.#isBegun && this.#member.isLeased() && !this.#sleep.hasSlept;
  }

  /** Everything that one cache begins from, and what it is told from then on. */
  history(): { readonly invalidations: Invalidations; readonly log: InvalidationLog } {
    const invalidations = this.#invalidations.copy();
    const follow = (apply: Apply) => {
      this.#followers.add(apply);
      const { epoch, applied } = this.#invalidations;
      if (epoch !== invalidations.epoch || applied !== invalidations.applied) apply(applied, this.#beginning());
      for (const open of this.#intents.values()) apply(applied, { kind: 'open', ...open });
    };
    return { invalidations, log: { follow, append: (change) => this.#append(change) } };
  }

  /** The last change in force here; undefined: there is none yet. */
  get known(): LogPlace | undefined {
    return this.#isBegun ? this.#member.known : undefined;
  }

  /** When the lease ends, by the clock. */
  get leaseEndMs(): number {
    return this.#isBegun ? this.#member.leaseEndMs : Number.NEGATIVE_INFINITY;
  }

  /** To be called before the first of them serves. */
  serveBy(dependents: Dependents): void {
    this.#dependents = dependents;
    this.#shareLease();
  }

  /** See `LeasedLog.opened`. */
  opened(): Promise<unknown> | undefined {
    return this.#member.opened();
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

  async #append(change: LogChange): Promise<Position> {
    if (this.#closed !== undefined) throw this.#closed;
    if (change.kind === 'open') this.#own.set(change.intent, change);
    else if (change.kind === 'close') this.#own.delete(change.intent);
    const member = this.#member;
    try {
      const position = await member.append(change);
      this.#settle();
      return position;
    } catch (error) {
      this.#shareLease();
      if (member.ended === undefined || this.#closed !== undefined) throw error;
      // Whoever waits for it has to know that it is in the log that goes on.
      if (this.#member === member) await this.renew();
      return await this.#member.append(change);
    }
  }

  async #renewed(): Promise<void> {
    while (this.#isAgain) {
      if (this.#closed !== undefined) throw this.#closed;
      this.#isAgain = false;
      let told = this.#place?.number ?? -1;
      const { aheadMs } = this.#sleep;
      try {
        await this.#member.renew();
      } catch (error) {
        if (this.#member.ended === undefined || this.#closed !== undefined) throw error;
        await this.#joinAnew();
        told = -1;
      }
      if (!this.#isBegun) this.#begun();
      this.#told = told;
      this.#settle();
      const { known } = this.#member;
      if (known !== undefined) this.#parts.keep(known, () => this.#invalidations.image()).catch(this.#parts.fault);
      this.#sleep.note(aheadMs);
      this.#shareLease();
      // What has come is in force now: to be told at once, since somebody may wait for it.
      if ((this.#place?.number ?? -1) > told) this.#isAgain = true;
    }
  }

  /** Until it has joined, its caches serve nothing. */
  async #joinAnew(): Promise<void> {
    this.#isBegun = false;
    this.#place = undefined;
    this.#shareLease();
    // Dependents may serve by its lease until that is over, and are to be waited for.
    if (this.#dependents === undefined) void this.#parts.left(this.#member);
    this.#member = this.#join();
    this.flushes++;
    await this.#member.renew();
  }

  #join(): LeasedLog {
    return this.#parts.join((known) => (this.#place?.epoch === known.epoch ? this.#place : known));
  }

  /** Notes what is in force everywhere, and tells of it once that is so at the dependents too. */
  #settle(): void {
    const member = this.#member;
    const { known } = member;
    if (known === undefined || !this.#isBegun) return;
    const settled = this.#dependents?.settled();
    if (!(settled instanceof Promise)) {
      this.#place = known;
      return;
    }
    settled
      .then(() => {
        if (this.#member !== member || known.number <= (this.#place?.number ?? -1)) return undefined;
        this.#place = known;
        return this.renew();
      })
      .catch(this.#parts.fault);
  }

  #shareLease(): void {
    this.#dependents?.leased({ endMs: this.leaseEndMs, aheadMs: this.#sleep.notedMs });
  }

  #begun(): void {
    this.#place = this.#member.known;
    this.#invalidations = this.#member.history().invalidations;
    this.#intents.clear();
    for (const apply of this.#followers) apply(this.#invalidations.applied, this.#beginning());
    this.#member.follow((position, change) => this.#force(position, change));
    // Also those that the log still has: it knows them as of a member that has left.
    for (const open of this.#own.values()) {
      this.#force(this.#invalidations.applied, open);
      this.#member.append(open).catch(this.#parts.fault);
    }
    this.#isBegun = true;
  }

  #beginning(): { readonly kind: 'begin'; readonly image: InvalidationsImage } {
    return { kind: 'begin', image: this.#invalidations.copy().image() };
  }

  #force(position: Position, event: LogEvent): void {
    if (event.kind === 'invalidate') this.#invalidations.apply(event.selector, position);
    else if (event.kind === 'open') this.#intents.set(event.intent, event);
    else if (event.kind === 'close') this.#intents.delete(event.intent);
    for (const apply of this.#followers) apply(position, event);
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
