// The disk tier in a process that does not own it. An index of its own, kept up to date by the owner, leads to the records,
// and this process reads them from the segment files. It asks the owner for every change of the disk.
//
// The index lags behind the owner by a few milliseconds. When a record has moved or gone meanwhile, its generation, key or
// checksum does not match, or its file is missing: a miss. Memory answers for entries put here until the owner has told
// their places. Until the owner has sent the whole index, this process asks it.

import type { Entry, EntryNote } from '../../../entry/stored-response.ts';
import type { BodyStore, Eventually, Store, Tasks } from '../../../ports.ts';
import type { DiskFolder, IndexRows, Place } from '../contract.ts';
import { IndexTable, type KeyHash, keyHash } from '../index/entry-index.ts';
import { AT_ONCE_BYTES, decodeRecord } from '../segments/segment-record.ts';
import { ReplicaBodies } from './replica-bodies.ts';
import { type DiskToWorker, ReplicaLink, type WorkerToDisk } from './replica-messages.ts';
import { ReplicaSegments } from './replica-segments.ts';

/** Bytes of entries on their way to the owner. Beyond them, it accepts no more. */
const MAX_PENDING_BYTES = 32 * 1024 * 1024;
const USES_MS = 1_000;
/** Most uses in one message; other uses of that second are dropped. */
const MAX_USES = 8192;
/** A record that was not touched while this many bytes were read counts as cold. */
const WARM_BYTES = 64 * 1024 * 1024;
/** Least time between reported faults: a process without descriptors has one at every read. */
const FAULT_MS = 10_000;

interface ReplicaParts {
  readonly folder: DiskFolder;
  readonly tasks: Tasks;
  /** 32 random bits for the index. */
  readonly seed: number;
  readonly send: (message: WorkerToDisk) => void;
  /** Called when this process cannot read the disk; it then asks the owner. */
  readonly fault: (error: unknown) => void;
}

interface Pending {
  readonly id: number;
  readonly entry: Entry;
}

export class ReplicaStore implements Store {
  readonly bodies: BodyStore;
  readonly #link: ReplicaLink;
  readonly #tasks: Tasks;
  readonly #index: IndexTable;
  readonly #segments: ReplicaSegments;
  readonly #pending = new Map<string, Pending>();
  readonly #pendingKeys = new Map<number, string>();
  readonly #fault: (error: unknown) => void;
  #pendingBytes = 0;
  #isComplete = false;
  #used: KeyHash[] = [];
  #warmth = 2;
  #moved = 0;

  constructor({ folder, tasks, seed, send, fault }: ReplicaParts) {
    const sparing = sparingly(fault, tasks);
    this.#fault = sparing;
    this.#link = new ReplicaLink(send);
    this.#tasks = tasks;
    this.#index = new IndexTable(seed);
    this.#segments = new ReplicaSegments(folder, sparing);
    this.bodies = new ReplicaBodies(folder, { link: this.#link, fault: sparing });
  }

  received(message: DiskToWorker): void {
    switch (message.kind) {
      case 'rows':
        this.#apply(message.rows);
        return;
      case 'cleared':
        this.#index.clear();
        this.#segments.clear();
        return;
      case 'complete':
        this.#isComplete = true;
        return;
      case 'stored':
        for (const id of message.ids) this.#arrived(id);
        return;
      default:
        this.#link.answered(message);
    }
  }

  get(key: string): Eventually<Entry | undefined> {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending.entry;
    const hash = keyHash(key);
    const slot = this.#index.find(hash);
    if (slot < 0) return this.#isComplete ? undefined : this.#ask(key);
    this.#use(hash);
    return this.#read(slot, key);
  }

  put(entry: Entry): void {
    const bytes = sizeOf(entry);
    this.#forget(entry.key);
    if (this.#pendingBytes + bytes > MAX_PENDING_BYTES) {
      // The new entry is not stored, so the old one must go.
      this.delete([entry.key]).catch(this.#fault);
      return;
    }
    const id = this.#link.nextId();
    this.#pending.set(entry.key, { id, entry });
    this.#pendingKeys.set(id, entry.key);
    this.#pendingBytes += bytes;
    this.#link.send({ kind: 'put', id, entry });
  }

  delete(keys: readonly string[]): Promise<number> {
    for (const key of keys) {
      this.#forget(key);
      this.#leave(keyHash(key));
    }
    return this.#link.ask<number>({ kind: 'delete', keys });
  }

  /** Finds nothing: operators ask the owner, who knows everything. */
  find(): Iterable<EntryNote> {
    return [];
  }

  close(): void {
    this.#segments.clear();
  }

  #ask(key: string): Promise<Entry | undefined> {
    return this.#link.ask<Entry | undefined>({ kind: 'get', key });
  }

  #apply(rows: IndexRows): void {
    for (let at = 0; at < rows.count; at++) {
      const hash = { high: rows.hashHigh[at] as number, low: rows.hashLow[at] as number };
      const segment = rows.segment[at] as number;
      this.#leave(hash);
      if (segment === 0) continue;
      const place = { segment, offset: rows.offset[at] as number, bytes: rows.bytes[at] as number };
      const slot = this.#index.add(hash, place, rows.generation[at] as number);
      this.#index.setWarmth(slot, this.#isComplete ? this.#warmth : 0);
      this.#segments.occupy(segment);
    }
  }

  #leave(hash: KeyHash): void {
    const slot = this.#index.find(hash);
    if (slot < 0) return;
    this.#segments.vacate(this.#index.segment(slot));
    this.#index.remove(slot);
  }

