// The queue of entries on their way in and out of the disk tier.
//
// An entry counts from the moment it is put, not from the moment it is written. Until the manifest has told where to
// continue, and while a long record is being written, the entry waits in memory, which answers for it. The later put or
// removal wins, whichever is written first.

import type { Entry } from '../../../entry/stored-response.ts';
import type { Eventually } from '../../../ports.ts';
import { type KeyHash, keyHash } from '../index/entry-index.ts';
import type { DiskState, EntryRecords, Writing } from './entry-records.ts';
import { sizeOf } from './segment-record.ts';

/** Most bytes of entries that wait to be written. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export class WriteQueue {
  readonly #records: EntryRecords;
  readonly #state: DiskState;
  readonly #waiting = new Map<string, Entry>();
  #waitingBytes = 0;
  readonly #writes = new Set<Promise<void>>();
  /** Settles when records can be written, or never will be. */
  readonly #ready = Promise.withResolvers<void>();

  constructor(records: EntryRecords) {
    this.#records = records;
    this.#state = records.state;
  }

  /** The key's entry, if it is not written yet. */
  waiting(key: string): Entry | undefined {
    return this.#waiting.size === 0 ? undefined : this.#waiting.get(key);
  }

  put(entry: Entry): Eventually<void> {
    const hash = keyHash(entry.key);
    if (this.#isDeclined(entry)) {
      this.#state.room.declined++;
      // The new entry is not stored, so the old one must go.
      this.#unwait(entry.key);
      this.#records.remove(entry.key, hash);
      return;
    }
    if (this.#records.generation !== undefined) return this.#write(entry, hash);
    this.#wait(entry);
  }

  /** Removes the entry, and with a list also the variants that it names. Returns how many existed. */
  remove(key: string): number {
    const hash = keyHash(key);
    const list = this.#listAt(key, hash);
    const wasWaiting = this.#unwait(key);
    let count = this.#records.remove(key, hash) || wasWaiting ? 1 : 0;
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
    this.#records.generation = generation;
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
    const { room, bodies, parts } = this.#state;
    return (
      room.refusal(sizeOf(entry)) !== undefined ||
      parts?.declines(entry.key, sizeOf(entry)) === true ||
      this.#waitingBytes > MAX_WAITING_BYTES ||
      (entry.kind === 'response' && entry.large !== undefined && !bodies.has(entry.large.id))
    );
  }

  #write(entry: Entry, hash: KeyHash): Eventually<void> {
    const { indexState, segments, policy, room, parts } = this.#state;
    const slot = indexState.index.find(hash);
    // An entry that is stored already stays in its queue and keeps its frequency.
    const stored = slot < 0 ? undefined : (segments.find(indexState.index.segment(slot))?.queue ?? 'small');
    const writing = { entry, hash, queue: stored ?? policy.queueFor(hash.low, sizeOf(entry)) };
    parts?.wrote(entry.key, sizeOf(entry));
    this.#unwait(entry.key);
    let written: Eventually<void>;
    try {
      written = this.#records.write(writing, () => this.#isWaiting(entry));
    } catch (error) {
      this.#records.remove(entry.key, hash);
      return room.failed(error);
    }
    if (!(written instanceof Promise)) return room.succeeded(sizeOf(entry));
    this.#wait(entry);
    const write = this.#finish(writing, written).finally(() => this.#writes.delete(write));
    this.#writes.add(write);
    return write;
  }

  async #finish({ entry, hash }: Writing, written: Promise<void>): Promise<void> {
    try {
      await written;
      this.#state.room.succeeded(sizeOf(entry));
    } catch (error) {
      if (this.#isWaiting(entry)) this.#records.remove(entry.key, hash);
      this.#state.room.failed(error);
    }
    if (this.#isWaiting(entry)) this.#unwait(entry.key);
  }

  #isWaiting(entry: Entry): boolean {
    return this.#waiting.get(entry.key) === entry;
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

  #listAt(key: string, hash: KeyHash): Entry | undefined {
    const waiting = this.waiting(key);
    if (waiting !== undefined) return waiting;
    const slot = this.#records.slotOf(key, hash);
    return slot < 0 ? undefined : this.#records.listNow(slot, key);
  }
}
