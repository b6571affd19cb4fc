// Parts of representations for the tests of ranges.

import type { Fields } from '../../src/semantics/fields.ts';
import { type ByteRanges, type Part, parseRange, partOf } from '../../src/semantics/ranges.ts';

export function bytes(of: string): Uint8Array {
  return Uint8Array.from(of, (char) => char.charCodeAt(0));
}

export function text(body: Uint8Array): string {
  return Buffer.from(body).toString('latin1');
}

export function whole(body: string, fields: Fields = []): Part {
  return partOf({ status: 200, fields }, bytes(body), 'safe') as Part;
}

/** A part as an origin sends it, of the representation `of`. */
export function part(of: string, first: number, end: number): Part {
  const fields = ['etag', '"v"', 'content-range', `bytes ${first}-${end - 1}/${of.length}`];
  return partOf({ status: 206, fields }, bytes(of.slice(first, end)), 'safe') as Part;
}

export function ranges(value: string): ByteRanges {
  return parseRange(value) as ByteRanges;
}
