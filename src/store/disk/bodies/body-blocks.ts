// The file of a large body: blocks of one length, each a checksum and content; the last one is shorter. The body's id and
// the block's number seed the checksum, so that no block passes for another.

import { crc32 } from 'node:zlib';
import type { LargeBody } from '../../../entry/stored-response.ts';
import type { DiskFile } from '../contract.ts';

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

export function blockOffset(block: number): number {
  return block * BLOCK_BYTES;
}

/** An empty block, and the part of it for content. */
export function newBlock(contentBytes: number): { readonly bytes: Buffer; readonly content: Buffer } {
  const bytes = Buffer.allocUnsafeSlow(CHECKSUM_BYTES + contentBytes);
  return { bytes, content: bytes.subarray(CHECKSUM_BYTES) };
}

/** Writes the checksum into a block whose content is complete. */
export function sealBlock(id: string, block: number, bytes: Buffer): void {
  bytes.writeUInt32LE(crc32(bytes.subarray(CHECKSUM_BYTES), seedOf(id, block)));
}

/** The verified content of one block. Rejects when it is lost or altered. */
export async function readBlock(file: DiskFile, body: LargeBody, block: number): Promise<Buffer> {
  const { bytes, content } = newBlock(Math.min(BLOCK_CONTENT_BYTES, body.bytes - block * BLOCK_CONTENT_BYTES));
  const read = await file.read(bytes, blockOffset(block));
  if (read !== bytes.length) throw new SpoiledBlock(`expected ${bytes.length} bytes of block ${block}, got ${read}`);
  if (crc32(content, seedOf(body.id, block)) !== bytes.readUInt32LE(0)) {
    throw new SpoiledBlock(`expected block ${block} to have its checksum, got another`);
  }
  return content;
}

/** The file exists, but does not hold the bytes that were written. */
export class SpoiledBlock extends Error {}

function seedOf(id: string, block: number): number {
  return crc32(`${id}:${block}`);
}
