// A process on simulated time, which can end at any instant: from then on nothing it had planned is done, and nothing
// reaches it any more.

import type { Cancel, Forward, Origin, OriginListener, Tasks } from '../../src/ports.ts';
import type { SimulatedTime } from './simulated-time.ts';

const NOTHING: Forward = { pause: () => {}, resume: () => {}, abort: () => {} };

export class SimulatedProcess {
  readonly name: string;
  readonly tasks: Tasks;
  readonly #time: SimulatedTime;
  #alive = true;

  constructor(name: string, time: SimulatedTime) {
    this.name = name;
    this.#time = time;
    const later = (delayMs: number, work: () => void): Cancel => time.later(delayMs, () => this.#alive && work());
    this.tasks = { later, soon: (work) => void later(0, work) };
  }

  get alive(): boolean {
    return this.#alive;
  }

  end(): void {
    this.#alive = false;
  }

  /** Resolves after so long; never when the process ends before. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#time.later(delayMs, () => this.#alive && resolve()));
  }

  /** The origin as this process reaches it: what it was asked goes on there, and nobody hears of it. */
  connected(origin: Origin): Origin {
    return {
      tellsSending: origin.tellsSending,
      forward: (request, listener) => (this.#alive ? origin.forward(request, this.#hearing(listener)) : NOTHING),
    };
  }

  #hearing(listener: OriginListener): OriginListener {
    return {
      interim: (head) => void (this.#alive && listener.interim(head)),
      head: (...told) => void (this.#alive && listener.head(...told)),
      data: (chunk) => void (this.#alive && listener.data(chunk)),
      end: (trailers) => void (this.#alive && listener.end(trailers)),
      failed: (error) => void (this.#alive && listener.failed(error)),
    };
  }
}
