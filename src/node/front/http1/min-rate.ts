// The least rate at which a client sends the content of a request. Only time in which it is waited for counts: an origin that
// takes the content slowly is no fault of the client's.

import type { Cancel, Tasks } from '../../../ports.ts';

interface RateBound {
  readonly bytesPerSecond: number;
  /** The rate is that over so long a time, which is also the time until it is first asked for. */
  readonly windowMs: number;
}

interface RateDeps {
  readonly monotonic: () => number;
  readonly tasks: Pick<Tasks, 'later'>;
}

export class MinRate {
  readonly #bound: RateBound;
  readonly #deps: RateDeps;
  readonly #tooSlow: (got: string) => void;
  /** Of the present window. */
  #bytes = 0;
  #waitedMs = 0;
  #sinceMs: number | undefined;
  #cancel: Cancel | undefined;

  constructor(bound: RateBound, deps: RateDeps, tooSlow: (got: string) => void) {
    this.#bound = bound;
    this.#deps = deps;
    this.#tooSlow = tooSlow;
  }

  /** From now on the client is waited for. */
  wait(): void {
    this.#sinceMs ??= this.#deps.monotonic();
    this.#cancel ??= this.#deps.tasks.later(Math.ceil(this.#bound.windowMs - this.#waitedMs), () => this.#check());
  }

  /** So many bytes came, and nobody waits. */
  came(bytes: number): void {
    this.#bytes += bytes;
    if (this.#sinceMs === undefined) return;
    this.#waitedMs += this.#deps.monotonic() - this.#sinceMs;
    this.#sinceMs = undefined;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #check(): void {
    const { bytesPerSecond, windowMs } = this.#bound;
    const isWaiting = this.#sinceMs !== undefined;
    const bytes = this.#bytes;
    this.#cancel = undefined;
    this.came(0);
    if (this.#waitedMs >= windowMs) {
      if (bytes * 1_000 < bytesPerSecond * windowMs) return this.#tooSlow(`${bytes} bytes in ${windowMs} ms`);
      this.#bytes = 0;
      this.#waitedMs = 0;
    }
    if (isWaiting) this.wait();
  }
}
