// Questions of a process that shares the disk tier to the tier's owner, and the answers, matched by id.

import { TidegateError } from '../../../errors.ts';
import type { AskedOfDisk, DiskToWorker, Result, WorkerToDisk } from './replica-messages.ts';

interface Asked {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export class ReplicaLink {
  readonly send: (message: WorkerToDisk) => void;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;

  constructor(send: (message: WorkerToDisk) => void) {
    this.send = send;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  ask<T extends Result>(what: AskedOfDisk): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const id = this.nextId();
    this.#asked.set(id, { resolve, reject });
    this.send({ id, ...what });
    return promise as Promise<T>;
  }

  answered(message: Extract<DiskToWorker, { readonly kind: 'done' | 'refused' }>): void {
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if (message.kind === 'done') asked?.resolve(message.result);
    else asked?.reject(new TidegateError('E_DISK', `expected the disk to do as asked, got ${message.reason}`));
  }
}
