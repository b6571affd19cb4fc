// A row of the manifest as the values of its columns.
//
// Nothing else tells a stamp in which a bit has flipped from a good one, so each row has a checksum
// over all that it says. A row that does not hold is as good as none. What no query asks for stands together as JSON in
// one column.

import { crc32 } from 'node:zlib';
import type { ManifestRow } from '../contract.ts';
import { keyHash } from '../index/hash.ts';

export type Value = string | number;

export const COLUMNS = 'generation, key, segment, "offset", bytes, body_id, body_bytes, meta, crc, high, low, tag_bits';

/** True of rows in which a bit has not made one of these numbers (two at least) too large to be given. */
export function fits(columns: string): string {
  return `(min(${columns}) >= 0 AND max(${columns}) < ${2 ** 53})`;
}

/** A row that is not is passed over. */
export const READABLE = fits('generation, segment, "offset", bytes, body_bytes, crc, high, low, tag_bits');

export const PLACEHOLDERS = COLUMNS.replaceAll(/[^,]+/g, '?');

/** In the order of the JSON. */
type Meta = readonly [
  kind: 0 | 1,
  status: number,
  bornMs: number,
  /** Null: without end, which JSON has no number for. */
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

/** Undefined when the values are not those that were written. */
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

/** Columns before the checksum; those after it are made from them, for the indexes. */
const SAID = 8;

/** No value but the key holds a line feed, so the joined text says which is which. */
function checksum(said: readonly Value[]): number {
  return crc32(said.join('\n'));
}

/** Two bits for each tag of 52; a row that has a tag has its bits. */
export function tagBits(tags: readonly string[]): number {
  let [upper, lower] = [0, 0];
  for (const tag of tags) {
    const hash = keyHash(tag);
    upper |= 1 << (hash.high % 26);
    lower |= 1 << (hash.low % 26);
  }
  return upper * 2 ** 26 + lower;
}
