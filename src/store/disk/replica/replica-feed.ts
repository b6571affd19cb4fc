// The owner's side of a disk tier that several processes read. It tells each of them where the records are, and does for
// them what only the owner may do: write, remove, count the uses.
//
// It sends the whole index in slices, while changes go on. A slice says what holds at its instant, and each change is sent
// after it has happened. So the later of the two is right.

import { messageOf, TidegateError } from '../../../errors.ts';
import type { BodySource, BodyStore, BodyWriter, Tasks } from '../../../ports.ts';
import type { Place } from '../contract.ts';
import type { DiskStore } from '../disk-store.ts';
import { type KeyHash, RowPacker } from '../index/entry-index.ts';
import type { IndexObserver } from '../index/index-state.ts';
import { aTurn } from '../segments/evictor.ts';
import type { AskedOfDisk, Asking, DiskToWorker, Result, WorkerToDisk } from './replica-link.ts';

/** Rows in one message. */
const BATCH = 4096;
/** Time for which a change waits for others. */
const DELAY_MS = 2;
/** Time between checks whether the owner's own index is complete. */
const LOADING_MS = 50;

interface Replica {
  readonly send: (message: DiskToWorker) => void;
  stored: number[];
  readonly writers: ReplicaWriters;
}

/** A reading process, as the owner sees it. */
export interface JoinedReplica {
  received(message: WorkerToDisk): void;
  /** Call when the process has ended: its unfinished bodies are discarded. */
  left(): void;
}

export class ReplicaFeed implements IndexObserver {
  readonly #tasks: Tasks;
  readonly #fault: (error: unknown) => void;
  readonly #replicas = new Set<Replica>();
  #store: DiskStore | undefined;
  readonly #changed = new RowPacker(BATCH);
  #isScheduled = false;

  constructor(tasks: Tasks, fault: (error: unknown) => void) {
    this.#tasks = tasks;
    this.#fault = fault;
  }

  /** Carries out the replicas' requests on this store. */
  serve(store: DiskStore): void {
    this.#store = store;
  }

