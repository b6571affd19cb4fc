// The content of a request, read before the request goes on: in memory up to a bound, then on the disk where there is one. A slow
// client so holds no connection of an origin. What is longer than there is room for goes on as it comes.
//
// When the client leaves, content that is there as a whole goes on to a reader that has begun, so that the outcome of a write
// stays known; any other is dropped.

import { TidegateError } from '../../../errors.ts';
import type { MemoryBudget } from '../../../memory/budget.ts';
import type { RequestBody } from '../../../ports.ts';
import type { ResolvedConfig } from '../../config/config.ts';
import { RateWatch } from '../min-rate.ts';
import type { SpoolFile, UploadSpool } from '../upload-spool.ts';

/** What a piece costs beside its bytes. */
const PIECE_BYTES = 256;

export interface UploadRoom {
  /** Of one request, in memory. */
  readonly maxBytes: number;
  readonly budget: Pick<MemoryBudget, 'reserve' | 'release'>;
  /** Undefined: there is no disk. */
  readonly spool: UploadSpool | undefined;
  /** Undefined: there is no least rate. */
  readonly rates: RateWatch | undefined;
  readonly counts: UploadCounts;
}

/** Requests by where their content was when they went on; and those that were too slow. */
export type UploadCounts = Record<'buffered' | 'spooled' | 'streamed' | 'slow', number>;

/** `spool`: none if there is no disk. */
export function uploadRoom(
  limits: Pick<ResolvedConfig['limits'], 'bufferedRequestBytes' | 'minRequestRate' | 'minRequestRateWindowMs'>,
  budget: UploadRoom['budget'],
  spool?: UploadSpool,
): UploadRoom {
  const { bufferedRequestBytes: maxBytes, minRequestRate: bytesPerSecond, minRequestRateWindowMs: windowMs } = limits;
  const rates = bytesPerSecond === 0 ? undefined : new RateWatch({ bytesPerSecond, windowMs });
  return { maxBytes, budget, rates, spool, counts: { buffered: 0, spooled: 0, streamed: 0, slow: 0 } };
}

export class ReadAhead implements RequestBody {
  readonly #source: AsyncIterator<Uint8Array, undefined>;
  readonly #room: UploadRoom;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #file: SpoolFile | undefined;
  /** The piece for which there was no room. */
  #last: Uint8Array | undefined;
  #isWhole = false;
  #begun = false;
  #dropped = false;

  constructor(source: AsyncIterable<Uint8Array>, room: UploadRoom) {
    this.#source = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
    this.#room = room;
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Reads until all is there, or there is no more room. Rejects when the content breaks off. */
  async fill(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#source.next();
      this.#mustBeWanted();
      if (done === true) this.#isWhole = true;
      else if (this.#hold(value) || (await this.#write(value))) continue;
      else this.#last = value;
      break;
    }
    this.#room.counts[this.#isWhole ? (this.#file === undefined ? 'buffered' : 'spooled') : 'streamed']++;
  }

  /** The client, or its exchange, is gone. */
  drop(): void {
    if (this.#begun && this.#isWhole) return;
    this.#dropped = true;
    this.#free();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, undefined> {
    this.#begun = true;
    try {
      for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
        yield piece;
        this.#release(piece.length + PIECE_BYTES);
      }
      if (this.#file !== undefined) yield* this.#file.read();
      if (this.#last !== undefined) yield this.#last;
      if (!this.#isWhole) yield* { [Symbol.asyncIterator]: () => this.#source };
    } finally {
      this.#free();
    }
  }

  #next(): Uint8Array | undefined {
    this.#mustBeWanted();
    return this.#pieces.shift();
  }

  #mustBeWanted(): void {
    if (!this.#dropped) return;
    throw new TidegateError('E_ABANDONED', 'expected an exchange under way, got its end');
  }

  #hold(piece: Uint8Array): boolean {
    const { maxBytes, budget } = this.#room;
    const bytes = piece.length + PIECE_BYTES;
    if (this.#file !== undefined || this.#bytes + bytes > maxBytes || !budget.reserve('uploads', bytes)) return false;
    this.#bytes += bytes;
    this.#pieces.push(compact(piece));
    return true;
  }

  async #write(piece: Uint8Array): Promise<boolean> {
    this.#file ??= this.#room.spool?.create();
    return this.#file !== undefined && (await this.#file.append(piece));
  }

  #release(bytes: number): void {
    // What was dropped meanwhile is released already.
    const left = Math.min(bytes, this.#bytes);
    this.#bytes -= left;
    if (left > 0) this.#room.budget.release('uploads', left);
  }

  #free(): void {
    this.#pieces.length = 0;
    this.#last = undefined;
    this.#release(this.#bytes);
    this.#file?.discard();
  }
}

/** A small piece of a large buffer would keep all of it. */
function compact(piece: Uint8Array): Uint8Array {
  if (piece.length * 2 >= piece.buffer.byteLength) return piece;
  const copy = Buffer.allocUnsafeSlow(piece.length);
  copy.set(piece);
  return copy;
}
