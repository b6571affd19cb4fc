// Which reads list a record among the rows of their answer.
//
// The one complication: a record may be in a hundred thousand lists, and a list has many records; both are left one by
// one. So each pair stands in two chains, that of its record, which can be left at any place, and that of its read.

import { NONE, Numbers, Places } from './index-numbers.ts';

/** What is kept of a pair, side by side: a chain is as fast as memory is. */
const READ = 0;
const AFTER = 1;
const BEFORE = 2;
const RECORD = 3;
const LINKS = 4;

export class RecordIndex {
  /** Numbers of records by key. */
  readonly #records = new Map<string, number>();
  readonly #recordPlaces = new Places();
  readonly #keys: (string | undefined)[] = [];
  readonly #firstOfRecord = new Numbers();
  readonly #pairs = new Places();
  readonly #links = new Numbers();
  readonly #nextOfRead = new Numbers();

  get records(): number {
    return this.#records.size;
  }

  get pairs(): number {
    return this.#pairs.count;
  }

  /** Returns the first pair, by which the read is taken out again; NONE: it has no keys. */
  add(read: number, keys: Iterable<string>): number {
    let first = NONE;
    for (const key of keys) {
      const record = this.#recordOf(key);
      const pair = this.#pairs.take();
      const next = this.#firstOfRecord.get(record);
      this.#links.set(LINKS * pair + RECORD, record);
      this.#links.set(LINKS * pair + READ, read);
      this.#links.set(LINKS * pair + BEFORE, NONE);
      this.#links.set(LINKS * pair + AFTER, next);
      if (next !== NONE) this.#links.set(LINKS * next + BEFORE, pair);
      this.#firstOfRecord.set(record, pair);
      this.#nextOfRead.set(pair, first);
      first = pair;
    }
    return first;
  }

  remove(first: number): void {
    for (let pair = first; pair !== NONE; pair = this.#nextOfRead.get(pair)) {
      const before = this.#links.get(LINKS * pair + BEFORE);
      const after = this.#links.get(LINKS * pair + AFTER);
      if (after !== NONE) this.#links.set(LINKS * after + BEFORE, before);
      if (before !== NONE) this.#links.set(LINKS * before + AFTER, after);
      else this.#setFirst(this.#links.get(LINKS * pair + RECORD), after);
      this.#pairs.give(pair);
    }
  }

  /** Adds the reads that list the record. */
  find(key: string, reads: number[]): void {
    const record = this.#records.get(key);
    if (record === undefined) return;
    for (let pair = this.#firstOfRecord.get(record); pair !== NONE; pair = this.#links.get(LINKS * pair + AFTER)) {
      reads.push(this.#links.get(LINKS * pair + READ));
    }
  }

  /** The records of a read by their keys, in the order in which they came; at most so many, and then not the first. */
  keysOf(first: number, most: number): string[] {
    const keys: string[] = [];
    for (let pair = first; pair !== NONE && keys.length < most; pair = this.#nextOfRead.get(pair)) {
      keys.push(this.#keys[this.#links.get(LINKS * pair + RECORD)] as string);
    }
    return keys.reverse();
  }

  #recordOf(key: string): number {
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const record = this.#recordPlaces.take();
    this.#records.set(key, record);
    this.#keys[record] = key;
    this.#firstOfRecord.set(record, NONE);
    return record;
  }

  #setFirst(record: number, pair: number): void {
    this.#firstOfRecord.set(record, pair);
    if (pair !== NONE) return;
    this.#records.delete(this.#keys[record] as string);
    this.#keys[record] = undefined;
    this.#recordPlaces.give(record);
  }
}
