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
  readonly #queue: Uint8Array[] = [];
  #writing = false;
  #given = 0;
  #written = 0;
  #state: 'open' | 'ended' | 'over' = 'open';
  #discarded = false;
  #finished: { resolve: (body: LargeBody | undefined) => void } | undefined;

  constructor(writer: BodyWriter, listener: SpoolListener) {
    this.#writer = writer;
    this.#listener = listener;
  }

  /** Bytes that can be read back. */
  get written(): number {
    return this.#written;
  }

  get unwritten(): number {
    return this.#given - this.#written;
  }

  append(chunk: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#given += chunk.length;
    this.#queue.push(chunk);
    this.#writeOn();
  }

  read(range: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    return this.#writer.read(range);
  }

  /** No more is coming: the body once all of it is written; undefined when that fails. */
  finish(): Promise<LargeBody | undefined> {
    return new Promise((resolve) => {
      if (this.#state === 'over') return resolve(undefined);
      this.#state = 'ended';
      this.#finished = { resolve };
      this.#writeOn();
    });
  }

  /** It is not wanted, even when it is finished. */
  discard(): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.#state = 'over';
    this.#queue.length = 0;
    this.#writer.discard();
    this.#finished?.resolve(undefined);
  }

  #writeOn(): void {
    if (this.#writing || this.#state === 'over') return;
    const chunk = this.#queue.shift();
    if (chunk === undefined) return this.#end();
    this.#writing = true;
    this.#writer.append(chunk).then(
      () => {
        this.#writing = false;
        this.#written += chunk.length;
        if (this.#state === 'over') return;
        this.#listener.advanced();
        this.#writeOn();
      },
      () => this.#fail(),
    );
  }

  #end(): void {
    if (this.#state !== 'ended') return;
    this.#writing = true;
    this.#writer.finish().then(
      (body) => {
        if (this.#state === 'over') return;
        this.#state = 'over';
        this.#finished?.resolve(body);
      },
      () => this.#fail(),
    );
  }

  #fail(): void {
    if (this.#state === 'over') return;
    this.discard();
    this.#listener.failed();
  }
}
