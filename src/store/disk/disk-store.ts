// The disk tier: it holds more than memory does, and survives a restart. This is the Store port on top of the folders beside
// this file: segments and large bodies hold the bytes, the manifest says what is stored, the index leads to it.
//
// Until the manifest has been read, entries wait in memory. Until the index is loaded, a key that it lacks is looked up in
// the manifest. Until a long record is written, memory answers for it. In each case the latest put or removal wins.

import type { Entry } from '../../entry/stored-response.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { DiskStats, Eventually, Store } from '../../ports.ts';
import { isBodyId } from './bodies/body-file.ts';
import { LargeBodies } from './bodies/large-bodies.ts';
import { type CheckReport, checkStore } from './check.ts';
import type { DiskPlatform, ManifestRow } from './contract.ts';
import { keyHash, rowAt } from './index/entry-index.ts';
import { type IndexObserver, IndexState } from './index/index-state.ts';
import { RowBatches } from './manifest/row-batches.ts';
import { DiskPolicy, DiskRoom, segmentBytes } from './segments/disk-room.ts';
import { type DiskState, EntryRecords } from './segments/entry-records.ts';
import { aTurn, Evictor } from './segments/evictor.ts';
import { Segments } from './segments/segments.ts';
import type { TenantParts } from './segments/tenant-parts.ts';
import { WriteQueue } from './segments/write-queue.ts';

export interface DiskStoreOptions extends Omit<DiskPlatform, 'segmentBytes'> {
  /** Length at which a segment is full. Default: the policy's. */
  readonly segmentBytes?: number;
  /** For other processes that read the files and must hear of changes of the index. Default: none. */
  readonly replicas?: IndexObserver | undefined;
  /** What each tenant with a quota may fill. Default: nobody has one. */
  readonly parts?: TenantParts | undefined;
}

/** Keys deleted before other work gets its turn. */
const DELETE_SLICE = 512;
/** Rows added to the index before other work gets its turn: about a millisecond. */
const LOAD_SLICE = 4096;

/** Serves at once; the index is loaded in the background. */
export class DiskStore implements Store {
  readonly #state: DiskState;
  readonly #records: EntryRecords;
  readonly #evictor: Evictor;
  readonly #queue: WriteQueue;
  readonly #loaded: Promise<void>;
  #isClosed = false;

