// A large body on its way into a body store, chunk by chunk in their order.
//
// The writer may fail at any time (a full disk). Then nothing is kept, and nobody but the owner is
// troubled: the body goes on to its clients as one that is not stored.

import type { LargeBody } from '../../entry/stored-response.ts';
import type { BodyWriter } from '../../ports.ts';

export interface SpoolListener {
  /** More of it has been written. */
  advanced(): void;
  /** It cannot be written; told once, and then nothing else is. */
  failed(): void;
}

export class Spool {
  readonly #writer: BodyWriter;
  readonly #listener: SpoolListener;
  /** Bytes that can be read back. */
  written = 0;
  unwritten = 0;
  /** Over with the last chunk given so far. */
  #last: Promise<void> = Promise.resolve();
  #isDiscarded = false;
  readonly #body = Promise.withResolvers<LargeBody | undefined>();

  constructor(writer: BodyWriter, listener: SpoolListener) {
    this.#writer = writer;
    this.#listener = listener;
  }

  append(chunk: Uint8Array): void {
    this.unwritten += chunk.length;
    this.#last = this.#last.then(() => this.#write(chunk));
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#isDiscarded) return;
    try {
      await this.#writer.append(chunk);
    } catch {
      return this.#fail();
    }
    this.written += chunk.length;
    this.unwritten -= chunk.length;
    if (this.#isDiscarded) return;
    try {
      this.#listener.advanced();
    } catch (error) {
      // The process is told; the next chunks are written all the same.
      void Promise.reject(error);
    }
  }

  read(range: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    return this.#writer.read(range);
  }

  /** No more is coming: the body once all of it is written; undefined when that fails. */
  finish(): Promise<LargeBody | undefined> {
    void this.#last.then(() => this.#finish());
    return this.#body.promise;
  }

  async #finish(): Promise<void> {
    if (this.#isDiscarded) return;
    try {
      this.#body.resolve(await this.#writer.finish());
    } catch {
      this.#fail();
    }
  }

  /** It is not wanted, even when it is finished. */
  discard(): void {
    if (this.#isDiscarded) return;
    this.#isDiscarded = true;
    this.#writer.discard();
    this.#body.resolve(undefined);
  }

  #fail(): void {
    if (this.#isDiscarded) return;
    this.discard();
    this.#listener.failed();
  }
}
