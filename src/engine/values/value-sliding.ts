// Values that end when they are not used: each use moves the end, never past the ttl.
//
// A record in a slower tier has the lifetime of the moment at which it was put. Putting it again at each use would cost more
// than the cache saves, so the cache puts it again once the lifetime lags by a part of the idle time. The record keeps its
// stamp: an invalidation of the entry outdates a record that arrives later, too. A fill supersedes the entry for that reason.

import type { StoredValue } from '../../entry/stored-value.ts';
import type { ValueSteps } from './value-steps.ts';

/** Largest part of the idle time by which a slower tier may be behind. */
const BEHIND_PART = 0.25;

export class ValueSliding {
  readonly #steps: ValueSteps;

  constructor(steps: ValueSteps) {
    this.#steps = steps;
  }

  /** Whether a current entry has not reached its end. This use moves the end of an entry that slides. */
  isInTime(entry: StoredValue): boolean {
    const ageMs = this.#steps.clock.now() - entry.bornMs;
    if (ageMs >= entry.lifetimeMs) return false;
    if (entry.sliding !== undefined) this.#move(entry, ageMs);
    return true;
  }

  #move(entry: StoredValue, ageMs: number): void {
    const { idleMs, limitMs, toldMs } = entry.sliding as NonNullable<StoredValue['sliding']>;
    const lifetimeMs = Math.min(ageMs + idleMs, limitMs);
    // A clock that was set back takes nothing off.
    if (lifetimeMs <= entry.lifetimeMs) return;
    entry.lifetimeMs = lifetimeMs;
    const { hasSlower, atHand, keep } = this.#steps;
    if (!hasSlower || lifetimeMs - toldMs < idleMs * BEHIND_PART) return;
    const there = atHand(entry.key);
    // Something has taken its place while a slower tier was asked.
    if (there !== undefined && there !== entry) return;
    void keep(entry, false);
  }
}
