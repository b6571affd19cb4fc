// The state of the disk tier at this instant: the index, the count of entries in each segment, and the owners of large
// bodies. Every change of the index goes through here, so that the three always agree.
//
// While the index is being loaded, the manifest's scan brings older rows than later puts and removals. So this remembers
// removed keys until the loading ends.

import type { LargeBodies } from '../bodies/large-bodies.ts';
import type { Place } from '../contract.ts';
import { MAX_DISK_FREQUENCY } from '../segments/disk-room.ts';
import type { Segments } from '../segments/segments.ts';
import { type IndexRow, IndexTable, type KeyHash } from './entry-index.ts';

const NONE = -1;

/** Told of each change of the index, as it happens. */
export interface IndexObserver {
  /** The entry's record is at this place now, whatever its hash led to before. */
  entered(hash: KeyHash, place: Place, generation: number): void;
  left(hash: KeyHash): void;
  /** Nothing is stored any more. */
  cleared(): void;
}

export class IndexState {
  readonly index: IndexTable;
  readonly #segments: Segments;
  readonly #bodies: LargeBodies;
  readonly #observer: IndexObserver | undefined;
  /** Hashes of removed keys. Undefined once the index is complete. */
  #removed: Set<number> | undefined = new Set();

  /** `seed`: see IndexTable. */
  constructor(seed: number, parts: { segments: Segments; bodies: LargeBodies }, observer: IndexObserver | undefined) {
    const { segments, bodies } = parts;
    this.index = new IndexTable(seed);
    this.#segments = segments;
    this.#bodies = bodies;
    this.#observer = observer;
  }

  get isLoaded(): boolean {
    return this.#removed === undefined;
  }

  /** Enters the entry's record at its new place. Returns false when that segment has gone. */
  enter(hash: KeyHash, place: Place, generation: number): boolean {
    if (this.#segments.find(place.segment) === undefined) return false;
    this.#observer?.entered(hash, place, generation);
    const slot = this.index.find(hash);
    this.#segments.occupy(place.segment, 1);
    if (slot === NONE) {
      this.index.touch(this.index.add(hash, place, generation));
      return true;
    }
    const segment = this.index.segment(slot);
    const before = this.index.generation(slot);
    this.index.move(slot, place, generation);
    this.index.touch(slot);
    if (before !== generation) this.#bodies.disown(before);
    this.#segments.occupy(segment, -1);
    return true;
  }

  leave(slot: number): void {
    const segment = this.index.segment(slot);
    const generation = this.index.generation(slot);
    this.#observer?.left(this.index.hash(slot));
    this.#removed?.add(narrow(this.index.hash(slot)));
    this.index.remove(slot);
    this.#bodies.disown(generation);
    this.#segments.occupy(segment, -1);
  }

  /** Whether the entry of this generation is stored now. While the index is being loaded, an unknown one may be. */
  has(hash: KeyHash, generation: number): boolean {
    const slot = this.index.find(hash);
    return slot === NONE ? !this.isLoaded && !this.isRemoved(hash) : this.index.generation(slot) === generation;
  }

  /** Takes the entry of the hash out, or makes sure that the loading does not bring it. */
  leaveBy(hash: KeyHash): void {
    const slot = this.index.find(hash);
    if (slot === NONE) this.#removed?.add(narrow(hash));
    else this.leave(slot);
  }

  /** Counts a use. Returns whether the record is surely in the page cache. */
  use(slot: number): boolean {
    const { index } = this;
    const frequency = index.frequency(slot);
    if (frequency < MAX_DISK_FREQUENCY) index.setFrequency(slot, frequency + 1);
    return this.index.touch(slot);
  }

  /** Whether the key was removed while the index is being loaded: the manifest may still have its row. */
  isRemoved(hash: KeyHash): boolean {
    return this.#removed?.has(narrow(hash)) === true;
  }

  /** Adds a row of the manifest, unless something newer is known. */
  load({ hash, place, generation }: IndexRow): void {
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

  clear(): void {
    this.index.clear();
    this.#observer?.cleared();
    this.#removed = undefined;
  }
}

/** 52 bits of the hash. Keys that share them cost at most a needless miss. */
function narrow({ high, low }: KeyHash): number {
  return high * 2 ** 20 + (low >>> 12);
}
