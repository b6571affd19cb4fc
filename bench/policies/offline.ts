// Policies that know the future: what no real one can do better than. They do not take in what is not worth it.
//
// Only for objects of one size is the optimum known (Belady: evict what is used again last). With
// sizes the problem is NP-hard, so two heuristics stand for it: the same rule, which is near the optimum in bytes, and
// next use times size, which is near the optimum in requests.

import { NONE, type ReplayPolicy, type ReplaySetup } from './policy.ts';

const NEVER = 0x7fff_ffff;
const SAMPLES = 64;

/** For each request, the number of the next one for the same object. */
function nextUses(ids: Int32Array, objects: number): Int32Array {
  const next = new Int32Array(ids.length);
  const latest = new Int32Array(objects).fill(NEVER);
  for (let at = ids.length - 1; at >= 0; at--) {
    next[at] = latest[ids[at]!]!;
    latest[ids[at]!] = at;
  }
  return next;
}

/** Belady: evicts what is used again last. */
export function farthest({ sizes, maxBytes, ids }: ReplaySetup): ReplayPolicy {
  const next = nextUses(ids, sizes.length);
  const heap = new NextUseHeap(sizes.length);
  let bytes = 0;
  let now = 0;

  function drop(id: number): void {
    heap.remove(id);
    bytes -= sizes[id]!;
  }

  return {
    access(id) {
      const use = next[now++]!;
      const hit = heap.has(id);
      if (use === NEVER || sizes[id]! > maxBytes) {
        if (hit) drop(id);
        return hit;
      }
      if (!hit) bytes += sizes[id]!;
      heap.set(id, use);
      while (bytes > maxBytes) drop(heap.first());
      return hit;
    },
  };
}

/** Evicts, of some objects picked by lot, the one with the greatest product of size and time until it is used again. */
export function farthestLargest({ sizes, maxBytes, ids }: ReplaySetup): ReplayPolicy {
  const next = nextUses(ids, sizes.length);
  const placeOf = new Int32Array(sizes.length).fill(NONE);
  const use = new Int32Array(sizes.length);
  const cached: number[] = [];
  let bytes = 0;
  let now = 0;
  let lot = 1;

  function drop(id: number): void {
    const last = cached.pop()!;
    if (last !== id) {
      cached[placeOf[id]!] = last;
      placeOf[last] = placeOf[id]!;
    }
    placeOf[id] = NONE;
    bytes -= sizes[id]!;
  }

  /** The worst of the sample and of `worst`, which has just come in. */
  function pickVictim(worst: number): number {
    for (let tries = 0; tries < SAMPLES; tries++) {
      lot = (Math.imul(lot, 1664525) + 1013904223) >>> 0;
      const id = cached[Math.floor((lot / 2 ** 32) * cached.length)]!;
      if (placeOf[worst] === NONE || (use[id]! - now) * sizes[id]! > (use[worst]! - now) * sizes[worst]!) worst = id;
    }
    return worst;
  }

  return {
    access(id) {
      use[id] = next[now++]!;
      const hit = placeOf[id] !== NONE;
      if (use[id] === NEVER || sizes[id]! > maxBytes) {
        if (hit) drop(id);
      } else if (!hit) {
        placeOf[id] = cached.push(id) - 1;
        bytes += sizes[id]!;
        while (bytes > maxBytes) drop(pickVictim(id));
      }
      return hit;
    },
  };
}

/** A binary heap of ids with the farthest next use on top; knows each id's place. */
class NextUseHeap {
  readonly #placeOf: Int32Array;
  readonly #use: Int32Array;
  readonly #ids: number[] = [];

  constructor(objects: number) {
    this.#placeOf = new Int32Array(objects).fill(NONE);
    this.#use = new Int32Array(objects);
  }

  has(id: number): boolean {
    return this.#placeOf[id] !== NONE;
  }

  first(): number {
    return this.#ids[0]!;
  }

  set(id: number, use: number): void {
    this.#use[id] = use;
    if (!this.has(id)) this.#place(id, this.#ids.length);
    this.#settle(id);
  }

  remove(id: number): void {
    const last = this.#ids.pop()!;
    const place = this.#placeOf[id]!;
    this.#placeOf[id] = NONE;
    if (last === id) return;
    this.#place(last, place);
    this.#settle(last);
  }

  #settle(id: number): void {
    const use = this.#use[id]!;
    let place = this.#placeOf[id]!;
    while (place > 0 && this.#useAt((place - 1) >> 1) < use) {
      const parent = (place - 1) >> 1;
      this.#place(this.#ids[parent]!, place);
      place = parent;
    }
    for (;;) {
      let child = 2 * place + 1;
      if (child + 1 < this.#ids.length && this.#useAt(child + 1) > this.#useAt(child)) child++;
      if (child >= this.#ids.length || this.#useAt(child) <= use) break;
      this.#place(this.#ids[child]!, place);
      place = child;
    }
    this.#place(id, place);
  }

  #useAt(place: number): number {
    return this.#use[this.#ids[place]!]!;
  }

  #place(id: number, place: number): void {
    this.#ids[place] = id;
    this.#placeOf[id] = place;
  }
}
