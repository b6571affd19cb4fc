// Entries as records: reads a record and checks it, writes one and enters it into the index and the manifest.
//
// An entry is handed out only when the record at its place has its generation and key, and its checksum holds; anything else
// is a miss. A small record touched a moment ago is in the page cache, and is read at once: 2 µs of reading against 3 µs and
// a promise on the thread pool. A record that may be cold would block the process for as long as the disk takes, so it is
// read asynchronously. Long records are not written at once either, so the entry may be replaced or removed before its
// record is written. The caller then says whether the entry still counts.

import type { Entry } from '../../../entry/stored-response.ts';
import { messageOf } from '../../../errors.ts';
import type { Eventually } from '../../../ports.ts';
import { RECORD_HEADER_BYTES, type RecordIdentity } from '../../entry-record.ts';
import type { BodyOwner, LargeBodies } from '../bodies/large-bodies.ts';
import type { DiskPlatform, DiskQueue, Place } from '../contract.ts';
import { type KeyHash, keyHash } from '../index/entry-index.ts';
import type { IndexState } from '../index/index-state.ts';
import { rowOf } from '../manifest/manifest-content.ts';
import type { RowBatches } from '../manifest/row-batches.ts';
import type { DiskPolicy, DiskRoom } from './disk-room.ts';
import { AT_ONCE_BYTES, decodeRecord, encodeRecord, isListRecord } from './segment-record.ts';
import type { Segments } from './segments.ts';
import type { TenantParts } from './tenant-parts.ts';

/** An entry with the place where it should be. */
type Wanted = RecordIdentity & { readonly place: Place };

/** An entry that is about to be written. */
export interface Writing {
  readonly entry: Entry;
  readonly hash: KeyHash;
  readonly queue: DiskQueue;
}

/** The parts of the disk tier. */
export interface DiskState extends DiskPlatform {
  readonly indexState: IndexState;
  readonly segments: Segments;
  readonly bodies: LargeBodies;
  readonly batches: RowBatches;
  readonly room: DiskRoom;
  readonly policy: DiskPolicy;
  readonly parts: TenantParts | undefined;
}

export class EntryRecords {
  readonly state: DiskState;
  /** Number of the last record written. Undefined until the manifest has told where to continue. */
  generation: number | undefined;
  /** Segments with a reported fault. Further faults in them are only counted. */
  readonly #told = new Set<number>();
  /** Entries whose record or body was not the one written. */
  corrupt = 0;

  constructor(state: DiskState) {
    this.state = state;
  }

  /**
   * Writes the entry; at once if its record is short. Otherwise `counts` is called once the record is written. Throws or
   * rejects with the platform's error; then nothing has changed.
   */
  write(writing: Writing, counts: () => boolean): Eventually<void> {
    const { segments } = this.state;
    const { entry, queue } = writing;
    const generation = (this.generation as number) + 1;
    this.generation = generation;
    const record = encodeRecord(entry, generation);
    if (record.bytes <= AT_ONCE_BYTES) return this.#enter(writing, generation, segments.appendNow(queue, record));
    return segments.append(queue, record, (place) => {
      if (counts()) this.#enter(writing, generation, place);
    });
  }

  #enter({ entry, hash }: Writing, generation: number, place: Place): void {
    const { indexState, bodies, batches } = this.state;
    const { key } = entry;
    const large = entry.kind === 'response' ? entry.large : undefined;
    if (large !== undefined) bodies.own(large, { key, generation, segment: place.segment });
    if (indexState.enter(hash, place, generation)) batches.add({ kind: 'put', row: rowOf(entry, generation, place) });
    else bodies.disown(generation);
  }

  /** Takes the written entry of the key out. Returns false when there was none. */
  remove(key: string, hash: KeyHash): boolean {
    const { indexState, batches } = this.state;
    const slot = this.slotOf(key, hash);
    if (slot < 0) return false;
    const generation = indexState.index.generation(slot);
    indexState.leave(slot);
    batches.add({ kind: 'remove', key, generation });
    return true;
  }

  /** The slot of the key, or -1. Until the index is complete, this also asks the manifest. */
  slotOf(key: string, hash: KeyHash): number {
    const { indexState, manifest, fault } = this.state;
    const slot = indexState.index.find(hash);
    if (slot >= 0 || indexState.isLoaded || indexState.isRemoved(hash)) return slot;
    try {
      const row = manifest.lookUp(key);
      if (row !== undefined) indexState.load({ hash, place: row.place, generation: row.generation });
    } catch (error) {
      fault(error);
    }
    return indexState.index.find(hash);
  }

  /** The entry in the slot, at once if that blocks nobody. Counts as a use. */
  get(slot: number, key: string): Eventually<Entry | undefined> {
    const wanted = this.#wanted(slot, key);
    const isWarm = this.state.indexState.use(slot);
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
    const { index } = this.state.indexState;
    const slot = index.find(keyHash(key));
    const offset = slot < 0 ? 0 : index.place(slot).offset;
    this.#spoiled({ place: { segment, offset, bytes: 0 }, generation, key }, got);
  }

  #wanted(slot: number, key: string): Wanted {
    const { index } = this.state.indexState;
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
    const { indexState, batches, fault } = this.state;
    const { key, generation, place } = wanted;
    if (key !== undefined) {
      const hash = keyHash(key);
      if (!indexState.has(hash, generation)) return;
      indexState.leaveBy(hash);
      batches.add({ kind: 'remove', key, generation });
    }
    this.corrupt++;
    if (this.#told.has(place.segment)) return;
    this.#told.add(place.segment);
    const expected = `record ${generation} at byte ${place.offset} of segment ${place.segment}`;
    fault(new Error(`disk: expected ${expected}, got ${messageOf(got)}`, { cause: got }));
  }
}
