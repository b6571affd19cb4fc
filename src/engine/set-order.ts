// Which values were put in under which turn, so that one that was read before is not put over one put in since.
//
// The one complication: it forgets, on purpose; what was read before the forgotten may be older than any of it.

const KEYS_AT_LEAST = 10_000;

export class SetOrder {
  #turn = 0;
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  /** Up to here, nothing is known. */
  #forgotten = 0;

  /** Counts up with each value put in. */
  get turn(): number {
    return this.#turn;
  }

  note(key: string): void {
    this.#young.set(key, ++this.#turn);
    if (this.#young.size < KEYS_AT_LEAST) return;
    for (const turn of this.#old.values()) if (turn > this.#forgotten) this.#forgotten = turn;
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** True: something may have been put in under the key after that turn. */
  isOvertaken(key: string, turn: number): boolean {
    return (this.#young.get(key) ?? this.#old.get(key) ?? this.#forgotten) > turn;
  }
}
