// Responses over a store of bytes: each entry as a record (entry-record.ts), the same bytes as on a disk.
//
// What cannot be read (damaged, foreign, of a newer format) is a miss; it is left where it is, for a newer version of the
// program may have written it and still reads it. The reader judges what is given, as from any tier.

import { withCoded } from '../entry/key.ts';
import { type Entry, type EntryNote, noteOf, type StoredResponse } from '../entry/stored-response.ts';
import type { Selector } from '../ledger/selector.ts';
import type { ByteStore, Eventually, Store } from '../ports.ts';
import { decodeEntry, encodeEntry } from './entry-record.ts';
import { entryMatcher, keyPrefix } from './key-matcher.ts';
import { PORTABLE } from './portable-bytes.ts';

/** A key that is there, and the note that was put with it where the platform had room for it. */
export interface NotedKey {
  readonly key: string;
  readonly note: EntryNote | undefined;
}

/** A store of bytes that takes any text as a key, and notes. */
export interface NotedByteStore extends ByteStore {
  put(
    key: string,
    bytes: Uint8Array,
    options: { readonly ttlMs: number; readonly note?: EntryNote },
  ): Eventually<unknown>;
  /** All keys with their notes; without it, nobody can list what is there. */
  notes?(): AsyncIterable<NotedKey>;
}

/** What a store of a platform is told beside where it stores. */
export interface PlatformStoreOptions {
  /** Of the gate or data cache; others in the same place have another. */
  readonly name: string;
  /** Such as `production`; part of every name there. */
  readonly environment: string;
  /** Lets work go on after the answer: the platform's `waitUntil`. */
  readonly defer: (work: Promise<unknown>) => void;
}

/** The work, which goes on after the answer, too. Its failure is the caller's to hear of. */
export function deferred<T>({ defer }: Pick<PlatformStoreOptions, 'defer'>, work: Promise<T>): Promise<T> {
  defer(work.catch(() => undefined));
  return work;
}

/** A list of variants has no lifetime of its own: it is kept as long as the platform keeps anything. */
const LIST_TTL_MS = Number.POSITIVE_INFINITY;

export class ResponseStore implements Store {
  readonly #bytes: NotedByteStore;
  readonly #now: () => number;
  /** Every `tenant SP origin SP method SP` asked for here; few, since the configuration and its methods bound them. */
  readonly #keyPrefixes = new Set<string>();

  /** `now`: milliseconds since the Unix epoch. */
  constructor(bytes: NotedByteStore, now: () => number) {
    this.#bytes = bytes;
    this.#now = now;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#keyPrefixes.add(keyPrefix(key));
    return this.#read(key);
  }

  put(entry: Entry): Eventually<unknown> {
    this.#keyPrefixes.add(keyPrefix(entry.key));
    // Only a disk tier keeps large bodies.
    if (entry.kind === 'response' && entry.large !== undefined) return false;
    const { prefix, content, bytes: length } = encodeEntry(entry, 0, PORTABLE);
    const record = new Uint8Array(length);
    record.set(prefix);
    record.set(content, prefix.length);
    const ttlMs = entry.kind === 'response' ? this.#usefulMs(entry) : LIST_TTL_MS;
    return this.#bytes.put(entry.key, record, { ttlMs, note: noteOf(entry) });
  }

  delete(keys: readonly string[]): Eventually<number> {
    return keys.length === 0 ? 0 : this.#bytes.delete(keys);
  }

  /**
   * Where the platform lists nothing (the Cache API): what stands under a URL, with the tenants, origins and methods that
   * were asked for since the isolate began; for any other selector nothing.
   */
  async *find(selector: Selector): AsyncIterable<EntryNote> {
    const notes = this.#bytes.notes?.();
    if (notes === undefined) {
      if (selector.kind === 'url') yield* this.#findUri(selector.uri);
      return;
    }
    const matches = entryMatcher(selector);
    for await (const { key, note } of notes) {
      if (!matches(key)) continue;
      const known = note ?? (await this.#noteUnder(key));
      if (known !== undefined && (selector.kind !== 'tag' || known.tags.includes(selector.tag))) yield known;
    }
  }

  async *#findUri(uri: string): AsyncIterable<EntryNote> {
    for (const prefix of this.#keyPrefixes) {
      const plain = prefix + uri;
      const entry = await this.#read(plain);
      if (entry?.kind === 'variants') yield noteOf(entry);
      // A content-coded response may have outlived the response that it was made from.
      const keys = entry?.kind === 'variants' ? [plain, ...entry.variantKeys] : [plain];
      for (const key of keys.flatMap(withCoded)) {
        const note = await this.#noteUnder(key);
        if (note?.kind === 'response') yield note;
      }
    }
  }

  async #noteUnder(key: string): Promise<EntryNote | undefined> {
    const entry = await this.#read(key);
    return entry && noteOf(entry);
  }

  async #read(key: string): Promise<Entry | undefined> {
    const record = await this.#bytes.get(key);
    if (record === undefined) return undefined;
    const entry = decodeEntry(record, { generation: 0, key }, PORTABLE);
    return typeof entry !== 'string' && hasTimes(entry) ? entry : undefined;
  }

  /** After that nobody may be served the response, fresh or stale. */
  #usefulMs({ bornMs, terms }: StoredResponse): number {
    const { lifetimeMs, staleWhileRevalidateMs, staleIfErrorMs, graceMs } = terms;
    return bornMs + lifetimeMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs, graceMs) - this.#now();
  }
}

/** Comparisons with NaN are false, so an entry with one might never become stale. */
function hasTimes(entry: Entry): boolean {
  if (entry.kind === 'variants') return true;
  const { lifetimeMs, staleWhileRevalidateMs, staleIfErrorMs, graceMs } = entry.terms;
  const sum = entry.bornMs + entry.stamp + lifetimeMs + staleWhileRevalidateMs + staleIfErrorMs + graceMs;
  return !Number.isNaN(sum);
}
