// Chooses the entry that leaves for room: GreedyDual-Size-Frequency with CAMP's classes and a ghost. An entry's priority is
// `floor + frequency ** 0.75 / size`; the entry with the least leaves first. The floor rises to the priority
// of each evicted entry, so that unused entries age. The ratio is rounded to three significant bits. Entries of one rounded
// ratio form a class: a list in order of last use, whose head has its least priority. A tournament tree over the heads finds
// the least of all in O(log classes). The ghost keeps the frequencies of entries that are gone, so that an entry filled
// again begins where it left off.
//
// Everything is an integer slot in typed arrays, with no object per entry. Bookkeeping then takes some 50 bytes an entry,
// the ghost included, and the garbage collector does not walk it.

import { fnv1a } from '../ledger/hashes.ts';

const NONE = -1;
const FIRST_CAPACITY = 64;

/** More uses than this do not count. Without a bound, entries that were popular once would stay too long. */
const MAX_FREQUENCY = 0xff;

/**
 * Weight of each frequency. The power damps it for traffic whose favourites change often: on the trace orm-busy, the plain
 * frequency does up to 5 points worse than LRU; 0.75 costs other traces less than half a point.
 */
const frequencyWeight = Float64Array.from({ length: MAX_FREQUENCY + 1 }, (_, frequency) => frequency ** 0.75);

/** Sizes are kept as 32-bit integers. */
export const MAX_SIZE = 0xffff_ffff;

// Ratios are classed by the exponent and the first two mantissa bits of their 32-bit float: 4 classes to an octave, from
// 2^-46 to 2^18, more than MAX_FREQUENCY and MAX_SIZE ask for.
const CLASSES = 256;
const DROPPED_BITS = 21;
const FIRST_CLASS_BITS = (127 - 46) << 2;
const ratioFloat = new Float32Array(1);
const ratioBits = new Int32Array(ratioFloat.buffer);

function classOf(ratio: number): number {
  ratioFloat[0] = ratio;
  const at = (ratioBits[0]! >>> DROPPED_BITS) - FIRST_CLASS_BITS;
  return at < 0 ? 0 : at >= CLASSES ? CLASSES - 1 : at;
}

/** The least ratio of each class, which stands for all in it. */
const classRatio = Float64Array.from({ length: CLASSES }, (_, at) => {
  ratioBits[0] = (at + FIRST_CLASS_BITS) << DROPPED_BITS;
  return ratioFloat[0]!;
});

