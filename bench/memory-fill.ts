// Child of the bench `memory`: fills a memory store with entries as the engine makes them and writes, as JSON, what the
// process grew by. To be run with --expose-gc, in a process of its own, as garbage of others would count.

import { cacheKey } from '../src/entry/key.ts';
import { type StoredResponse, wireForm } from '../src/entry/stored-response.ts';
import { createMemoryStore } from '../src/store/memory.ts';

/** What a filled store takes. `heapBytes`: V8's heap and what its objects hold outside of it. */
export interface Fill {
  readonly entries: number;
  readonly tagsPerEntry: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly keyBytes: number;
  readonly tagBytes: number;
  readonly headBytes: number;
  readonly bodyBytes: number;
  /** As the store counts it. */
  readonly countedBytes: number;
}

const BODY_BYTES = 2_048;

const terms = Object.freeze({
  lifetimeMs: 60_000,
  source: 'max-age',
  noCache: false,
  mustRevalidate: false,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  graceMs: 0,
} as const);
const noTags: readonly string[] = Object.freeze([]);

/** An entry made as a fill makes it; `tags` of them, one its own, the others shared by a hundred. */
export function makeEntry(number: number, tags: number): StoredResponse {
  const id = String(number).padStart(7, '0');
  const fields = [
    ...['date', 'Thu, 20 Nov 2025 10:00:00 GMT', 'content-type', 'application/json; charset=utf-8'],
    ...['content-length', String(BODY_BYTES), 'etag', `"5f3a-${id}-c0ffee"`, 'cache-control', 'public, max-age=60'],
    ...['last-modified', 'Thu, 20 Nov 2025 09:00:00 GMT', 'x-request-id', `0b1d7c1e-5a7e-4d54-9d3e-${id}`],
  ];
  return {
    kind: 'response',
    key: cacheKey({ tenant: '-', originName: 'api' }, 'GET', `http://shop.example/product/${id}`),
    ...wireForm(fields, [new Uint8Array(BODY_BYTES)]),
    status: 200,
    bornMs: 1_763_632_800_000 + number,
    terms,
    tags: tags === 0 ? noTags : tagsFor(number, tags),
    epoch: 'epoch',
    stamp: 1,
    checkedUpTo: 1,
  };
}

function tagsFor(number: number, tags: number): string[] {
  return Array.from({ length: tags }, (_, at) => (at === 0 ? `product-${number}` : `group-${at}-${number % 2_000}`));
}

function measure(): { readonly heap: number; readonly resident: number } {
  for (let times = 0; times < 4; times++) globalThis.gc?.();
  // `external` holds `arrayBuffers` already.
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

function fill(entries: number, tags: number): Fill {
  const store = createMemoryStore({ maxBytes: 2 ** 40 });
  for (let number = 0; number < 100; number++) store.put(makeEntry(number, tags));
  store.delete([...store.find({ kind: 'all' })].map((entry) => entry.key));
  const before = measure();
  for (let number = 0; number < entries; number++) store.put(makeEntry(number, tags));
  const after = measure();
  const sums = { keyBytes: 0, tagBytes: 0, headBytes: 0, bodyBytes: 0 };
  for (const { key } of store.find({ kind: 'all' })) {
    const entry = store.get(key) as StoredResponse;
    sums.keyBytes += entry.key.length;
    for (const tag of entry.tags) sums.tagBytes += tag.length;
    sums.headBytes += entry.headBytes;
    sums.bodyBytes += entry.bytes.length - entry.headBytes;
  }
  return {
    entries: store.stats().entries,
    tagsPerEntry: tags,
    heapBytes: after.heap - before.heap,
    residentBytes: after.resident - before.resident,
    ...sums,
    countedBytes: store.bytes(),
  };
}

if (import.meta.main) console.log(JSON.stringify(fill(Number(process.argv[2]), Number(process.argv[3]))));
