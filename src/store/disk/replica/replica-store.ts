// The disk tier in a process that does not own it. An index of its own, kept up to date by the owner, leads to the records,
// and this process reads them from the segment files. It asks the owner for every change of the disk.
//
// The index lags behind the owner by a few milliseconds. When a record has moved or gone meanwhile, its generation, key or
// checksum does not match, or its file is missing: a miss. Memory answers for entries put here until the owner has told
// their places. Until the owner has sent the whole index, this process asks it.

import type { Entry, EntryNote } from '../../../entry/stored-response.ts';
import type { BodyStore, Eventually, Store, Tasks } from '../../../ports.ts';
import type { RecordIdentity } from '../../entry-record.ts';
import type { DiskFile, DiskPlatform, IndexRows, Place } from '../contract.ts';
import { IndexTable, type KeyHash, keyHash, rowAt } from '../index/entry-index.ts';
import { AT_ONCE_BYTES, decodeRecord, sizeOf } from '../segments/segment-record.ts';
import { segmentName } from '../segments/segments.ts';
import { type DiskToWorker, ReplicaLink, replicaBodies, type WorkerToDisk } from './replica-link.ts';

/** Bytes of entries on their way to the owner. Beyond them, it accepts no more. */
const MAX_PENDING_BYTES = 32 * 1024 * 1024;
const USES_MS = 1_000;
/** Most uses in one message; other uses of that second are dropped. */
const MAX_USES = 8192;
/** Least time between reported faults: a process without descriptors has one at every read. */
const FAULT_MS = 10_000;

interface ReplicaParts extends Pick<DiskPlatform, 'folder' | 'tasks' | 'fault'> {
  /** 32 random bits for the index. */
  readonly seed: number;
  readonly send: (message: WorkerToDisk) => void;
}

export class ReplicaStore implements Store {
  readonly bodies: BodyStore;
  readonly #link: ReplicaLink;
  readonly #tasks: Tasks;
  readonly #index: IndexTable;
  readonly #segments: ReplicaSegments;
  readonly #pending = new Map<string, { readonly id: number; readonly entry: Entry }>();
  readonly #pendingKeys = new Map<number, string>();
  readonly #fault: (error: unknown) => void;
  #pendingBytes = 0;
  #isComplete = false;
  readonly #used: KeyHash[] = [];

  /** `fault`: called when this process cannot read the disk; it then asks the owner. */
  constructor({ folder, tasks, seed, send, fault }: ReplicaParts) {
    this.#fault = sparingly(fault, tasks);
    this.#link = new ReplicaLink(send);
    this.#tasks = tasks;
    this.#index = new IndexTable(seed);
    const platform = { folder, fault: this.#fault };
    this.#segments = new ReplicaSegments(platform);
    this.bodies = replicaBodies(this.#link, platform);
  }

  received(message: DiskToWorker): void {
    switch (message.kind) {
      case 'rows':
        return this.#apply(message.rows);
      case 'cleared':
        this.#index.clear();
        return this.#segments.clear();
      case 'complete':
        this.#isComplete = true;
        return;
      case 'stored':
        for (const id of message.ids) this.#forget(this.#pendingKeys.get(id));
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
      const { hash, place, generation } = rowAt(rows, at);
      this.#leave(hash);
      if (place.segment === 0) continue;
      const slot = this.#index.add(hash, place, generation);
      if (this.#isComplete) this.#index.touch(slot);
      this.#segments.occupy(place.segment);
    }
  }

  #leave(hash: KeyHash): void {
    const slot = this.#index.find(hash);
    if (slot < 0) return;
    this.#segments.vacate(this.#index.segment(slot));
    this.#index.remove(slot);
  }

  #forget(key: string | undefined): void {
    const pending = key === undefined ? undefined : this.#pending.get(key);
    if (key === undefined || pending === undefined) return;
    this.#pending.delete(key);
    this.#pendingKeys.delete(pending.id);
    this.#pendingBytes -= sizeOf(pending.entry);
  }

  #use(hash: KeyHash): void {
    if (this.#used.length === 0) this.#tasks.later(USES_MS, () => this.#tellUses());
    if (this.#used.length < MAX_USES) this.#used.push(hash);
  }

  #tellUses(): void {
    const used = this.#used.splice(0);
    const high = Uint32Array.from(used, (hash) => hash.high);
    this.#link.send({ kind: 'used', high, low: Uint32Array.from(used, (hash) => hash.low) });
  }

  #read(slot: number, key: string): Eventually<Entry | undefined> {
    const place = this.#index.place(slot);
    const wanted = { generation: this.#index.generation(slot), key };
    // Neither from a pool nor used again, since the record's bytes become the entry's.
    const record = Buffer.allocUnsafeSlow(place.bytes);
    if (this.#index.touch(slot) && place.bytes <= AT_ONCE_BYTES) {
      return this.#open(record, wanted, this.#segments.readNow(place, record));
    }
    return this.#segments.read(place, record).then((isThere) => this.#open(record, wanted, isThere));
  }

  #open(record: Buffer, wanted: RecordIdentity & { key: string }, isThere: boolean): Eventually<Entry | undefined> {
    const entry = isThere ? decodeRecord(record, wanted) : 'no record';
    if (typeof entry !== 'string') return entry;
    // Another key with the same hash is in order. Any other fault goes to the owner, who detects and forgets damage.
    return entry === 'key' ? undefined : this.#ask(wanted.key);
  }
}

