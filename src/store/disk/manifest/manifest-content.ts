// The content of the manifest: the rows of entries, and the image of the invalidations.
//
// Only a checksum can tell a stamp with a flipped bit from a good one. So each row has a checksum over all its values, and a
// row that fails it counts as missing. Values that no query needs are together as JSON in one column.
//
// The image's buckets are 8 MB, and most of them have not changed since the last image. Buckets hold positions, and positions
// ascend, so a chunk has changed exactly if it holds one above the last image's position. Only such chunks are written. Each
// chunk has a checksum, and the state lists the checksums of all, so chunks of two images never mix.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { bodyBytesOf, type Entry } from '../../../entry/stored-response.ts';
import { BUCKET_FORM } from '../../../ledger/invalidations.ts';
import type { InvalidationsImage, Position } from '../../../ledger/log.ts';
import type { ManifestChange, ManifestRow, Place } from '../contract.ts';
import { keyHash } from '../index/entry-index.ts';

export function rowOf(entry: Entry, generation: number, place: Place): ManifestRow {
  const { key, kind } = entry;
  if (kind === 'variants') return { key, kind, generation, place, ...NOTHING_OF_A_RESPONSE };
  const head = Buffer.from(entry.bytes.buffer, entry.bytes.byteOffset, entry.headBytes).toString('latin1');
  return {
    key,
    kind,
    generation,
    place,
    status: entry.status,
    bornMs: entry.bornMs,
    lifetimeMs: entry.terms.lifetimeMs,
    etag: firstValue(head, 'etag: '),
    lastModified: firstValue(head, 'last-modified: '),
    tags: entry.tags,
    epoch: entry.epoch,
    stamp: entry.stamp,
    bodyBytes: bodyBytesOf(entry),
    bodyId: entry.large?.id ?? '',
  };
}

const NOTHING_OF_A_RESPONSE = Object.freeze({
  status: 0,
  bornMs: 0,
  lifetimeMs: 0,
  etag: '',
  lastModified: '',
  tags: Object.freeze([]) as readonly string[],
  epoch: '',
  stamp: 0,
  bodyBytes: 0,
  bodyId: '',
});

/** The first value of a field in a head in wire form, without parsing the whole head. */
function firstValue(head: string, name: string): string {
  const line = head.startsWith(name) ? 0 : head.indexOf(`\r\n${name}`) + 2;
  if (line === 1) return '';
  const start = line + name.length;
  return head.slice(start, head.indexOf('\r\n', start));
}

export type Value = string | number;

export const COLUMNS = 'generation, key, segment, "offset", bytes, body_id, body_bytes, meta, crc, high, low, tag_bits';

/** SQL: whether none of these numbers (two at least) is too large to be returned, e.g. after a flipped bit. */
export function fits(columns: string): string {
  return `(min(${columns}) >= 0 AND max(${columns}) < ${2 ** 53})`;
}

/** Rows that are not readable are passed over. */
export const READABLE = fits('generation, segment, "offset", bytes, body_bytes, crc, high, low, tag_bits');

const PLACEHOLDERS = COLUMNS.replaceAll(/[^,]+/g, '?');

/** In the order of the JSON. */
type Meta = readonly [
  kind: 0 | 1,
  status: number,
  bornMs: number,
  /** Null means endless, for which JSON has no number. */
  lifetimeMs: number | null,
  etag: string,
  lastModified: string,
  tags: readonly string[],
  epoch: string,
  stamp: number,
];

function encodeRow(row: ManifestRow): Value[] {
  const { key, generation, place, tags, bodyBytes, bodyId } = row;
  const { high, low } = keyHash(key);
  const kind = row.kind === 'response' ? 0 : 1;
  const { status, bornMs, lifetimeMs, etag, lastModified, epoch, stamp } = row;
  const meta: Meta = [kind, status, bornMs, lifetimeMs, etag, lastModified, tags, epoch, stamp];
  const said = [generation, key, place.segment, place.offset, place.bytes, bodyId, bodyBytes, JSON.stringify(meta)];
  return [...said, checksum(said), high, low, tagBits(tags)];
}

/** Returns undefined when the values are not the written ones. */
export function decodeRow(values: readonly Value[]): ManifestRow | undefined {
  if (checksum(values.slice(0, SAID)) !== values[SAID]) return undefined;
  const said = values as readonly [number, string, number, number, number, string, number, string];
  const [generation, key, segment, offset, bytes, bodyId, bodyBytes, meta] = said;
  const [kind, status, bornMs, lifetimeMs, etag, lastModified, tags, epoch, stamp] = JSON.parse(meta) as Meta;
  return {
    key,
    kind: kind === 0 ? 'response' : 'variants',
    generation,
    place: { segment, offset, bytes },
    status,
    bornMs,
    lifetimeMs: lifetimeMs ?? Number.POSITIVE_INFINITY,
    etag,
    lastModified,
    tags,
    epoch,
    stamp,
    bodyBytes,
    bodyId,
  };
}

