// Values of a data cache on stores that keep bytes: a third party's store (ByteStore), or a gate's store such as the disk
// tier, where each value is the body of a response.
//
// The bytes may be damaged, another cache's, or of another codec. That is a miss: the store removes them, and the reader
// does not notice. Failures of the store itself are left to the tiers, which count them.

import { cacheKey, DEFAULT_TENANT, percentEscaped } from '../entry/key.ts';
import { type OwnedValue, ownValue, readOwned, type ValueClass } from '../entry/owned-value.ts';
import { bodyOf, type Entry, type EntryNote, type StoredResponse, wireForm } from '../entry/stored-response.ts';
import { type HitNotes, hitNotes, type OwnedCodec, type StoredValue } from '../entry/stored-value.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import type { ByteStore, Eventually, Store } from '../ports.ts';
import { keyMatcher, noteOfValue } from './value-memory.ts';

export interface EncodedOptions {
  /** The classes that the codec knows as well. */
  readonly classes?: readonly ValueClass[];
  /** Called for each record that could not be read and was removed. */
  readonly fault?: (error: TidegateError) => void;
}

/** A store of values over a store of bytes. Keys stay as they are. */
export function encodedStore(bytes: ByteStore, codec: OwnedCodec, options: EncodedOptions = {}): Store<StoredValue> {
  return valuesOn(codec, options, {
    get: (key) => bytes.get(key),
    put(entry, record) {
      const { lifetimeMs, graceMs, sliding } = entry;
      // A sliding value may be put again at any age, and then has its idle time left.
      const keptMs = sliding === undefined ? lifetimeMs : Math.min(lifetimeMs, sliding.idleMs);
      return bytes.put(entry.key, record, { ttlMs: keptMs + graceMs });
    },
    delete: (keys) => (keys.length === 0 ? 0 : bytes.delete(keys)),
    find: (selector) => notesIn(bytes, selector),
  });
}

async function* notesIn(bytes: ByteStore, selector: Selector): AsyncGenerator<EntryNote> {
  const matches = keyMatcher(selector);
  const keys = selector.kind === 'url' ? [selector.uri] : (bytes.keys?.() ?? []);
  for await (const key of keys) {
    if (!matches(key)) continue;
    const found = await bytes.get(key);
    const record = found === undefined ? undefined : decodeValueRecord(found);
    if (record?.key !== key || (selector.kind === 'tag' && !record.tags.includes(selector.tag))) continue;
    yield noteOfValue(record, record.content.length);
  }
}

export interface GateStoreOptions extends EncodedOptions {
  /** Name of the cache. Each cache on one store has its own. */
  readonly name: string;
}

const URI_START = 'value:';

/** A store of values over a gate's store. */
export function valuesOnGateStore(store: Store, codec: OwnedCodec, options: GateStoreOptions): Store<StoredValue> {
  const originName = encodedText(options.name);
  const prefix = cacheKey({ tenant: DEFAULT_TENANT, originName }, 'GET', URI_START);
  const keyOf = (key: string) => prefix + encodedText(key);
  return valuesOn(codec, options, {
    get: (key) => then(store.get(keyOf(key)), bytesIn),
    put: (entry, record) => store.put(responseOf(entry, keyOf(entry.key), record)),
    delete: (keys) => store.delete(keys.map(keyOf)),
    find: (selector) => notesOn(store, selector, prefix),
  });
}

function bytesIn(found: Entry | undefined): Uint8Array | undefined | null {
  if (found === undefined) return undefined;
  return found.kind === 'response' && found.large === undefined ? bodyOf(found) : null;
}

