// Bytes in a Workers KV namespace, for responses (response-store.ts) and for a tier of a data cache.
//
// KV lags: for a minute and more a place may see what was there before, and that nothing was there. So bytes never change
// under their name. A small pointer, whose name is a digest of the key, holds the digest of the bytes; their name is made of
// both. An old pointer leads to old bytes, which the reader judges by their stamp; a pointer that is ahead of its bytes, or an
// old "not there", is a miss. What a replaced pointer led to is left to its time to live.
//
// Every environment writes under names of its own, and a marker says whose the namespace is. A namespace that has the marker
// of another environment is not used at all: two environments that share one are misconfigured. Should both write the first
// marker at the same time, their names still keep them apart, and the one that lost is off from its next isolate on.

import type { EntryNote } from '../../entry/stored-response.ts';
import { expected, messageOf, shown, TidegateError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import { digestOf } from '../portable-bytes.ts';
import { deferred, type NotedByteStore, type NotedKey, type PlatformStoreOptions } from '../response-store.ts';

/** What is called of a KV namespace. */
export interface KvNamespace {
  get(key: string, type: 'text'): Promise<string | null>;
  get(key: string, type: 'arrayBuffer'): Promise<ArrayBuffer | null>;
  get(keys: string[], type: 'text'): Promise<Map<string, string | null>>;
  put(key: string, value: string | Uint8Array, options?: { expirationTtl?: number; metadata?: unknown }): Promise<void>;
  delete(key: string): Promise<void>;
  list(options: { prefix: string; limit: number; cursor?: string }): Promise<KvList>;
}

export interface KvList {
  readonly keys: readonly { readonly name: string; readonly metadata?: unknown }[];
  readonly list_complete: boolean;
  readonly cursor?: string;
}

/** Limits of the platform (developers.cloudflare.com/kv/platform/limits). */
const MAX_KEY_BYTES = 512;
const MAX_VALUE_BYTES = 25 * 2 ** 20;
const MAX_METADATA_BYTES = 1024;
const MIN_TTL_MS = 60_000;
const WRITE_INTERVAL_MS = 1000;
const LIST_PAGE = 1000;
const BULK_KEYS = 100;

/** Our own limit: without one, what was replaced would stay for ever. */
const MAX_TTL_MS = 30 * 24 * 3_600_000;

const MARKER = 'tidegate/environment';
const POINTER_VERSION = 1;
const DIGEST_LENGTH = 64;

/** Each environment has a namespace of its own. */
export interface KvStoreOptions extends PlatformStoreOptions {
  readonly namespace: KvNamespace;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Told once when the namespace is another environment's. */
  readonly fault: (error: TidegateError) => void;
}

export class KvStore implements NotedByteStore {
  readonly #options: KvStoreOptions;
  readonly #prefix: string;
  /** Whose the namespace is; undefined until the marker was read. */
  #owner: string | undefined;
  /** When pointers were written, by key; those of the last second. */
  readonly #writtenAt = new Map<string, number>();

  /** Throws E_CONFIG. */
  constructor(options: KvStoreOptions) {
    const { name, environment } = options;
    this.#options = options;
    this.#prefix = `${encodeURIComponent(name)}/${encodeURIComponent(environment)}/`;
    const longest = this.#prefix.length + 'v/'.length + DIGEST_LENGTH + '/'.length + DIGEST_LENGTH;
    if (name === '' || environment === '' || longest > MAX_KEY_BYTES) {
      expected(
        'E_CONFIG',
        `a name and an environment that leave room in a KV key of ${MAX_KEY_BYTES} bytes`,
        this.#prefix,
      );
    }
  }

  /** Goes on after the answer, too: who has found nothing may look once more when the fill is stored. */
  get(key: string): Promise<Uint8Array | undefined> {
    return deferred(this.#options, this.#read(key));
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    if (!(await this.#isOwn())) return undefined;
    const { namespace } = this.#options;
    const name = await digestOf(key);
    const digest = this.#digestIn(await namespace.get(this.#pointer(name), 'text'), key);
    if (digest === undefined) return undefined;
    const found = await namespace.get(this.#value(name, digest), 'arrayBuffer');
    if (found === null) return undefined;
    const bytes = new Uint8Array(found);
    return (await digestOf(bytes)) === digest ? bytes : undefined;
  }

  /**
   * False: declined. What stood there before then stays, as it does anyway where KV lags.
   * Rejects when the platform fails.
   */
  put(
    key: string,
    bytes: Uint8Array,
    options: { readonly ttlMs: number; readonly note?: EntryNote },
  ): Promise<boolean> {
    if (!this.#takes(key, bytes, options.ttlMs)) return Promise.resolve(false);
    // The caller may reuse its bytes before they are written.
    return deferred(this.#options, this.#write(key, bytes.slice(), options));
  }

  /**
   * Removes the pointers that this place sees, and what they lead to. What was written elsewhere within the last minute may
   * be unseen here; whoever must be sure removes it again after that.
   */
  delete(keys: readonly string[]): Promise<number> {
    return deferred(this.#options, this.#deleteAll([...new Set(keys)]));
  }

  async *keys(): AsyncIterable<string> {
    for await (const { key } of this.notes()) yield key;
  }

  async *notes(): AsyncIterable<NotedKey> {
    if (!(await this.#isOwn())) return;
    const { namespace } = this.#options;
    const prefix = this.#pointer('');
    let cursor: string | undefined;
    do {
      const page = await namespace.list({ prefix, limit: LIST_PAGE, ...(cursor !== undefined && { cursor }) });
      const unnoted: string[] = [];
      for (const { name, metadata } of page.keys) {
        if (isNote(metadata)) yield { key: metadata.key, note: metadata.kind === undefined ? undefined : metadata };
        else unnoted.push(name);
      }
      for (const text of (await this.#readTexts(unnoted)).values()) {
        const pointer = this.#parsed(text);
        if (pointer !== undefined) yield { key: pointer.key, note: undefined };
      }
      cursor = page.list_complete ? undefined : page.cursor;
    } while (cursor !== undefined);
  }

  async #write(
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
    { ttlMs, note }: { readonly ttlMs: number; readonly note?: EntryNote },
  ): Promise<boolean> {
    const { namespace, environment } = this.#options;
    try {
      if (!(await this.#isOwn())) {
        if (this.#owner !== undefined) return false;
        await namespace.put(MARKER, environment);
        this.#owner ??= environment;
      }
      const [name, digest] = await Promise.all([digestOf(key), digestOf(bytes)]);
      const expirationTtl = Math.ceil(Math.min(ttlMs, MAX_TTL_MS) / 1000);
      await namespace.put(this.#value(name, digest), bytes, { expirationTtl });
      const pointer = JSON.stringify({ version: POINTER_VERSION, digest, key });
      const metadata = note ?? { key };
      const fits = new TextEncoder().encode(JSON.stringify(metadata)).length <= MAX_METADATA_BYTES;
      await namespace.put(this.#pointer(name), pointer, { expirationTtl, ...(fits && { metadata }) });
      return true;
    } catch (error) {
      // Other isolates write too, so the platform may refuse a second write that none of them could foresee.
      if (/\b429\b/.test(messageOf(error))) return false;
      throw error;
    }
  }

  async #deleteAll(keys: readonly string[]): Promise<number> {
    if (!(await this.#isOwn())) return 0;
    const { namespace } = this.#options;
    const names = new Map<string, { readonly key: string; readonly name: string }>();
    for (const key of keys) {
      const name = await digestOf(key);
      names.set(this.#pointer(name), { key, name });
    }
    const found = [...(await this.#readTexts([...names.keys()]))].filter(([, text]) => text !== null);
    const removed = found.map(async ([pointer, text]) => {
      const { key, name } = names.get(pointer) as { key: string; name: string };
      const digest = this.#digestIn(text, key);
      // A deletion is a write as well. The map is in the order of its times.
      this.#writtenAt.delete(key);
      this.#writtenAt.set(key, this.#options.clock.monotonic());
      await namespace.delete(pointer);
      if (digest !== undefined) await namespace.delete(this.#value(name, digest));
    });
    await Promise.all(removed);
    return removed.length;
  }

  async #readTexts(names: readonly string[]): Promise<Map<string, string | null>> {
    const texts = new Map<string, string | null>();
    for (let at = 0; at < names.length; at += BULK_KEYS) {
      const some = names.slice(at, at + BULK_KEYS);
      for (const [name, text] of await this.#options.namespace.get(some, 'text')) texts.set(name, text);
    }
    return texts;
  }

  /** Reads the marker until it is there: no promise is kept, since the one of another request may never be settled. */
  async #isOwn(): Promise<boolean> {
    const { namespace, environment, fault } = this.#options;
    if (this.#owner !== undefined) return this.#owner === environment;
    const owner = await namespace.get(MARKER, 'text');
    if (owner === null) return false;
    if (this.#owner === undefined && owner !== environment) {
      const wanted = `a KV namespace of the environment ${shown(environment)} alone`;
      const message = `expected ${wanted}, got one of ${shown(owner)} (its key ${MARKER}); it is not used`;
      fault(new TidegateError('E_CONFIG', message));
    }
    this.#owner ??= owner;
    return this.#owner === environment;
  }

  /** The platform takes no second write of a key so soon. */
  #takes(key: string, bytes: Uint8Array, ttlMs: number): boolean {
    if (bytes.length > MAX_VALUE_BYTES || !(ttlMs >= MIN_TTL_MS)) return false;
    const now = this.#options.clock.monotonic();
    for (const [written, at] of this.#writtenAt) {
      if (now - at < WRITE_INTERVAL_MS) break;
      this.#writtenAt.delete(written);
    }
    if (this.#writtenAt.has(key)) return false;
    this.#writtenAt.set(key, now);
    return true;
  }

  #digestIn(text: string | null, key: string): string | undefined {
    const pointer = this.#parsed(text);
    return pointer?.key === key ? pointer.digest : undefined;
  }

  /** Undefined: it is no pointer of this version. */
  #parsed(text: string | null): { readonly digest: string; readonly key: string } | undefined {
    if (text === null) return undefined;
    try {
      const { version, digest, key } = JSON.parse(text) as Readonly<Record<string, unknown>>;
      if (version === POINTER_VERSION && typeof digest === 'string' && typeof key === 'string') return { digest, key };
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    }
    return undefined;
  }

  #pointer(name: string): string {
    return `${this.#prefix}k/${name}`;
  }

  #value(name: string, digest: string): string {
    return `${this.#prefix}v/${name}/${digest}`;
  }
}

/** A note, or the key alone of bytes that came without one. */
function isNote(metadata: unknown): metadata is EntryNote | { readonly key: string; readonly kind?: undefined } {
  const { key, kind, tags, lifetimeMs } = (metadata ?? {}) as Partial<EntryNote>;
  // JSON has no Infinity: such a note is read from the entry.
  return typeof key === 'string' && (kind === undefined || (Array.isArray(tags) && typeof lifetimeMs === 'number'));
}
