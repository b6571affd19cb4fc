// The disk tier: it holds more than memory does, and survives a restart. This is the Store port on top of the parts beside
// this file: segments and large bodies hold the bytes, the manifest says what is stored, the index leads to it.
//
// Until the manifest has been read, entries wait in memory. Until the index is loaded, a key that it lacks is looked up in
// the manifest. Until a long record is written, memory answers for it. In each case the latest put or removal wins.

import type { Entry } from '../../entry/stored-response.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { BodyStore, DiskStats, Eventually, Store } from '../../ports.ts';
import { type CheckReport, checkStore, isStored } from './check.ts';
import type { ManifestRow } from './contract.ts';
import { keyHash } from './index/hash.ts';
import { loadIndex } from './index/loading.ts';
import { type DiskParts, type DiskStoreOptions, diskParts } from './parts.ts';
import { Intake } from './segments/write-queue.ts';

export interface DiskStore extends Store {
  readonly bodies: BodyStore;
  put(entry: Entry): Eventually<void>;
  find(selector: Selector): AsyncIterable<ManifestRow>;
  /** The manifest's rows, whether or not their bytes still exist. */
  rows(selector: Selector): AsyncIterable<ManifestRow>;
  /** Number and bytes of the manifest's rows. */
  named(): Promise<{ readonly rows: number; readonly bytes: number }>;
  stats(): DiskStats;
  /** Whether manifest, index and files agree. */
  check(): Promise<CheckReport>;
  clear(): Promise<void>;
  /** Removes the bytes, but keeps the manifest's rows. */
  clearBytes(): Promise<void>;
  /** Resolves when the index is complete, or never will be. */
  loaded(): Promise<void>;
  /** Resolves when everything put so far is written and committed. Closes the files, but not the manifest. */
  close(): Promise<void>;
}

/** Serves at once; the index is loaded in the background. */
export function openDiskStore(options: DiskStoreOptions): DiskStore {
  return new SegmentedStore(options);
}

/** Keys deleted before other work gets its turn. */
const DELETE_SLICE = 512;

class SegmentedStore implements DiskStore {
  readonly #options: DiskStoreOptions;
  readonly #parts: DiskParts;
  readonly #intake: Intake;
  readonly #loaded: Promise<void>;
  #isClosed = false;

  constructor(options: DiskStoreOptions) {
    this.#options = options;
    this.#parts = diskParts(options);
    this.#intake = new Intake(this.#parts);
    this.#loaded = this.#load();
  }

  get bodies(): BodyStore {
    return this.#parts.bodies;
  }

  get(key: string): Eventually<Entry | undefined> {
    const waiting = this.#intake.waiting(key);
    if (waiting !== undefined || this.#isClosed) return waiting;
    const { reader } = this.#parts;
    const slot = reader.slotOf(key, keyHash(key));
    return slot < 0 ? undefined : reader.get(slot, key);
  }

  put(entry: Entry): Eventually<void> {
    return this.#isClosed ? undefined : this.#intake.put(entry);
  }

  delete(keys: readonly string[]): Eventually<number> {
    return keys.length === 0 || this.#isClosed ? 0 : this.#delete(keys);
  }

  async *find(selector: Selector): AsyncGenerator<ManifestRow> {
    for await (const row of this.rows(selector)) if (isStored(this.#parts.catalog, row)) yield row;
  }

  async *rows(selector: Selector): AsyncGenerator<ManifestRow> {
    await this.#settle();
    for await (const rows of this.#options.manifest.find(selector)) yield* rows;
  }

  async named(): Promise<{ rows: number; bytes: number }> {
    await this.#settle();
    const { rows, bytes } = await this.#options.manifest.summary();
    return { rows, bytes };
  }

  stats(): DiskStats {
    const { catalog, segments, bodies, reader, evictor, batches, trouble } = this.#parts;
    return {
      entries: catalog.index.count,
      bytes: evictor.usedBytes,
      maxBytes: this.#options.maxBytes,
      evictions: evictor.evictions,
      reinsertedBytes: evictor.reinsertedBytes,
      declined: this.#parts.declined.count,
      corrupt: reader.corrupt,
      writeFailures: trouble.failures + batches.failures,
      indexLoaded: catalog.isLoaded,
      indexBytes: catalog.index.memoryBytes,
      segments: segments.count,
      largeBodies: bodies.count,
    };
  }

  async check(): Promise<CheckReport> {
    await this.#settle();
    return checkStore(this.#parts);
  }

  async clear(): Promise<void> {
    const removed = this.#removeBytes();
    await this.#parts.batches.clear();
    await removed;
  }

  async clearBytes(): Promise<void> {
    await this.#settle();
    await this.#removeBytes();
  }

  async #removeBytes(): Promise<void> {
    const { segments, catalog, bodies } = this.#parts;
    this.#intake.clear();
    catalog.clear();
    bodies.clear();
    await Promise.all([...segments.all()].map((segment) => segments.drop(segment)));
  }

  loaded(): Promise<void> {
    return this.#loaded;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.#intake.settled();
    this.#isClosed = true;
    const { evictor, batches, trouble, bodies, segments } = this.#parts;
    await evictor.close();
    await this.#loaded;
    await this.#settle();
    batches.close();
    trouble.close();
    await bodies.close();
    await segments.close();
  }

  async #load(): Promise<void> {
    const { catalog } = this.#parts;
    const ready = (generation: number) => this.#intake.begin(generation);
    try {
      await loadIndex({ ...this.#parts, ready, isClosed: () => this.#isClosed });
    } catch (error) {
      this.#options.fault(error);
      this.#intake.giveUp();
      catalog.loaded();
    }
  }

  /** Waits until all puts and removals are in the manifest. */
  async #settle(): Promise<void> {
    await this.#intake.settled();
    await this.#parts.batches.flush();
  }

  async #delete(keys: readonly string[]): Promise<number> {
    let count = 0;
    for (let at = 0; at < keys.length; at++) {
      if (at > 0 && at % DELETE_SLICE === 0) await this.#parts.pause();
      count += this.#intake.remove(keys[at] as string);
    }
    if (count > 0) await this.#settle();
    return count;
  }
}
