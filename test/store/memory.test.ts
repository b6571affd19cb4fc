import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Entry, MAX_VARIANTS, type StoredResponse } from '../../src/entry/stored-response.ts';
import { createMemoryStore, entryCost, type MemoryStore } from '../../src/store/memory.ts';
import { getKey, storedResponse, varied } from '../contract/store-contract.ts';

function keysOf(store: MemoryStore): string[] {
  return [...store.entries({ kind: 'all' })].map((entry) => entry.key).sort();
}

function costOf(entries: Iterable<Entry>): number {
  let cost = 0;
  for (const entry of entries) cost += entryCost(entry);
  return cost;
}

describe('entryCost', () => {
  it('grows with key, bytes, tags and listed variants', () => {
    const key = getKey('http://h/a');
    const cost = entryCost(storedResponse(key, 'xx'));
    expect(entryCost(storedResponse(`${key}bc`, 'xx'))).toBe(cost + 2);
    expect(entryCost(storedResponse(key, 'xxxx'))).toBe(cost + 2);
    expect(entryCost(storedResponse(key, 'xx', ['t']))).toBeGreaterThan(cost);
    expect(entryCost(varied(key, ['de', 'en'])[0])).toBeGreaterThan(entryCost(varied(key, ['de'])[0]));
  });
});

describe('memory store', () => {
  it('gives the very entry that was put', () => {
    const store = createMemoryStore({ maxBytes: 100_000 });
    const entry = storedResponse(getKey('http://h/a'));
    store.put(entry);
    expect(store.get(entry.key)).toBe(entry);
  });

  it('keeps no more of a buffer than the entry has of it', () => {
    const store = createMemoryStore({ maxBytes: 100_000 });
    const entry = storedResponse(getKey('http://h/a'));
    const read = new Uint8Array(10_000);
    read.set(entry.bytes, 500);
    store.put({ ...entry, bytes: read.subarray(500, 500 + entry.bytes.length) });
    const kept = store.get(entry.key) as StoredResponse;
    expect(kept.bytes).toEqual(entry.bytes);
    expect(kept.bytes.buffer.byteLength).toBe(entry.bytes.length);
  });

  it('leaves a large body, and its entry, to the tier that has it', () => {
    const store = createMemoryStore({ maxBytes: 100_000 });
    const entry = storedResponse(getKey('http://h/a'));
    store.put(entry);
    store.put({ ...entry, large: { id: 'b', bytes: 5_000_000 } });
    expect(store.get(entry.key)).toBe(undefined);
    expect(store.stats().declined).toBe(0);
  });

  it('declines an entry above a quarter of its bytes, and drops the one it was to replace', () => {
    const store = createMemoryStore({ maxBytes: 10_000 });
    const key = getKey('http://h/a');
    store.put(storedResponse(key, 'small'));
    store.put(storedResponse(key, 'x'.repeat(2_500)));
    expect(store.get(key)).toBe(undefined);
    expect(store.stats()).toEqual({ entries: 0, bytes: 0, maxBytes: 10_000, evictions: 0, declined: 1 });
  });

  it('deletes the variants of a list with it, and counts them', () => {
    const store = createMemoryStore({ maxBytes: 100_000 });
    const entries = varied(getKey('http://h/v'), ['de', 'en']);
    for (const entry of entries) store.put(entry);
    expect(store.delete([entries[0].key])).toBe(3);
    expect(keysOf(store)).toEqual([]);
  });

  it('counts stored responses, not lists', () => {
    const store = createMemoryStore({ maxBytes: 100_000 });
    for (const entry of varied(getKey('http://h/v'), ['de', 'en'])) store.put(entry);
    expect(store.stats().entries).toBe(2);
  });

  it('counts what it evicts', () => {
    const store = createMemoryStore({ maxBytes: 5 * entryCost(storedResponse(getKey('http://h/0'))) });
    for (let at = 0; at < 10; at++) store.put(storedResponse(getKey(`http://h/${at}`)));
    expect(store.stats()).toMatchObject({ entries: 5, evictions: 5 });
  });

  it('evicts what is used least, and finding is no use', () => {
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => getKey(`http://h/${name}`));
    const store = createMemoryStore({ maxBytes: 5 * entryCost(storedResponse(keys[0]!)) });
    for (const key of keys.slice(0, 5)) store.put(storedResponse(key));
    for (const key of keys.slice(0, 5)) if (key !== keys[1]) store.get(key);
    for (let times = 0; times < 5; times++) [...store.entries({ kind: 'url', uri: 'http://h/b' })];
    store.put(storedResponse(keys[5]!));
    expect(keysOf(store).sort()).toEqual(keys.filter((key) => key !== keys[1]));
  });

  it('lets the caller delete while it iterates', () => {
    const store = createMemoryStore({ maxBytes: 1_000_000 });
    for (let at = 0; at < 5; at++) store.put(storedResponse(getKey(`http://h/${at}`), 'x', ['t']));
    for (const entry of store.entries({ kind: 'tag', tag: 't' })) store.delete([entry.key]);
    expect(keysOf(store)).toEqual([]);
  });

  it('names an entry once for a tag it carries twice', () => {
    const store = createMemoryStore({ maxBytes: 1_000_000 });
    const entry = storedResponse(getKey('http://h/a'), 'x', ['t', 't']);
    store.put(entry);
    expect([...store.entries({ kind: 'tag', tag: 't' })]).toEqual([entry]);
    store.delete([entry.key]);
    expect([...store.entries({ kind: 'tag', tag: 't' })]).toEqual([]);
  });
});

