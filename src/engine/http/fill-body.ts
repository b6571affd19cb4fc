// A body on its way from the origin, read by any number of clients at their own speed.
//
// A body is kept, spooled or passed. Kept, it is going to be stored: every chunk stays, the origin is read at full speed,
// and no reader holds up another. Spooled, it is stored too, but is large: it is written to a body store as it comes, a
// window of it is held, and who falls behind that reads what was written. Passed, it is not stored: only the window is held.
// Then the fastest reader sets the pace, and one that falls a whole window behind is cut loose.

import type { LargeBody, StoredResponse } from '../../entry/stored-response.ts';
import type { MemoryBudget } from '../../memory/budget.ts';
import { type Lent, paceOf, type Taker } from '../../memory/takers.ts';
import type { BodySource } from '../../ports.ts';
import { type Fields, NO_FIELDS } from '../../semantics/fields.ts';
import { HeldChunks } from './held-chunks.ts';
import type { Spool, SpoolListener } from './spool.ts';

/** A passed body is read ahead of its fastest reader by this much where memory is short; no more waits to be written then. */
const SHORT_BYTES = 64 * 1024;
/** A reader of a passed body may be this far behind the fastest one; of a spooled one this much is held. */
const MAX_LAG_BYTES = 4 * 1024 * 1024;
/** Bytes of a spooled body that may wait to be written. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;
/** Read back at once by one who is behind what is held. */
const READ_BACK_BYTES = 256 * 1024;

/** Told when the origin should send more, or no one listens any more. */
export interface FillBodyControl {
  /** A passed body is read ahead of its fastest reader by this much. */
  readonly readAheadBytes: number;
  pause(): void;
  resume(): void;
  /** The last reader has gone. */
  unread(): void;
  /** A spooled body could not be written, and is passed from now on. */
  unwritten(): void;
}

/** Its fields are changed here alone. */
export class FillBody {
  readonly #control: FillBodyControl;
  /** All chunks of a body that is kept; otherwise the chunks that are still held. */
  readonly held: HeldChunks;
  #kept = true;
  #spool: Spool | undefined;
  #paused = false;
  state: 'open' | 'ended' | 'failed' = 'open';
  trailers: Fields = NO_FIELDS;
  readonly #readers = new Set<Reader>();

