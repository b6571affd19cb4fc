// Time that moves only when told to. Work scheduled for the same instant runs in the order of scheduling.

import type { CacheClock } from '../cache/contract.ts';
import { type Duration, toMs } from '../options/durations.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
}

/** A clock for tests: `createCache({ clock })`, then `clock.advance('1m')`. */
export class TestClock implements Required<CacheClock> {
  #nowMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** Default start: 2026-01-01. */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  later(delayMs: number, work: () => void): () => void {
    const timer = { at: this.#nowMs + delayMs, order: this.#order++, work };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Nothing is left to be done later. */
  get idle(): boolean {
    return this.#timers.size === 0;
  }

  /** Does the next piece of work, moving time to it; false when there is none. */
  step(): boolean {
    return this.#stepTo(Number.POSITIVE_INFINITY);
  }

  /** Moves time forward, and does all that falls due. Throws E_TTL. */
  advance(duration: Duration): void {
    const end = this.#nowMs + toMs(duration, 'what advance() is given');
    while (this.#stepTo(end));
    this.#nowMs = end;
  }

  /** Time until the next piece of work; Infinity when there is none. */
  protected get untilNextMs(): number {
    return (this.#next()?.at ?? Number.POSITIVE_INFINITY) - this.#nowMs;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    return next;
  }

  #stepTo(end: number): boolean {
    const next = this.#next();
    if (next === undefined || next.at > end) return false;
    this.#timers.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.at);
    next.work();
    return true;
  }
}

/** Default start: 2026-01-01. */
export function createTestClock(startMs?: number): TestClock {
  return new TestClock(startMs);
}
