// A KV namespace in simulated time, as bad as the real one is allowed to be.
//
//   const kv = new FakeKv({ time });         // `time`: a SimulatedTime
//   const namespace = kv.at('ams');          // the binding as a place sees it; each place has a cache of its own
//   kv.fails = (op, name) => op === 'put';   // true, or an error to throw; ops: get, put, delete, list. Default: nothing fails
//   kv.delayMs = (op, name) => 2000;         // each call takes so long, for which somebody must move the time. Default 0
//   kv.propagationMs = 5000;                 // a write is seen by nobody before that, besides the caches. Default 0
//   kv.clear();                              // all is lost, the caches too
//   kv.counts                                // calls by op; each key of a bulk read counts, as it does on the bill
//   kv.names()                               // the names that have a value now, whoever sees it
//   kv.overwrite(name, value)                // changes what stands there behind everybody's back, caches included
//
// Its rules, of developers.cloudflare.com/kv: a place that has read a name, or that nothing was there, sees the same for
// `lagMs` (default 60 s), its own writes notwithstanding. `list` shows what was there `lagMs` ago. A second write of a name
// within a second is a 429. Keys of more than 512 bytes, values of more than 25 MiB, metadata of more than 1,024 bytes, a TTL
// of less than 60 s, more than 100 keys a bulk read and more than 1,000 a page are refused, with messages like KV's.

import type { KvList, KvNamespace } from '../../../src/store/kv/kv-store.ts';
import type { SimulatedTime } from '../../kit/simulated-time.ts';

export type KvOperation = 'get' | 'put' | 'delete' | 'list';

interface Version {
  readonly at: number;
  /** Undefined: deleted. */
  readonly value: Uint8Array | undefined;
  readonly metadata?: unknown;
  readonly expiresAt: number;
}

interface PutOptions {
  readonly expirationTtl?: number;
  readonly metadata?: unknown;
}

const NEVER = Number.POSITIVE_INFINITY;

export class FakeKv {
  fails: (op: KvOperation, name: string) => boolean | Error = () => false;
  delayMs: (op: KvOperation, name: string) => number = () => 0;
  propagationMs = 0;
  counts = { get: 0, put: 0, delete: 0, list: 0 };
  readonly #time: SimulatedTime;
  readonly #lagMs: number;
  /** Oldest first. */
  readonly #versions = new Map<string, Version[]>();
  readonly #caches = new Map<string, Map<string, { readonly until: number; readonly version: Version | undefined }>>();

  constructor({ time, lagMs = 60_000 }: { readonly time: SimulatedTime; readonly lagMs?: number }) {
    this.#time = time;
    this.#lagMs = lagMs;
  }

