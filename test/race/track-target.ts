// A target that is told when the test wants it: what a tracker sends lies there until it is delivered, and its answer until
// it is given back.

import { TidegateError } from '../../src/errors.ts';
import type { SourceMessage, SourceReply, TrackingTarget } from '../../src/track/contract.ts';

interface Held {
  readonly message: SourceMessage;
  readonly resolve: (reply: SourceReply) => void;
  readonly reject: (error: Error) => void;
  reply: SourceReply | undefined;
}

export class HeldTarget implements TrackingTarget {
  readonly name: string;
  /** What is sent lies here. */
  isHeld = false;
  /** Nothing comes through. */
  isCut = false;
  readonly #inner: TrackingTarget;
  #held: Held | undefined;

  constructor(inner: TrackingTarget) {
    this.name = inner.name;
    this.#inner = inner;
  }

  deliver(message: SourceMessage): Promise<SourceReply> {
    if (this.isCut) return Promise.reject(new Error('no way to the target'));
    if (!this.isHeld) return this.#inner.deliver(message);
    return new Promise((resolve, reject) => {
      this.#held = { message, resolve, reject, reply: undefined };
    });
  }

  async lapse(source: string): Promise<void> {
    await this.#inner.lapse?.(source);
  }

  /** What lies there, if anything does. */
  get lying(): SourceMessage | undefined {
    return this.#held?.message;
  }

  /** It arrives, and is in force. */
  async apply(): Promise<void> {
    const held = this.#held;
    if (held !== undefined && held.reply === undefined) held.reply = await this.#inner.deliver(held.message);
  }

  /** The tracker hears of it. */
  reply(): void {
    const held = this.#held;
    if (held?.reply === undefined) return;
    this.#held = undefined;
    held.resolve(held.reply);
  }

  /** The tracker never hears of it, so it is sent again. */
  lose(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.reject(new Error('the answer was lost'));
  }
}
/** Drivers that a world has no use for are loaded, and a process that was killed goes on in the one that was begun after it. */
export function isOfWorld(error: unknown): boolean {
  if (!(error instanceof TidegateError) || error.code !== 'E_UNSEEN') return false;
  return error.message.includes('which is loaded') || error.message.includes('got one in none');
}
