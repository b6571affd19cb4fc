// Rows of the index in typed arrays, as they go from one thread or process to another. Row n has five words from 5n on, in
// the order of `add`, and generation n.

import type { IndexRows, Place } from '../contract.ts';
import type { KeyHash } from './entry-index.ts';

const WORDS = 5;

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
    this.#words = new Uint32Array(WORDS * room);
    this.#generations = new Float64Array(room);
  }

  add({ hash, place, generation }: IndexRow): void {
    const at = WORDS * this.count;
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
    return { count, words: this.#words.slice(0, WORDS * count), generations: this.#generations.slice(0, count) };
  }
}

export function rowAt({ words, generations }: IndexRows, row: number): IndexRow {
  const at = WORDS * row;
  const hash = { high: words[at]!, low: words[at + 1]! };
  const place = { segment: words[at + 2]!, offset: words[at + 3]!, bytes: words[at + 4]! };
  return { hash, place, generation: generations[row]! };
}
