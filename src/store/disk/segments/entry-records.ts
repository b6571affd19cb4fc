// Entries as records: reads a record and checks it, writes one and enters it into the index and the manifest.
//
// An entry is handed out only when the record at its place has its generation and key, and its checksum holds; anything else
// is a miss. A small record touched a moment ago is in the page cache, and is read at once: 2 µs of reading against 3 µs and
// a promise on the thread pool. A record that may be cold would block the process for as long as the disk takes, so it is
// read asynchronously. Long records are not written at once either, so the entry may be replaced or removed before its
// record is written. The caller then says whether the entry still counts.

import type { Entry, LargeBody } from '../../../entry/stored-response.ts';
import { messageOf } from '../../../errors.ts';
import type { Eventually } from '../../../ports.ts';
import type { BodyOwner, LargeBodies } from '../bodies/large-bodies.ts';
import type { Manifest, Place } from '../contract.ts';
import type { Catalog } from '../index/catalog.ts';
import { type KeyHash, keyHash } from '../index/entry-index.ts';
import { rowOf } from '../manifest/manifest-rows.ts';
import type { RowBatches } from '../manifest/row-batches.ts';
import type { DiskQueue } from './disk-room.ts';
import {
  AT_ONCE_BYTES,
  decodeRecord,
  type EncodedRecord,
  encodeRecord,
  isListRecord,
  RECORD_HEADER_BYTES,
  type RecordIdentity,
} from './segment-record.ts';
import type { Segments } from './segments.ts';

/** An entry with the place where it should be. */
interface Wanted extends RecordIdentity {
  readonly place: Place;
}

/** An entry that is about to be written. */
export interface Writing {
  readonly entry: Entry;
  readonly hash: KeyHash;
  readonly queue: DiskQueue;
  readonly generation: number;
  readonly record: EncodedRecord;
}

/** Where entries are. */
export interface DiskState {
  readonly manifest: Manifest;
  readonly catalog: Catalog;
  readonly segments: Segments;
  readonly bodies: LargeBodies;
  readonly batches: RowBatches;
}

export class EntryRecords {
  readonly state: DiskState;
  readonly #fault: (error: unknown) => void;
  /** Number of the last record written. Undefined until the manifest has told where to continue. */
  #generation: number | undefined;
  /** Segments with a reported fault. Further faults in them are only counted. */
  readonly #told = new Set<number>();
  /** Entries whose record or body was not the one written. */
  corrupt = 0;

  constructor(state: DiskState, fault: (error: unknown) => void) {
    this.state = state;
    this.#fault = fault;
  }

  /** Call when records can be written. */
  begin(generation: number): void {
    this.#generation = generation;
  }

  get isReady(): boolean {
    return this.#generation !== undefined;
  }

  prepare(entry: Entry, hash: KeyHash, queue: DiskQueue): Writing {
    const generation = (this.#generation as number) + 1;
    this.#generation = generation;
    return { entry, hash, queue, generation, record: encodeRecord(entry, generation) };
  }

  isShort({ record }: Writing): boolean {
    return record.bytes <= AT_ONCE_BYTES;
  }

  /** Throws the platform's error; then nothing has changed. */
  writeNow(writing: Writing): void {
    this.#enter(writing, this.state.segments.appendNow(writing.queue, writing.record));
  }

  /** `counts`: called once the record is written. Rejects with the platform's error; then nothing has changed. */
  async write(writing: Writing, counts: () => boolean): Promise<void> {
    await this.state.segments.append(writing.queue, writing.record, (place) => {
      if (counts()) this.#enter(writing, place);
    });
  }

  #enter({ entry, hash, generation }: Writing, place: Place): void {
    const { catalog, bodies, batches } = this.state;
    const large = largeBodyOf(entry);
    if (large !== undefined) bodies.own(large, { key: entry.key, generation, segment: place.segment });
    if (catalog.enter(hash, place, generation)) batches.add({ kind: 'put', row: rowOf(entry, generation, place) });
    else bodies.disown(generation);
  }

