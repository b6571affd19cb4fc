// A range of a large body on its way from its file to one reader.
//
// Reads one block after the other, verifies each before it gives a byte of it, and reads only a few ahead. A reader that
// stops reading stops the disk.

import type { LargeBody } from '../../../entry/stored-response.ts';
import type { BodySource } from '../../../ports.ts';
import { type Fields, NO_FIELDS } from '../../../semantics/fields.ts';
import type { DiskFile } from '../contract.ts';
import { BLOCK_CONTENT_BYTES, readBlock } from './body-blocks.ts';

/** Blocks read before the reader asks for them. */
const AHEAD = 2;

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

interface SourceParts {
  readonly body: LargeBody;
  readonly range: ByteRange;
  /** The source closes it. Undefined when the file does not exist. */
  readonly file: DiskFile | undefined;
  /** Called when a block cannot be read or differs from the written one. */
  readonly spoiled: (error: unknown) => void;
}

export class LargeBodySource implements BodySource {
  readonly #parts: SourceParts;
  readonly #ready: Uint8Array[] = [];
  #next: number;
  readonly #last: number;
  #state: 'open' | 'failed' | 'cancelled' = 'open';
  #isReading = false;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    const { start, end } = parts.range;
    this.#next = Math.floor(start / BLOCK_CONTENT_BYTES);
    this.#last = end > start ? Math.floor((end - 1) / BLOCK_CONTENT_BYTES) : this.#next - 1;
    if (parts.file === undefined || end > parts.body.bytes) this.#state = 'failed';
    this.#readAhead();
  }

  read(): Uint8Array | 'pending' | 'end' | 'failed' {
    const chunk = this.#ready.shift();
    if (chunk !== undefined) {
      this.#readAhead();
      return chunk;
    }
    if (this.#state !== 'open') return 'failed';
    return this.#next > this.#last && !this.#isReading ? 'end' : 'pending';
  }

  whenReadable(ready: () => void): void {
    const isPending =
      this.#ready.length === 0 && this.#state === 'open' && (this.#isReading || this.#next <= this.#last);
    if (isPending) this.#wake = ready;
    else ready();
  }

  cancel(): void {
    this.#state = 'cancelled';
    this.#ready.length = 0;
    this.#wake = undefined;
    this.#close();
  }

  trailers(): Fields {
    return NO_FIELDS;
  }

  #readAhead(): void {
    if (this.#isReading) return;
    if (this.#state !== 'open' || this.#next > this.#last) return this.#close();
    if (this.#ready.length >= AHEAD) return;
    this.#isReading = true;
    const block = this.#next++;
    readBlock(this.#parts.file as DiskFile, this.#parts.body, block).then(
      (content) => {
        this.#isReading = false;
        if (this.#state !== 'open') return this.#close();
        this.#ready.push(this.#part(content, block));
        this.#readAhead();
        this.#tell();
      },
      (error: unknown) => {
        this.#isReading = false;
        if (this.#state === 'open') this.#state = 'failed';
        this.#close();
        this.#parts.spoiled(error);
        this.#tell();
      },
    );
  }

  /** The part of the block within the range. */
  #part(content: Uint8Array, block: number): Uint8Array {
    const { start, end } = this.#parts.range;
    const at = block * BLOCK_CONTENT_BYTES;
    return content.subarray(Math.max(0, start - at), Math.min(content.length, end - at));
  }

  #tell(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #close(): void {
    if (this.#isClosed || this.#isReading) return;
    this.#isClosed = true;
    this.#parts.file?.close();
  }
}
