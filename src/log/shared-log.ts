// The keeper's side of a shared log. It puts the changes of all members in one order, writes them into a log of its own (a
// journal, where there is a disk), and tells every member. A change is acknowledged once it is durable and in force at every
// member.
//
// A member that does not answer may serve for as long as it lives, so the keeper may not just leave it out. After the
// member's lease the keeper revokes it, and the acknowledgement waits until the member has certainly ended. The outcome of
// its writes is then unknown: the URIs of its open intents are invalidated at once, and again when the time of an unknown
// outcome is over. Until then no member stores them.

import { messageOf } from '../errors.ts';
import type { InvalidationsImage, LogChange, LogEvent, OpenIntent, Position } from '../ledger/log.ts';
import type { Cancel, Clock, Eventually, InvalidationLog, Tasks } from '../ports.ts';
import type { LogToMember, Membership, MemberToLog } from './member-log.ts';

export interface SharedLogParts {
  /** The log that records the changes; nobody else appends to it. */
  readonly log: InvalidationLog;
  /** Image of the invalidations to which the log's follower applies changes. */
  readonly image: () => InvalidationsImage;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Called when an append that nobody awaits could not be made durable. */
  readonly fault: (error: unknown) => void;
  /** How long the URIs of writes of unknown outcome stay unstorable. Default 30,000. */
  readonly unknownOutcomeMs?: number;
}

/** The keeper's end of the link to one member. */
export interface MemberLink {
  readonly send: (message: LogToMember) => void;
  /** The member's lease has run out: ends the member for good, so that `left` will be called. Called once. */
  readonly revoke: () => void;
}

/** A member as the keeper's platform sees it. */
export interface LogMember {
  readonly membership: Membership;
  received(message: MemberToLog): void;
  /** The member has ended and serves no more, and everything that it sent has been received. Harmless when repeated. */
  left(): void;
}

interface Member {
  readonly link: MemberLink;
  /** Number of the last change in force at the member. */
  applied: number;
  lease: Cancel | undefined;
  revoked: boolean;
}

/** Time for a member to say that a change is in force there. */
const LEASE_MS = 2_000;
const UNKNOWN_OUTCOME_MS = 30_000;

export class SharedLog implements InvalidationLog {
  readonly #parts: SharedLogParts;
  readonly #members = new Set<Member>();
  /** Open intents by id. */
  readonly #intents = new Map<string, OpenIntent>();
  /** Those that a member has opened or is about to open. */
  readonly #owned = new Map<string, { readonly uri: string; readonly by: Member }>();
  /** Who waits until the change of this number is in force everywhere; ordered by number. */
  readonly #waiting: { readonly number: number; readonly resolve: () => void }[] = [];
  /** Number of the last change told. */
  #number = 0;

  constructor(parts: SharedLogParts) {
    this.#parts = parts;
  }