/**
 * The segment files in a process that does not own them. It opens a file at the first read, and closes it when the index
 * leads to nothing in it any more, since an open file keeps its room on the disk after its removal.
 *
 * A file that cannot be opened or read counts as missing, and the caller then asks the owner. So a process without
 * descriptors goes on, only slower.
 */
class ReplicaSegments {
  readonly #platform: Pick<DiskPlatform, 'folder' | 'fault'>;
  readonly #files = new Map<number, DiskFile>();
  /** Number of the index's entries in each segment. */
  readonly #entries = new Map<number, number>();

  constructor(platform: Pick<DiskPlatform, 'folder' | 'fault'>) {
    this.#platform = platform;
  }

  occupy(segment: number): void {
    this.#entries.set(segment, (this.#entries.get(segment) ?? 0) + 1);
  }

  vacate(segment: number): void {
    const left = (this.#entries.get(segment) ?? 1) - 1;
    this.#entries.set(segment, left);
    if (left > 0) return;
    this.#entries.delete(segment);
    const file = this.#files.get(segment);
    this.#files.delete(segment);
    if (file !== undefined) this.#close(file);
  }

  clear(): void {
    for (const file of this.#files.values()) this.#close(file);
    this.#files.clear();
    this.#entries.clear();
  }

  /** Fills `into` from the place. Returns false when the file does not give it. */
  readNow({ segment, offset }: Place, into: Uint8Array): boolean {
    try {
      return this.#open(segment)?.readNow(into, offset) === into.length;
    } catch (error) {
      this.#platform.fault(error);
      return false;
    }
  }

  /** Does as `readNow`, without blocking. */
  async read({ segment, offset }: Place, into: Uint8Array): Promise<boolean> {
    try {
      return (await this.#open(segment)?.read(into, offset)) === into.length;
    } catch {
      // The file was closed meanwhile, or the disk failed: the caller asks the owner, who reports a failure.
      return false;
    }
  }

  #open(segment: number): DiskFile | undefined {
    const open = this.#files.get(segment);
    if (open !== undefined) return open;
    try {
      const file = this.#platform.folder.open(segmentName(segment), { create: false });
      this.#files.set(segment, file);
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#platform.fault(error);
      return undefined;
    }
  }

  #close(file: DiskFile): void {
    try {
      file.close();
    } catch (error) {
      this.#platform.fault(error);
    }
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