type Operation =
  | { readonly kind: 'put'; readonly uri: number; readonly size: number; readonly tags: readonly string[] }
  | { readonly kind: 'list'; readonly uri: number; readonly variants: number }
  | { readonly kind: 'get'; readonly uri: number }
  | { readonly kind: 'delete'; readonly uri: number };

const uri = fc.nat({ max: 30 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant('put' as const),
    uri,
    size: fc.nat({ max: 6_000 }),
    tags: fc.array(fc.constantFrom('red', 'green', 'blue'), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('list' as const), uri, variants: fc.nat({ max: MAX_VARIANTS }) }),
  fc.record({ kind: fc.constant('get' as const), uri }),
  fc.record({ kind: fc.constant('delete' as const), uri }),
);

function entriesOf(key: string, step: Exclude<Operation, { kind: 'get' | 'delete' }>): readonly Entry[] {
  if (step.kind === 'put') return [storedResponse(key, 'x'.repeat(step.size), step.tags)];
  return varied(
    key,
    Array.from({ length: step.variants }, (_, at) => `v${at}`),
  );
}

/** Runs the operation on the store, and on a model that never evicts. */
function apply(store: MemoryStore, model: Map<string, Entry>, step: Operation): void {
  const key = getKey(`http://h/${step.uri}`);
  if (step.kind === 'get') {
    store.get(key);
  } else if (step.kind === 'delete') {
    const entry = model.get(key);
    store.delete([key]);
    // A list that was evicted does not take its variants along.
    if (entry?.kind === 'variants') store.delete(entry.variantKeys);
    for (const gone of entry?.kind === 'variants' ? [key, ...entry.variantKeys] : [key]) model.delete(gone);
  } else {
    for (const entry of entriesOf(key, step)) {
      store.put(entry);
      model.set(entry.key, entry);
    }
  }
}

describe('memory store under random operations', () => {
  it('counts bytes and entries exactly, stays below its bounds and never alters or revives an entry', () => {
    const bounds = fc.record({ maxBytes: fc.integer({ min: 0, max: 60_000 }) });
    fc.assert(
      fc.property(bounds, fc.array(operation, { maxLength: 150 }), (options, steps) => {
        const store = createMemoryStore(options);
        const model = new Map<string, Entry>();
        for (const step of steps) {
          apply(store, model, step);
          const entries = [...store.entries({ kind: 'all' })];
          for (const entry of entries) expect(entry).toBe(model.get(entry.key));
          expect(store.bytes()).toBe(costOf(entries));
          expect(store.stats().entries).toBe(entries.filter((entry) => entry.kind === 'response').length);
          expect(store.bytes()).toBeLessThanOrEqual(options.maxBytes);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('finds by tag and by URL what a scan finds', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 150 }), (steps) => {
        const store = createMemoryStore({ maxBytes: 40_000 });
        const model = new Map<string, Entry>();
        for (const step of steps) apply(store, model, step);
        const entries = [...store.entries({ kind: 'all' })];
        for (const tag of ['red', 'green', 'blue']) {
          const scanned = entries.filter((entry) => entry.kind === 'response' && entry.tags.includes(tag));
          expect(new Set(store.entries({ kind: 'tag', tag }))).toEqual(new Set(scanned));
        }
        for (const entry of entries) {
          if (entry.key.includes('\n')) continue;
          const address = entry.key.slice(getKey('').length);
          expect([...store.entries({ kind: 'url', uri: address })]).toContain(entry);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('holds everything that was put when there is room', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (steps) => {
        const store = createMemoryStore({ maxBytes: 100_000_000 });
        const model = new Map<string, Entry>();
        for (const step of steps) apply(store, model, step);
        expect(keysOf(store)).toEqual([...model.keys()].sort());
        for (const [key, entry] of model) expect(store.get(key)).toBe(entry);
        expect(store.stats()).toMatchObject({ evictions: 0, declined: 0 });
      }),
      { numRuns: 60 },
    );
  });
});