  #forget(key: string): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#pending.delete(key);
    this.#pendingKeys.delete(pending.id);
    this.#pendingBytes -= sizeOf(pending.entry);
  }

  #arrived(id: number): void {
    const key = this.#pendingKeys.get(id);
    if (key !== undefined) this.#forget(key);
  }

  #use(hash: KeyHash): void {
    if (this.#used.length === 0) this.#tasks.later(USES_MS, () => this.#tellUses());
    if (this.#used.length < MAX_USES) this.#used.push(hash);
  }

  #tellUses(): void {
    const used = this.#used;
    this.#used = [];
    const high = Uint32Array.from(used, (hash) => hash.high);
    this.#link.send({ kind: 'used', high, low: Uint32Array.from(used, (hash) => hash.low) });
  }

  #read(slot: number, key: string): Eventually<Entry | undefined> {
    const index = this.#index;
    const place = index.place(slot);
    const generation = index.generation(slot);
    const isWarm = ((this.#warmth - index.warmth(slot)) & 0xff) <= 1;
    this.#touch(slot, place.bytes);
    if (!isWarm || place.bytes > AT_ONCE_BYTES) return this.#readAside(place, { generation, key });
    // Neither from a pool nor used again, since the record's bytes become the entry's.
    const record = Buffer.allocUnsafeSlow(place.bytes);
    const entry = this.#segments.readNow(place, record) ? decodeRecord(record, { generation, key }) : 'no record';
    return typeof entry === 'string' ? this.#differs(entry, key) : entry;
  }

  async #readAside(place: Place, wanted: { generation: number; key: string }): Promise<Entry | undefined> {
    const record = Buffer.allocUnsafeSlow(place.bytes);
    const entry = (await this.#segments.read(place, record)) ? decodeRecord(record, wanted) : 'no record';
    return typeof entry === 'string' ? this.#differs(entry, wanted.key) : entry;
  }

  /** Another key with the same hash is in order. Any other fault goes to the owner, who detects and forgets damage. */
  #differs(fault: string, key: string): Eventually<Entry | undefined> {
    return fault === 'key' ? undefined : this.#ask(key);
  }

  #touch(slot: number, bytes: number): void {
    this.#moved += bytes;
    if (this.#moved > WARM_BYTES) {
      this.#moved = 0;
      this.#warmth = (this.#warmth + 1) & 0xff;
    }
    this.#index.setWarmth(slot, this.#warmth);
  }
}

function sparingly(fault: (error: unknown) => void, tasks: Tasks): (error: unknown) => void {
  let isQuiet = false;
  return (error) => {
    if (isQuiet) return;
    isQuiet = true;
    tasks.later(FAULT_MS, () => {
      isQuiet = false;
    });
    fault(error);
  };
}

/** The approximate length of its record. */
function sizeOf(entry: Entry): number {
  if (entry.kind === 'response') return entry.bytes.length;
  let size = 0;
  for (const key of entry.variantKeys) size += key.length;
  return size;
}
