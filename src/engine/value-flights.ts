// The fills of each key that are under way: the newest, and behind it those begun before it.

import { RecentMap } from './recent-map.ts';
import { overtakeAll, type ValueFlight } from './value-flight.ts';

/** Keys of which the fill that was given up is known, at least. */
const GIVEN_UP = 1_000;

export class ValueFlights {
  readonly #newest = new Map<string, ValueFlight>();
  /** One whose function never ends must not be kept for ever. */
  readonly #givenUp = new RecentMap<ValueFlight>(GIVEN_UP);

  has(key: string): boolean {
    return this.#newest.has(key);
  }

  /** The newest that may be joined. */
  newest(key: string): ValueFlight | undefined {
    return this.#newest.get(key);
  }

  add(flight: ValueFlight): void {
    flight.earlier = this.#newest.get(flight.key);
    this.#newest.set(flight.key, flight);
  }

  /** It is over: those begun before it, if any are still under way, may be joined again. */
  remove(flight: ValueFlight): void {
    const { key, earlier } = flight;
    const newest = this.#newest.get(key);
    if (newest === flight) {
      if (earlier === undefined) this.#newest.delete(key);
      else this.#newest.set(key, earlier);
      return;
    }
    for (let later = newest; later !== undefined; later = later.earlier) {
      if (later.earlier === flight) later.earlier = earlier;
    }
  }

  /** Nobody waits for it any more, but it may end. Of each key the last one counts. */
  giveUp(flight: ValueFlight): void {
    this.remove(flight);
    this.#givenUp.set(flight.key, flight);
  }

  /** It has ended after all; false: something newer is known. */
  isLatest(flight: ValueFlight): boolean {
    return this.#givenUp.get(flight.key) === flight;
  }

  /** Something newer is known than what was given up. */
  forgetGivenUp(key: string): void {
    this.#givenUp.delete(key);
  }

  /** What is being filled is not stored, and nobody joins it any more. */
  overtake(key: string, isReplaced: boolean): void {
    this.forgetGivenUp(key);
    const newest = this.#newest.get(key);
    if (newest === undefined) return;
    overtakeAll(newest, isReplaced);
    this.#newest.delete(key);
  }

  /** Those of the key begun after `flight`; without one, all. */
  after(key: string, flight?: ValueFlight): ValueFlight[] {
    const later: ValueFlight[] = [];
    for (let one = this.#newest.get(key); one !== undefined && one !== flight; one = one.earlier) later.push(one);
    return later;
  }
}