  entered(hash: KeyHash, place: Place, generation: number): void {
    if (this.#replicas.size === 0) return;
    this.#changed.add({ hash, place, generation });
    if (this.#changed.count === BATCH) this.#flush();
    else this.#schedule();
  }

  left(hash: KeyHash): void {
    this.entered(hash, { segment: 0, offset: 0, bytes: 0 }, 0);
  }

  cleared(): void {
    this.#flush();
    for (const { send } of this.#replicas) send({ kind: 'cleared' });
  }

  join(send: (message: DiskToWorker) => void): JoinedReplica {
    const replica: Replica = { send, stored: [], writers: new ReplicaWriters(this.#tasks) };
    this.#replicas.add(replica);
    this.#tellAll(replica).catch(this.#fault);
    return {
      received: (message) => this.#received(replica, message),
      left: () => {
        this.#replicas.delete(replica);
        replica.writers.discardAll();
      },
    };
  }

  async #tellAll(replica: Replica): Promise<void> {
    const { indexState } = this.#store as DiskStore;
    const { index } = indexState;
    const rows = new RowPacker(BATCH);
    for (let from = 0; from < index.slots && this.#replicas.has(replica); from += BATCH) {
      const to = Math.min(index.slots, from + BATCH);
      for (let slot = from; slot < to; slot++) {
        const place = index.place(slot);
        if (place.segment !== 0) rows.add({ hash: index.hash(slot), place, generation: index.generation(slot) });
      }
      if (rows.count > 0) replica.send({ kind: 'rows', rows: rows.take() });
      await aTurn(this.#tasks);
    }
    while (!indexState.isLoaded && this.#replicas.has(replica)) await aTurn(this.#tasks, LOADING_MS);
    if (!this.#replicas.has(replica)) return;
    this.#flush();
    replica.send({ kind: 'complete' });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#tasks.later(DELAY_MS, () => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const rows = this.#changed.take();
    for (const replica of this.#replicas) {
      if (rows.count > 0) replica.send({ kind: 'rows', rows });
      if (replica.stored.length === 0) continue;
      replica.send({ kind: 'stored', ids: replica.stored });
      replica.stored = [];
    }
  }

  #received(replica: Replica, message: WorkerToDisk): void {
    const store = this.#store as DiskStore;
    switch (message.kind) {
      case 'put': {
        const stored = () => {
          replica.stored.push(message.id);
          this.#schedule();
        };
        const put = store.put(message.entry);
        if (put instanceof Promise) put.then(stored, stored);
        else stored();
        return;
      }
      case 'used':
        return this.#used(message.high, message.low);
      case 'spoiled':
        // The owner finds the damage itself, and then forgets the entry.
        return this.#drain(store.bodies.read(message.body, { start: message.start, end: message.body.bytes }));
      case 'discard':
        return replica.writers.discard(message.writer);
      default:
        this.#answer(replica, message);
    }
  }

  #answer({ send, writers }: Replica, asking: Asking): void {
    const { id } = asking;
    this.#done(writers, asking).then(
      (result) => {
        // Removals are sent before the answer.
        this.#flush();
        send({ kind: 'done', id, result });
      },
      (error: unknown) => send({ kind: 'refused', id, reason: messageOf(error) }),
    );
  }

  async #done(writers: ReplicaWriters, asking: Asking): Promise<Result> {
    const store = this.#store as DiskStore;
    if (asking.kind === 'get') return store.get(asking.key);
    if (asking.kind === 'delete') return store.delete(asking.keys);
    return writers.done(store.bodies, asking);
  }

  #used(high: Uint32Array, low: Uint32Array): void {
    const { indexState } = this.#store as DiskStore;
    for (let at = 0; at < high.length; at++) {
      const slot = indexState.index.find({ high: high[at] as number, low: low[at] as number });
      if (slot >= 0) indexState.use(slot);
    }
  }

  #drain(source: BodySource): void {
    for (;;) {
      const read = source.read();
      if (read === 'pending') return source.whenReadable(() => this.#drain(source));
      if (read === 'end' || read === 'failed') return;
    }
  }
}

interface Kept {
  readonly writer: BodyWriter;
  isRead: boolean;
}

/** Time to keep a finished writer after the last read: longer than any client may pause. */
const IDLE_MS = 120_000;

/**
 * The large bodies that the owner writes for one process, by the numbers that this process gave them. Clients also read
 * behind a writer that has finished. So a writer is kept until it is discarded, or has finished and nobody has read from it
 * for a while.
 */
class ReplicaWriters {
  readonly #tasks: Tasks;
  readonly #kept = new Map<number, Kept>();

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  async done(bodies: BodyStore, asked: Extract<AskedOfDisk, { readonly writer: number }>): Promise<Result> {
    const kept = this.#kept.get(asked.writer) ?? this.#begin(bodies, asked);
    switch (asked.kind) {
      case 'append':
        await kept.writer.append(asked.chunk);
        return undefined;
      case 'read':
        kept.isRead = true;
        return kept.writer.read({ start: asked.start, end: asked.end });
      case 'finish': {
        const body = await kept.writer.finish();
        this.#forgetWhenIdle(asked.writer, kept);
        return body;
      }
    }
  }

  discard(number: number): void {
    this.#kept.get(number)?.writer.discard();
    this.#kept.delete(number);
  }

  discardAll(): void {
    for (const { writer } of this.#kept.values()) writer.discard();
    this.#kept.clear();
  }

  #begin(bodies: BodyStore, { kind, writer: number }: AskedOfDisk & { readonly writer: number }): Kept {
    if (kind === 'read') throw new TidegateError('E_DISK', `expected a body that is written, got none of ${number}`);
    const kept = { writer: bodies.create(), isRead: false };
    this.#kept.set(number, kept);
    return kept;
  }

  #forgetWhenIdle(number: number, kept: Kept): void {
    kept.isRead = false;
    this.#tasks.later(IDLE_MS, () => {
      if (this.#kept.get(number) !== kept) return;
      if (kept.isRead) this.#forgetWhenIdle(number, kept);
      else this.#kept.delete(number);
    });
  }
}
