// A row of the manifest: of which entry it is made, and what its columns hold.
//
// Only a checksum can tell a stamp with a flipped bit from a good one. So each row has a checksum over all its values, and a
// row that fails it counts as missing. Values that no query needs are together as JSON in one column.

import { crc32 } from 'node:zlib';
import { bodyBytesOf, type Entry } from '../../../entry/stored-response.ts';
import type { ManifestRow, Place } from '../contract.ts';
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

export const PLACEHOLDERS = COLUMNS.replaceAll(/[^,]+/g, '?');

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

export function encodeRow(row: ManifestRow): Value[] {
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
