// How long a tier is waited for, and when it is left alone. A store that has not answered in time is a miss, which costs a
// way to the origin, and is not asked for a while: else every request would wait as long.
//
// How it is asked again. If all asked at once when the pause is over, all would wait for a store that still hangs. So one of
// them tries it, and the others go on without it until it has answered.
//
// What a tier was not told of meanwhile is noted: what it has under these keys is not the latest. No invalidation depends on
// it, for the reader validates; it is for what was stored in place of an entry that no invalidation named.

import { RecentMap } from '../../memory/recent-map.ts';
import type { Clock, Tasks } from '../../ports.ts';

export interface TierLimits {
  /** Infinity: it is waited for as long as it takes. */
  readonly timeoutMs: number;
  /** For how long it is left alone; 0: it never is, Infinity: for good. */
  readonly pauseMs: number;
  /** Faults in a row after which it is left alone. An answer that takes too long counts for all of them. */
  readonly pauseAfter: number;
}

/** A disk that is busy answers within two seconds; one that hangs does not. */
export const DEFAULT_LIMITS: TierLimits = { timeoutMs: 2_000, pauseMs: 10_000, pauseAfter: Number.POSITIVE_INFINITY };

export interface BreakerParts {
  readonly limits: TierLimits;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly tasks: Pick<Tasks, 'later'>;
  /** True: after a pause one tries it before the others. */
  readonly oneTries: boolean;
  readonly fault: (error: unknown) => void;
  /** Told when a pause begins, and when the store is asked by all again. */
  readonly paused: (isPaused: boolean) => void;
}

/** With one store. */
export class TierBreaker {
  /** Neither paused nor with a fault since its last answer: then `admits` is true and `answered` changes nothing. */
  isQuiet = true;
  readonly #parts: BreakerParts;
  #faultsInRow = 0;
  /** Monotonic time at which it may be asked again; undefined: it is not left alone. */
  #pausedUntilMs: number | undefined;
  /** True: after its pause one has asked it, and not been answered yet. */
  #isTried = false;

  constructor(parts: BreakerParts) {
    this.#parts = parts;
  }

  get isPaused(): boolean {
    return this.#pausedUntilMs !== undefined;
  }

  /** False: it is left alone. Whoever hears true after a pause is to ask it. */
  admits(): boolean {
    return this.#pausedUntilMs === undefined || this.#mayTry(this.#pausedUntilMs);
  }

  #mayTry(pausedUntilMs: number): boolean {
    const { clock, limits, oneTries } = this.#parts;
    const nowMs = clock.monotonic();
    if (nowMs < pausedUntilMs) return false;
    if (oneTries) {
      // The caller that tries the tier may vanish, so after the same time another one tries it.
      this.#isTried = true;
      this.#pausedUntilMs = nowMs + limits.pauseMs;
    } else {
      this.#resume();
    }
    return true;
  }

  /** The store's answer; undefined when it takes too long. */
  wait<T>(answer: Promise<T>): Promise<T | undefined> {
    const { tasks, limits } = this.#parts;
    return new Promise((resolve, reject) => {
      let cancel = () => {};
      if (limits.timeoutMs !== Number.POSITIVE_INFINITY) {
        cancel = tasks.later(limits.timeoutMs, () => {
          this.#ranOut();
          resolve(undefined);
        });
      }
      answer.finally(cancel).then((value) => {
        this.answered();
        resolve(value);
      }, reject);
    });
  }

  /** Iterates until an answer takes too long: a listing may be long, and may hang at each step. */
  async *inTime<T>(found: AsyncIterable<T>): AsyncIterable<T> {
    const iterator = found[Symbol.asyncIterator]();
    try {
      for (let next = await this.wait(iterator.next()); next?.done === false; next = await this.wait(iterator.next()))
        yield next.value;
    } finally {
      // One that hangs does not hear of it.
      void iterator.return?.().catch(this.#parts.fault);
    }
  }

  answered(): void {
    this.#faultsInRow = 0;
    this.isQuiet = !this.isPaused;
    if (this.#isTried) this.#resume();
  }

  failed(): void {
    this.#faultsInRow++;
    this.isQuiet = false;
    if (this.#isTried || this.#faultsInRow >= this.#parts.limits.pauseAfter) this.#pause();
  }

  #ranOut(): void {
    const { limits, fault } = this.#parts;
    // Those who wait beside the first learn nothing new.
    const isKnown = this.isPaused && !this.#isTried;
    this.#pause();
    if (isKnown) return;
    const after = limits.pauseMs > 0 ? '; it is not asked for a while' : '';
    fault(new Error(`expected an answer of a tier within ${limits.timeoutMs} ms, got none${after}`));
  }

  #pause(): void {
    const { clock, limits, paused } = this.#parts;
    if (limits.pauseMs === 0 || (this.isPaused && !this.#isTried)) return;
    const isNew = !this.isPaused;
    this.#isTried = false;
    this.#faultsInRow = 0;
    this.isQuiet = false;
    this.#pausedUntilMs = clock.monotonic() + limits.pauseMs;
    if (isNew) paused(true);
  }

  #resume(): void {
    this.#isTried = false;
    this.#pausedUntilMs = undefined;
    this.isQuiet = this.#faultsInRow === 0;
    this.#parts.paused(false);
  }
}

const MOST_KEYS = 10_000;

export class MissedKeys {
  readonly #turns = new RecentMap<number>(MOST_KEYS);
  #turn = 0;

  has(key: string): boolean {
    return this.#turn > 0 && this.#turns.get(key) !== undefined;
  }

  add(keys: readonly string[]): void {
    this.#turn++;
    for (const key of keys) this.#turns.set(key, this.#turn);
  }

  /** Called before a change of these keys; calls of what it returns say that the change has taken effect. */
  change(keys: readonly string[]): (() => void) | undefined {
    if (this.#turn === 0) return undefined;
    const begun = this.#turn;
    return () => {
      for (const key of keys) if ((this.#turns.get(key) ?? Number.POSITIVE_INFINITY) <= begun) this.#turns.delete(key);
    };
  }
}
