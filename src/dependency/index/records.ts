// Which reads list a record among the rows of their answer.
//
// A record may be in a hundred thousand lists, and a list has many records; both are left one by
// one. So the reads of a record stand in a tree by their numbers, and the records of a read in a chain of pairs.

import { OPEN } from './interval-blocks.ts';
import { IntervalTrees } from './interval-tree.ts';
import { type Key, KeyTable, NONE, Numbers, Places } from './numbers.ts';

/** Fields of a pair lie side by side: a chain is as fast as memory is. */
const RECORD = 0;
const NEXT = 1;
const PAIR = 2;

const ZERO = 0x30;

export class RecordIndex {
  /** Numbers of records by key. */
  readonly #records = new KeyTable();
  readonly #recordPlaces = new Places();
  readonly #keys: (Key | undefined)[] = [];
  /** Trees of reads by record. */
  readonly #reads = new Numbers();
  readonly #trees = new IntervalTrees({ order: undefined, ends: () => OPEN });
  readonly #pairPlaces = new Places();
  readonly #pairs = new Numbers();

  get size(): number {
    return this.#records.size;
  }

  /** Returns the first pair, by which the read is taken out again; NONE: it has no keys. */
  add(read: number, keys: ReadonlySet<string>): number {
    let first = NONE;
    for (const key of keys) {
      const record = this.#recordOf(key);
      const pair = this.#pairPlaces.take();
      this.#pairs.set(PAIR * pair + RECORD, record);
      this.#pairs.set(PAIR * pair + NEXT, first);
      this.#reads.set(record, this.#trees.insert(this.#reads.get(record), read));
      first = pair;
    }
    return first;
  }

  /** `first`: what `add` returned for the read. */
  remove(read: number, first: number): void {
    for (let pair = first; pair !== NONE; pair = this.#pairs.get(PAIR * pair + NEXT)) {
      const record = this.#pairs.get(PAIR * pair + RECORD);
      this.#setReads(record, this.#trees.remove(this.#reads.get(record), read));
      this.#pairPlaces.give(pair);
    }
  }

  /** Adds the reads that list the record. */
  find(key: string, reads: number[]): void {
    const record = this.#records.get(shortKey(key));
    if (record !== NONE) this.#trees.all(this.#reads.get(record), reads);
  }

  /** The records of a read by their keys, in the order in which they came; at most so many, and then not the first. */
  keysOf(first: number, most: number): string[] {
    const keys: string[] = [];
    for (let pair = first; pair !== NONE && keys.length < most; pair = this.#pairs.get(PAIR * pair + NEXT)) {
      keys.push(`${this.#keys[this.#pairs.get(PAIR * pair + RECORD)]}`);
    }
    return keys.reverse();
  }

  #recordOf(text: string): number {
    const key = shortKey(text);
    const known = this.#records.get(key);
    if (known !== NONE) return known;
    const record = this.#recordPlaces.take();
    this.#records.set(key, record);
    this.#keys[record] = key;
    this.#reads.set(record, NONE);
    return record;
  }

  #setReads(record: number, tree: number): void {
    this.#reads.set(record, tree);
    if (tree !== NONE) return;
    this.#records.set(this.#keys[record] as Key, NONE);
    this.#keys[record] = undefined;
    this.#recordPlaces.give(record);
  }
}

/** A number for a text that is one of up to nine digits as JavaScript writes it. */
function shortKey(text: string): Key {
  const { length } = text;
  if (length === 0 || length > 9 || (length > 1 && text.charCodeAt(0) === ZERO)) return text;
  let number = 0;
  for (let at = 0; at < length; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return text;
    number = 10 * number + digit;
  }
  return number;
}
