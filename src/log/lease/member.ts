// A member's side of a leased log. Nobody can tell the member of a change, so it asks the keeper, and serves from its cache
// only while it has a lease: the keeper acknowledges a change when each lease granted before it has run out.
//
// On Workers the promises of one request may not be awaited by another. So each call of `renew` is a call of its own, and what
// requests share is plain data.

import { TidegateError } from '../../errors.ts';
import { signed, signingKey, verified } from '../../ledger/hashes.ts';
import type { Invalidations } from '../../ledger/invalidations.ts';
import type { LogChange, Position } from '../../ledger/log.ts';
import type { Clock, InvalidationLog, Tasks } from '../../ports.ts';
import { Batches, type Placed, within } from './batches.ts';
import { HeldLease } from './held-lease.ts';
import { checkAppend, type LogKeeper, type LogPlace, type LogReply } from './messages.ts';
import { Replica } from './replica.ts';

/**
 * `lease`: a change is acknowledged when all leases granted before it are over. `strict`: no leases, each request renews.
 * `bounded`: acknowledged at once, and what is served may be outdated for as long as a lease.
 */
export type LeaseMode = 'lease' | 'strict' | 'bounded';

export interface LeasedLogParts {
  readonly keeper: LogKeeper;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** A name that no other member has or had. */
  readonly member: string;
  readonly mode: LeaseMode;
  /** The change up to which all are in force wherever this member's are. Default: the last one in force here. */
  readonly inForce?: ((known: LogPlace) => LogPlace) | undefined;
  /** Length of a lease; without meaning in mode `strict`. */
  readonly leaseMs: number;
  /** Of all members that one isolate has of the log, one after the other: what one owes when it ends, the next one tells. */
  readonly owed?: Owed | undefined;
  /** How long a renewal may take. Default 1,000. */
  readonly timeoutMs?: number | undefined;
  /** How long an intent may take to have its place in the log. Default: as long as any append. */
  readonly openTimeoutMs?: number | undefined;
  /** How long an append may take, the end of other members' leases included. Default: 10,000, in mode `lease` and a lease. */
  readonly appendTimeoutMs?: number | undefined;
}

/** Changes that may not have reached the keeper. They go with the next renewal. */
export interface Owed {
  changes: readonly LogChange[];
}

/** Of the logs that an isolate is a member of, by their names: members end, and leave for others, but what they owe must not. */
export class Owing {
  readonly #byLog = new Map<string, Owed>();

  of(log: string): Owed {
    const owed = this.#byLog.get(log) ?? { changes: [] };
    this.#byLog.set(log, owed);
    return owed;
  }
}

export class LeasedLog implements InvalidationLog {
  readonly #parts: LeasedLogParts;
  readonly #lease: HeldLease;
  readonly #replica = new Replica();
  readonly #batches: Batches;
  readonly #owed: Owed;

