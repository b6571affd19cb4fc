// A link between two processes in simulated time.

import type { SimulatedTime } from '../kit/simulated-time.ts';

/** One direction of a link: messages arrive in their order, each after a time of its own. */
export class Wire<Message> {
  readonly #time: SimulatedTime;
  readonly #delay: () => number;
  readonly #deliver: (message: Message) => void;
  #lastAt = 0;

  constructor(time: SimulatedTime, delay: () => number, deliver: (message: Message) => void) {
    this.#time = time;
    this.#delay = delay;
    this.#deliver = deliver;
  }

  send(message: Message): void {
    this.#lastAt = Math.max(this.#lastAt, this.#time.now() + this.#delay());
    this.#time.later(this.#lastAt - this.#time.now(), () => this.#deliver(message));
  }

  /** When all that was sent has arrived. */
  get emptyAt(): number {
    return this.#lastAt;
  }
}
