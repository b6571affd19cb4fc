// The bytes of an entry, for every store that keeps bytes: a header of fixed length, the text (key and other strings), the
// numbers, then the head and body of a stored response as they are. Everything little-endian.
//
//   0 magic u32 · 4 crc32 u32, over all that follows · 8 format u8 · 9 flags u8 · 10 status u16 · 12 key units u32
//   16 generation f64 · 24 text bytes u32 · 28 number bytes u32 · 32 head bytes u32 · 36 body bytes u32
//
// The disk tier reads it on the hit path. All strings are one text, decoded by one call and then sliced. Values that most
// entries share (terms, epoch) are reused and not made anew. The generation is the disk tier's; elsewhere it is 0.

import type { Entry, StoredResponse, VariantList } from '../entry/stored-response.ts';
import type { LifetimeSource, ReuseTerms } from '../semantics/freshness.ts';

/** For objects that are filled step by step. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };

export const RECORD_MAGIC = 0x52454754; // 'TGER'
export const RECORD_FORMAT = 1;
export const RECORD_HEADER_BYTES = 40;
const NUMBER_BYTES = 56;

/** A list of variants. */
export const VARIANTS = 1;
/** The text is UTF-16; otherwise latin1. */
export const WIDE = 2;
const NO_CACHE = 4;
const MUST_REVALIDATE = 8;
const LARGE = 16;
const STRONG_MODIFIED = 32;

/** A record to be written: `prefix`, then `content`, which is the entry's own bytes. */
export interface EncodedRecord {
  readonly prefix: Uint8Array;
  readonly content: Uint8Array;
  /** Length of the whole. */
  readonly bytes: number;
}

/** Why a record is not the expected one. */
export type RecordFault = 'form' | 'checksum' | 'generation' | 'key';

const NO_BYTES = new Uint8Array(0);
const NO_TAGS: readonly string[] = Object.freeze([]);

/** The steps that a platform may have a faster way for. The text of a record begins at `RECORD_HEADER_BYTES`. */
export interface RecordPlatform<Bytes extends Uint8Array> {
  /** CRC-32 as in zlib, continued from that of earlier bytes. */
  crc32(bytes: Uint8Array, before?: number): number;
  allocate(length: number): Bytes;
  writeText(record: Bytes, text: string, wide: boolean): void;
  readText(record: Bytes, wide: boolean, end: number): string;
}

export function encodeEntry<Bytes extends Uint8Array>(
  entry: Entry,
  generation: number,
  platform: RecordPlatform<Bytes>,
): EncodedRecord {
  const isResponse = entry.kind === 'response';
  // A flag tells `large`, so its id can precede the tags.
  const strings = isResponse
    ? [entry.terms.source, entry.epoch, ...(entry.large === undefined ? [] : [entry.large.id]), ...entry.tags]
    : [...entry.names, ...entry.variantKeys];
  const text = entry.key + strings.join('');
  const wide = /[\u0100-\uffff]/.test(text);
  const textBytes = wide ? 2 * text.length : text.length;
  const numberBytes = (isResponse ? NUMBER_BYTES : 4) + 4 * strings.length;
  const prefix = platform.allocate(RECORD_HEADER_BYTES + textBytes + numberBytes);
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.length);
  const content = isResponse ? entry.bytes : NO_BYTES;
  const headBytes = isResponse ? entry.headBytes : 0;
  view.setUint32(0, RECORD_MAGIC, true);
  view.setUint8(8, RECORD_FORMAT);
  view.setUint8(9, flagsOf(entry) | (wide ? WIDE : 0));
  view.setUint16(10, isResponse ? entry.status : 0, true);
  view.setUint32(12, entry.key.length, true);
  view.setFloat64(16, generation, true);
  view.setUint32(24, textBytes, true);
  view.setUint32(28, numberBytes, true);
  view.setUint32(32, headBytes, true);
  view.setUint32(36, content.length - headBytes, true);
  platform.writeText(prefix, text, wide);
  let at = RECORD_HEADER_BYTES + textBytes;
  if (isResponse) writeNumbers(view, at, entry);
  else view.setUint32(at, entry.names.length, true);
  at += isResponse ? NUMBER_BYTES : 4;
  for (const { length } of strings) {
    view.setUint32(at, length, true);
    at += 4;
  }
  view.setUint32(4, platform.crc32(content, platform.crc32(prefix.subarray(8))), true);
  return { prefix, content, bytes: prefix.length + content.length };
}