  constructor(control: FillBodyControl, budget: MemoryBudget) {
    this.#control = control;
    this.held = new HeldChunks(budget);
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  get isSpooled(): boolean {
    return this.#spool !== undefined;
  }

  append(chunk: Uint8Array): void {
    if (this.state !== 'open' || chunk.length === 0) return;
    this.held.append(chunk);
    // To make room for it, this very body may have been given up.
    if (this.state !== 'open') return this.#dropUnread();
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
  spool(begin: (listener: SpoolListener) => Spool): void {
    const failed = () => {
      this.pass();
      this.#control.unwritten();
    };
    this.#spool = begin({ advanced: () => this.advanced(), failed });
    for (const chunk of this.held.chunks) this.#spool.append(chunk);
    this.advanced();
  }

  /** All of a spooled body, once it is written; undefined when that failed. */
  async spooled(): Promise<LargeBody | undefined> {
    return this.#spool?.finish();
  }

  /** Where its chunks become those of a stored body, they count there alone: who still reads them holds that. */
  handOver<Refused>({ key, large }: StoredResponse, store: () => Refused | undefined): Refused | undefined {
    if (large?.pieces === undefined) return store();
    this.held.count(false);
    const refusal = store();
    if (refusal !== undefined) this.held.count(true);
    else for (const reader of this.#readers) reader.release = this.held.holdAs(large, { key, taker: reader.taker });
    return refusal;
  }

  /** Discards the written body, which is not stored after all. Current readers may finish. */
  unwanted(): void {
    this.#kept = false;
    if (this.#readers.size === 0) this.#spool?.discard();
  }

  /** Bytes that are not held any more; undefined when they were not written either. */
  readBack(start: number): Promise<Uint8Array> | undefined {
    return this.#spool?.read({ start, end: Math.min(this.held.firstByte, start + READ_BACK_BYTES) });
  }

  /** A reader that starts at the first byte; only while that is still held. */
  reader(): BodySource {
    const reader = new Reader(this);
    this.#readers.add(reader);
    if (this.#readers.size === 1) this.held.lend(lentTo(this.#readers, this));
    return reader;
  }

  /** A reader or the writer has advanced, or bytes have come. */
  advanced(): void {
    if (this.#spool !== undefined) this.#slideBehind(this.#spool);
    else if (this.state === 'open') this.#kept || this.#slide();
    // It is over: nobody else comes, and one reader alone needs no more than the rest.
    else if (this.#readers.size === 1)
      for (const reader of this.#readers) this.held.drop(reader.nextChunk - this.held.firstChunk);
  }

  /** The reader has gone, or has read all. */
  remove(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    reader.release?.();
    if (this.#readers.size > 0) return this.advanced();
    this.held.lend(undefined);
    if (!this.#kept) this.#spool?.discard();
    if (this.state === 'open') this.#control.unread();
    else this.#dropUnread();
  }

  /** A spooled body keeps its window in memory, and the bytes that are not written yet. */
  #slideBehind(spool: Spool): void {
    const { isShort, bytes } = this.held;
    const window = isShort || this.#readers.size === 0 ? 0 : MAX_LAG_BYTES;
    this.held.dropUpTo(Math.min(spool.written, bytes - window));
    this.#pace(spool.unwritten > (isShort ? SHORT_BYTES : MAX_UNWRITTEN_BYTES));
  }

  #finish(state: 'ended' | 'failed'): void {
    if (this.state !== 'open') return;
    this.state = state;
    for (const reader of this.#readers) reader.wake();
    this.#dropUnread();
  }

  /** It is over, and nobody reads it any more. What is not written yet stays, for a reader that comes before it is stored. */
  #dropUnread(): void {
    if (this.#readers.size > 0) return;
    if (this.#spool !== undefined && this.state === 'ended') this.#slideBehind(this.#spool);
    else this.held.dropAll();
  }

  #slide(): void {
    const { held } = this;
    const { readAheadBytes } = this.#control;
    let fastest = this.#readers.size === 0 ? held.bytes : 0;
    for (const reader of this.#readers) fastest = Math.max(fastest, reader.bytesRead);
    let slowest = held.firstChunk + held.chunks.length;
    for (const reader of this.#readers) {
      if (fastest - reader.bytesRead > MAX_LAG_BYTES || reader.bytesRead < held.firstByte) reader.cutLoose();
      else slowest = Math.min(slowest, reader.nextChunk);
    }
    held.drop(slowest - held.firstChunk);
    this.#pace(held.bytes - fastest > (held.isShort ? Math.min(SHORT_BYTES, readAheadBytes) : readAheadBytes));
  }

  #pace(pause: boolean): void {
    if (pause === this.#paused || this.state !== 'open') return;
    this.#paused = pause;
    this.#control[pause ? 'pause' : 'resume']();
  }
}

function lentTo(readers: ReadonlySet<Reader>, body: FillBody): Lent {
  return {
    get pace() {
      return body.held.isReleasable ? paceOf([...readers].map(({ taker }) => taker)) : undefined;
    },
    cut() {
      for (const reader of [...readers]) {
        reader.taker?.cut();
        reader.cutLoose();
        body.remove(reader);
      }
    },
  };
}

class Reader implements BodySource {
  readonly #body: FillBody;
  #wake: (() => void) | undefined;
  #lost = false;
  /** Bytes read back, or on their way. */
  #back: Uint8Array | 'pending' | undefined;
  taker: Taker | undefined;
  release: (() => void) | undefined;
  nextChunk = 0;
  bytesRead = 0;

  constructor(body: FillBody) {
    this.#body = body;
  }

  read(): Uint8Array | 'pending' | 'end' | 'failed' {
    if (this.#lost) return this.#over('failed');
    const { held } = this.#body;
    if (this.bytesRead < held.firstByte) return this.#readBack();
    const chunk = held.at(this.nextChunk);
    if (chunk !== undefined) {
      this.nextChunk++;
      this.bytesRead += chunk.length;
      this.#body.advanced();
      return chunk;
    }
    if (this.#body.state === 'open') return 'pending';
    return this.#over(this.#body.state === 'ended' ? 'end' : 'failed');
  }

  #over<How>(how: How): How {
    this.#body.remove(this);
    return how;
  }

  /** Behind what is held: from what was written. */
  #readBack(): Uint8Array | 'pending' | 'failed' {
    const back = this.#back;
    if (back === 'pending') return back;
    this.#back = undefined;
    if (back !== undefined) {
      this.bytesRead += back.length;
      const { firstByte, firstChunk } = this.#body.held;
      if (this.bytesRead === firstByte) this.nextChunk = firstChunk;
      return back;
    }
    const read = this.#body.readBack(this.bytesRead);
    if (read === undefined) return this.#over('failed');
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

  takenBy(taker: Taker): void {
    this.taker = taker;
  }

  cancel(): void {
    this.#wake = undefined;
    this.#body.remove(this);
  }

  trailers(): Fields {
    return this.#body.trailers;
  }
}
