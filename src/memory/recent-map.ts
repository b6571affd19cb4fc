// A map that forgets what was set long ago. Two generations instead of one ordered map: taking the oldest out of a Map
// again and again walks over all that was taken out before.

export class RecentMap<Value> {
  readonly #perGeneration: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** Remembers at least the last `atLeast` keys set, at most twice as many. */
  constructor(atLeast: number) {
    this.#perGeneration = atLeast;
  }

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: string, value: Value): void {
    this.#young.set(key, value);
    if (this.#young.size < this.#perGeneration) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