/** Number of columns before the checksum. The columns after it are derived from them, for the indexes. */
const SAID = 8;

/** Only the key may contain a line feed, so the joined text shows where each value ends. */
function checksum(said: readonly Value[]): number {
  return crc32(said.join('\n'));
}

/** Two of 52 bits for each tag. A row has the bits of each of its tags. */
export function tagBits(tags: readonly string[]): number {
  let [upper, lower] = [0, 0];
  for (const tag of tags) {
    const hash = keyHash(tag);
    upper |= 1 << (hash.high % 26);
    lower |= 1 << (hash.low % 26);
  }
  return upper * 2 ** 26 + lower;
}

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
function writeImage(database: DatabaseSync, { state, whole, chunks }: ImageChanges): void {
  if (whole) database.exec('DELETE FROM buckets');
  const put = database.prepare('INSERT OR REPLACE INTO buckets (chunk, positions, crc) VALUES (?, ?, ?)');
  for (const { chunk, positions } of chunks) {
    const bytes = new Uint8Array(positions.buffer);
    put.run(chunk, bytes, crc32(bytes));
  }
  const checksums = database.prepare('SELECT chunk, crc FROM buckets ORDER BY chunk').all();
  const text = JSON.stringify({
    ...state,
    form: BUCKET_FORM,
    checksums: checksums.map(({ chunk, crc }) => [chunk, crc]),
  });
  database.prepare('INSERT OR REPLACE INTO image (id, state, crc) VALUES (1, ?, ?)').run(text, crc32(text));
}

type WrittenImage = ImageChanges['state'] & { form?: string; checksums: readonly (readonly [number, number])[] };

/** Returns undefined when there is no image, or it is not the written one. */
export function readImage(database: DatabaseSync): InvalidationsImage | undefined {
  const written = database.prepare('SELECT state, crc FROM image').get() as { state: string; crc: number } | undefined;
  if (written === undefined || crc32(written.state) !== written.crc) return undefined;
  const { buckets: count, form, checksums, ...state } = JSON.parse(written.state) as WrittenImage;
  // Of another version of the code: as if there were none.
  if (form !== BUCKET_FORM) return undefined;
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

/**
 * All writes to the manifest, by the thread that owns the writing connection. Rows are committed without a sync: a power cut
 * may lose the last of them, which costs misses. An image of the invalidations is synced before it counts as written. Since
 * the database has one log, that sync covers everything before it.
 */
export class ManifestWriter {
  readonly #database: DatabaseSync;
  readonly #removeKey: StatementSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #dropSegment: StatementSync;
  readonly #count: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#removeKey = database.prepare('DELETE FROM entries WHERE key = ?');
    this.#insert = database.prepare(`INSERT OR REPLACE INTO entries (${COLUMNS}) VALUES (${PLACEHOLDERS})`);
    this.#remove = database.prepare('DELETE FROM entries WHERE generation = ? AND key = ?');
    this.#dropSegment = database.prepare('DELETE FROM entries WHERE segment = ?');
    this.#count = database.prepare("UPDATE counters SET value = max(value, ?) WHERE name = 'generation'");
  }

  commit(changes: readonly ManifestChange[]): void {
    this.#transaction(() => {
      let generation = 0;
      for (const change of changes) {
        if (change.kind === 'put') {
          this.#removeKey.run(change.row.key);
          this.#insert.run(...encodeRow(change.row));
          generation = Math.max(generation, change.row.generation);
        } else if (change.kind === 'remove') this.#remove.run(change.generation, change.key);
        else this.#dropSegment.run(change.segment);
      }
      if (generation > 0) this.#count.run(generation);
    });
  }

  checkpoint(changes: ImageChanges): void {
    this.#database.exec('PRAGMA synchronous = FULL');
    try {
      this.#transaction(() => writeImage(this.#database, changes));
    } finally {
      this.#database.exec('PRAGMA synchronous = NORMAL');
    }
  }

  clear(): void {
    this.#transaction(() => this.#database.exec('DELETE FROM entries'));
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      // A full disk ends the transaction by itself.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

/** The content of the manifest is not the written one. */
export class DamagedError extends Error {}

/** SQLITE_ERROR, as for a schema without its tables, SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGE: ReadonlySet<number> = new Set([1, 11, 26]);
/** SQLITE_IOERR_SHORT_READ: a file ends before its content does. Other I/O errors say nothing about the content. */
const SHORT_READ = 522;

/**
 * Whether the error means that the manifest is damaged. Errors of the disk say nothing about the content, and only numbers
 * tell the two apart. A number above 2^53 was never written, and the binding refuses to return it.
 */
export function isDamage(error: unknown): boolean {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: number };
  if (error instanceof DamagedError || code === 'ERR_OUT_OF_RANGE') return true;
  return errcode !== undefined && (DAMAGE.has(errcode & 0xff) || errcode === SHORT_READ);
}