  /** The slot of the key, or -1. Until the index is complete, this also asks the manifest. */
  slotOf(key: string, hash: KeyHash): number {
    const { catalog, manifest } = this.state;
    const slot = catalog.index.find(hash);
    if (slot >= 0 || catalog.isLoaded || catalog.isRemoved(hash)) return slot;
    try {
      const row = manifest.lookUp(key);
      if (row !== undefined) catalog.loadOne({ hash, place: row.place, generation: row.generation });
    } catch (error) {
      this.#fault(error);
    }
    return catalog.index.find(hash);
  }

  /** The entry in the slot, at once if that blocks nobody. Counts as a use. */
  get(slot: number, key: string): Eventually<Entry | undefined> {
    const wanted = this.#wanted(slot, key);
    const isWarm = this.state.catalog.use(slot);
    return isWarm && wanted.place.bytes <= AT_ONCE_BYTES ? this.#readNow(wanted) : this.read(wanted);
  }

  /** The list of variants in the slot, at once. Undefined when the slot holds a response. Does not count as a use. */
  listNow(slot: number, key: string): Entry | undefined {
    const wanted = this.#wanted(slot, key);
    const start = Buffer.alloc(Math.min(RECORD_HEADER_BYTES, wanted.place.bytes));
    try {
      const isThere = this.state.segments.readNow(wanted.place, start) === undefined;
      return isThere && isListRecord(start) ? this.#readNow(wanted) : undefined;
    } catch (error) {
      return this.#spoiled(wanted, error);
    }
  }

  /** The entry at the place, without blocking. */
  async read(wanted: Wanted): Promise<Entry | undefined> {
    const record = Buffer.allocUnsafeSlow(wanted.place.bytes);
    try {
      return this.#open(record, wanted, await this.state.segments.read(wanted.place, record));
    } catch (error) {
      return this.#spoiled(wanted, error);
    }
  }

  /** Call when the entry's large body differs from the written one. */
  spoiledBody({ key, generation, segment }: BodyOwner, got: unknown): void {
    const { index } = this.state.catalog;
    const slot = index.find(keyHash(key));
    const offset = slot < 0 ? 0 : index.place(slot).offset;
    this.#spoiled({ place: { segment, offset, bytes: 0 }, generation, key }, got);
  }

  #wanted(slot: number, key: string): Wanted {
    const { index } = this.state.catalog;
    return { place: index.place(slot), generation: index.generation(slot), key };
  }

  #readNow(wanted: Wanted): Entry | undefined {
    // Not from a pool: an entry that stays in memory would keep the whole pool.
    const record = Buffer.allocUnsafeSlow(wanted.place.bytes);
    try {
      return this.#open(record, wanted, this.state.segments.readNow(wanted.place, record));
    } catch (error) {
      return this.#spoiled(wanted, error);
    }
  }

  #open(record: Buffer, wanted: Wanted, missing: string | undefined): Entry | undefined {
    if (missing !== undefined) return this.#spoiled(wanted, missing);
    const decoded = decodeRecord(record, wanted);
    if (typeof decoded !== 'string') return decoded;
    // Another key with the same hash and a sound record, by its checksum: nothing is wrong with it.
    return decoded === 'key' ? undefined : this.#spoiled(wanted, `a record with another ${decoded}`);
  }

  /** The place does not hold the entry. Forgets the entry, unless it has gone already or another took its place. */
  #spoiled(wanted: Wanted, got: unknown): undefined {
    const { catalog, batches } = this.state;
    const { key, generation, place } = wanted;
    if (key !== undefined) {
      const hash = keyHash(key);
      const slot = catalog.index.find(hash);
      if (slot < 0 ? catalog.isLoaded || catalog.isRemoved(hash) : catalog.index.generation(slot) !== generation)
        return;
      catalog.leaveIf(hash, generation);
      batches.add({ kind: 'remove', key, generation });
    }
    this.corrupt++;
    if (this.#told.has(place.segment)) return;
    this.#told.add(place.segment);
    const expected = `record ${generation} at byte ${place.offset} of segment ${place.segment}`;
    this.#fault(new Error(`disk: expected ${expected}, got ${messageOf(got)}`, { cause: got }));
  }
}

export function largeBodyOf(entry: Entry): LargeBody | undefined {
  return entry.kind === 'response' ? entry.large : undefined;
}
