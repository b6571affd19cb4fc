// The chunks of one body that are held in memory, counted in the budget of the gate.

import type { LargeBody } from '../../entry/stored-response.ts';
import { CHUNK_BYTES, type MemoryBudget } from '../../memory/budget.ts';
import type { Lent, Taker } from '../../memory/takers.ts';

/** A longer body is written to the body store, where there is one, instead of being held in memory. */
const LARGE_BODY_BYTES = 4 * 1024 * 1024;
const LARGE_WHERE_SHORT_BYTES = 1024 * 1024;

/** Takes an answer that no client waits for. */
const NOBODY: Taker = { pace: undefined, cut: () => {} };

/** Its fields are changed here alone. */
export class HeldChunks {
  readonly #budget: MemoryBudget;
  readonly chunks: Uint8Array[] = [];
  /** Index, in the whole body, of the first chunk still held. */
  firstChunk = 0;
  /** Offset of its first byte. */
  firstByte = 0;
  /** Bytes arrived so far. */
  bytes = 0;
  /** The last chunk went beyond the budget. */
  isShort = false;
  /** Whether they count in `fills`: not while a stored body has taken them over. */
  #isCounted = true;
  #unlend: (() => void) | undefined;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** They are held for readers from now on; undefined: no longer. */
  lend(lent: Lent | undefined): void {
    this.#unlend?.();
    this.#unlend = lent && this.#budget.lend(lent);
  }

  /** It is held in any case: it has come. */
  append(chunk: Uint8Array): void {
    const cost = chunk.length + CHUNK_BYTES;
    this.isShort = !this.#budget.reserve('fills', cost);
    if (this.isShort) this.#budget.take('fills', cost);
    this.chunks.push(chunk);
    this.bytes += chunk.length;
  }

  get isLarge(): boolean {
    return this.bytes > (this.isShort ? LARGE_WHERE_SHORT_BYTES : LARGE_BODY_BYTES);
  }

  /** Whether a cut of their readers would release some. */
  get isReleasable(): boolean {
    return this.#isCounted && this.chunks.length > 0;
  }

  /** All of a body that is kept. */
  get large(): LargeBody {
    return { id: '', bytes: this.bytes, pieces: [...this.chunks] };
  }

  /** Makes them count in `fills`, or not while a stored body has taken them over. */
  count(isCounted: boolean): void {
    if (isCounted === this.#isCounted) return;
    this.#isCounted = isCounted;
    const cost = this.bytes - this.firstByte + this.chunks.length * CHUNK_BYTES;
    if (isCounted) this.#budget.take('fills', cost);
    else this.#budget.release('fills', cost);
  }

  /** Holds the stored body that has taken them over, for one of its readers. */
  holdAs(large: LargeBody, { key, taker = NOBODY }: { readonly key: string; readonly taker: Taker | undefined }) {
    return this.#budget.hold(large, { key, taker });
  }

  /** The chunk of this index in the whole body. */
  at(index: number): Uint8Array | undefined {
    return this.chunks[index - this.firstChunk];
  }

  /** Drops the first chunks. */
  drop(count: number): void {
    if (count <= 0) return;
    const before = this.firstByte;
    const dropped = this.chunks.splice(0, count);
    for (const chunk of dropped) this.firstByte += chunk.length;
    this.firstChunk += dropped.length;
    if (this.#isCounted) this.#budget.release('fills', this.firstByte - before + dropped.length * CHUNK_BYTES);
  }

  dropAll(): void {
    this.drop(this.chunks.length);
  }

  /** Drops the chunks that end at this offset or before it. */
  dropUpTo(offset: number): void {
    let count = 0;
    for (let end = this.firstByte; count < this.chunks.length; count++) {
      end += (this.chunks[count] as Uint8Array).length;
      if (end > offset) break;
    }
    this.drop(count);
  }
}