function flagsOf(entry: Entry): number {
  if (entry.kind === 'variants') return VARIANTS;
  const { terms, large, strongModified } = entry;
  return (
    (terms.noCache ? NO_CACHE : 0) |
    (terms.mustRevalidate ? MUST_REVALIDATE : 0) |
    (large === undefined ? 0 : LARGE) |
    (strongModified === true ? STRONG_MODIFIED : 0)
  );
}

function writeNumbers(view: DataView, from: number, { bornMs, stamp, terms, large }: StoredResponse): void {
  const { lifetimeMs, staleWhileRevalidateMs, staleIfErrorMs, graceMs } = terms;
  const numbers = [bornMs, stamp, lifetimeMs, staleWhileRevalidateMs, staleIfErrorMs, graceMs, large?.bytes ?? 0];
  for (const [at, number] of numbers.entries()) view.setFloat64(from + 8 * at, number, true);
}

/** The expected identity of a record. */
export interface RecordIdentity {
  readonly generation: number;
  /** Any key when undefined. */
  readonly key: string | undefined;
}

/**
 * Decodes the entry in `record`, which holds exactly one whole record. The record's bytes become the entry's. Does not
 * throw, whatever the bytes are.
 */
export function decodeEntry<Bytes extends Uint8Array>(
  record: Bytes,
  expected: RecordIdentity,
  platform: RecordPlatform<Bytes>,
): Entry | RecordFault {
  if (record.length < RECORD_HEADER_BYTES) return 'form';
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  if (view.getUint32(0, true) !== RECORD_MAGIC || view.getUint8(8) !== RECORD_FORMAT) return 'form';
  const numbersAt = RECORD_HEADER_BYTES + view.getUint32(24, true);
  const contentAt = numbersAt + view.getUint32(28, true);
  const headBytes = view.getUint32(32, true);
  if (contentAt + headBytes + view.getUint32(36, true) !== record.length) return 'form';
  if (platform.crc32(record.subarray(8)) !== view.getUint32(4, true)) return 'checksum';
  if (view.getFloat64(16, true) !== expected.generation) return 'generation';
  const flags = view.getUint8(9);
  if (!hasNumbers(flags, contentAt - numbersAt)) return 'form';
  const text = platform.readText(record, (flags & WIDE) !== 0, numbersAt);
  const keyUnits = view.getUint32(12, true);
  const { key = text.slice(0, keyUnits) } = expected;
  if (key.length !== keyUnits || !text.startsWith(key)) return 'key';
  if ((flags & VARIANTS) !== 0) return decodeList({ view, text, key, at: numbersAt, end: contentAt });
  const entry = decodeResponse({ view, text, key, at: numbersAt, end: contentAt });
  entry.bytes = record.subarray(contentAt);
  entry.headBytes = headBytes;
  return entry;
}

/** Whether there are as many bytes of numbers as every record of the kind has. */
function hasNumbers(flags: number, bytes: number): boolean {
  const fewest = (flags & VARIANTS) !== 0 ? 4 : NUMBER_BYTES + ((flags & LARGE) === 0 ? 8 : 12);
  return bytes >= fewest && bytes % 4 === 0;
}

/** A partly decoded record: the numbers begin at `at` and end at `end`. */
interface Opened {
  readonly view: DataView;
  readonly text: string;
  readonly key: string;
  readonly at: number;
  readonly end: number;
}

