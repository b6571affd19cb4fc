// One direction of a link between two processes: messages arrive in their order, each after a time of its own, and are
// copies, as between processes they are.

import type { SimulatedTime } from './simulated-time.ts';

export class Wire<Message> {
  readonly #time: SimulatedTime;
  readonly #delayMs: () => number;
  readonly #deliver: (message: Message) => void;
  #lastAt = 0;

  constructor(time: SimulatedTime, delayMs: () => number, deliver: (message: Message) => void) {
    this.#time = time;
    this.#delayMs = delayMs;
    this.#deliver = deliver;
  }

  send(message: Message): void {
    const copy = structuredClone(message);
    this.#lastAt = Math.max(this.#lastAt, this.#time.now() + this.#delayMs());
    this.#time.later(this.#lastAt - this.#time.now(), () => this.#deliver(copy));
  }

  /** How long it takes until all that was sent has arrived. */
  get emptyInMs(): number {
    return Math.max(0, this.#lastAt - this.#time.now());
  }
}
