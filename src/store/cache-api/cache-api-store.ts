// Bytes in the Cache API of Workers (`caches.default` or one of `caches.open`), for responses (response-store.ts) and for a
// tier of a data cache.
//
// It is a store of one data centre: what is put or deleted here is so nowhere else. It cannot list. The bytes are the body of
// a made-up 200 without Vary, under a made-up URL that holds a digest of the key; so a stored 206 and a stored response with
// Vary are kept too, though the platform refuses to put them as such.

import { expected } from '../../errors.ts';
import { digestOf } from '../portable-bytes.ts';
import { deferred, type NotedByteStore, type PlatformStoreOptions } from '../response-store.ts';

/** What is called of a Cache. */
export interface PlatformCache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

export interface CacheApiStoreOptions extends PlatformStoreOptions {
  readonly cache: PlatformCache;
}

/** RFC 9111 §1.2.2: the largest delta-seconds that every cache understands. */
const MAX_AGE_SECONDS = 2 ** 31;

export class CacheApiStore implements NotedByteStore {
  readonly #options: CacheApiStoreOptions;
  readonly #base: string;

  /** Throws E_CONFIG. */
  constructor(options: CacheApiStoreOptions) {
    const { name, environment } = options;
    this.#options = options;
    if (name === '' || environment === '') expected('E_CONFIG', 'a name and an environment', `${name}/${environment}`);
    this.#base = `https://tidegate.invalid/${encodeURIComponent(name)}/${encodeURIComponent(environment)}/`;
  }

  /** Goes on after the answer, too: who has found nothing may look once more when the fill is stored. */
  get(key: string): Promise<Uint8Array | undefined> {
    return deferred(this.#options, this.#read(key));
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    const url = await this.#url(key);
    const found = await this.#options.cache.match(url);
    return found && new Uint8Array(await found.arrayBuffer());
  }

  /** False: declined, since its time is over. Rejects when the platform fails. */
  put(key: string, bytes: Uint8Array, { ttlMs }: { readonly ttlMs: number }): Promise<boolean> {
    if (!(ttlMs > 0)) return Promise.resolve(false);
    const seconds = Math.min(Math.ceil(ttlMs / 1000), MAX_AGE_SECONDS);
    const headers = { 'cache-control': `max-age=${seconds}`, 'content-type': 'application/octet-stream' };
    // The caller may reuse its bytes before they are written.
    return deferred(this.#options, this.#write(key, new Response(bytes.slice(), { headers })));
  }

  /** In this data centre alone. */
  delete(keys: readonly string[]): Promise<number> {
    return deferred(this.#options, this.#deleteAll(keys));
  }

  async #write(key: string, response: Response): Promise<boolean> {
    const url = await this.#url(key);
    await this.#options.cache.put(url, response);
    return true;
  }

  async #deleteAll(keys: readonly string[]): Promise<number> {
    let deleted = 0;
    for (const key of new Set(keys)) {
      const url = await this.#url(key);
      if (await this.#options.cache.delete(url)) deleted++;
    }
    return deleted;
  }

  async #url(key: string): Promise<string> {
    return this.#base + (await digestOf(key));
  }
}