function decodeList(opened: Opened): VariantList {
  const { view, key, at } = opened;
  const strings = stringsAt(opened, at + 4, key.length);
  const nameCount = view.getUint32(at, true);
  return { kind: 'variants', key, names: strings.slice(0, nameCount), variantKeys: strings.slice(nameCount) };
}

/** The strings whose lengths begin at `lengthAt`. The first string begins at `from` in the text. */
function stringsAt({ view, text, end }: Opened, lengthAt: number, from: number): string[] {
  const strings: string[] = [];
  let start = from;
  for (let at = lengthAt; at < end; at += 4) {
    const length = view.getUint32(at, true);
    strings.push(text.slice(start, start + length));
    start += length;
  }
  return strings;
}

/** Everything except the bytes. */
function decodeResponse(opened: Opened): Writable<StoredResponse> {
  const { view, text, key, at, end } = opened;
  const sourceEnd = key.length + view.getUint32(at + NUMBER_BYTES, true);
  const epochEnd = sourceEnd + view.getUint32(at + NUMBER_BYTES + 4, true);
  const stamp = view.getFloat64(at + 8, true);
  const entry: Writable<StoredResponse> = {
    kind: 'response',
    key,
    bytes: NO_BYTES,
    headBytes: 0,
    status: view.getUint16(10, true),
    bornMs: view.getFloat64(at, true),
    terms: termsAt(view, at, text.slice(key.length, sourceEnd)),
    tags: NO_TAGS,
    epoch: sharedEpoch(text, sourceEnd, epochEnd),
    stamp,
    checkedUpTo: stamp,
  };
  let lengthAt = at + NUMBER_BYTES + 8;
  let from = epochEnd;
  if ((view.getUint8(9) & LARGE) !== 0) {
    from += view.getUint32(lengthAt, true);
    lengthAt += 4;
    entry.large = { id: text.slice(epochEnd, from), bytes: view.getFloat64(at + 48, true) };
  }
  if ((view.getUint8(9) & STRONG_MODIFIED) !== 0) entry.strongModified = true;
  if (lengthAt < end) entry.tags = stringsAt(opened, lengthAt, from);
  return entry;
}

let latestEpoch = '';

function sharedEpoch(text: string, start: number, end: number): string {
  if (end - start !== latestEpoch.length || !text.startsWith(latestEpoch, start)) latestEpoch = text.slice(start, end);
  return latestEpoch;
}

/** Recently decoded terms, each at an index that its content determines. */
const latestTerms: (ReuseTerms | undefined)[] = Array.from({ length: 256 }, () => undefined);

function termsAt(view: DataView, at: number, source: string): ReuseTerms {
  const flags = view.getUint8(9);
  const lifetimeMs = view.getFloat64(at + 16, true);
  const staleWhileRevalidateMs = view.getFloat64(at + 24, true);
  const staleIfErrorMs = view.getFloat64(at + 32, true);
  const graceMs = view.getFloat64(at + 40, true);
  const noCache = (flags & NO_CACHE) !== 0;
  const mustRevalidate = (flags & MUST_REVALIDATE) !== 0;
  const sum = lifetimeMs + 3 * staleWhileRevalidateMs + 5 * staleIfErrorMs + 7 * graceMs + flags + source.length;
  const place = (Math.abs(sum) % 251) | 0;
  const known = latestTerms[place];
  if (
    known !== undefined &&
    Object.is(known.lifetimeMs, lifetimeMs) &&
    Object.is(known.staleWhileRevalidateMs, staleWhileRevalidateMs) &&
    Object.is(known.staleIfErrorMs, staleIfErrorMs) &&
    Object.is(known.graceMs, graceMs) &&
    known.noCache === noCache &&
    known.mustRevalidate === mustRevalidate &&
    known.source === source
  ) {
    return known;
  }
  const windows = { staleWhileRevalidateMs, staleIfErrorMs, graceMs };
  const terms = Object.freeze({ lifetimeMs, source: source as LifetimeSource, noCache, mustRevalidate, ...windows });
  latestTerms[place] = terms;
  return terms;
}
