// The fills of each key that are under way: the newest, and behind it those begun before it.

import { overtakeAll, type ValueFlight } from './value-flight.ts';

export class ValueFlights {
  readonly #newest = new Map<string, ValueFlight>();

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

  /** What is being filled is not stored, and nobody joins it any more. */
  overtake(key: string, isReplaced: boolean): void {
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
