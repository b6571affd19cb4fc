// The file of a large body, and the writing of it. The file is blocks of one length, each a checksum and content; the last
// one is shorter. The body's id and the block's number seed the checksum, so that no block passes for another.
//
// It is written block by block. Others read behind the writer, even after it has finished. Bytes not yet in the file come from
// memory. The file stays open until nobody has read for a while, since it may be removed at any time.

import { crc32 } from 'node:zlib';
import type { LargeBody } from '../../../entry/stored-response.ts';
import type { BodyWriter, Tasks } from '../../../ports.ts';
import type { DiskFile } from '../contract.ts';
import type { DiskRoom } from '../segments/disk-room.ts';

export const BODY_FOLDER = 'bodies';

const BLOCK_BYTES = 256 * 1024;
const CHECKSUM_BYTES = 4;
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
async function writeBlock(file: DiskFile, { id, block }: { id: string; block: number }, bytes: Buffer): Promise<void> {
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

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The part of a block's content within the range. */
export function partOf(content: Uint8Array, block: number, { start, end }: ByteRange): Uint8Array {
  const at = block * BLOCK_CONTENT_BYTES;
  return content.subarray(Math.max(0, start - at), Math.min(content.length, end - at));
}

/** Blocks that may be on their way to the disk before the writer has to wait. */
const MAX_UNDER_WAY = 2;
const IDLE_MS = 60_000;

interface WriterOptions {
  /** Its `bytes` are those appended so far. */
  readonly body: { readonly id: string; bytes: number };
  readonly room: DiskRoom;
  readonly tasks: Tasks;
  /** Opens the body's file; throws the platform's error. */
  readonly open: (create: boolean) => DiskFile;
  /** Called when nothing more will be written. A body that failed must go, one that is discarded unless an entry names it. */
  readonly ended: (how: 'finished' | 'failed' | 'discarded') => void;
}

export class LargeBodyWriter implements BodyWriter {
  readonly #options: WriterOptions;
  #file: DiskFile | undefined;
  /** Bytes in blocks that are written or on their way. */
  #sent = 0;
  #block = emptyBlock();
  /** Contents of the blocks on their way, by number. */
  readonly #underWay = new Map<number, { readonly content: Buffer; readonly done: Promise<void> }>();
  #state: 'open' | 'finished' | 'failed' | 'discarded' = 'open';
  #error: unknown;
  #reads = 0;
  #isRead = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    try {
      this.#file = options.open(true);
    } catch (error) {
      this.#fail(error);
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#demandOpen();
    const { body, room } = this.#options;
    const refusal = room.refusal(body.bytes + chunk.length);
    if (refusal !== undefined) this.#fail(refusal);
    this.#demandOpen();
    const start = body.bytes;
    body.bytes += chunk.length;
    room.unnamedBytes += chunk.length;
    for (let from = 0; from < chunk.length; ) {
      const to = (start + from) % BLOCK_CONTENT_BYTES;
      const count = Math.min(chunk.length - from, BLOCK_CONTENT_BYTES - to);
      this.#block.set(chunk.subarray(from, from + count), CHECKSUM_BYTES + to);
      from += count;
      if (to + count === BLOCK_CONTENT_BYTES) this.#send(BLOCK_CONTENT_BYTES);
    }
    await this.#written(MAX_UNDER_WAY - 1);
    this.#demandOpen();
  }

  async read(range: ByteRange): Promise<Uint8Array> {
    const { start, end } = range;
    if (this.#state === 'failed') throw this.#error;
    const { bytes } = this.#options.body;
    if (start < 0 || end < start || end > bytes) {
      throw new RangeError(`expected a range within ${bytes} bytes, got ${start} to ${end}`);
    }
    const into = Buffer.allocUnsafeSlow(end - start);
    for (let block = Math.floor(start / BLOCK_CONTENT_BYTES); block * BLOCK_CONTENT_BYTES < end; block++) {
      into.set(partOf(await this.#content(block), block, range), Math.max(0, block * BLOCK_CONTENT_BYTES - start));
    }
    return into;
  }

  async finish(): Promise<LargeBody> {
    this.#demandOpen();
    const { id, bytes } = this.#options.body;
    const rest = bytes % BLOCK_CONTENT_BYTES;
    if (rest > 0) this.#send(rest);
    await this.#written(0);
    this.#demandOpen();
    this.#state = 'finished';
    this.#options.ended('finished');
    this.#closeWhenIdle();
    return { id, bytes };
  }

  discard(): void {
    if (this.#state === 'open') {
      this.#state = 'discarded';
      this.#error = new Error('expected the body to be wanted, got a discarded one');
    }
    if (this.#state !== 'failed') this.#options.ended('discarded');
    this.#close();
  }

  #demandOpen(): void {
    if (this.#state === 'open') return;
    throw this.#error ?? new Error(`expected a body that is being written, got a ${this.#state} one`);
  }

  /** Writes the filled block, or its first `contentBytes`. */
  #send(contentBytes: number): void {
    const block = Math.floor(this.#sent / BLOCK_CONTENT_BYTES);
    this.#sent += contentBytes;
    const bytes = this.#block.subarray(0, CHECKSUM_BYTES + contentBytes);
    this.#block = emptyBlock();
    const done = writeBlock(this.#file as DiskFile, { id: this.#options.body.id, block }, bytes).then(
      () => {
        this.#underWay.delete(block);
        this.#options.room.succeeded(bytes.length);
        this.#closeIfOver();
      },
      (error: unknown) => {
        this.#underWay.delete(block);
        this.#fail(error);
      },
    );
    this.#underWay.set(block, { content: bytes.subarray(CHECKSUM_BYTES), done });
  }

  /** Resolves when at most so many blocks are on their way. */
  async #written(underWay: number): Promise<void> {
    while (this.#underWay.size > underWay) await this.#underWay.values().next().value?.done;
  }

  async #content(block: number): Promise<Uint8Array> {
    const underWay = this.#underWay.get(block);
    if (underWay !== undefined) return underWay.content;
    if (block * BLOCK_CONTENT_BYTES >= this.#sent) return this.#block.subarray(CHECKSUM_BYTES);
    this.#isRead = true;
    this.#reads++;
    try {
      this.#file ??= this.#options.open(false);
      return await readBlock(this.#file, this.#options.body, block);
    } finally {
      this.#reads--;
      this.#closeIfOver();
    }
  }

  #fail(error: unknown): void {
    if (this.#state !== 'open') return this.#closeIfOver();
    this.#state = 'failed';
    this.#error = error;
    this.#options.ended('failed');
    this.#options.room.failed(error);
    this.#close();
  }

  #closeWhenIdle(): void {
    this.#options.tasks.later(IDLE_MS, () => {
      if (this.#state !== 'finished') return;
      if (!this.#isRead && this.#reads === 0) return this.#close();
      this.#isRead = false;
      this.#closeWhenIdle();
    });
  }

  #closeIfOver(): void {
    if (this.#state === 'failed' || this.#state === 'discarded') this.#close();
  }

  #close(): void {
    if (this.#file === undefined || this.#reads > 0 || this.#underWay.size > 0) return;
    this.#file.close();
    this.#file = undefined;
  }
}

function emptyBlock(): Buffer {
  return Buffer.allocUnsafeSlow(CHECKSUM_BYTES + BLOCK_CONTENT_BYTES);
}