  constructor({ replicas, parts, ...options }: DiskStoreOptions) {
    const platform = { ...options, segmentBytes: options.segmentBytes ?? segmentBytes(options.maxBytes) };
    const segments = new Segments(platform, (segment) => this.#evictor.dropEmpty(segment));
    const batches = new RowBatches(platform, () => room.ranFull());
    const evict = (isDiskFull: boolean) => this.#evictor.makeRoom(isDiskFull);
    const room: DiskRoom = new DiskRoom(platform, { segments, batches, evict });
    const spoiled: EntryRecords['spoiledBody'] = (owner, error) => this.#records.spoiledBody(owner, error);
    const bodies = new LargeBodies(platform, { segments, room, spoiled });
    const indexState = new IndexState(Math.floor(options.random() * 2 ** 32), { segments, bodies }, replicas);
    this.#state = { ...platform, indexState, segments, bodies, batches, room, policy: new DiskPolicy(platform), parts };
    this.#records = new EntryRecords(this.#state);
    this.#evictor = new Evictor(this.#records);
    this.#queue = new WriteQueue(this.#records);
    segments.openAll();
    this.#loaded = this.#load();
  }

  /** The index, for processes that read the files. */
  get indexState(): IndexState {
    return this.#state.indexState;
  }

  get bodies(): LargeBodies {
    return this.#state.bodies;
  }

  get(key: string): Eventually<Entry | undefined> {
    const waiting = this.#queue.waiting(key);
    if (waiting !== undefined || this.#isClosed) return waiting;
    const slot = this.#records.slotOf(key, keyHash(key));
    return slot < 0 ? undefined : this.#records.get(slot, key);
  }

  put(entry: Entry): Eventually<void> {
    return this.#isClosed ? undefined : this.#queue.put(entry);
  }

  async delete(keys: readonly string[]): Promise<number> {
    if (this.#isClosed) return 0;
    let count = 0;
    for (let at = 0; at < keys.length; at++) {
      if (at > 0 && at % DELETE_SLICE === 0) await aTurn(this.#state.tasks);
      count += this.#queue.remove(keys[at] as string);
    }
    if (count > 0) await this.#settle();
    return count;
  }

  async *find(selector: Selector): AsyncGenerator<ManifestRow> {
    for await (const row of this.rows(selector)) {
      if (this.indexState.has(keyHash(row.key), row.generation)) yield row;
    }
  }

  /** The manifest's rows, whether or not their bytes still exist. */
  async *rows(selector: Selector): AsyncGenerator<ManifestRow> {
    await this.#settle();
    for await (const rows of this.#state.manifest.find(selector)) yield* rows;
  }

  /** Number and bytes of the manifest's rows. */
  async named(): Promise<{ readonly rows: number; readonly bytes: number }> {
    await this.#settle();
    const { rows, bytes } = await this.#state.manifest.summary();
    return { rows, bytes };
  }

  stats(): DiskStats {
    const { indexState, segments, bodies, batches, room, maxBytes } = this.#state;
    return {
      entries: indexState.index.count,
      bytes: room.usedBytes,
      maxBytes,
      evictions: this.#evictor.evictions,
      reinsertedBytes: this.#evictor.reinsertedBytes,
      declined: room.declined,
      corrupt: this.#records.corrupt,
      writeFailures: room.backOff.failures + batches.backOff.failures,
      indexLoaded: indexState.isLoaded,
      indexBytes: indexState.index.memoryBytes,
      segments: segments.count,
      largeBodies: bodies.count,
    };
  }

  /** Whether manifest, index and files agree. */
  async check(): Promise<CheckReport> {
    await this.#settle();
    return checkStore(this.#state);
  }

  async clear(): Promise<void> {
    await Promise.all([this.#removeBytes(), this.#state.batches.clear()]);
  }

  /** Removes the bytes, but keeps the manifest's rows. */
  async clearBytes(): Promise<void> {
    await this.#settle();
    await this.#removeBytes();
  }

  async #removeBytes(): Promise<void> {
    const { segments, indexState, bodies } = this.#state;
    this.#queue.clear();
    indexState.clear();
    bodies.clear();
    await Promise.all([...segments.all()].map((segment) => segments.drop(segment)));
  }

  /** Resolves when the index is complete, or never will be. */
  loaded(): Promise<void> {
    return this.#loaded;
  }

  /** Resolves when everything put so far is written and committed. Closes the files, but not the manifest. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.#queue.settled();
    this.#isClosed = true;
    const { batches, bodies, segments, room } = this.#state;
    await this.#evictor.close();
    await this.#loaded;
    await this.#settle();
    batches.close();
    room.backOff.close();
    await bodies.close();
    await segments.close();
  }

  /** Fills the index from the manifest, and removes the files that no row names. */
  async #load(): Promise<void> {
    const { manifest, indexState, segments, bodies, room, parts, fault } = this.#state;
    try {
      const summary = await manifest.summary();
      for (const segment of summary.segments) segments.skipTo(segment);
      for (const { key, generation, place, bodyId, bodyBytes } of await manifest.bodies()) {
        if (!isBodyId(bodyId) || segments.find(place.segment) === undefined || indexState.isRemoved(keyHash(key)))
          continue;
        bodies.own({ id: bodyId, bytes: bodyBytes }, { key, generation, segment: place.segment });
      }
      this.#queue.begin(summary.maxGeneration);
      await this.#loadRows();
      if (this.#isClosed) return;
      indexState.loaded();
      parts?.begin(room.usedBytes);
      // Rows whose segment is missing stay: they say what could be filled again.
      for (const segment of [...segments.all()]) {
        if (segment.sealed && segment.entries === 0) this.#evictor.dropEmpty(segment);
      }
      await bodies.removeOrphans();
      this.#evictor.makeRoom();
    } catch (error) {
      fault(error);
      this.#queue.giveUp();
      indexState.loaded();
    }
  }

  async #loadRows(): Promise<void> {
    const { manifest, indexState, tasks } = this.#state;
    let sincePause = 0;
    for await (const rows of manifest.scan()) {
      for (let from = 0; from < rows.count; from += LOAD_SLICE) {
        // Somebody cleared the store meanwhile, so there is nothing left to load.
        if (this.#isClosed || indexState.isLoaded) return;
        const to = Math.min(rows.count, from + LOAD_SLICE);
        for (let at = from; at < to; at++) indexState.load(rowAt(rows, at));
        sincePause += to - from;
        if (sincePause < LOAD_SLICE) continue;
        sincePause = 0;
        await aTurn(tasks);
      }
    }
  }

  /** Waits until all puts and removals are in the manifest. */
  async #settle(): Promise<void> {
    await this.#queue.settled();
    await this.#state.batches.flush();
  }
}
