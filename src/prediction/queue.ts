// First in, first out. An array alone would move all that is left at each shift.

const MOST_GONE = 1_024;

export class Queue<One> {
  #all: One[] = [];
  #gone = 0;

  get length(): number {
    return this.#all.length - this.#gone;
  }

  get first(): One | undefined {
    return this.#all[this.#gone];
  }

  push(one: One): void {
    this.#all.push(one);
  }

  /** Takes the first away. */
  shift(): void {
    this.#gone++;
    if (this.#gone < MOST_GONE || 2 * this.#gone < this.#all.length) return;
    this.#all = this.#all.slice(this.#gone);
    this.#gone = 0;
  }
}
