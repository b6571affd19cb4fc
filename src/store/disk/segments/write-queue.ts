// The queue of entries on their way in and out of the disk tier.
//
// An entry counts from the moment it is put, not from the moment it is written. Until the manifest has told where to
// continue, and while a long record is being written, the entry waits in memory, which answers for it. The later put or
// removal wins, whichever is written first.

import type { Entry } from '../../../entry/stored-response.ts';
import type { Eventually } from '../../../ports.ts';
import { type KeyHash, keyHash } from '../index/entry-index.ts';
import type { DiskPolicy, DiskQueue, DiskRoom } from './disk-room.ts';
import { type EntryRecords, largeBodyOf, type Writing } from './entry-records.ts';
import { sizeOf } from './segment-record.ts';

/** Most bytes of entries that wait to be written. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export class WriteQueue {
  readonly #records: EntryRecords;
  readonly #policy: DiskPolicy;
  readonly #room: DiskRoom;
  readonly #waiting = new Map<string, Entry>();
  #waitingBytes = 0;
  readonly #writes = new Set<Promise<void>>();
  /** Settles when records can be written, or never will be. */
  readonly #ready = Promise.withResolvers<void>();

  constructor(records: EntryRecords, policy: DiskPolicy, room: DiskRoom) {
    this.#records = records;
    this.#policy = policy;
    this.#room = room;
  }

  /** The key's entry, if it is not written yet. */
  waiting(key: string): Entry | undefined {
    return this.#waiting.size === 0 ? undefined : this.#waiting.get(key);
  }

  put(entry: Entry): Eventually<void> {
    const hash = keyHash(entry.key);
    if (this.#isDeclined(entry)) {
      this.#room.declined++;
      // The new entry is not stored, so the old one must go.
      this.#unwait(entry.key);
      this.#forget(entry.key, hash);
      return;
    }
    if (this.#records.isReady) return this.#write(entry, hash);
    this.#wait(entry);
  }

  /** Removes the entry, and with a list also the variants that it names. Returns how many existed. */
  remove(key: string): number {
    const hash = keyHash(key);
    const list = this.#listAt(key, hash);
    const wasWaiting = this.#unwait(key);
    let count = this.#forget(key, hash) || wasWaiting ? 1 : 0;
    if (list?.kind === 'variants') for (const variant of list.variantKeys) count += this.remove(variant);
    return count;
  }

  /** Forgets everything: nothing is stored, and waiting entries will not be. */
  clear(): void {
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }

  /** Call when records can be written. */
  begin(generation: number): void {
    const early = [...this.#waiting.values()];
    this.clear();
    this.#records.begin(generation);
    for (const entry of early) this.put(entry);
    this.#ready.resolve();
  }

  /** Call when records will never be written. */
  giveUp(): void {
    this.clear();
    this.#ready.resolve();
  }

  /** Resolves when everything put before is written. */
  async settled(): Promise<void> {
    await this.#ready.promise;
    await Promise.all(this.#writes);
  }

  #isDeclined(entry: Entry): boolean {
    const large = largeBodyOf(entry);
    return (
      this.#room.refusal(sizeOf(entry)) !== undefined ||
      this.#waitingBytes > MAX_WAITING_BYTES ||
      (large !== undefined && !this.#records.state.bodies.has(large.id))
    );
  }

  #write(entry: Entry, hash: KeyHash): Eventually<void> {
    const writing = this.#records.prepare(entry, hash, this.#queueFor(hash, sizeOf(entry)));
    if (!this.#records.isShort(writing)) return this.#writeLong(writing);
    this.#unwait(entry.key);
    try {
      this.#records.writeNow(writing);
    } catch (error) {
      this.#forget(entry.key, hash);
      this.#room.failed(error);
      return;
    }
    this.#room.succeeded();
  }

  #writeLong(writing: Writing): Promise<void> {
    this.#wait(writing.entry);
    const write = this.#finishLong(writing).finally(() => this.#writes.delete(write));
    this.#writes.add(write);
    return write;
  }

  async #finishLong(writing: Writing): Promise<void> {
    const { entry, hash } = writing;
    const counts = () => this.#waiting.get(entry.key) === entry;
    try {
      await this.#records.write(writing, counts);
      this.#room.succeeded();
    } catch (error) {
      if (counts()) this.#forget(entry.key, hash);
      this.#room.failed(error);
    }
    if (counts()) this.#unwait(entry.key);
  }

  /** An entry that is stored already stays in its queue and keeps its frequency. */
  #queueFor(hash: KeyHash, bytes: number): DiskQueue {
    const { catalog, segments } = this.#records.state;
    const slot = catalog.index.find(hash);
    if (slot < 0) return this.#policy.queueFor(hash.low, bytes);
    return segments.find(catalog.index.segment(slot))?.queue ?? 'small';
  }

  #wait(entry: Entry): void {
    this.#unwait(entry.key);
    this.#waiting.set(entry.key, entry);
    this.#waitingBytes += sizeOf(entry);
  }

  #unwait(key: string): boolean {
    const entry = this.waiting(key);
    if (entry === undefined) return false;
    this.#waiting.delete(key);
    this.#waitingBytes -= sizeOf(entry);
    return true;
  }

  /** Takes the written entry of the key out. Returns false when there was none. */
  #forget(key: string, hash: KeyHash): boolean {
    const { catalog, batches } = this.#records.state;
    const slot = this.#records.slotOf(key, hash);
    if (slot < 0) return false;
    const generation = catalog.index.generation(slot);
    catalog.leave(slot);
    batches.add({ kind: 'remove', key, generation });
    return true;
  }

  #listAt(key: string, hash: KeyHash): Entry | undefined {
    const waiting = this.waiting(key);
    if (waiting !== undefined) return waiting;
    const slot = this.#records.slotOf(key, hash);
    return slot < 0 ? undefined : this.#records.listNow(slot, key);
  }
}
