// An entry of the gate: a stored response (RFC 9111 §3) and the data needed to decide about its reuse.
//
// Head and body share one allocation, `bytes`, because a separate buffer for each costs more than the length of most
// heads. The head is kept as HTTP/1.1 carries it: `name: value CRLF` for each field line and an empty line at the end, in
// latin1. So a front may write head and body unchanged, and the head is decoded only where its fields are needed; everything
// a hit needs stands beside it as numbers.

import type { Position } from '../ledger/log.ts';
import type { Fields } from '../semantics/fields.ts';
import type { ReuseTerms } from '../semantics/freshness.ts';

/** One stored response: a variant under its key. */
export interface StoredResponse {
  readonly kind: 'response';
  /** Cache key, with the selecting header fields' values when the response has Vary (see key.ts). */
  readonly key: string;
  /** Head in wire form, its empty line included, then the body. Never written to after the entry is made. */
  readonly bytes: Uint8Array;
  readonly headBytes: number;
  /** 206: the body is the part that the head's Content-Range names. Any other: the body is whole. */
  readonly status: number;
  /** The instant (ms since the Unix epoch) at which its age was 0: current age = now - bornMs (RFC 9111 §4.2.3). */
  readonly bornMs: number;
  readonly terms: ReuseTerms;
  readonly tags: readonly string[];
  /** Log epoch of the stamp. */
  readonly epoch: string;
  /** Log position at which its fill, or its latest validation, began. */
  readonly stamp: Position;
  /** When present, `bytes` ends with the head: the body is in a store of large bodies, or in pieces. */
  readonly large?: LargeBody;
  /** Present when its Last-Modified is strong by the Date that came with its body (RFC 9110 §8.8.2.2). */
  readonly strongModified?: true;
  /** The reader's note: no invalidation up to here affects the entry. The only field that changes; never persisted. */
  checkedUpTo: Position;
}

/** A body that is too large for one allocation with its head: written once, never changed, read by range. */
export interface LargeBody {
  /** In its store; empty where it is in pieces. */
  readonly id: string;
  readonly bytes: number;
  /** Present where it is in memory: as it came, since a copy would take its room twice. */
  readonly pieces?: readonly Uint8Array[];
}

/** Stands under the plain cache key of a URI whose responses have Vary, and names the variants. */
export interface VariantList {
  readonly kind: 'variants';
  readonly key: string;
  /** Names of the selecting header fields, lower case, sorted (RFC 9111 §4.1). */
  readonly names: readonly string[];
  /** Keys of the stored variants; the first to leave is the first that nobody uses. */
  readonly variantKeys: readonly string[];
}

export type Entry = StoredResponse | VariantList;

/** Facts a store knows of an entry without reading its body; for operators. A list of variants has no status: 0. */
export interface EntryNote {
  readonly kind: Entry['kind'] | 'value';
  readonly key: string;
  readonly status: number;
  readonly bornMs: number;
  readonly lifetimeMs: number;
  readonly tags: readonly string[];
  readonly epoch: string;
  readonly stamp: Position;
  readonly bodyBytes: number;
}

/** The note of an entry in memory. */
export function noteOf(entry: Entry): EntryNote {
  const { kind, key } = entry;
  if (kind === 'variants') return { kind, key, ...NO_RESPONSE };
  const { status, bornMs, terms, tags, epoch, stamp } = entry;
  return { kind, key, status, bornMs, lifetimeMs: terms.lifetimeMs, tags, epoch, stamp, bodyBytes: bodyBytesOf(entry) };
}

const NO_RESPONSE = { status: 0, bornMs: 0, lifetimeMs: 0, tags: [], epoch: '', stamp: 0, bodyBytes: 0 } as const;

/** Variants kept under one key; one that is not used leaves. More would let one client's made-up field values fill the store. */
export const MAX_VARIANTS = 64;

/** The body of a stored response: without a copy, unless it is in pieces; only of one that has it in memory. */
export function bodyOf({ bytes, headBytes, large }: StoredResponse): Uint8Array {
  if (large?.pieces === undefined) return bytes.subarray(headBytes);
  const body = new Uint8Array(large.bytes);
  writeAll(body, 0, large.pieces);
  return body;
}

/** Length of the body, wherever it stands. */
export function bodyBytesOf(entry: StoredResponse): number {
  return entry.large === undefined ? entry.bytes.length - entry.headBytes : entry.large.bytes;
}

/** Head and body in one allocation; the body in chunks. */
export function wireForm(fields: Fields, chunks: readonly Uint8Array[]): Pick<StoredResponse, 'bytes' | 'headBytes'> {
  let head = '';
  for (let at = 0; at < fields.length; at += 2) head += `${fields[at]}: ${fields[at + 1]}\r\n`;
  head += '\r\n';
  const bytes = new Uint8Array(head.length + lengthOf(chunks));
  for (let at = 0; at < head.length; at++) bytes[at] = head.charCodeAt(at);
  writeAll(bytes, head.length, chunks);
  return { bytes, headBytes: head.length };
}

function writeAll(bytes: Uint8Array, from: number, chunks: readonly Uint8Array[]): void {
  let at = from;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
}

export function lengthOf(chunks: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return bytes;
}

/** Reads back the head that `wireForm` wrote: the first `length` bytes. */
export function decodeHead(bytes: Uint8Array, length: number): string[] {
  const fields: string[] = [];
  let text = '';
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, Math.min(length, at + CHUNK_BYTES));
    text += String.fromCharCode.apply(null, chunk as unknown as number[]);
  }
  let start = 0;
  while (start < length - 2) {
    const colon = text.indexOf(':', start);
    const end = text.indexOf('\r\n', colon);
    fields.push(text.slice(start, colon), text.slice(colon + 2, end));
    start = end + 2;
  }
  return fields;
}

/** Argument lists longer than this may overflow the stack. */
const CHUNK_BYTES = 8192;
