// A body on its way from the origin, read by any number of clients at their own speed.
//
// A body is kept, spooled or passed. Kept, it is going to be stored: every chunk stays until the
// end, the origin is read at full speed, and no reader can hold up another. Spooled, it is going to be stored too, but is
// large: it is written to a body store as it arrives, a window of it is held, and who falls behind that reads what was
// written. Passed, it is not to be stored: only the window is held. Then the fastest reader sets the pace, and one that
// falls a whole window behind is cut loose, since waiting for it would stall the others and buffering for it would have no
// bound.

import type { LargeBody } from '../../entry/stored-response.ts';
import type { BodySource } from '../../ports.ts';
import { type Fields, NO_FIELDS } from '../../semantics/fields.ts';
import type { Spool, SpoolListener } from './spool.ts';

/** A passed body is read ahead of its fastest reader by this much. */
const READ_AHEAD_BYTES = 256 * 1024;
/** A reader of a passed body may be this far behind the fastest one; of a spooled one this much is held. */
const MAX_LAG_BYTES = 4 * 1024 * 1024;
/** Bytes of a spooled body that may wait to be written. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;
/** Read back at once by one who is behind what is held. */
const READ_BACK_BYTES = 256 * 1024;

/** Told when the origin should send more, or no one listens any more. */
export interface FillBodyControl {
  pause(): void;
  resume(): void;
  /** The last reader of a passed body has gone. */
  abandoned(): void;
  /** A spooled body could not be written, and is passed from now on. */
  unwritten(): void;
}

/** Its fields are changed here alone. */
export class FillBody {
  readonly #control: FillBodyControl;
  /** All chunks of a body that is kept; otherwise the chunks that are still held. */
  readonly chunks: Uint8Array[] = [];
  /** Index, in the whole body, of the first chunk still held. */
  firstChunk = 0;
  /** Offset of its first byte. */
  firstByte = 0;
  /** Bytes arrived so far. */
  bytes = 0;
  #kept = true;
  #spool: Spool | undefined;
  #paused = false;
  state: 'open' | 'ended' | 'failed' = 'open';
  trailers: Fields = NO_FIELDS;
  readonly #readers = new Set<Reader>();

  constructor(control: FillBodyControl) {
    this.#control = control;
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  get isSpooled(): boolean {
    return this.#spool !== undefined;
  }

  append(chunk: Uint8Array): void {
    if (this.state !== 'open' || chunk.length === 0) return;
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    this.#spool?.append(chunk);
    for (const reader of this.#readers) reader.wake();
    this.advanced();
  }

  end(trailers: Fields): void {
    this.trailers = trailers;
    this.#finish('ended');
  }

  fail(): void {
    this.#spool?.discard();
    this.#finish('failed');
  }

  /** The body will not be stored: from now on only a window of it is held. */
  pass(): void {
    this.#kept = false;
    this.#spool?.discard();
    this.#spool = undefined;
    this.advanced();
  }

  /** The body is large: from now on it is written as it arrives. What cannot be written is passed. */
  spool(bodies: { spool(listener: SpoolListener): Spool }): void {
    const failed = () => {
      this.pass();
      this.#control.unwritten();
    };
    this.#spool = bodies.spool({ advanced: () => this.advanced(), failed });
    for (const chunk of this.chunks) this.#spool.append(chunk);
    this.advanced();
  }

  /** All of a spooled body, once it is written; undefined when that failed. */
  async spooled(): Promise<LargeBody | undefined> {
    return this.#spool?.finish();
  }

  /** Discards the written body, which is not stored after all. Current readers may finish. */
  unwanted(): void {
    this.#kept = false;
    if (this.#readers.size === 0) this.#spool?.discard();
  }

  /** Bytes that are not held any more; undefined when they were not written either. */
  readBack(start: number): Promise<Uint8Array> | undefined {
    return this.#spool?.read({ start, end: Math.min(this.firstByte, start + READ_BACK_BYTES) });
  }

  /** A reader that starts at the first byte; only while that is still held. */
  reader(): BodySource {
    const reader = new Reader(this);
    this.#readers.add(reader);
    return reader;
  }

  /** A reader or the writer has advanced, or bytes have come. */
  advanced(): void {
    if (this.#spool !== undefined) this.#slideBehind(this.#spool);
    else if (!this.#kept) this.#slide();
  }

  remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#kept) return;
    if (this.#readers.size === 0) this.#spool?.discard();
    if (this.state !== 'open') return;
    if (this.#readers.size === 0) this.#control.abandoned();
    else this.#slide();
  }

  /** A spooled body keeps its window in memory, and the bytes that are not written yet. */
  #slideBehind(spool: Spool): void {
    const upTo = Math.min(spool.written, this.bytes - MAX_LAG_BYTES);
    let count = 0;
    let end = this.firstByte;
    while (count < this.chunks.length) {
      end += (this.chunks[count] as Uint8Array).length;
      if (end > upTo) break;
      count++;
    }
    this.#drop(count);
    this.#pace(spool.unwritten > MAX_UNWRITTEN_BYTES);
  }

  #drop(count: number): void {
    for (const chunk of this.chunks.splice(0, count)) this.firstByte += chunk.length;
    this.firstChunk += count;
  }

  #finish(state: 'ended' | 'failed'): void {
    if (this.state !== 'open') return;
    this.state = state;
    for (const reader of this.#readers) reader.wake();
  }

  #slide(): void {
    let fastest = this.#readers.size === 0 ? this.bytes : 0;
    for (const reader of this.#readers) fastest = Math.max(fastest, reader.bytesRead);
    let slowest = this.firstChunk + this.chunks.length;
    for (const reader of this.#readers) {
      if (fastest - reader.bytesRead > MAX_LAG_BYTES || reader.bytesRead < this.firstByte) reader.cutLoose();
      else slowest = Math.min(slowest, reader.nextChunk);
    }
    this.#drop(Math.max(0, slowest - this.firstChunk));
    this.#pace(this.bytes - fastest > READ_AHEAD_BYTES);
  }

  #pace(pause: boolean): void {
    if (pause === this.#paused || this.state !== 'open') return;
    this.#paused = pause;
    if (pause) this.#control.pause();
    else this.#control.resume();
  }
}

class Reader implements BodySource {
  readonly #body: FillBody;
  #wake: (() => void) | undefined;
  #lost = false;
  /** Bytes read back, or on their way. */
  #back: Uint8Array | 'pending' | undefined;
  nextChunk = 0;
  bytesRead = 0;

  constructor(body: FillBody) {
    this.#body = body;
  }

  read(): Uint8Array | 'pending' | 'end' | 'failed' {
    if (this.#lost) return 'failed';
    if (this.bytesRead < this.#body.firstByte) return this.#readBack();
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

  /** Behind what is held: from what was written. */
  #readBack(): Uint8Array | 'pending' | 'failed' {
    const back = this.#back;
    if (back === 'pending') return back;
    this.#back = undefined;
    if (back !== undefined) {
      this.bytesRead += back.length;
      if (this.bytesRead === this.#body.firstByte) this.nextChunk = this.#body.firstChunk;
      return back;
    }
    const read = this.#body.readBack(this.bytesRead);
    if (read === undefined) return 'failed';
    this.#back = 'pending';
    read.then(
      (bytes) => {
        this.#back = bytes;
        this.wake();
      },
      () => this.cutLoose(),
    );
    return 'pending';
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
