// What a member knows of the log: it begins from an image, and puts every later change in force once, in order. Replies may
// come in any order, and one may tell again what another has told.

import { TidegateError } from '../../errors.ts';
import { Invalidations } from '../../ledger/invalidations.ts';
import type { LogChange, OpenIntent, Position } from '../../ledger/log.ts';
import { dense } from './image.ts';
import { type LogPlace, type LogReply, type PlacedChange, understood } from './messages.ts';

type Apply = (position: Position, change: LogChange) => void;

export class Replica {
  /** The last change in force here. */
  #known: LogPlace | undefined;
  sharing = 0;
  #invalidations: Invalidations | undefined;
  #intents: readonly OpenIntent[] = [];
  #apply: Apply | undefined;
  /** Changes received before anyone follows. */
  readonly #early: PlacedChange[] = [];
  #ended: TidegateError | undefined;

  get ended(): TidegateError | undefined {
    return this.#ended;
  }

  get known(): LogPlace | undefined {
    return this.#known;
  }

  /** Throws E_LOG when there is nothing yet, or no more. */
  begun(): { readonly known: LogPlace; readonly invalidations: Invalidations } {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#known !== undefined && this.#invalidations !== undefined) {
      return { known: this.#known, invalidations: this.#invalidations };
    }
    throw new TidegateError('E_LOG', 'expected a renewal before anything else, got none that succeeded');
  }

  follow(apply: Apply): void {
    const { applied } = this.begun().invalidations;
    this.#apply = apply;
    for (const intent of this.#intents) apply(applied, { kind: 'open', ...intent });
    this.#intents = [];
    for (const [position, change] of this.#early.splice(0)) apply(position, change);
  }

  /** True: the reply to a first request knows more than that to another, and what lies between is to be asked for. */
  isBehind({ epoch, number, membership }: LogReply): boolean {
    return membership !== undefined && epoch === this.#known?.epoch && number > this.#known.number;
  }

  /** Puts in force what is new here. Throws E_LOG, and has ended, when something is missing between the two. */
  take({ epoch, number, check, changes, membership, sharing }: LogReply): void {
    if (this.#ended !== undefined) throw this.#ended;
    this.sharing = sharing;
    if (this.#known === undefined && membership !== undefined) {
      this.#invalidations = new Invalidations({ from: dense(membership.image) });
      this.#intents = membership.intents;
      this.#known = { epoch, number, check };
      return;
    }
    const { known } = this.begun();
    if (epoch !== known.epoch) throw this.end(`expected the log ${known.epoch}, got ${epoch}`);
    const missing = number - known.number;
    if (missing <= 0) return;
    if (changes === undefined || changes.length < missing) {
      throw this.end(`expected all changes after ${known.number}, got a log that has forgotten some`);
    }
    for (const [position, change] of changes.slice(changes.length - missing)) this.#force(position, change);
    this.#known = { epoch, number, check };
  }

  end(reason: string): TidegateError {
    this.#ended ??= new TidegateError('E_LOG', reason);
    return this.#ended;
  }

  #force(position: Position, told: LogChange): void {
    const change = understood(told);
    if (this.#apply === undefined) this.#early.push([position, change]);
    else this.#apply(position, change);
  }
}
