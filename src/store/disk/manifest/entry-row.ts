// The manifest's row of an entry.

import { bodyBytesOf, type Entry } from '../../../entry/stored-response.ts';
import type { ManifestRow, Place } from '../contract.ts';

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