function responseOf(entry: StoredValue, key: string, record: Uint8Array): StoredResponse {
  const { bornMs, lifetimeMs, graceMs, tags, epoch, stamp } = entry;
  const reuse = { noCache: false, mustRevalidate: false, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
  const terms = { lifetimeMs, source: 'override', graceMs, ...reuse } as const;
  const rest = { status: 200, bornMs, terms, tags, epoch, stamp, checkedUpTo: stamp };
  return { kind: 'response', key, ...wireForm([], [record]), ...rest };
}

async function* notesOn(store: Store, selector: Selector, prefix: string): AsyncGenerator<EntryNote> {
  const matches = keyMatcher(selector);
  const asked = gateSelector(selector, prefix);
  if (asked === undefined) return;
  for await (const note of store.find(asked)) {
    if (note.kind !== 'response' || !note.key.startsWith(prefix)) continue;
    const key = decodedText(note.key.slice(prefix.length));
    if (key !== undefined && matches(key)) yield noteOfValue({ ...note, key }, note.bodyBytes);
  }
}

/** A selector that finds all values that `selector` names, and perhaps more. Undefined when it can name no value. */
function gateSelector(selector: Selector, prefix: string): Selector | undefined {
  switch (selector.kind) {
    case 'url':
      return { kind: 'url', uri: URI_START + encodedText(selector.uri) };
    case 'prefix':
      return { kind: 'prefix', prefix: URI_START + encodedText(selector.prefix) };
    case 'tag':
      return selector;
    case 'origin':
      return undefined;
    // Encoding turns one character of a key into several, so the pattern is matched against the key itself.
    case 'pattern':
    case 'all':
      return { kind: 'origin', origin: prefix.split(' ')[1] as string };
  }
}

/** Visible ASCII without `%`. The encoding of a prefix is a prefix of the encoding. */
function encodedText(text: string): string {
  return text.replace(/[^!-$&-~]/g, percentEscaped);
}

/** Returns undefined when `encodedText` could not have given the text. */
function decodedText(text: string): string | undefined {
  const decoded = text.replace(/%(?:u([0-9a-f]{4})|([0-9a-f]{2}))/g, (_, wide?: string, narrow?: string) =>
    String.fromCharCode(Number.parseInt((wide ?? narrow) as string, 16)),
  );
  return encodedText(decoded) === text ? decoded : undefined;
}

/** The store beneath: it keeps records under the keys of their values. */
interface RecordStore extends Pick<Store<StoredValue>, 'delete' | 'find'> {
  /** Null stands for what is no record. */
  get(key: string): Eventually<Uint8Array | undefined | null>;
  put(entry: StoredValue, record: Uint8Array<ArrayBuffer>): Eventually<unknown>;
}

function valuesOn(codec: OwnedCodec, options: EncodedOptions, records: RecordStore): Store<StoredValue> {
  const remove = (key: string) => then(records.delete([key]), () => undefined);
  const tell = (expected: string, key: string, cause: unknown): undefined => {
    const message = `expected ${expected} under ${key}, got: ${messageOf(cause)}`;
    options.fault?.(new TidegateError('E_VALUE', message, { cause }));
  };
  const valueIn = (key: string, bytes: Uint8Array): StoredValue | undefined => {
    const record = decodeValueRecord(bytes);
    if (record?.key !== key || record.codecName !== codec.name) {
      const wanted = `a record of ${codec.name}`;
      const got = record === undefined ? 'damaged bytes' : `one of ${record.codecName} for ${record.key}`;
      return tell(wanted, key, new Error(`expected ${wanted}, got ${got}`));
    }
    const { codecName: _, content, ...kept } = record;
    try {
      const owned = ownValue(codec.decode(content), options);
      return { kind: 'value', ...kept, ...owned, ...hitNotes(kept), checkedUpTo: kept.stamp };
    } catch (error) {
      return tell(`what ${codec.name} wrote`, key, error);
    }
  };
  return {
    get: (key) =>
      then(records.get(key), (found) => {
        if (found === undefined) return undefined;
        return (found === null ? undefined : valueIn(key, found)) ?? remove(key);
      }),
    put(entry) {
      let record: Uint8Array<ArrayBuffer>;
      try {
        record = encodeValueRecord({ ...entry, codecName: codec.name, content: codec.encode(readOwned(entry)) });
      } catch (error) {
        tell(`a value that ${codec.name} can write`, entry.key, error);
        // The new value is not stored, so the old one must go.
        return remove(entry.key);
      }
      return records.put(entry, record);
    },
    delete: (keys) => records.delete(keys),
    find: (selector) => records.find(selector),
  };
}

function then<T, U>(result: Eventually<T>, next: (value: T) => Eventually<U>): Eventually<U> {
  return result instanceof Promise ? result.then(next) : next(result);
}

// A record is bytes that carry their form, their key and a checksum. Everything little-endian.
//
//   0 magic u32 · 4 checksum u32, over all that follows · 8 format u32 · 12 text bytes u32
//   16 bornMs f64 · 24 lifetimeMs f64 · 32 graceMs f64 · 40 fillMs f64 · 48 stamp f64 · 56 readAt f64
//   64 text: JSON of [codec, key, epoch, validator or null, ...tags] · the value, as the codec writes it
// A sliding value has another format, with `64 idleMs f64 · 72 limitMs f64` before the text.
//
// A record may hold any bytes, and reading it must never throw. The checksum finds accidental damage; anyone who may write
// to the store can write any value.

const MAGIC = 0x56454754; // 'TGEV'
const FORMAT = 2;
const SLIDING_FORMAT = 3;
const HEADER_BYTES = 64;
const SLIDING_HEADER_BYTES = 80;

/** From byte 16 on, in this order. */
const NUMBERS = ['bornMs', 'lifetimeMs', 'graceMs', 'fillMs', 'stamp', 'readAt'] as const;

/** A whole entry except its value, which is still bytes. */
interface ValueRecord extends Omit<StoredValue, keyof OwnedValue | keyof HitNotes | 'kind' | 'checkedUpTo'> {
  readonly codecName: string;
  readonly content: Uint8Array;
}

const toText = new TextEncoder();
const fromText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function encodeValueRecord(record: ValueRecord): Uint8Array<ArrayBuffer> {
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
function decodeValueRecord(bytes: Uint8Array): ValueRecord | undefined {
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
  const sliding = slides
    ? { idleMs: view.getFloat64(64, true), limitMs: view.getFloat64(72, true), toldMs: numbers.lifetimeMs }
    : undefined;
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
