// The least rate at which a client sends the content of a request, or takes an answer. Only time in which it is waited for
// counts: an origin that takes the content slowly, or is slow to answer, is no fault of the client's.
//
// Nearly all bytes are there, or gone, before a timer of their own would be set up, so one look from time to time is for all.

import { platformClock, platformTasks } from '../../cache/platform.ts';
import type { Taker } from '../../memory/takers.ts';
import type { Cancel, Tasks } from '../../ports.ts';
import type { ResolvedConfig } from '../config/config.ts';

interface RateBound {
  /** 0: no rate, but a byte in the window. */
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

/** While memory is short, a client of less than so many times the rate, over so small a part of the window, is behind. */
const BEHIND_RATE = 10;
const BEHIND_PART = 1 / 6;

/** All clients that are waited for. */
export class RateWatch {
  readonly bound: RateBound;
  readonly #deps: RateDeps;
  readonly #awaited = new Set<MinRate>();
  #nextLook: Cancel | undefined;

  constructor(bound: RateBound, deps: RateDeps = { monotonic: platformClock.monotonic, tasks: platformTasks }) {
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

/** How many bytes a client took in all, at most. Content of requests has no meter: each piece of it tells of itself. */
export type Meter = () => number;

/**
 * Linux takes more of an answer once a third of its send buffer is free, which may be 1.4 MB (tcp_wmem): a client of ten times the
 * default rate then seems to take nothing for 280 seconds. So what it took beyond the rate counts for so many later windows.
 */
const CARRIED_WINDOWS = 5;

/** One client's content, or answers. */
export class MinRate {
  readonly #watch: RateWatch;
  readonly #tooSlow: (got: string) => void;
  readonly #meter: Meter | undefined;
  /** Of earlier windows. */
  #carried = 0;
  /** Of the present window. */
  #bytes = 0;
  #waitedMs = 0;
  #sinceMs: number | undefined;
  #metered: number | undefined;

  constructor(watch: RateWatch, tooSlow: (got: string) => void, meter?: Meter) {
    this.#watch = watch;
    this.#tooSlow = tooSlow;
    this.#meter = meter;
  }

  /** From now on the client is waited for. */
  wait(): void {
    this.#metered ??= this.#meter?.();
    this.#sinceMs ??= this.#watch.now();
    this.#watch.add(this);
  }

  /** So many bytes came, and nobody waits. */
  came(bytes: number): void {
    this.#bytes += bytes;
    this.#count();
    this.stop();
  }

  stop(): void {
    this.#watch.delete(this);
    this.#sinceMs = undefined;
  }

  /** While it is waited for. */
  look(): void {
    const { bytesPerSecond, windowMs } = this.#watch.bound;
    this.#count();
    const windows = Math.floor(this.#waitedMs / windowMs);
    if (windows > 0) {
      const least = Math.max(1, (bytesPerSecond * windows * windowMs) / 1_000);
      const spare = this.#carried + this.#bytes - least;
      if (spare < 0) {
        this.stop();
        return this.#tooSlow(`${this.#bytes} bytes in ${windows * windowMs} ms`);
      }
      this.#carried = this.#meter === undefined ? 0 : Math.min(spare, (CARRIED_WINDOWS * least) / windows);
      [this.#bytes, this.#waitedMs] = [0, 0];
    }
    this.wait();
  }

  /** Bytes a second of the present window, if the client is behind. */
  get pace(): number | undefined {
    const { bytesPerSecond, windowMs } = this.#watch.bound;
    if (this.#sinceMs === undefined) return undefined;
    this.#count();
    if (this.#waitedMs < windowMs * BEHIND_PART) return undefined;
    const pace = (this.#bytes * 1_000) / this.#waitedMs;
    return pace <= bytesPerSecond * BEHIND_RATE ? pace : undefined;
  }

  #count(): void {
    if (this.#meter !== undefined && this.#metered !== undefined) {
      const taken = this.#meter();
      this.#bytes += taken - this.#metered;
      this.#metered = taken;
    }
    if (this.#sinceMs === undefined) return;
    const now = this.#watch.now();
    this.#waitedMs += now - this.#sinceMs;
    this.#sinceMs = now;
  }
}

/** Why clients were cut: they took answers too slowly (slow), were behind (behind) or idle (idle) while memory was short. */
export type CutCounts = Record<'slow' | 'behind' | 'idle', number>;

/** The bounds on how slowly answers are taken. */
export interface AnswerRoom {
  readonly rates: RateWatch;
  readonly counts: CutCounts;
}

export function answerRoom(
  limits: Pick<ResolvedConfig['limits'], 'minAnswerRate' | 'minAnswerRateWindowMs'>,
): AnswerRoom {
  const { minAnswerRate: bytesPerSecond, minAnswerRateWindowMs: windowMs } = limits;
  return { rates: new RateWatch({ bytesPerSecond, windowMs }), counts: { slow: 0, behind: 0, idle: 0 } };
}

/** One that takes answers: cut when it takes them too slowly, and earlier where memory is short. `end` ends it. */
export class AnswerReader implements Taker {
  readonly #room: AnswerRoom;
  readonly #end: () => void;
  readonly #rate: MinRate;

  constructor(room: AnswerRoom, meter: Meter, end: () => void) {
    this.#room = room;
    this.#end = end;
    const tooSlow = () => {
      room.counts.slow++;
      end();
    };
    this.#rate = new MinRate(room.rates, tooSlow, meter);
  }

  wait(): void {
    this.#rate.wait();
  }

  /** It has taken all there was. */
  took(): void {
    this.#rate.came(0);
  }

  stop(): void {
    this.#rate.stop();
  }

  get pace(): number | undefined {
    return this.#rate.pace;
  }

  cut(): void {
    this.stop();
    this.#room.counts.behind++;
    this.#end();
  }
}
