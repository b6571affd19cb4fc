// Least recently used, bounded in bytes: a doubly linked list over object ids, the newest first.

import { NONE, type ReplayPolicy, type ReplaySetup } from './policy.ts';

export function lru(setup: ReplaySetup): ReplayPolicy {
  return evictingLast(setup, (list, id) => {
    list.remove(id);
    list.addFirst(id);
  });
}

/** Makes room at the end of a list that new ids begin. `hit`: what a use does to the list. */
export function evictingLast({ sizes, maxBytes }: ReplaySetup, hit: (list: IdList, id: number) => void): ReplayPolicy {
  const list = new IdList(sizes.length);
  let bytes = 0;
  return {
    access(id) {
      if (list.has(id)) {
        hit(list, id);
        return true;
      }
      const size = sizes[id]!;
      if (size > maxBytes) return false;
      while (bytes + size > maxBytes) {
        bytes -= sizes[list.last]!;
        list.remove(list.last);
      }
      list.addFirst(id);
      bytes += size;
      return false;
    },
  };
}

/** A list of ids in order; each id is in it at most once. */
export class IdList {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #in: Uint8Array;
  #first = NONE;
  last = NONE;

  constructor(ids: number) {
    this.#next = new Int32Array(ids);
    this.#previous = new Int32Array(ids);
    this.#in = new Uint8Array(ids);
  }

  has(id: number): boolean {
    return this.#in[id] === 1;
  }

  /** The id added after this one, or -1. */
  previous(id: number): number {
    return this.#previous[id]!;
  }

  addFirst(id: number): void {
    this.#in[id] = 1;
    this.#previous[id] = NONE;
    this.#next[id] = this.#first;
    if (this.#first === NONE) this.last = id;
    else this.#previous[this.#first] = id;
    this.#first = id;
  }

  remove(id: number): void {
    const before = this.#previous[id]!;
    const after = this.#next[id]!;
    this.#in[id] = 0;
    if (before === NONE) this.#first = after;
    else this.#next[before] = after;
    if (after === NONE) this.last = before;
    else this.#previous[after] = before;
  }
}