/** The hash of a key. The ghost scales it, so its bits are mixed once more and the high ones count. */
export function hashOf(key: string): number {
  const hash = fnv1a(key);
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/** The policy. Slots are small dense integers, used again after `remove` or `evict`. */
export class EvictionPolicy {
  /** Frequencies of entries that are gone. */
  readonly #ghost = new AgedNumbers(Uint8Array);
  #floor = 0;
  count = 0;
  /** Sum of the entries' sizes. */
  bytes = 0;
  /** One more than the greatest slot ever given out. */
  #used = 0;
  #free = NONE;

  // Per slot. `next` of a free slot leads to the next free one.
  #next = new Int32Array(FIRST_CAPACITY);
  #previous = new Int32Array(FIRST_CAPACITY);
  #priority = new Float64Array(FIRST_CAPACITY);
  #size = new Uint32Array(FIRST_CAPACITY);
  #hash = new Uint32Array(FIRST_CAPACITY);
  #frequency = new Uint8Array(FIRST_CAPACITY);
  #class = new Uint8Array(FIRST_CAPACITY);

  // Per class. `best[CLASSES + class]` is the head's priority; best[n] is the lesser of best[2n] and best[2n + 1].
  readonly #head = new Int32Array(CLASSES).fill(NONE);
  readonly #tail = new Int32Array(CLASSES).fill(NONE);
  readonly #best = new Float64Array(2 * CLASSES).fill(Number.POSITIVE_INFINITY);

  constructor() {
    this.#resizeGhost(FIRST_CAPACITY);
  }

  /** Takes an entry in and returns its slot. `hash` is of its key, 32 bits; `size` is at most MAX_SIZE. */
  add(hash: number, size: number): number {
    const slot = this.#takeSlot();
    this.#hash[slot] = hash;
    this.#size[slot] = size;
    this.#frequency[slot] = Math.min(this.#ghost.recall(hash) + 1, MAX_FREQUENCY);
    this.count++;
    this.bytes += size;
    this.#link(slot, this.#classFor(slot));
    return slot;
  }

  touch(slot: number): void {
    let at = this.#class[slot]!;
    if (this.#frequency[slot]! < MAX_FREQUENCY) {
      this.#frequency[slot]!++;
      at = this.#classFor(slot);
    }
    // Nothing was evicted since it was linked: moving it among entries of one priority costs more than it gains.
    if (at === this.#class[slot] && this.#priority[slot] === this.#floor + classRatio[at]!) return;
    this.#unlink(slot);
    this.#link(slot, at);
  }

  /** The entry was filled again with another size; its frequency stays. */
  resize(slot: number, size: number): void {
    this.#unlink(slot);
    this.bytes += size - this.#size[slot]!;
    this.#size[slot] = size;
    this.#link(slot, this.#classFor(slot));
  }

  /** The entry has gone for another reason than room. */
  remove(slot: number): void {
    this.#unlink(slot);
    this.#ghost.remember(this.#hash[slot]!, this.#frequency[slot]!);
    this.bytes -= this.#size[slot]!;
    this.count--;
    this.#next[slot] = this.#free;
    this.#free = slot;
  }

  /** Removes the entry that is worth least. Returns its slot, or -1 when there is none. */
  evict(): number {
    if (this.count === 0) return NONE;
    const best = this.#best;
    let node = 1;
    while (node < CLASSES) node = best[2 * node]! <= best[2 * node + 1]! ? 2 * node : 2 * node + 1;
    this.#floor = best[node]!;
    const slot = this.#head[node - CLASSES]!;
    this.remove(slot);
    return slot;
  }

  /** How often the entry was used, evictions and refills in between included. */
  frequencyOf(slot: number): number {
    return this.#frequency[slot]!;
  }

  /** The class for the entry's frequency and size. */
  #classFor(slot: number): number {
    return classOf(frequencyWeight[this.#frequency[slot]!]! / this.#size[slot]!);
  }

  #link(slot: number, at: number): void {
    const last = this.#tail[at]!;
    this.#class[slot] = at;
    this.#priority[slot] = this.#floor + classRatio[at]!;
    this.#previous[slot] = last;
    this.#next[slot] = NONE;
    this.#tail[at] = slot;
    if (last === NONE) this.#setHead(at, slot);
    else this.#next[last] = slot;
  }

  #unlink(slot: number): void {
    const at = this.#class[slot]!;
    const before = this.#previous[slot]!;
    const after = this.#next[slot]!;
    if (after === NONE) this.#tail[at] = before;
    else this.#previous[after] = before;
    if (before === NONE) this.#setHead(at, after);
    else this.#next[before] = after;
  }

  #setHead(at: number, slot: number): void {
    const best = this.#best;
    this.#head[at] = slot;
    let node = CLASSES + at;
    best[node] = slot === NONE ? Number.POSITIVE_INFINITY : this.#priority[slot]!;
    while (node > 1) {
      const least = Math.min(best[node]!, best[node ^ 1]!);
      node >>= 1;
      if (best[node] === least) return;
      best[node] = least;
    }
  }

  #takeSlot(): number {
    const slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.#next[slot]!;
      return slot;
    }
    if (this.#used === this.#next.length) this.#grow();
    return this.#used++;
  }

  /** Grows by a sixteenth: room not yet used counts as bookkeeping. */
  #grow(): void {
    const capacity = this.#used + Math.max(FIRST_CAPACITY, this.#used >> 4);
    this.#next = moved(this.#next, new Int32Array(capacity));
    this.#previous = moved(this.#previous, new Int32Array(capacity));
    this.#priority = moved(this.#priority, new Float64Array(capacity));
    this.#size = moved(this.#size, new Uint32Array(capacity));
    this.#hash = moved(this.#hash, new Uint32Array(capacity));
    this.#frequency = moved(this.#frequency, new Uint8Array(capacity));
    this.#class = moved(this.#class, new Uint8Array(capacity));
    this.#resizeGhost(capacity);
  }

  #resizeGhost(capacity: number): void {
    this.#ghost.resize(Math.ceil((capacity * GHOSTS_PER_ENTRY) / WAYS));
  }
}

