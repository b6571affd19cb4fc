// What happened to reads and writes, counted; and the one place where a failing cache ends.

import type { PassReason, SoundStats } from './options.ts';

export class Tally {
  readonly #onFault: (error: unknown) => void;
  readonly #passed: Partial<Record<PassReason, number>> = {};
  readonly #counts = { hits: 0, misses: 0, overtaken: 0, unstorable: 0, writes: 0, opaqueWrites: 0, faults: 0 };

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  count(what: 'hits' | 'misses' | 'overtaken' | 'unstorable'): void {
    this.#counts[what]++;
  }

  pass(reason: PassReason): void {
    this.#passed[reason] = (this.#passed[reason] ?? 0) + 1;
  }

  write(isOpaque: boolean): void {
    this.#counts.writes++;
    if (isOpaque) this.#counts.opaqueWrites++;
  }

  fault(error: unknown): undefined {
    this.#counts.faults++;
    // What hears of faults may fail itself, at once or later: that is no one's fault, and nobody is told.
    new Promise((heard) => heard(this.#onFault(error))).catch(() => undefined);
  }

  /** Its result, unless it throws, which is a fault and no more. */
  safely<T>(work: () => T): { readonly ok: true; readonly value: T } | { readonly ok: false } {
    try {
      return { ok: true, value: work() };
    } catch (error) {
      this.fault(error);
      return { ok: false };
    }
  }

  stats(): SoundStats {
    return { ...this.#counts, passed: { ...this.#passed } };
  }
}
