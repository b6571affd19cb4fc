// Keys known to be uncacheable. Requests for them do not wait for each other: a queue for an answer that no one may share
// would serialise the clients (Varnish calls this hit-for-miss).

import { RecentMap } from '../recent-map.ts';

/** How long a key counts as uncacheable after an answer that could not be stored. */
const REMEMBER_MS = 120_000;
const MIN_KEYS = 10_000;

export class HitForMiss {
  readonly #until = new RecentMap<number>(MIN_KEYS);

  /** `monotonicMs`: the instant of asking. */
  has(key: string, monotonicMs: number): boolean {
    const until = this.#until.get(key);
    return until !== undefined && monotonicMs < until;
  }

  add(key: string, monotonicMs: number): void {
    this.#until.set(key, monotonicMs + REMEMBER_MS);
  }

  delete(key: string): void {
    this.#until.delete(key);
  }
}
