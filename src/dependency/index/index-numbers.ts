// A list of whole numbers of 32 bits that grows: the index keeps millions of them, and an array of objects would be four
// times as large.

/** Stands for "there is none" among places. */
export const NONE = -1;

export class Numbers {
  #data: Int32Array = new Int32Array(8);

  get(at: number): number {
    return this.#data[at] as number;
  }

  set(at: number, value: number): void {
    if (at >= this.#data.length) this.#grow(at + 1);
    this.#data[at] = value;
  }

  /** `to` may lie within the copied range. */
  copyWithin(to: number, from: number, end: number): void {
    if (to + end - from > this.#data.length) this.#grow(to + end - from);
    this.#data.copyWithin(to, from, end);
  }

  #grow(least: number): void {
    const data = new Int32Array(Math.max(least, Math.ceil(this.#data.length * 1.5)));
    data.set(this.#data);
    this.#data = data;
  }
}

/** Hands out places 0, 1, 2 …, those given back first. */
export class Places {
  readonly #next = new Numbers();
  #free = NONE;
  #end = 0;
  #count = 0;

  /** Places in use. */
  get count(): number {
    return this.#count;
  }

  /** One more than the highest place ever in use. */
  get end(): number {
    return this.#end;
  }

  take(): number {
    this.#count++;
    const place = this.#free;
    if (place === NONE) return this.#end++;
    this.#free = this.#next.get(place);
    return place;
  }

  give(place: number): void {
    this.#count--;
    this.#next.set(place, this.#free);
    this.#free = place;
  }
}
