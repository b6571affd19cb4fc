// A stored value as a record: bytes that carry their form, their key and a checksum. Everything little-endian.
//
//   0 magic u32 · 4 checksum u32, over all that follows · 8 format u32 · 12 text bytes u32
//   16 bornMs f64 · 24 lifetimeMs f64 · 32 graceMs f64 · 40 fillMs f64 · 48 stamp f64 · 56 readAt f64
//   64 text: JSON of [codec, key, epoch, validator or null, ...tags] · the value, as the codec writes it
// A sliding value has another format, with `64 idleMs f64 · 72 limitMs f64` before the text.
//
// A record may hold any bytes, and reading it must never throw. The checksum finds accidental damage; anyone who may write
// to the store can write any value.

import type { OwnedValue } from '../entry/owned-value.ts';
import type { HitNotes, Sliding, StoredValue } from '../entry/stored-value.ts';

const MAGIC = 0x56454754; // 'TGEV'
const FORMAT = 2;
const SLIDING_FORMAT = 3;
const HEADER_BYTES = 64;
const SLIDING_HEADER_BYTES = 80;

/** A whole entry except its value, which is still bytes. */
export interface ValueRecord extends Omit<StoredValue, keyof OwnedValue | keyof HitNotes | 'kind' | 'checkedUpTo'> {
  readonly codecName: string;
  readonly content: Uint8Array;
}

const toText = new TextEncoder();
const fromText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function encodeValueRecord(record: ValueRecord): Uint8Array<ArrayBuffer> {
  const { codecName, key, epoch, validator = null, tags, content, sliding } = record;
  const headerBytes = sliding === undefined ? HEADER_BYTES : SLIDING_HEADER_BYTES;
  // JSON writes lone surrogates as escapes.
  const text = toText.encode(JSON.stringify([codecName, key, epoch, validator, ...tags]));
  const bytes = new Uint8Array(headerBytes + text.length + content.length);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, sliding === undefined ? FORMAT : SLIDING_FORMAT, true);
  view.setUint32(12, text.length, true);
  for (const [at, name] of NUMBERS.entries()) view.setFloat64(16 + 8 * at, record[name], true);
  if (sliding !== undefined) {
    view.setFloat64(64, sliding.idleMs, true);
    view.setFloat64(72, sliding.limitMs, true);
  }
  bytes.set(text, headerBytes);
  bytes.set(content, headerBytes + text.length);
  view.setUint32(4, checksum(view), true);
  return bytes;
}

/** Returns undefined for damaged bytes, or bytes that are no such record. */
export function decodeValueRecord(bytes: Uint8Array): ValueRecord | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  const slides = view.getUint32(8, true) === SLIDING_FORMAT;
  const headerBytes = slides ? SLIDING_HEADER_BYTES : HEADER_BYTES;
  if (view.getUint32(0, true) !== MAGIC || (!slides && view.getUint32(8, true) !== FORMAT)) return undefined;
  const contentAt = headerBytes + view.getUint32(12, true);
  if (contentAt > bytes.length || checksum(view) !== view.getUint32(4, true)) return undefined;
  const text = textsIn(bytes.subarray(headerBytes, contentAt));
  if (text === undefined) return undefined;
  const [codecName, key, epoch, validator, ...tags] = text;
  const read = NUMBERS.map((name, at) => [name, view.getFloat64(16 + 8 * at, true)] as const);
  const numbers = Object.fromEntries(read) as Record<(typeof NUMBERS)[number], number>;
  const sliding = slides ? slidingIn(view, numbers.lifetimeMs) : undefined;
  if (Object.values({ ...numbers, ...sliding }).some(Number.isNaN)) return undefined;
  return {
    ...numbers,
    sliding,
    codecName: codecName as string,
    key: key as string,
    epoch: epoch as string,
    validator: validator ?? undefined,
    tags: tags as string[],
    content: bytes.subarray(contentAt),
  };
}

function slidingIn(view: DataView, toldMs: number): Sliding {
  return { idleMs: view.getFloat64(64, true), limitMs: view.getFloat64(72, true), toldMs };
}

/** From byte 16 on, in this order. */
const NUMBERS = ['bornMs', 'lifetimeMs', 'graceMs', 'fillMs', 'stamp', 'readAt'] as const;

/** The texts. Only the fourth may be null. */
function textsIn(bytes: Uint8Array): (string | null)[] | undefined {
  let texts: unknown;
  try {
    texts = JSON.parse(fromText.decode(bytes));
  } catch {
    return undefined;
  }
  if (!Array.isArray(texts) || texts.length < 4) return undefined;
  return texts.every((text, at) => typeof text === 'string' || (text === null && at === 3)) ? texts : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * FNV-1a over the words from byte 8 on, then the remaining bytes, then the length. Each step is one to one, so damage within
 * one word is always found.
 */
function checksum(view: DataView): number {
  let hash = 0x811c9dc5;
  let at = 8;
  for (; at + 4 <= view.byteLength; at += 4) {
    hash = Math.imul(hash ^ view.getUint32(at, true), 0x01000193);
    // Otherwise the high bits would never reach the low ones.
    hash ^= hash >>> 15;
  }
  for (; at < view.byteLength; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193);
  return Math.imul(hash ^ (hash >>> 13) ^ view.byteLength, 0x2c1b3c6d) >>> 0;
}
