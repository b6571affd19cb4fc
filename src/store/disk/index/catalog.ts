// The state of the disk tier at this instant: the index, the count of entries in each segment, and the owners of large
// bodies. Every change of the index goes through here, so that the three always agree.
//
// While the index is being loaded, the manifest's scan brings older rows than later puts and removals. So this remembers
// removed keys until the loading ends.

import type { LargeBodies } from '../bodies/large-bodies.ts';
import type { IndexRows, Place } from '../contract.ts';
import { MAX_DISK_FREQUENCY } from '../segments/disk-policy.ts';
import type { Segments } from '../segments/segments.ts';
import { IndexTable, type KeyHash } from './entry-index.ts';

const NONE = -1;

/** A record that was not touched while this many bytes were read or written counts as cold. */
const WARM_BYTES = 64 * 1024 * 1024;

/** Told of each change of the index, as it happens. */
export interface IndexObserver {
  /** The entry's record is at this place now, whatever its hash led to before. */
  entered(hash: KeyHash, place: Place, generation: number): void;
  left(hash: KeyHash): void;
  /** Nothing is stored any more. */
  cleared(): void;
}

export class Catalog {
  readonly index: IndexTable;
  readonly #segments: Segments;
  readonly #bodies: LargeBodies;
  /** Hashes of removed keys. Undefined once the index is complete. */
  #removed: Set<number> | undefined = new Set();
  /** Counts, modulo 256, how often WARM_BYTES have been read or written. Loaded entries have 0, which is long ago. */
  #warmth = 2;
  #observer: IndexObserver | undefined;
  #moved = 0;

  /** `seed`: see IndexTable. */
  constructor(seed: number, segments: Segments, bodies: LargeBodies) {
    this.index = new IndexTable(seed);
    this.#segments = segments;
    this.#bodies = bodies;
  }

  get isLoaded(): boolean {
    return this.#removed === undefined;
  }

  /** Tells the observer of each change from now on. */
  observe(observer: IndexObserver): void {
    this.#observer = observer;
  }

  /** Enters the entry's record at its new place. Returns false when that segment has gone. */
  enter(hash: KeyHash, place: Place, generation: number): boolean {
    if (this.#segments.find(place.segment) === undefined) return false;
    this.#observer?.entered(hash, place, generation);
    const slot = this.index.find(hash);
    this.#segments.occupy(place.segment, 1);
    if (slot === NONE) {
      this.#touch(this.index.add(hash, place, generation), place.bytes);
      return true;
    }
    const segment = this.index.segment(slot);
    const before = this.index.generation(slot);
    this.index.move(slot, place, generation);
    this.#touch(slot, place.bytes);
    if (before !== generation) this.#bodies.disown(before);
    this.#segments.occupy(segment, -1);
    return true;
  }

  /** Takes out the entry in the slot. */
  leave(slot: number): void {
    const segment = this.index.segment(slot);
    const generation = this.index.generation(slot);
    this.#observer?.left(this.index.hash(slot));
    this.#removed?.add(narrow(this.index.hash(slot)));
    this.index.remove(slot);
    this.#bodies.disown(generation);
    this.#segments.occupy(segment, -1);
  }

  /** Takes the entry out if it still has this generation. */
  leaveIf(hash: KeyHash, generation: number): void {
    const slot = this.index.find(hash);
    if (slot !== NONE && this.index.generation(slot) === generation) this.leave(slot);
    else if (slot === NONE) this.#removed?.add(narrow(hash));
  }

  /** Counts a use. Returns whether the record is surely in the page cache. */
  use(slot: number): boolean {
    const { index } = this;
    const frequency = index.frequency(slot);
    if (frequency < MAX_DISK_FREQUENCY) index.setFrequency(slot, frequency + 1);
    const isWarm = ((this.#warmth - index.warmth(slot)) & 0xff) <= 1;
    this.#touch(slot, index.bytes(slot));
    return isWarm;
  }

  /** Whether the key was removed while the index is being loaded: the manifest may still have its row. */
  isRemoved(hash: KeyHash): boolean {
    return this.#removed?.has(narrow(hash)) === true;
  }

  /** Adds rows of the scan, unless something newer is known. */
  load(rows: IndexRows, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const hash = { high: rows.hashHigh[at]!, low: rows.hashLow[at]! };
      const place = { segment: rows.segment[at]!, offset: rows.offset[at]!, bytes: rows.bytes[at]! };
      this.loadOne(hash, place, rows.generation[at]!);
    }
  }

  loadOne(hash: KeyHash, place: Place, generation: number): void {
    const segment = this.#segments.find(place.segment);
    if (segment === undefined || place.offset + place.bytes > segment.bytes || this.isRemoved(hash)) return;
    const slot = this.index.find(hash);
    if (slot !== NONE) {
      if (this.index.generation(slot) >= generation) return;
      this.leave(slot);
      this.#removed?.delete(narrow(hash));
    }
    this.#observer?.entered(hash, place, generation);
    this.index.add(hash, place, generation);
    this.#segments.occupy(place.segment, 1);
  }

  loaded(): void {
    this.#removed = undefined;
  }

  /** Empties the catalog. */
  clear(): void {
    this.index.clear();
    this.#observer?.cleared();
    this.#removed = undefined;
  }

  #touch(slot: number, bytes: number): void {
    this.#moved += bytes;
    if (this.#moved > WARM_BYTES) {
      this.#moved = 0;
      this.#warmth = (this.#warmth + 1) & 0xff;
    }
    this.index.setWarmth(slot, this.#warmth);
  }
}

/** 52 bits of the hash. Keys that share them cost at most a needless miss. */
function narrow({ high, low }: KeyHash): number {
  return high * 2 ** 20 + (low >>> 12);
}
