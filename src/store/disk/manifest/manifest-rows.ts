// A row of the manifest as the values of its columns.
//
// Only a checksum can tell a stamp with a flipped bit from a good one. So each row has a checksum over all its values, and a
// row that fails it counts as missing. Values that no query needs are together as JSON in one column.

import { crc32 } from 'node:zlib';
import type { ManifestRow } from '../contract.ts';
import { keyHash } from '../index/hash.ts';

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
