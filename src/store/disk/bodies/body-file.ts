// The file of a large body, and the reading of it. The file is blocks of one length, each a checksum and content; the last
// one is shorter. The body's id and the block's number seed the checksum, so that no block passes for another.
//
// A reader gets a range of it, one block after the other, each verified before a byte of it is given. Only a few are read
// ahead, so a reader that stops reading stops the disk.

import { crc32 } from 'node:zlib';
import type { LargeBody } from '../../../entry/stored-response.ts';
import type { BodySource } from '../../../ports.ts';
import { type Fields, NO_FIELDS } from '../../../semantics/fields.ts';
import type { DiskFile, DiskFolder } from '../contract.ts';

export const BODY_FOLDER = 'bodies';

const BLOCK_BYTES = 256 * 1024;
export const CHECKSUM_BYTES = 4;
/** Bytes of the body in a full block. */
export const BLOCK_CONTENT_BYTES = BLOCK_BYTES - CHECKSUM_BYTES;

/** Whether a file may have this name; a damaged manifest must not lead elsewhere. */
export function isBodyId(id: string): boolean {
  return /^[0-9a-f]{16}$/.test(id);
}

export function bodyName(id: string): string {
  return `${BODY_FOLDER}/${id.slice(0, 2)}/${id}`;
}

/** Writes a block whose content is complete; its checksum comes first. */
export async function writeBlock(
  file: DiskFile,
  { id, block }: { id: string; block: number },
  bytes: Buffer,
): Promise<void> {
  bytes.writeUInt32LE(crc32(bytes.subarray(CHECKSUM_BYTES), seedOf(id, block)));
  await file.write(bytes, block * BLOCK_BYTES);
}

/** The verified content of one block. Rejects when it is lost or altered. */
export async function readBlock(file: DiskFile, body: LargeBody, block: number): Promise<Buffer> {
  const length = CHECKSUM_BYTES + Math.min(BLOCK_CONTENT_BYTES, body.bytes - block * BLOCK_CONTENT_BYTES);
  const bytes = Buffer.allocUnsafeSlow(length);
  const content = bytes.subarray(CHECKSUM_BYTES);
  const read = await file.read(bytes, block * BLOCK_BYTES);
  if (read !== bytes.length) throw new Error(`expected ${bytes.length} bytes of block ${block}, got ${read}`);
  if (crc32(content, seedOf(body.id, block)) !== bytes.readUInt32LE(0)) {
    throw new Error(`expected block ${block} to have its checksum, got another`);
  }
  return content;
}

function seedOf(id: string, block: number): number {
  return crc32(`${id}:${block}`);
}

/** Blocks read before the reader asks for them. */
const AHEAD = 2;

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The part of a block's content within the range. */
export function partOf(content: Uint8Array, block: number, { start, end }: ByteRange): Uint8Array {
  const at = block * BLOCK_CONTENT_BYTES;
  return content.subarray(Math.max(0, start - at), Math.min(content.length, end - at));
}

interface SourceParts {
  readonly body: LargeBody;
  readonly range: ByteRange;
  readonly folder: DiskFolder;
  /** Called when the body differs from the written one, or cannot be read. */
  readonly spoiled: (error: unknown) => void;
  /** Called when the file cannot be opened now, e.g. for want of descriptors; that says nothing about the body. */
  readonly fault: (error: unknown) => void;
}

export class LargeBodySource implements BodySource {
  readonly #parts: SourceParts;
  /** Undefined when it cannot be opened. */
  readonly #file: DiskFile | undefined;
  readonly #ready: Uint8Array[] = [];
  #next: number;
  readonly #last: number;
  #state: 'open' | 'failed' | 'cancelled' = 'open';
  #isReading = false;
  #wake: (() => void) | undefined;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    const { body, folder, range } = parts;
    try {
      if (isBodyId(body.id)) this.#file = folder.open(bodyName(body.id), { create: false });
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (isMissing) parts.spoiled(new Error('expected a file, got none', { cause: error }));
      else parts.fault(error);
    }
    const { start, end } = range;
    this.#next = Math.floor(start / BLOCK_CONTENT_BYTES);
    this.#last = end > start ? Math.floor((end - 1) / BLOCK_CONTENT_BYTES) : this.#next - 1;
    if (this.#file === undefined || end > body.bytes) this.#state = 'failed';
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
    const read = readBlock(this.#file as DiskFile, this.#parts.body, block).then(
      (content) => {
        if (this.#state === 'open') this.#ready.push(partOf(content, block, this.#parts.range));
      },
      (error: unknown) => {
        if (this.#state === 'open') this.#state = 'failed';
        this.#parts.spoiled(error);
      },
    );
    read.then(() => {
      this.#isReading = false;
      this.#readAhead();
      const wake = this.#wake;
      this.#wake = undefined;
      wake?.();
    });
  }

  #close(): void {
    if (!this.#isReading) this.#file?.close();
  }
}
