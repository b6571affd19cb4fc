// A body on its way from the origin, read by any number of clients at their own speed.
//
// The one complication: a body is either kept or passed. Kept, it is going to be stored: every chunk stays until the end,
// the origin is read at full speed, and no reader can hold up another. Passed, it is too large or not to be stored: only
// a window of it is held. Then the fastest reader sets the pace, and one that falls a whole window behind is cut loose,
// since waiting for it would stall the others and buffering for it would have no bound.

import type { BodySource } from '../ports.ts';
import { type Fields, NO_FIELDS } from '../semantics/fields.ts';

/** A passed body is read ahead of its fastest reader by this much. */
const READ_AHEAD_BYTES = 256 * 1024;
/** A reader of a passed body may be this far behind the fastest one. */
const MAX_LAG_BYTES = 4 * 1024 * 1024;

/** Told when the origin should send more, or no one listens any more. */
export interface FillBodyControl {
  pause(): void;
  resume(): void;
  /** The last reader of a passed body has gone. */
  abandoned(): void;
}

export class FillBody {
  readonly #control: FillBodyControl;
  #chunks: Uint8Array[] = [];
  /** Index, in the whole body, of the first chunk still held. */
  #firstChunk = 0;
  #bytes = 0;
  #kept = true;
  #paused = false;
  #state: 'open' | 'ended' | 'failed' = 'open';
  #trailers: Fields = NO_FIELDS;
  readonly #readers = new Set<Reader>();

  constructor(control: FillBodyControl) {
    this.#control = control;
  }

  /** Bytes arrived so far. */
  get bytes(): number {
    return this.#bytes;
  }

  get state(): 'open' | 'ended' | 'failed' {
    return this.#state;
  }

  get trailers(): Fields {
    return this.#trailers;
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  /** All chunks of a kept body. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  get firstChunk(): number {
    return this.#firstChunk;
  }

  append(chunk: Uint8Array): void {
    if (this.#state !== 'open' || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (const reader of this.#readers) reader.wake();
    if (!this.#kept) this.#slide();
  }

  end(trailers: Fields): void {
    this.#trailers = trailers;
    this.#finish('ended');
  }

  fail(): void {
    this.#finish('failed');
  }

  /** The body will not be stored: from now on only a window of it is held. */
  pass(): void {
    this.#kept = false;
    this.#slide();
  }

  /** A reader that starts at the first byte; only while that is still held. */
  reader(): BodySource {
    const reader = new Reader(this);
    this.#readers.add(reader);
    return reader;
  }

  /** A reader has advanced. */
  advanced(): void {
    if (!this.#kept) this.#slide();
  }

  remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#kept || this.#state !== 'open') return;
    if (this.#readers.size === 0) this.#control.abandoned();
    else this.#slide();
  }

  #finish(state: 'ended' | 'failed'): void {
    if (this.#state !== 'open') return;
    this.#state = state;
    for (const reader of this.#readers) reader.wake();
  }

  #slide(): void {
    let fastest = this.#readers.size === 0 ? this.#bytes : 0;
    for (const reader of this.#readers) fastest = Math.max(fastest, reader.bytesRead);
    let slowest = this.#firstChunk + this.#chunks.length;
    for (const reader of this.#readers) {
      if (fastest - reader.bytesRead > MAX_LAG_BYTES) reader.cutLoose();
      else slowest = Math.min(slowest, reader.nextChunk);
    }
    this.#chunks.splice(0, slowest - this.#firstChunk);
    this.#firstChunk = slowest;
    this.#pace(this.#bytes - fastest > READ_AHEAD_BYTES);
  }

  #pace(pause: boolean): void {
    if (pause === this.#paused || this.#state !== 'open') return;
    this.#paused = pause;
    if (pause) this.#control.pause();
    else this.#control.resume();
  }
}

class Reader implements BodySource {
  readonly #body: FillBody;
  #wake: (() => void) | undefined;
  #lost = false;
  nextChunk = 0;
  bytesRead = 0;

  constructor(body: FillBody) {
    this.#body = body;
  }

  read(): Uint8Array | 'pending' | 'end' | 'failed' {
    if (this.#lost) return 'failed';
    const chunk = this.#body.chunks[this.nextChunk - this.#body.firstChunk];
    if (chunk !== undefined) {
      this.nextChunk++;
      this.bytesRead += chunk.length;
      this.#body.advanced();
      return chunk;
    }
    if (this.#body.state === 'open') return 'pending';
    return this.#body.state === 'ended' ? 'end' : 'failed';
  }

  whenReadable(ready: () => void): void {
    this.#wake = ready;
  }

  wake(): void {
    const ready = this.#wake;
    this.#wake = undefined;
    ready?.();
  }

  cutLoose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.wake();
  }

  cancel(): void {
    this.#wake = undefined;
    this.#body.remove(this);
  }

  trailers(): Fields {
    return this.#body.trailers;
  }
}
