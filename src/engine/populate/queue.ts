// The waiting fills, in lanes: each puts the most expected hits first, and earlier arrivals before
// their equals. A text (URI and selecting fields) waits once, for all the jobs that want it.
//
// So a fill is its text and a slot in typed arrays; the heap of a lane holds
// slots, and each slot knows its place in the heap, so that a fill that is wanted more can move up.

/** Who is told of a fill: the place of the item among those of its job. */
export interface Share<Job> {
  readonly job: Job;
  readonly index: number;
}

/** A fill on its way into the queue, or out of it. */
export interface Fill<Job> {
  /** URI, then `LF name:value` for each field. */
  readonly text: string;
  /** Expected hits. */
  readonly hits: number;
  /** How often it has been tried. */
  readonly attempts: number;
  /** The first is the one whose lane it waits in; never none. */
  readonly shares: readonly Share<Job>[];
}

/** Fills of one job at one origin. Made by the queue's user. */
export interface Lane<Job> {
  readonly job: Job;
  /** Slots, as a binary heap; empty at first. Only the queue writes to it. */
  readonly heap: number[];
}

const FIRST_CAPACITY = 64;

export class FillQueue<Job> {
  readonly #slotOf = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #texts: string[] = [];
  readonly #lanes: (Lane<Job> | undefined)[] = [];
  /** Shares after the first, of the few fills that have more. */
  readonly #further = new Map<number, Share<Job>[]>();
  #shares = 0;
  #hits = new Float64Array(FIRST_CAPACITY);
  #order = new Float64Array(FIRST_CAPACITY);
  #index = new Uint32Array(FIRST_CAPACITY);
  #attempts = new Uint8Array(FIRST_CAPACITY);
  #place = new Uint32Array(FIRST_CAPACITY);
  #lastOrder = 0;

  /** Fills that wait. */
  get size(): number {
    return this.#slotOf.size;
  }

  /** Shares of those that wait: each takes memory, also where many are of one fill. */
  get shares(): number {
    return this.#shares;
  }

  has(text: string): boolean {
    return this.#slotOf.has(text);
  }

  /** Lets the fill wait in the lane of its first share; one that waits already is shared from now on. */
  add(fill: Fill<Job>, lane: Lane<Job>): void {
    this.#shares += fill.shares.length;
    const there = this.#slotOf.get(fill.text);
    if (there !== undefined) return this.#share(there, fill);
    const slot = this.#free.pop() ?? this.#texts.length;
    if (slot >= this.#hits.length) this.#grow();
    const [first, ...further] = fill.shares as [Share<Job>, ...Share<Job>[]];
    this.#slotOf.set(fill.text, slot);
    this.#texts[slot] = fill.text;
    this.#lanes[slot] = lane;
    this.#hits[slot] = fill.hits;
    this.#order[slot] = ++this.#lastOrder;
    this.#index[slot] = first.index;
    this.#attempts[slot] = fill.attempts;
    if (further.length > 0) this.#further.set(slot, further);
    this.#place[slot] = lane.heap.push(slot) - 1;
    this.#up(lane, lane.heap.length - 1);
  }

  /** The first fill of a lane; undefined when the lane is empty. */
  first(lane: Lane<Job>): { readonly hits: number; readonly order: number } | undefined {
    const slot = lane.heap[0];
    return slot === undefined ? undefined : { hits: this.#hits[slot]!, order: this.#order[slot]! };
  }

  /** Takes the first of a lane that is not empty. */
  take(lane: Lane<Job>): Fill<Job> {
    const slot = lane.heap[0] as number;
    const last = lane.heap.pop() as number;
    if (last !== slot) {
      this.#seat(lane, 0, last);
      this.#down(lane, 0);
    }
    return this.#release(slot);
  }

  /** Empties a lane; returns the fills that others want too, without the share of the lane's job. */
  empty(lane: Lane<Job>): Fill<Job>[] {
    const wanted: Fill<Job>[] = [];
    for (const slot of lane.heap.splice(0)) {
      const fill = this.#release(slot);
      if (fill.shares.length > 1) wanted.push({ ...fill, shares: fill.shares.slice(1) });
    }
    return wanted;
  }

  #share(slot: number, { hits, shares }: Fill<Job>): void {
    const further = this.#further.get(slot) ?? [];
    this.#further.set(slot, further);
    for (const share of shares) further.push(share);
    if (hits <= this.#hits[slot]!) return;
    this.#hits[slot] = hits;
    this.#up(this.#lanes[slot]!, this.#place[slot]!);
  }

  #release(slot: number): Fill<Job> {
    const text = this.#texts[slot]!;
    const first = { job: this.#lanes[slot]!.job, index: this.#index[slot]! };
    const shares = [first, ...(this.#further.get(slot) ?? [])];
    this.#shares -= shares.length;
    const fill = { text, hits: this.#hits[slot]!, attempts: this.#attempts[slot]!, shares };
    this.#slotOf.delete(text);
    this.#further.delete(slot);
    this.#texts[slot] = '';
    this.#lanes[slot] = undefined;
    this.#free.push(slot);
    return fill;
  }

  #grow(): void {
    const length = 2 * this.#hits.length;
    this.#hits = new Float64Array(this.#hits.buffer.transfer(8 * length));
    this.#order = new Float64Array(this.#order.buffer.transfer(8 * length));
    this.#index = new Uint32Array(this.#index.buffer.transfer(4 * length));
    this.#attempts = new Uint8Array(this.#attempts.buffer.transfer(length));
    this.#place = new Uint32Array(this.#place.buffer.transfer(4 * length));
  }

  #isBefore(one: number, other: number): boolean {
    const byHits = this.#hits[one]! - this.#hits[other]!;
    return byHits > 0 || (byHits === 0 && this.#order[one]! < this.#order[other]!);
  }

  #seat({ heap }: Lane<Job>, place: number, slot: number): void {
    heap[place] = slot;
    this.#place[slot] = place;
  }

  #up(lane: Lane<Job>, from: number): void {
    const slot = lane.heap[from]!;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = lane.heap[parent]!;
      if (!this.#isBefore(slot, above)) break;
      this.#seat(lane, place, above);
      place = parent;
    }
    this.#seat(lane, place, slot);
  }

  #down(lane: Lane<Job>, from: number): void {
    const slot = lane.heap[from]!;
    const { length } = lane.heap;
    let place = from;
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      const right = child + 1;
      if (right < length && this.#isBefore(lane.heap[right]!, lane.heap[child]!)) child = right;
      const below = lane.heap[child]!;
      if (!this.#isBefore(below, slot)) break;
      this.#seat(lane, place, below);
      place = child;
    }
    this.#seat(lane, place, slot);
  }
}
