// Reads entries. An entry is handed out only when the record at its place has its generation and key, and its checksum
// holds; anything else is a miss.
//
// A small record touched a moment ago is in the page cache, and is read at once: 2 µs of reading against 3 µs and a promise
// on the thread pool. A record that may be cold would block the process for as long as the disk takes, so it is read
// asynchronously.

import type { Entry } from '../../../entry/stored-response.ts';
import { messageOf } from '../../../errors.ts';
import type { Eventually } from '../../../ports.ts';
import type { BodyOwner } from '../bodies/large-bodies.ts';
import type { Manifest, Place } from '../contract.ts';
import type { Catalog } from '../index/catalog.ts';
import { type KeyHash, keyHash } from '../index/hash.ts';
import type { RowBatches } from '../manifest/row-batches.ts';
import {
  AT_ONCE_BYTES,
  decodeRecord,
  isListRecord,
  RECORD_HEADER_BYTES,
  type RecordIdentity,
} from './segment-record.ts';
import type { Segments } from './segments.ts';

/** An entry with the place where it should be. */
export interface Wanted extends RecordIdentity {
  readonly place: Place;
}

interface ReaderParts {
  readonly manifest: Manifest;
  readonly catalog: Catalog;
  readonly segments: Segments;
  readonly batches: RowBatches;
  readonly fault: (error: unknown) => void;
}

export class EntryReader {
  readonly #parts: ReaderParts;
  /** Segments with a reported fault. Further faults in them are only counted. */
  readonly #told = new Set<number>();
  #corrupt = 0;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Number of dropped entries that differed from what was expected. */
  get corrupt(): number {
    return this.#corrupt;
  }

  /** The slot of the key, or -1. Until the index is complete, this also asks the manifest. */
  slotOf(key: string, hash: KeyHash): number {
    const { catalog, manifest, fault } = this.#parts;
    const slot = catalog.index.find(hash);
    if (slot >= 0 || catalog.isLoaded || catalog.isRemoved(hash)) return slot;
    try {
      const row = manifest.lookUp(key);
      if (row !== undefined) catalog.loadOne(hash, row.place, row.generation);
    } catch (error) {
      fault(error);
    }
    return catalog.index.find(hash);
  }

  /** The entry in the slot, at once if that blocks nobody. Counts as a use. */
  get(slot: number, key: string): Eventually<Entry | undefined> {
    const wanted = this.#wanted(slot, key);
    const isWarm = this.#parts.catalog.use(slot);
    return isWarm && wanted.place.bytes <= AT_ONCE_BYTES ? this.#readNow(wanted) : this.read(wanted);
  }

  /** The list of variants in the slot, at once. Undefined when the slot holds a response. Does not count as a use. */
  listNow(slot: number, key: string): Entry | undefined {
    const wanted = this.#wanted(slot, key);
    const segment = this.#parts.segments.find(wanted.place.segment);
    const start = Buffer.alloc(Math.min(RECORD_HEADER_BYTES, wanted.place.bytes));
    try {
      if (segment === undefined || !this.#parts.segments.readNow(segment, start, wanted.place.offset)) return undefined;
      return isListRecord(start) ? this.#readNow(wanted) : undefined;
    } catch (error) {
      return this.spoiled(wanted, error);
    }
  }

  /** The entry at the place, without blocking. */
  async read(wanted: Wanted): Promise<Entry | undefined> {
    const { segments } = this.#parts;
    const segment = segments.find(wanted.place.segment);
    if (segment === undefined) return this.spoiled(wanted, 'no such segment');
    const record = Buffer.allocUnsafeSlow(wanted.place.bytes);
    try {
      if (!(await segments.read(segment, record, wanted.place.offset)))
        return this.spoiled(wanted, 'the end of the file');
      return this.#open(record, wanted);
    } catch (error) {
      return this.spoiled(wanted, error);
    }
  }

  /** Call when the entry's large body differs from the written one. */
  spoiledBody({ key, generation, segment }: BodyOwner, got: unknown): void {
    const slot = this.#parts.catalog.index.find(keyHash(key));
    const offset = slot < 0 ? 0 : this.#parts.catalog.index.offset(slot);
    this.spoiled({ place: { segment, offset, bytes: 0 }, generation, key }, got);
  }

  #wanted(slot: number, key: string): Wanted {
    const { index } = this.#parts.catalog;
    const place = { segment: index.segment(slot), offset: index.offset(slot), bytes: index.bytes(slot) };
    return { place, generation: index.generation(slot), key };
  }

  #readNow(wanted: Wanted): Entry | undefined {
    const { bytes, offset } = wanted.place;
    const segment = this.#parts.segments.find(wanted.place.segment);
    if (segment === undefined) return this.spoiled(wanted, 'no such segment');
    // Not from a pool: an entry that stays in memory would keep the whole pool.
    const record = Buffer.allocUnsafeSlow(bytes);
    try {
      if (!this.#parts.segments.readNow(segment, record, offset)) return this.spoiled(wanted, 'the end of the file');
      return this.#open(record, wanted);
    } catch (error) {
      return this.spoiled(wanted, error);
    }
  }

  #open(record: Buffer, wanted: Wanted): Entry | undefined {
    const decoded = decodeRecord(record, wanted);
    if (typeof decoded !== 'string') return decoded;
    // Another key with the same hash and a sound record, by its checksum: nothing is wrong with it.
    return decoded === 'key' ? undefined : this.spoiled(wanted, `a record with another ${decoded}`);
  }

  /** The place does not hold the entry. Forgets the entry, unless it has gone already or another took its place. */
  spoiled(wanted: Wanted, got: unknown): undefined {
    const { catalog, batches } = this.#parts;
    const { key, generation, place } = wanted;
    if (key !== undefined) {
      const hash = keyHash(key);
      const slot = catalog.index.find(hash);
      if (slot < 0 ? catalog.isLoaded || catalog.isRemoved(hash) : catalog.index.generation(slot) !== generation)
        return;
      catalog.leaveIf(hash, generation);
      batches.add({ kind: 'remove', key, generation });
    }
    this.#corrupt++;
    if (this.#told.has(place.segment)) return;
    this.#told.add(place.segment);
    const expected = `record ${generation} at byte ${place.offset} of segment ${place.segment}`;
    const found = messageOf(got);
    this.#parts.fault(new Error(`disk: expected ${expected}, got ${found}`, { cause: got }));
  }
}