function moved<C extends ArrayLike<number> & { set(from: ArrayLike<number>): void }>(from: C, to: C): C {
  to.set(from);
  return to;
}

/** Places in a set of AgedNumbers. */
export const WAYS = 8;
/** Remembered frequencies for each entry that has room. */
const GHOSTS_PER_ENTRY = 4;

/**
 * Numbers of entries that are gone, by the 32-bit hash of their key. A table of sets of eight in order of age: a new hash
 * pushes the oldest of its set out. So it is bounded and needs no deletions, unlike a queue with an index.
 */
export class AgedNumbers {
  readonly #Column: typeof Uint8Array | typeof Uint16Array;
  readonly #counts: (number: number) => boolean;
  sets = 0;
  #hashes = new Uint32Array(0);
  /** 0 marks an empty place. */
  #numbers: Uint8Array | Uint16Array;

  /** `counts`: whether a number is still to be remembered. Default: any but 0. */
  constructor(Column: typeof Uint8Array | typeof Uint16Array, counts = (number: number) => number !== 0) {
    this.#Column = Column;
    this.#numbers = new Column(0);
    this.#counts = counts;
  }

  get memoryBytes(): number {
    return this.#hashes.byteLength + this.#numbers.byteLength;
  }

  resize(sets: number): void {
    const hashes = this.#hashes;
    const numbers = this.#numbers;
    this.sets = sets;
    this.#hashes = new Uint32Array(sets * WAYS);
    this.#numbers = new this.#Column(sets * WAYS);
    // Goes through each set from its oldest, so that the new sets are nearly in order of age.
    for (let way = WAYS - 1; way >= 0; way--) {
      for (let at = way; at < hashes.length; at += WAYS) {
        if (this.#counts(numbers[at]!)) this.remember(hashes[at]!, numbers[at]!);
      }
    }
  }

  remember(hash: number, number: number): void {
    const first = this.#firstOf(hash);
    for (let at = first + WAYS - 1; at > first; at--) this.#copy(at - 1, at);
    this.#hashes[first] = hash;
    this.#numbers[first] = number;
  }

  /** Returns the remembered number and forgets it; 0 when there is none. */
  recall(hash: number): number {
    const first = this.#firstOf(hash);
    const last = first + WAYS - 1;
    for (let at = first; at <= last; at++) {
      const number = this.#numbers[at]!;
      if (this.#hashes[at] !== hash || !this.#counts(number)) continue;
      for (let to = at; to < last; to++) this.#copy(to + 1, to);
      this.#numbers[last] = 0;
      return number;
    }
    return 0;
  }

  /** The number that this hash would push out. */
  oldest(hash: number): number {
    return this.#numbers[this.#firstOf(hash) + WAYS - 1]!;
  }

  #copy(from: number, to: number): void {
    this.#hashes[to] = this.#hashes[from]!;
    this.#numbers[to] = this.#numbers[from]!;
  }

  /** The hash scaled to the number of sets, which need not be a power of two. */
  #firstOf(hash: number): number {
    return Math.floor((hash / 0x1_0000_0000) * this.sets) * WAYS;
  }
}