  at(place: string): KvNamespace {
    const get = async (asked: string | string[], type: string) => {
      if (typeof asked === 'string') return inForm((await this.#read(place, [asked]))[0], type);
      if (asked.length > 100) throw new Error('KV GET_BULK failed: 400 You can request a maximum of 100 keys');
      const found = await this.#read(place, asked);
      return new Map(asked.map((name, at) => [name, inForm(found[at], type)]));
    };
    return {
      get: get as KvNamespace['get'],
      put: (name, value, options = {}) => this.#put(name, value, options),
      delete: (name) => this.#write('delete', name, { value: undefined, expiresAt: NEVER }),
      list: (options) => this.#list(options),
    };
  }

  clear(): void {
    this.#versions.clear();
    this.#caches.clear();
  }

  names(): readonly string[] {
    return [...this.#versions.keys()].filter((name) => this.#seen(name, this.#time.now()) !== undefined);
  }

  overwrite(name: string, value: string | Uint8Array): void {
    this.#caches.clear();
    const old = this.#versions.get(name)?.at(-1);
    this.#versions.set(name, [{ expiresAt: NEVER, ...old, at: -NEVER, value: bytesOf(value) }]);
  }

  async #begin(op: KvOperation, names: readonly string[]): Promise<void> {
    this.counts[op] += names.length;
    for (const name of names) {
      const bytes = new TextEncoder().encode(name).length;
      if (bytes > 512) refuse(op, `414 UTF-8 encoded length of ${bytes} exceeds key length limit of 512.`);
      if (op !== 'list' && ['', '.', '..'].includes(name)) refuse(op, `400 "${name}" is not allowed as a key.`);
      const delayMs = this.delayMs(op, name);
      if (delayMs > 0) await new Promise<void>((done) => void this.#time.later(delayMs, done));
      const fails = this.fails(op, name);
      if (fails !== false)
        throw fails === true ? new Error(`KV ${op.toUpperCase()} failed: 500 Internal Error`) : fails;
    }
  }

  async #read(place: string, names: readonly string[]): Promise<(Version | undefined)[]> {
    await this.#begin('get', names);
    const now = this.#time.now();
    const cache = this.#caches.get(place) ?? new Map();
    this.#caches.set(place, cache);
    return names.map((name) => {
      const cached = cache.get(name);
      if (cached !== undefined && cached.until > now) return cached.version;
      const version = this.#seen(name, now - this.propagationMs);
      cache.set(name, { until: now + this.#lagMs, version });
      return version;
    });
  }

  /** The version of that instant, if it has a value and has not expired by now. */
  #seen(name: string, at: number): Version | undefined {
    const version = this.#versions.get(name)?.findLast((each) => each.at <= at);
    return version?.value === undefined || version.expiresAt <= this.#time.now() ? undefined : version;
  }

  async #put(name: string, value: string | Uint8Array, { expirationTtl, metadata }: PutOptions): Promise<void> {
    // A caller may change its bytes afterwards, and the platform must not see that.
    const bytes = bytesOf(value);
    if (bytes.length > 25 * 2 ** 20)
      refuse('put', `413 Value length of ${bytes.length} exceeds limit of ${25 * 2 ** 20}.`);
    const noted = metadata === undefined ? '' : JSON.stringify(metadata);
    if (bytesOf(noted).length > 1024) refuse('put', `413 Metadata length of ${noted.length} exceeds limit of 1024.`);
    if (expirationTtl !== undefined && !(Number.isInteger(expirationTtl) && expirationTtl >= 60)) {
      refuse('put', `400 Invalid expiration_ttl of ${expirationTtl}. Expiration TTL must be at least 60.`);
    }
    const expiresAt = expirationTtl === undefined ? NEVER : this.#time.now() + 1000 * expirationTtl;
    const kept = noted === '' ? {} : { metadata: JSON.parse(noted) as unknown };
    await this.#write('put', name, { value: bytes, expiresAt, ...kept });
  }

  async #write(op: 'put' | 'delete', name: string, version: Omit<Version, 'at'>): Promise<void> {
    await this.#begin(op, [name]);
    const versions = this.#versions.get(name) ?? [];
    const at = this.#time.now();
    if (at - (versions.at(-1)?.at ?? -NEVER) < 1000) refuse(op, '429 Too Many Requests');
    this.#versions.set(name, [...versions, { at, ...version }]);
  }

  async #list({ prefix, limit, cursor = '' }: Parameters<KvNamespace['list']>[0]): Promise<KvList> {
    await this.#begin('list', [prefix]);
    if (limit > 1000)
      refuse('list', `400 Invalid key_count_limit of ${limit}. Please specify an integer less than 1000.`);
    const at = this.#time.now() - this.#lagMs;
    const names = [...this.#versions.keys()].filter((name) => name.startsWith(prefix) && name > cursor).sort();
    const there = names.filter((name) => this.#seen(name, at) !== undefined);
    const keys = there.slice(0, limit).map((name) => {
      const metadata = this.#seen(name, at)?.metadata;
      return metadata === undefined ? { name } : { name, metadata };
    });
    if (there.length <= limit) return { keys, list_complete: true };
    return { keys, list_complete: false, cursor: keys.at(-1)?.name as string };
  }
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? new TextEncoder().encode(value) : value.slice();
}

function inForm(version: Version | undefined, type: string): string | ArrayBufferLike | null {
  if (version?.value === undefined) return null;
  return type === 'text' ? new TextDecoder().decode(version.value) : version.value.slice().buffer;
}

function refuse(op: KvOperation, why: string): never {
  throw new Error(`KV ${op.toUpperCase()} failed: ${why}`);
}
