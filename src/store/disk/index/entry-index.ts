// The index in memory: from a key's hash to the place of its record. 36 bytes an entry in typed arrays, which the garbage
// collector does not walk. A look-up that finds nothing touches no disk.
//
// It grows to millions of entries without a pause. Entries are in chunks that are never copied, and their buckets are linear
// hashing: each added entry splits one bucket in two. One open-addressed table would stop for its rehashing instead.
//
// Two keys may share a hash. Then one takes the other's slot, which costs a miss and nothing else, since the record has the
// whole key. A client gains nothing from inventing such keys, or keys whose low bits agree: the index mixes the hash with a
// number of its own before it chooses a place.

import type { IndexRows, Place } from '../contract.ts';

/** Two unsigned 32-bit halves. */
export interface KeyHash {
  readonly high: number;
  readonly low: number;
}

/** Hashes the UTF-16 code units in two lanes. Both multiply after they mix a unit in; the second also rotates before. */
export function keyHash(key: string): KeyHash {
  let high = 0x2c9277b5;
  let low = 0x5f356495 ^ key.length;
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(((low << 13) | (low >>> 19)) ^ unit, 0x2c1b3c6d);
  }
  high = mixed(high ^ (low >>> 7));
  low = mixed(low ^ high);
  return { high: high >>> 0, low: low >>> 0 };
}

/** Every bit of the result depends on every bit of the number. */
function mixed(bits: number): number {
  let mix = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  mix = Math.imul(mix ^ (mix >>> 15), 0x846ca68b);
  return mix ^ (mix >>> 16);
}

const NONE = -1;
const NO_SEGMENT = 0;
const CHUNK_BITS = 14;
const CHUNK = 1 << CHUNK_BITS;
const MASK = CHUNK - 1;

/** An entry is eight words, so each look at an entry touches one cache line of the processor. */
const WORDS_BITS = 3;
const LOW = 0;
const HIGH = 1;
const NEXT = 2;
const SEGMENT = 3;
const OFFSET = 4;
const BYTES = 5;
/** The low 32 bits of the generation. The next 16 are in the upper half of the last word. */
const GENERATION = 6;
const REST = 7;
const WARMTH_SHIFT = 8;
const UPPER_HALF = 16;
/** A record that was not touched while this many bytes were read or written counts as cold. */
const WARM_BYTES = 64 * 1024 * 1024;

/** Slots are small dense integers, used again once they are free. */
export class IndexTable {
  readonly #seed: number;
  #chunks: Int32Array[] = [];
  #heads: Int32Array[] = [];
  /** Number of entries. */
  count = 0;
  /** One more than the greatest slot in use. */
  slots = 0;
  #free = NONE;
  /** Number of buckets when the present round of splits began; a power of two. */
  #base = 1;
  /** Number of buckets split in this round. */
  #split = 0;
  /** Counts, modulo 256, how often WARM_BYTES have been read or written. Untouched entries have 0, which is long ago. */
  #now = 2;
  #touchedBytes = 0;

  /** `seed`: 32 random bits, so that nobody can invent keys that share a bucket. */
  constructor(seed: number) {
    this.#seed = seed | 0;
    this.clear();
  }

