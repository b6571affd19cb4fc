// Values of a data cache on stores that keep bytes: a third party's store (ByteStore), or a gate's store such as the disk
// tier, where each value is the body of a response.
//
// The bytes may be damaged, another cache's, or of another codec. That is a miss: the store removes them, and the reader
// does not notice. Failures of the store itself are left to the tiers, which count them.

import { cacheKey, DEFAULT_TENANT } from '../entry/key.ts';
import { type OwnedValue, ownValue, readOwned, type ValueClass } from '../entry/owned-value.ts';
import { bodyOf, type Entry, type EntryNote, type StoredResponse, wireForm } from '../entry/stored-response.ts';
import { hitNotes, type OwnedCodec, type StoredValue } from '../entry/stored-value.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import type { ByteStore, Eventually, Store } from '../ports.ts';
import { keyMatcher } from './value-memory.ts';
import { decodeValueRecord, encodeValueRecord, type ValueRecord } from './value-record.ts';

export interface EncodedOptions {
  /** The classes that the codec knows as well. */
  readonly classes?: readonly ValueClass[];
  /** Called for each record that could not be read and was removed. */
  readonly fault?: (error: TidegateError) => void;
}

/** A store of values over a store of bytes. Keys stay as they are. */
export function encodedStore(bytes: ByteStore, codec: OwnedCodec, options: EncodedOptions = {}): Store<StoredValue> {
  const records = new Records(codec, options);
  const read = (key: string, found: Uint8Array | undefined) =>
    found === undefined ? undefined : (records.valueIn(key, found) ?? then(bytes.delete([key]), () => undefined));
  return {
    get: (key) => then(bytes.get(key), (found) => read(key, found)),
    put(entry) {
      const record = records.of(entry);
      if (record !== undefined) return bytes.put(entry.key, record, { ttlMs: keptMs(entry) });
      // The new value is not stored, so the old one must go.
      return then(bytes.delete([entry.key]), () => undefined);
    },
    delete: (keys) => (keys.length === 0 ? 0 : bytes.delete(keys)),
    find: (selector) => notesIn(bytes, selector),
  };
}

/** A sliding value may be put again at any age, and then has its idle time left. */
function keptMs({ lifetimeMs, graceMs, sliding }: StoredValue): number {
  return (sliding === undefined ? lifetimeMs : Math.min(lifetimeMs, sliding.idleMs)) + graceMs;
}

async function* notesIn(bytes: ByteStore, selector: Selector): AsyncGenerator<EntryNote> {
  const matches = keyMatcher(selector);
  const keys = selector.kind === 'url' ? [selector.uri] : (bytes.keys?.() ?? []);
  for await (const key of keys) {
    if (!matches(key)) continue;
    const found = await bytes.get(key);
    const record = found === undefined ? undefined : decodeValueRecord(found);
    if (record?.key !== key || (selector.kind === 'tag' && !record.tags.includes(selector.tag))) continue;
    const { bornMs, lifetimeMs, tags, epoch, stamp, content } = record;
    const about = { bornMs, lifetimeMs, tags, epoch, stamp, bodyBytes: content.length };
    yield { kind: 'value', key, status: 0, ...about };
  }
}

/** Turns entries into records and back. */
class Records {
  readonly #codec: OwnedCodec;
  readonly #options: EncodedOptions;

  constructor(codec: OwnedCodec, options: EncodedOptions) {
    this.#codec = codec;
    this.#options = options;
  }