  follow(apply: (position: Position, event: LogEvent) => void): void {
    this.#parts.log.follow((position, event) => {
      apply(position, event);
      this.#tell(position, event);
    });
  }

  append(change: LogChange): Promise<Position> {
    return this.#append(change);
  }

  /** Call when a member is ready to receive changes. The member may serve once it has taken over the membership. */
  join(link: MemberLink): LogMember {
    const member: Member = { link, applied: this.#number, lease: undefined, revoked: false };
    this.#members.add(member);
    const image = this.#parts.image();
    return {
      membership: {
        image: { ...image, buckets: image.buckets.slice() },
        number: this.#number,
        intents: [...this.#intents.values()],
      },
      received: (message) => this.#received(member, message),
      left: () => this.#left(member),
    };
  }

  /** Settles when all that was told so far is in force at every member; undefined: it is. */
  settled(): Eventually<void> {
    return this.#appliedByAll(this.#number);
  }

  async #append(change: LogChange): Promise<Position> {
    const before = this.#number;
    const appended = this.#parts.log.append(change);
    // A log may apply the change before or after `append` returns. If after, it is in force when the promise resolves, and
    // this may wait for later changes too.
    const number = this.#number > before ? this.#number : undefined;
    try {
      return await appended;
    } finally {
      await this.#appliedByAll(number ?? this.#number);
    }
  }

  #received(member: Member, message: MemberToLog): void {
    if (!this.#members.has(member)) return;
    if (message.kind === 'applied') {
      member.applied = message.number;
      if (member.applied >= this.#number) this.#endLease(member);
      this.#settle();
      return;
    }
    const { id, change } = message;
    if (change.kind === 'open') this.#owned.set(change.intent, { uri: change.uri, by: member });
    const answer = (said: LogToMember) => {
      if (this.#members.has(member)) member.link.send(said);
    };
    this.#append(change).then(
      (position) => answer({ kind: 'appended', id, position }),
      (error) => answer({ kind: 'refused', id, reason: messageOf(error) }),
    );
  }

  #left(member: Member): void {
    if (!this.#members.delete(member)) return;
    this.#endLease(member);
    for (const [intent, { uri, by }] of this.#owned) if (by === member) this.#holdUnknown(intent, uri);
    this.#settle();
  }

  /** Nobody will ever learn how the write ended. */
  #holdUnknown(intent: string, uri: string): void {
    this.#owned.delete(intent);
    const invalidated: LogChange = { kind: 'invalidate', selector: { kind: 'url', uri } };
    this.#unawaited(this.append(invalidated));
    this.#parts.tasks.later(this.#parts.unknownOutcomeMs ?? UNKNOWN_OUTCOME_MS, () => {
      this.#unawaited(this.append(invalidated));
      this.#unawaited(this.append({ kind: 'close', intent }));
    });
  }

  #unawaited(appended: Promise<Position>): void {
    appended.catch(this.#parts.fault);
  }

  #tell(position: Position, change: LogEvent): void {
    const number = ++this.#number;
    if (change.kind === 'open') this.#intents.set(change.intent, change);
    else if (change.kind === 'begin') this.#intents.clear();
    else if (change.kind === 'close') {
      this.#intents.delete(change.intent);
      this.#owned.delete(change.intent);
    }
    for (const member of this.#members) {
      member.lease ??= this.#startLease(member);
      member.link.send({ kind: 'change', number, position, change });
    }
  }

  /** Resolves when every member has applied the change or is gone. Returns undefined when that is so already. */
  #appliedByAll(number: number): Eventually<void> {
    if (this.#appliedEverywhere() >= number) return undefined;
    return new Promise((resolve) => {
      const at = this.#waiting.findLastIndex((waiting) => waiting.number <= number);
      this.#waiting.splice(at + 1, 0, { number, resolve });
    });
  }

  #appliedEverywhere(): number {
    return Math.min(this.#number, ...Array.from(this.#members, ({ applied }) => applied));
  }

  #settle(): void {
    const applied = this.#appliedEverywhere();
    const end = this.#waiting.findIndex(({ number }) => number > applied);
    for (const { resolve } of this.#waiting.splice(0, end < 0 ? this.#waiting.length : end)) resolve();
  }

  #startLease(member: Member): Cancel {
    const number = this.#number;
    const begun = this.#parts.clock.monotonic();
    return this.#parts.tasks.later(LEASE_MS, () => {
      member.lease = undefined;
      if (member.revoked || member.applied >= this.#number) return;
      // A slow member that progresses gets another lease. If the keeper itself stood still, the member's replies may still
      // be waiting to be read.
      const wasLate = this.#parts.clock.monotonic() - begun > 1.5 * LEASE_MS;
      if (member.applied >= number || wasLate) {
        member.lease = this.#startLease(member);
        return;
      }
      member.revoked = true;
      member.link.revoke();
    });
  }

  #endLease(member: Member): void {
    member.lease?.();
    member.lease = undefined;
  }
}
