// The link between the process that owns the disk tier and a process that reads it: the messages, the questions among them,
// matched with their answers by id, and the large bodies, which the owner writes for the others. Messages are plain data; a
// link keeps their order.

import type { Entry, LargeBody } from '../../../entry/stored-response.ts';
import { TidegateError } from '../../../errors.ts';
import type { BodyStore, BodyWriter } from '../../../ports.ts';
import { LargeBodySource } from '../bodies/large-bodies.ts';
import type { DiskPlatform, IndexRows } from '../contract.ts';

export type DiskToWorker =
  /** New places of records, in order. Segment 0: the entry is not stored any more. */
  | { readonly kind: 'rows'; readonly rows: IndexRows }
  | { readonly kind: 'cleared' }
  /** Every entry has been sent: an unknown one is not stored. */
  | { readonly kind: 'complete' }
  /** The puts with these ids are done; the places of their records were sent before. */
  | { readonly kind: 'stored'; readonly ids: readonly number[] }
  | { readonly kind: 'done'; readonly id: number; readonly result: Result }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string };

/** Result of a request: an entry, a count, bytes or a body. Undefined when there is none. */
export type Result = Entry | number | Uint8Array | LargeBody | undefined;

export type WorkerToDisk =
  | { readonly kind: 'put'; readonly id: number; readonly entry: Entry }
  | Asking
  /** Hashes of keys that were read. */
  | { readonly kind: 'used'; readonly high: Uint32Array; readonly low: Uint32Array }
  /** A large body differs from the written one, somewhere from `start` on. */
  | { readonly kind: 'spoiled'; readonly body: LargeBody; readonly start: number }
  | { readonly kind: 'discard'; readonly writer: number };

/** Requests answered with `done` or `refused`. */
export type Asking = { readonly id: number } & AskedOfDisk;

export type AskedOfDisk =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'delete'; readonly keys: readonly string[] }
  /** A large body written piece by piece. The worker chooses the writer's number. */
  | { readonly kind: 'append'; readonly writer: number; readonly chunk: Uint8Array }
  | { readonly kind: 'read'; readonly writer: number; readonly start: number; readonly end: number }
  | { readonly kind: 'finish'; readonly writer: number };

/** A reading process's end of the link to the owner. */
export class ReplicaLink {
  readonly send: (message: WorkerToDisk) => void;
  readonly #asked = new Map<number, PromiseWithResolvers<Result>>();
  #lastId = 0;

  constructor(send: (message: WorkerToDisk) => void) {
    this.send = send;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  ask<T extends Result>(what: AskedOfDisk): Promise<T> {
    const asked = Promise.withResolvers<Result>();
    const id = this.nextId();
    this.#asked.set(id, asked);
    this.send({ id, ...what });
    return asked.promise as Promise<T>;
  }

  answered(message: Extract<DiskToWorker, { readonly kind: 'done' | 'refused' }>): void {
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if (message.kind === 'done') asked?.resolve(message.result);
    else asked?.reject(new TidegateError('E_DISK', `expected the disk to do as asked, got ${message.reason}`));
  }
}

/**
 * The large bodies for a process that shares the disk tier. It reads them from their files, and the owner writes them: only
 * the owner knows the free room, and which bodies belong to nobody after a process has died in the middle of one.
 *
 * A reader behind a writer reads through the owner, even after the writer has finished. So an unwanted body is discarded
 * after that too, or the owner would keep it open.
 */
export function replicaBodies(link: ReplicaLink, platform: Pick<DiskPlatform, 'folder' | 'fault'>): BodyStore {
  return {
    create: () => replicaWriter(link),
    read(body, range) {
      const spoiled = () => link.send({ kind: 'spoiled', body, start: range.start });
      return new LargeBodySource({ body, range, ...platform, spoiled });
    },
  };
}

function replicaWriter(link: ReplicaLink): BodyWriter {
  const writer = link.nextId();
  /** Whether the owner knows of the body. */
  let isTold = false;
  let isDiscarded = false;
  const write = async <T extends LargeBody | undefined>(what: AskedOfDisk): Promise<T> => {
    // The owner would begin another body with this number.
    if (isDiscarded) throw new TidegateError('E_DISK', 'expected a body that is wanted, got a discarded one');
    isTold = true;
    return link.ask<T>(what);
  };
  return {
    append: (chunk) => write<undefined>({ kind: 'append', writer, chunk }),
    read: ({ start, end }) => link.ask<Uint8Array>({ kind: 'read', writer, start, end }),
    finish: () => write<LargeBody>({ kind: 'finish', writer }),
    discard: () => {
      if (isTold && !isDiscarded) link.send({ kind: 'discard', writer });
      isDiscarded = true;
    },
  };
}
