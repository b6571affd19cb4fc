// The least rate at which a client sends the content of a request. Only time in which it is waited for counts: an origin that
// takes the content slowly is no fault of the client's.
//
// Nearly all content is there before a timer of its own would be set up, so one look from time to time is for all of it.

import type { Cancel, Tasks } from '../../../ports.ts';

export interface RateBound {
  readonly bytesPerSecond: number;
  /** The rate is that over so long a time, which is also the time until it is first asked for. */
  readonly windowMs: number;
}

interface RateDeps {
  readonly monotonic: () => number;
  readonly tasks: Pick<Tasks, 'later'>;
}

/** Looks in a window; so much later may a client be cut. */
const LOOKS = 20;

/** All content that is awaited. */
export class RateWatch {
  readonly bound: RateBound;
  readonly #deps: RateDeps;
  readonly #awaited = new Set<MinRate>();
  #nextLook: Cancel | undefined;

  constructor(bound: RateBound, deps: RateDeps) {
    this.bound = bound;
    this.#deps = deps;
  }

  now(): number {
    return this.#deps.monotonic();
  }

  add(rate: MinRate): void {
    this.#awaited.add(rate);
    this.#nextLook ??= this.#deps.tasks.later(Math.ceil(this.bound.windowMs / LOOKS), () => {
      this.#nextLook = undefined;
      // Each is put back as it is looked at; one that is cut may end others.
      for (const one of [...this.#awaited]) if (this.#awaited.has(one)) one.look();
    });
  }

  delete(rate: MinRate): void {
    this.#awaited.delete(rate);
  }
}

/** The content of one request. */
export class MinRate {
  readonly #watch: RateWatch;
  readonly #tooSlow: (got: string) => void;
  /** Of the present window. */
  #bytes = 0;
  #waitedMs = 0;
  #sinceMs: number | undefined;

  constructor(watch: RateWatch, tooSlow: (got: string) => void) {
    this.#watch = watch;
    this.#tooSlow = tooSlow;
  }

  /** From now on the client is waited for. */
  wait(): void {
    this.#sinceMs ??= this.#watch.now();
    this.#watch.add(this);
  }

  /** So many bytes came, and nobody waits. */
  came(bytes: number): void {
    this.#bytes += bytes;
    this.#watch.delete(this);
    if (this.#sinceMs === undefined) return;
    this.#waitedMs += this.#watch.now() - this.#sinceMs;
    this.#sinceMs = undefined;
  }

  stop(): void {
    this.#watch.delete(this);
  }

  /** While it is waited for. */
  look(): void {
    const { bytesPerSecond, windowMs } = this.#watch.bound;
    const bytes = this.#bytes;
    this.came(0);
    if (this.#waitedMs >= windowMs) {
      if (bytes * 1_000 < bytesPerSecond * windowMs) return this.#tooSlow(`${bytes} bytes in ${windowMs} ms`);
      this.#bytes = 0;
      this.#waitedMs = 0;
    }
    this.wait();
  }
}