  constructor(parts: LeasedLogParts) {
    const { tasks, openTimeoutMs } = parts;
    this.#parts = parts;
    this.#lease = new HeldLease(parts.clock);
    this.#owed = parts.owed ?? { changes: [] };
    const [send, timeoutMs] = [this.#send.bind(this), this.#appendTimeoutMs];
    this.#batches = new Batches({ tasks, send, openTimeoutMs, timeoutMs });
  }

  /** Writes whose intents were too many for each to have its own, as far as the keeper has told. */
  get sharedIntents(): number {
    return this.#replica.sharing;
  }

  /** Why the log cannot go on here: a new member and a new engine must take its place. Undefined: it goes on. */
  get ended(): TidegateError | undefined {
    return this.#replica.ended;
  }

  /** The last change in force here; undefined: there was no renewal yet. */
  get known(): LogPlace | undefined {
    return this.#replica.known;
  }

  /** When its lease ends, by its clock. */
  get leaseEndMs(): number {
    return this.ended === undefined ? this.#lease.endMs : Number.NEGATIVE_INFINITY;
  }

  /** True: a request that has just arrived may be served from the cache. Never so in mode `strict`. */
  isLeased(): boolean {
    return this.ended === undefined && this.#lease.isValid;
  }

  /**
   * When it resolves, a request that arrived before the call may be served from the cache: every change acknowledged before
   * the call is in force here. Rejects with E_LOG; then no cache may serve it, unless `isLeased`.
   */
  async renew(): Promise<void> {
    if (this.ended !== undefined) throw this.ended;
    const { keeper, tasks, member, mode, timeoutMs = 1_000 } = this.#parts;
    const { known } = this.#replica;
    const { changes } = this.#owed;
    const leaseMs = mode === 'strict' ? 0 : this.#parts.leaseMs;
    const asking = this.#lease.ask();
    const asked = { member, known: known && this.#told(known), changes, leaseMs, awaited: mode === 'lease' };
    const reply = await within(tasks, timeoutMs, () => keeper.renew(asked));
    if (known === undefined && this.#replica.isBehind(reply)) return this.renew();
    this.#replica.take(reply);
    this.#owed.changes = this.#owed.changes.filter((change) => !changes.includes(change));
    if (!this.#lease.grant(asking, leaseMs)) {
      throw new TidegateError('E_LOG', 'expected a renewal after the append that failed, got one from before');
    }
  }

  /**
   * True for one caller in the second half of a lease, who then calls `renew` in the background. If nothing comes of that for a
   * quarter of a lease, true for another.
   */
  renewalDue(): boolean {
    return this.ended === undefined && this.#lease.takeDue();
  }

  /** What the engine begins from. Throws E_LOG before the first renewal. */
  history(): { readonly invalidations: Invalidations; readonly log: InvalidationLog } {
    return { invalidations: this.#replica.begun().invalidations, log: this };
  }

  follow(apply: (position: Position, change: LogChange) => void): void {
    this.#replica.follow(apply);
  }

  /** Appends of one turn go to the keeper in one call. Before it resolves, every member that serves knows the invalidation. */
  append(change: LogChange): Promise<Position> {
    if (this.ended !== undefined) {
      // For example, the answer to a write that was sent before the end.
      this.#failed([change]);
      return Promise.reject(this.ended);
    }
    return this.#batches.append(change);
  }

  /** Resolves when the intents appended in this turn are stored, or else all that are being opened; rejects when one is not. */
  opened(): Promise<unknown> | undefined {
    return this.ended === undefined ? this.#batches.opened() : Promise.reject(this.ended);
  }

  /** The last change in force here, signed, for a client that will read what it wrote. Throws E_LOG before the first renewal. */
  position(): string {
    const { epoch, number } = this.#replica.begun().known;
    return signed(String(number), signingKey(epoch));
  }

  /** Whether each change in force at the member that made the text is in force here; undefined: no member of this log made it. */
  hasReached(position: string): boolean | undefined {
    const { known } = this.#replica;
    if (known === undefined) return undefined;
    const number = verified(position, signingKey(known.epoch));
    return number === undefined ? undefined : Number(number) <= known.number;
  }

  /** Serves nothing any more, and appends nothing. */
  close(): void {
    this.#replica.end('expected a log that goes on, got its end');
  }

  #told(known: LogPlace): LogPlace {
    return this.#parts.inForce?.(known) ?? known;
  }

  get #appendTimeoutMs(): number {
    const { mode, leaseMs, appendTimeoutMs } = this.#parts;
    return appendTimeoutMs ?? 10_000 + (mode === 'lease' ? leaseMs : 0);
  }

  /** Calls of one member arrive in the order in which it makes them, unless one fails. */
  async #send(changes: readonly LogChange[], placed: Placed): Promise<readonly Position[]> {
    try {
      const { keeper, tasks, member } = this.#parts;
      const { known } = this.#replica.begun();
      const asked = { member, known: this.#told(known), changes };
      let isTaken = false;
      const take = (reply: LogReply) => {
        this.#replica.take(reply);
        isTaken = true;
        placed(reply.positions);
      };
      const reply = await within(tasks, this.#appendTimeoutMs, () => keeper.append(asked, take));
      // What became of the log since does not matter: nobody who serves lacks the changes.
      if (!isTaken) this.#replica.take(reply);
      return reply.positions;
    } catch (error) {
      this.#failed(changes);
      throw error;
    }
  }

  /** The changes may be in force or not. They are before anything is served again, but for writes that are not sent now. */
  #failed(changes: readonly LogChange[]): void {
    if (changes.some(({ kind }) => kind === 'invalidate')) this.#lease.lapse();
    this.#owed.changes = acceptable([...this.#owed.changes, ...changes.filter(({ kind }) => kind !== 'open')]);
  }
}

/** What the keeper would refuse time and again, for its form or its size, is an invalidation of everything. */
function acceptable(changes: readonly LogChange[]): readonly LogChange[] {
  try {
    checkAppend({ member: 'any', known: undefined, changes });
    return changes;
  } catch {
    return [{ kind: 'invalidate', selector: { kind: 'all' } }];
  }
}