  /** Returns undefined when the codec cannot write the value. */
  of(entry: StoredValue): Uint8Array<ArrayBuffer> | undefined {
    try {
      const content = this.#codec.encode(readOwned(entry));
      return encodeValueRecord({ ...entry, codecName: this.#codec.name, content });
    } catch (error) {
      this.#tell(`a value that ${this.#codec.name} can write`, entry.key, error);
      return undefined;
    }
  }

  /** Returns undefined when the record holds no value for the key. */
  valueIn(key: string, bytes: Uint8Array): StoredValue | undefined {
    const record = decodeValueRecord(bytes);
    if (record?.key === key && record.codecName === this.#codec.name) return this.#decoded(record);
    const wanted = `a record of ${this.#codec.name}`;
    const got = record === undefined ? 'damaged bytes' : `one of ${record.codecName} for ${record.key}`;
    this.#tell(wanted, key, new Error(`expected ${wanted}, got ${got}`));
    return undefined;
  }

  #decoded({ codecName: _, content, ...kept }: ValueRecord): StoredValue | undefined {
    let owned: OwnedValue;
    try {
      owned = ownValue(this.#codec.decode(content), this.#options);
    } catch (error) {
      this.#tell(`what ${this.#codec.name} wrote`, kept.key, error);
      return undefined;
    }
    return {
      kind: 'value',
      ...kept,
      ...owned,
      ...hitNotes(kept),
      checkedUpTo: kept.stamp,
    };
  }

  #tell(expected: string, key: string, cause: unknown): void {
    const got = messageOf(cause);
    this.#options.fault?.(new TidegateError('E_VALUE', `expected ${expected} under ${key}, got: ${got}`, { cause }));
  }
}

export interface GateStoreOptions extends EncodedOptions {
  /** Name of the cache. Each cache on one store has its own. */
  readonly name: string;
}

const OK = 200;
const URI_START = 'value:';

/** A store of values over a gate's store. */
export function valuesOnGateStore(store: Store, codec: OwnedCodec, options: GateStoreOptions): Store<StoredValue> {
  const records = new Records(codec, options);
  const originName = encodedText(options.name);
  const prefix = cacheKey({ tenant: DEFAULT_TENANT, originName }, 'GET', URI_START);
  const keyOf = (key: string) => prefix + encodedText(key);
  const read = (key: string, found: Entry | undefined) => {
    if (found === undefined) return undefined;
    const isWhole = found.kind === 'response' && found.large === undefined;
    const value = isWhole ? records.valueIn(key, bodyOf(found)) : undefined;
    return value ?? then(store.delete([keyOf(key)]), () => undefined);
  };
  return {
    get: (key) => then(store.get(keyOf(key)), (found) => read(key, found)),
    put(entry) {
      const record = records.of(entry);
      if (record !== undefined) return store.put(responseOf(entry, keyOf(entry.key), record));
      return then(store.delete([keyOf(entry.key)]), () => undefined);
    },
    delete: (keys) => store.delete(keys.map(keyOf)),
    find: (selector) => notesOn(store, selector, prefix),
  };
}

function responseOf(entry: StoredValue, key: string, record: Uint8Array): StoredResponse {
  const { bornMs, lifetimeMs, graceMs, tags, epoch, stamp } = entry;
  const reuse = { noCache: false, mustRevalidate: false, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
  const terms = { lifetimeMs, source: 'override', graceMs, ...reuse } as const;
  const rest = { status: OK, bornMs, terms, tags, epoch, stamp, checkedUpTo: stamp };
  return { kind: 'response', key, ...wireForm([], [record]), ...rest };
}

async function* notesOn(store: Store, selector: Selector, prefix: string): AsyncGenerator<EntryNote> {
  const matches = keyMatcher(selector);
  const asked = gateSelector(selector, prefix);
  if (asked === undefined) return;
  for await (const note of store.find(asked)) {
    if (note.kind !== 'response' || !note.key.startsWith(prefix)) continue;
    const key = decodedText(note.key.slice(prefix.length));
    if (key === undefined || !matches(key)) continue;
    const { bornMs, lifetimeMs, tags, epoch, stamp, bodyBytes } = note;
    yield { kind: 'value', key, status: 0, bornMs, lifetimeMs, tags, epoch, stamp, bodyBytes };
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
  return text.replace(/[^!-$&-~]/g, (char) => {
    const unit = char.charCodeAt(0);
    return unit <= 0xff ? `%${hex(unit, 2)}` : `%u${hex(unit, 4)}`;
  });
}

function hex(unit: number, digits: number): string {
  return unit.toString(16).padStart(digits, '0');
}

/** Returns undefined when `encodedText` could not have given the text. */
function decodedText(text: string): string | undefined {
  const decoded = text.replace(/%(?:u([0-9a-f]{4})|([0-9a-f]{2}))/g, (_, wide?: string, narrow?: string) =>
    String.fromCharCode(Number.parseInt((wide ?? narrow) as string, 16)),
  );
  return encodedText(decoded) === text ? decoded : undefined;
}

function then<T, U>(result: Eventually<T>, next: (value: T) => Eventually<U>): Eventually<U> {
  return result instanceof Promise ? result.then(next) : next(result);
}
