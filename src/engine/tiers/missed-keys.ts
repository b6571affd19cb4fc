// What a tier was not told of while it was left alone: what it has under these keys is not the latest. No invalidation
// depends on it, for the reader validates; it is for what was stored in place of an entry that no invalidation named.
//
// A change from before the pause may take effect late, and makes up for none that was missed since.

import { RecentMap } from '../recent-map.ts';

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
