// The keeper of a log whose members cannot be told of anything: they ask. It runs in one place at a time (in a Durable
// Object), puts the changes of all members in one order, and grants leases. A change is acknowledged once it is stored and no
// other member can still serve without knowing it (`grants.ts`).
//
// A member may vanish in the middle of a write, and nobody tells the keeper. So an intent that stays open for too long counts
// as a write of unknown outcome: its URI is invalidated, and once more when the time of an unknown outcome is over.

import type { LogChange, OpenIntent, Position } from '../../ledger/log.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Clock, Tasks } from '../../ports.ts';
import { Grants } from './grants.ts';
import type { KeptIntent } from './intents.ts';
import { type KeeperStorage, KeptLog } from './kept-log.ts';
import {
  type AppendRequest,
  checkAppend,
  checkRenew,
  type LogKeeper,
  type LogReply,
  type RenewRequest,
} from './messages.ts';

export interface KeeperParts {
  readonly storage: KeeperStorage;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Has `alarm` called at that wall-clock time, also when this instance has ended by then. Replaces an earlier time. */
  readonly setAlarm: (atMs: number) => Promise<void>;
  /** Makes the name of a new epoch, unlike all before. */
  readonly newEpoch: () => string;
  /** How long a write may take before its member counts as vanished. Default 60,000. */
  readonly writeMs?: number | undefined;
  /** How long the URIs of writes of unknown outcome stay unstorable. Default 30,000. */
  readonly unknownOutcomeMs?: number | undefined;
  /** Hashed buckets of a new log, a power of two. Default 2^18. */
  readonly buckets?: number | undefined;
  /** Changes after which an image is written. Default 1,000. */
  readonly imageAfter?: number | undefined;
  /** Changes that are kept for members that are behind. Default 10,000. */
  readonly tail?: number | undefined;
}

/** An alarm that is so late will not come any more. */
const LOST_AFTER_MS = 60_000;
/** The platform forgets an alarm for the very ms of the one that is being run, which may have come this much too early. */
const MIN_ALARM_MS = 100;

export class Keeper implements LogKeeper {
  readonly #parts: KeeperParts;
  #log: KeptLog | undefined;
  #grants: Grants | undefined;
  /** When the next alarm comes, as far as this instance has asked for one. */
  #alarmAtMs = Number.NEGATIVE_INFINITY;
  /** Intents past their time whose URIs this instance has invalidated once. */
  readonly #given = new WeakSet<KeptIntent>();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  async renew(request: RenewRequest): Promise<LogReply> {
    const { log, grants } = this.#opened();
    checkRenew(request);
    const { member, leaseMs, awaited, changes } = request;
    const known = this.#hear(request);
    const positions = this.#write(changes);
    if (awaited && leaseMs > 0) {
      // Stored first: the next instance must know how long this lease may last.
      if (leaseMs > log.leaseMs) log.noteLease(leaseMs);
      if (leaseMs < log.leaseMs && grants.endWithin(leaseMs)) log.noteLease(leaseMs);
      grants.granted(member, leaseMs);
    }
    await this.#setAlarm();
    const reply = this.#reply(known, positions);
    if (reply.changes !== undefined) return reply;
    const intents = Array.from(log.intents.values(), ({ atMs: _, ...open }) => open);
    return { ...reply, membership: { image: log.image(), intents } };
  }

  async append(request: AppendRequest): Promise<LogReply> {
    const { log, grants } = this.#opened();
    checkAppend(request);
    const { member, changes } = request;
    const known = this.#hear(request);
    const positions = this.#write(changes);
    // Nobody serves less for not knowing that a write is under way, so that is not waited for.
    const isAwaited = changes.some(({ kind }) => kind === 'invalidate');
    const acknowledged = isAwaited ? grants.known(log.place.number, member) : undefined;
    if (changes.some(({ kind }) => kind === 'open')) await this.#setAlarm();
    await acknowledged;
    return this.#reply(known, positions);
  }

  /** Call when the time has come that was given to `setAlarm`. */
  async alarm(): Promise<void> {
    const { log } = this.#opened();
    this.#alarmAtMs = Number.NEGATIVE_INFINITY;
    const now = this.#parts.clock.now();
    for (const kept of [...log.intents.values()]) {
      if (now < this.#dueAtMs(kept)) continue;
      const invalidated: LogChange = { kind: 'invalidate', selector: affectedBy(kept) };
      this.#given.add(kept);
      const isOver = now >= this.#dueAtMs(kept);
      // Nobody waits for the acknowledgement.
      this.#write(isOver ? [invalidated, { kind: 'close', intent: kept.intent }] : [invalidated]);
    }
    await this.#setAlarm();
  }

  /** Throws E_LOG each time when the stored log is of a newer format. */
  #opened(): { readonly log: KeptLog; readonly grants: Grants } {
    this.#log ??= new KeptLog(this.#parts);
    this.#grants ??= new Grants(this.#parts, this.#log.leaseMs);
    return { log: this.#log, grants: this.#grants };
  }

  /** The number up to which the member knows this log; undefined: nothing is known of that. */
  #hear({ member, known }: AppendRequest): number | undefined {
    const { log, grants } = this.#opened();
    if (known?.epoch !== log.epoch) return undefined;
    const has = log.has(known);
    if (has === undefined) return undefined;
    if (has) {
      grants.confirmed(member, known.number);
      return known.number;
    }
    // The storage was set back to an earlier time: changes since then are lost, and their numbers have two meanings.
    log.begin();
    grants.begin();
    return undefined;
  }

  #write(changes: readonly LogChange[]): readonly Position[] {
    const { log } = this.#opened();
    const now = this.#parts.clock.now();
    return log.append(log.intents.held(changes, now), now);
  }

  #reply(known: number | undefined, positions: readonly Position[]): LogReply {
    const { log } = this.#opened();
    const changes = known === undefined ? undefined : log.after(known);
    return { ...log.place, changes, positions, sharing: log.intents.sharing, membership: undefined };
  }

  /** When the alarm has to look at the intent again. This is wall-clock time, as the alarm's is, and of the keeper alone. */
  #dueAtMs(kept: KeptIntent): number {
    const { writeMs = 60_000, unknownOutcomeMs = 30_000 } = this.#parts;
    return kept.atMs + writeMs + (this.#given.has(kept) ? unknownOutcomeMs : 0);
  }

  /**
   * Asks for an alarm at the first time at which an intent is overdue. Each call asks once more for an alarm
   * that the platform refused or lost.
   */
  async #setAlarm(): Promise<void> {
    const { log } = this.#opened();
    const now = this.#parts.clock.now();
    // An intent that is opened now is due after those that the next alarm is for.
    if (log.intents.size === 0 || this.#alarmAtMs > now - LOST_AFTER_MS) return;
    let atMs = Number.POSITIVE_INFINITY;
    for (const intent of log.intents.values()) atMs = Math.min(atMs, this.#dueAtMs(intent));
    atMs = Math.max(atMs, now + MIN_ALARM_MS);
    await this.#parts.setAlarm(atMs);
    this.#alarmAtMs = atMs;
  }
}

function affectedBy({ uri, isPrefix }: OpenIntent): Selector {
  if (isPrefix !== true) return { kind: 'url', uri };
  return uri === '' ? { kind: 'all' } : { kind: 'prefix', prefix: uri };
}
