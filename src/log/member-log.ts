// A member's side of a shared log. Its appends go to the log's keeper, and are in force here when they come back in their
// place among all changes.
//
// A member that has missed a change would serve outdated content without knowing it. So changes are numbered without a gap.
// A change that does not follow the last one ends the member, as does the end of its link.

import { TidegateError } from '../errors.ts';
import type { InvalidationsImage, LogChange, LogEvent, OpenIntent, Position } from '../ledger/log.ts';
import type { InvalidationLog } from '../ports.ts';

/** The state from which a member begins: everything in force when it joined. Its link brings every later change. */
export interface Membership {
  readonly image: InvalidationsImage;
  /** Number of the last change in the image. Change numbers have no gaps, positions do. */
  readonly number: number;
  readonly intents: readonly OpenIntent[];
}

export type LogToMember =
  | { readonly kind: 'change'; readonly number: number; readonly position: Position; readonly change: LogEvent }
  /** The member's own append is durable, and applied by all. */
  | { readonly kind: 'appended'; readonly id: number; readonly position: Position }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string };

export type MemberToLog =
  | { readonly kind: 'append'; readonly id: number; readonly change: LogChange }
  /** All changes up to this number are in force at the member. */
  | { readonly kind: 'applied'; readonly number: number };

type Change = Extract<LogToMember, { kind: 'change' }>;

export interface MemberLogParts {
  readonly membership: Membership;
  readonly send: (message: MemberToLog) => void;
  /** Called when a change is missing. Nothing may be served afterwards. */
  readonly broken: (error: TidegateError) => void;
}

export class MemberLog implements InvalidationLog {
  readonly #parts: MemberLogParts;
  /** Own appends without an answer yet. */
  readonly #waiting = new Map<number, PromiseWithResolvers<Position>>();
  #apply: ((position: Position, event: LogEvent) => void) | undefined;
  /** Changes received before anyone follows. */
  readonly #early: Change[] = [];
  #number: number;
  #lastId = 0;
  readonly #opening = new Set<Promise<unknown>>();
  #closed: TidegateError | undefined;

  constructor(parts: MemberLogParts) {
    this.#parts = parts;
    this.#number = parts.membership.number;
  }

  follow(apply: (position: Position, event: LogEvent) => void): void {
    const { intents, image } = this.#parts.membership;
    this.#apply = apply;
    for (const intent of intents) apply(image.applied, { kind: 'open', ...intent });
    for (const change of this.#early.splice(0)) this.#change(change);
  }

  append(change: LogChange): Promise<Position> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<Position>();
    const { promise } = waiting;
    this.#waiting.set(id, waiting);
    if (change.kind === 'open') {
      this.#opening.add(promise);
      const done = () => this.#opening.delete(promise);
      promise.then(done, done);
    }
    this.#parts.send({ kind: 'append', id, change });
    return promise;
  }

  /**
   * Settles when every intent opened so far is in force everywhere, or has failed; rejects when one has. Undefined when none is
   * pending.
   */
  opened(): Promise<unknown> | undefined {
    if (this.#opening.size === 0) return undefined;
    // All of them are waited for, since who asks may go on where one has failed.
    const opening = [...this.#opening];
    return Promise.allSettled(opening).then(() => Promise.all(opening));
  }

  received(message: LogToMember): void {
    if (this.#closed !== undefined) return;
    switch (message.kind) {
      case 'change':
        return this.#change(message);
      case 'appended':
        return this.#take(message.id)?.resolve(message.position);
      case 'refused':
        this.#take(message.id)?.reject(new TidegateError('E_LOG', message.reason));
    }
  }

  /** Call when the link has ended. Pending appends may be in force or not. */
  close(): void {
    this.#end(new TidegateError('E_LOG', 'expected a log that goes on, got the end of the link to it'));
  }

  #change(change: Change): void {
    if (this.#apply === undefined) {
      this.#early.push(change);
      return;
    }
    if (change.number !== this.#number + 1) {
      const error = new TidegateError('E_LOG', `expected change ${this.#number + 1}, got ${change.number}`);
      this.#end(error);
      this.#parts.broken(error);
      return;
    }
    this.#number = change.number;
    this.#apply(change.position, change.change);
    this.#parts.send({ kind: 'applied', number: change.number });
  }

  #take(id: number): PromiseWithResolvers<Position> | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #end(error: TidegateError): void {
    this.#closed ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
