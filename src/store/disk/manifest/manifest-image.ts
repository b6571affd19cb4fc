// The image of the invalidations in the manifest.
//
// Its buckets are 8 MB, and most of them have not changed since the last image. Buckets hold positions, and positions ascend,
// so a chunk has changed exactly if it holds one above the last image's position. Only such chunks are written. Each chunk
// has a checksum, and the state lists the checksums of all, so chunks of two images never mix.

import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { InvalidationsImage } from '../../../ledger/invalidations.ts';
import type { Position } from '../../../ledger/log.ts';

/** Buckets in a chunk: 64 KB. */
const CHUNK = 8192;

const EMPTY = Buffer.alloc(CHUNK * Float64Array.BYTES_PER_ELEMENT);

/** The parts for the thread to write: the changed buckets, and everything else. */
export interface ImageChanges {
  readonly state: Omit<InvalidationsImage, 'buckets'> & { readonly buckets: number };
  /** Whether existing chunks belong to another image and must go. */
  readonly whole: boolean;
  readonly chunks: readonly { readonly chunk: number; readonly positions: Float64Array<ArrayBuffer> }[];
}

/** The image in the database. */
export interface LastImage {
  readonly epoch: string;
  readonly applied: Position;
  readonly buckets: number;
}

/** Copies the changes since the last image. */
export function changesOf(image: InvalidationsImage, last: LastImage | undefined): ImageChanges {
  const { buckets, ...state } = image;
  const whole = last === undefined || last.epoch !== image.epoch || last.buckets !== buckets.length;
  const above = whole ? 0 : last.applied;
  const chunks: { chunk: number; positions: Float64Array<ArrayBuffer> }[] = [];
  for (let from = 0; from < buckets.length; from += CHUNK) {
    const positions = buckets.subarray(from, from + CHUNK);
    if (hasAbove(positions, above)) chunks.push({ chunk: from / CHUNK, positions: positions.slice() });
  }
  return { state: { ...state, buckets: buckets.length }, whole, chunks };
}

/** Most chunks are still empty; a comparison of memory shows that faster than a loop. */
function hasAbove(positions: Float64Array, above: Position): boolean {
  if (EMPTY.equals(new Uint8Array(positions.buffer, positions.byteOffset, positions.byteLength))) return false;
  for (let at = 0; at < positions.length; at++) if ((positions[at] as number) > above) return true;
  return false;
}

/** Call within a transaction. A chunk of zeros has no row. */
export function writeImage(database: DatabaseSync, { state, whole, chunks }: ImageChanges): void {
  if (whole) database.exec('DELETE FROM buckets');
  const put = database.prepare('INSERT OR REPLACE INTO buckets (chunk, positions, crc) VALUES (?, ?, ?)');
  for (const { chunk, positions } of chunks) {
    const bytes = new Uint8Array(positions.buffer);
    put.run(chunk, bytes, crc32(bytes));
  }
  const checksums = database.prepare('SELECT chunk, crc FROM buckets ORDER BY chunk').all();
  const text = JSON.stringify({ ...state, checksums: checksums.map(({ chunk, crc }) => [chunk, crc]) });
  database.prepare('INSERT OR REPLACE INTO image (id, state, crc) VALUES (1, ?, ?)').run(text, crc32(text));
}

type WrittenState = ImageChanges['state'] & { readonly checksums: readonly (readonly [number, number])[] };

/** Returns undefined when there is no image, or it is not the written one. */
export function readImage(database: DatabaseSync): InvalidationsImage | undefined {
  const written = database.prepare('SELECT state, crc FROM image').get() as { state: string; crc: number } | undefined;
  if (written === undefined || crc32(written.state) !== written.crc) return undefined;
  const { buckets: count, checksums, ...state } = JSON.parse(written.state) as WrittenState;
  const buckets = new Float64Array(count);
  const bytes = new Uint8Array(buckets.buffer);
  const read = database.prepare('SELECT positions FROM buckets WHERE chunk = ?');
  for (const [chunk, crc] of checksums) {
    const positions = read.get(chunk)?.positions as Uint8Array | undefined;
    if (positions === undefined || crc32(positions) !== crc) return undefined;
    bytes.set(positions, chunk * CHUNK * buckets.BYTES_PER_ELEMENT);
  }
  return { ...state, buckets };
}
