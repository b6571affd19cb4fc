// Time that moves only when told to. Work scheduled for the same instant runs in the order of scheduling.

import type { Cancel, Clock, Tasks } from '../../src/ports.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
}

export class SimulatedTime implements Clock, Tasks {
  #now: number;
  #order = 0;
  #timers: Timer[] = [];

  /** Default start: 2026-01-01. */
  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  later(delayMs: number, work: () => void): Cancel {
    const timer = { at: this.#now + delayMs, order: this.#order++, work };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(work: () => void): void {
    this.later(0, work);
  }

  get idle(): boolean {
    return this.#timers.length === 0;
  }

  /** Runs the next piece of work, moving time to it; false when there is none. */
  step(): boolean {
    const next = this.#next();
    if (next === undefined) return false;
    this.#timers = this.#timers.filter((other) => other !== next);
    this.#now = Math.max(this.#now, next.at);
    next.work();
    return true;
  }

  /** Moves time forward by `ms`, running all that falls due. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) this.step();
    this.#now = end;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}