  /** Bytes of the arrays. */
  get memoryBytes(): number {
    return 4 * CHUNK * ((this.#chunks.length << WORDS_BITS) + this.#heads.length);
  }

  clear(): void {
    this.#chunks = [];
    this.#heads = [new Int32Array(CHUNK).fill(NONE)];
    this.count = 0;
    this.slots = 0;
    this.#free = NONE;
    this.#base = 1;
    this.#split = 0;
  }

  /** The slot of the hash, or -1. */
  find(hash: KeyHash): number {
    const high = hash.high | 0;
    const low = hash.low | 0;
    const bucket = this.#bucketOf(high, low);
    let slot = this.#heads[bucket >>> CHUNK_BITS]![bucket & MASK]!;
    while (slot >= 0) {
      const chunk = this.#chunks[slot >>> CHUNK_BITS]!;
      const at = (slot & MASK) << WORDS_BITS;
      if (chunk[at + LOW] === low && chunk[at + HIGH] === high) return slot;
      slot = chunk[at + NEXT]!;
    }
    return NONE;
  }

  /** Adds a hash that is not in the index; its frequency is 0. */
  add(hash: KeyHash, place: Place, generation: number): number {
    const slot = this.#takeSlot();
    this.#setWord(slot, HIGH, hash.high);
    this.#setWord(slot, LOW, hash.low);
    this.#setWord(slot, REST, 0);
    this.move(slot, place, generation);
    this.#link(slot, this.#bucketOf(hash.high | 0, hash.low | 0));
    this.count++;
    if (this.count > this.#base + this.#split) this.#splitOne();
    return slot;
  }

  /** Gives the entry a new place; its frequency stays. */
  move(slot: number, place: Place, generation: number): void {
    const chunk = this.#chunks[slot >>> CHUNK_BITS]!;
    const at = (slot & MASK) << WORDS_BITS;
    chunk[at + SEGMENT] = place.segment;
    chunk[at + OFFSET] = place.offset;
    chunk[at + BYTES] = place.bytes;
    chunk[at + GENERATION] = generation;
    chunk[at + REST] = (chunk[at + REST]! & 0xffff) | (Math.floor(generation / 2 ** 32) << UPPER_HALF);
  }

  remove(slot: number): void {
    this.#unlink(slot, this.#bucketOf(this.#word(slot, HIGH), this.#word(slot, LOW)));
    this.#setWord(slot, SEGMENT, NO_SEGMENT);
    this.#setWord(slot, NEXT, this.#free);
    this.#free = slot;
    this.count--;
  }

  /** Segment of the record; 0 for a free slot. */
  segment(slot: number): number {
    return this.#word(slot, SEGMENT) >>> 0;
  }

  place(slot: number): Place {
    return { segment: this.segment(slot), offset: this.#word(slot, OFFSET) >>> 0, bytes: this.bytes(slot) };
  }

  bytes(slot: number): number {
    return this.#word(slot, BYTES) >>> 0;
  }

  generation(slot: number): number {
    return (this.#word(slot, REST) >>> UPPER_HALF) * 2 ** 32 + (this.#word(slot, GENERATION) >>> 0);
  }

  hash(slot: number): KeyHash {
    return { high: this.#word(slot, HIGH) >>> 0, low: this.#word(slot, LOW) >>> 0 };
  }

  frequency(slot: number): number {
    return this.#word(slot, REST) & 0xff;
  }

  setFrequency(slot: number, frequency: number): void {
    this.#setWord(slot, REST, (this.#word(slot, REST) & ~0xff) | frequency);
  }

  /** Whether the record is surely in the page cache, since it was touched a short time ago. From now on it is. */
  touch(slot: number): boolean {
    const rest = this.#word(slot, REST);
    const isWarm = ((this.#now - (rest >>> WARMTH_SHIFT)) & 0xff) <= 1;
    this.#touchedBytes += this.bytes(slot);
    if (this.#touchedBytes > WARM_BYTES) {
      this.#touchedBytes = 0;
      this.#now = (this.#now + 1) & 0xff;
    }
    this.#setWord(slot, REST, (rest & ~(0xff << WARMTH_SHIFT)) | (this.#now << WARMTH_SHIFT));
    return isWarm;
  }

  #word(slot: number, word: number): number {
    return this.#chunks[slot >>> CHUNK_BITS]![((slot & MASK) << WORDS_BITS) + word]!;
  }

  #setWord(slot: number, word: number, bits: number): void {
    this.#chunks[slot >>> CHUNK_BITS]![((slot & MASK) << WORDS_BITS) + word] = bits;
  }

  #takeSlot(): number {
    const slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.#word(slot, NEXT);
      return slot;
    }
    if (this.slots >>> CHUNK_BITS === this.#chunks.length) this.#chunks.push(new Int32Array(CHUNK << WORDS_BITS));
    return this.slots++;
  }

  /** Mixes the hash with the seed, and takes as many bits as there are buckets for. */
  #bucketOf(high: number, low: number): number {
    const bucket = mixed(Math.imul(high ^ this.#seed, 0x2c1b3c6d) ^ low) & (2 * this.#base - 1);
    return bucket < this.#base + this.#split ? bucket : bucket - this.#base;
  }

  #link(slot: number, bucket: number): void {
    const heads = this.#heads[bucket >>> CHUNK_BITS]!;
    this.#setWord(slot, NEXT, heads[bucket & MASK]!);
    heads[bucket & MASK] = slot;
  }

  #unlink(slot: number, bucket: number): void {
    const heads = this.#heads[bucket >>> CHUNK_BITS]!;
    const after = this.#word(slot, NEXT);
    let at = heads[bucket & MASK]!;
    if (at === slot) {
      heads[bucket & MASK] = after;
      return;
    }
    for (let next = this.#word(at, NEXT); next !== slot; next = this.#word(at, NEXT)) at = next;
    this.#setWord(at, NEXT, after);
  }

  /** Moves half of one bucket to a new one at the end. */
  #splitOne(): void {
    const from = this.#split;
    const to = this.#base + this.#split;
    if (to >>> CHUNK_BITS === this.#heads.length) this.#heads.push(new Int32Array(CHUNK).fill(NONE));
    const heads = this.#heads[from >>> CHUNK_BITS]!;
    let slot = heads[from & MASK]!;
    heads[from & MASK] = NONE;
    this.#split++;
    while (slot >= 0) {
      const next = this.#word(slot, NEXT);
      this.#link(slot, this.#bucketOf(this.#word(slot, HIGH), this.#word(slot, LOW)));
      slot = next;
    }
    if (this.#split === this.#base) {
      this.#base *= 2;
      this.#split = 0;
    }
  }
}

// Rows of the index in typed arrays, as they go from one thread or process to another. Row n has five words from 5n on, in
// the order of `add`, and generation n.

const ROW_WORDS = 5;

export interface IndexRow {
  /** See `keyHash`. */
  readonly hash: KeyHash;
  readonly place: Place;
  readonly generation: number;
}

/** Rows that are being gathered, at most as many as there is room for. */
export class RowPacker {
  readonly #words: Uint32Array;
  readonly #generations: Float64Array;
  count = 0;

  constructor(room: number) {
    this.#words = new Uint32Array(ROW_WORDS * room);
    this.#generations = new Float64Array(room);
  }

  add({ hash, place, generation }: IndexRow): void {
    const at = ROW_WORDS * this.count;
    this.#words[at] = hash.high;
    this.#words[at + 1] = hash.low;
    this.#words[at + 2] = place.segment;
    this.#words[at + 3] = place.offset;
    this.#words[at + 4] = place.bytes;
    this.#generations[this.count++] = generation;
  }

  /** A copy of the rows added since the last call. */
  take(): IndexRows {
    const count = this.count;
    this.count = 0;
    return { count, words: this.#words.slice(0, ROW_WORDS * count), generations: this.#generations.slice(0, count) };
  }
}

export function rowAt({ words, generations }: IndexRows, row: number): IndexRow {
  const at = ROW_WORDS * row;
  const hash = { high: words[at]!, low: words[at + 1]! };
  const place = { segment: words[at + 2]!, offset: words[at + 3]!, bytes: words[at + 4]! };
  return { hash, place, generation: generations[row]! };
}
