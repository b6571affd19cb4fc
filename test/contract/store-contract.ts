// What every implementation of the Store port must do, with room enough for a few small entries. All is awaited, so that
// it fits stores whose answers come later.

import { expect, it } from 'vitest';
import { cacheKey, codedKey } from '../../src/entry/key.ts';
import { type Entry, type StoredResponse, type VariantList, wireForm } from '../../src/entry/stored-response.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import type { Eventually, Store } from '../../src/ports.ts';
import type { ReuseTerms } from '../../src/semantics/freshness.ts';

const terms: ReuseTerms = Object.freeze({
  lifetimeMs: 60_000,
  source: 'max-age',
  noCache: false,
  mustRevalidate: false,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  graceMs: 0,
});

/** A stored response with this key and body. */
export function storedResponse(key: string, body = 'hello', tags: readonly string[] = []): StoredResponse {
  const fields = ['content-type', 'text/plain', 'etag', '"é-1"'];
  const wire = wireForm(fields, [new TextEncoder().encode(body)]);
  const times = { bornMs: 1_700_000_000_123.5, epoch: 'e1', stamp: 7, checkedUpTo: 7 };
  return { kind: 'response', key, ...wire, status: 200, terms, tags, ...times };
}

/** The key of a GET on the default tenant and an origin named `api`. */
export function getKey(uri: string): string {
  return cacheKey({ tenant: '-', originName: 'api' }, 'GET', uri);
}

/** A list with the variants' entries that it names. */
export function varied(key: string, values: readonly string[]): [VariantList, ...StoredResponse[]] {
  const variants = values.map((value) => storedResponse(`${key}\naccept-language:${value}`, value));
  const variantKeys = variants.map((variant) => variant.key);
  return [{ kind: 'variants', key, names: ['accept-language'], variantKeys }, ...variants];
}

export async function keysFound(store: Store, selector: Selector): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of store.find(selector)) keys.push(entry.key);
  return keys.sort();
}

/** What outlives storing: all but the reader's note, bytes as plain numbers. */
function kept(entry: Entry | undefined): unknown {
  if (entry?.kind !== 'response') return entry;
  const { checkedUpTo: _, bytes, ...rest } = entry;
  return { ...rest, bytes: [...bytes] };
}

async function storeWith(makeStore: () => Eventually<Store>, entries: readonly Entry[]): Promise<Store> {
  const store = await makeStore();
  for (const entry of entries) await store.put(entry);
  return store;
}

/**
 * Declares the suite; call it inside a `describe`. `makeStore` gives an empty store. `find`: the selectors by which it finds
 * anything.
 */
export function testStoreContract(
  makeStore: () => Eventually<Store>,
  { find = 'all' }: { readonly find?: 'all' | 'url' } = {},
): void {
  testEntries(makeStore);
  testDelete(makeStore);
  if (find === 'all') testFindAll(makeStore);
  testFind(makeStore, find);
}

function testEntries(makeStore: () => Eventually<Store>): void {
  const key = getKey('http://h/a');

  it('has nothing under a key that was never put', async () => {
    const store = await makeStore();
    expect(await store.get(key)).toBe(undefined);
  });

  it('gives back a stored response as it was put', async () => {
    const entry = storedResponse(key, 'body \u{1f30a}', ['t1', 't2']);
    const store = await storeWith(makeStore, [entry]);
    expect(kept(await store.get(key))).toEqual(kept(entry));
  });

  it('gives back a stored response without a body', async () => {
    const entry = storedResponse(key, '');
    const store = await storeWith(makeStore, [entry]);
    expect(kept(await store.get(key))).toEqual(kept(entry));
  });

  it('gives back a list of variants and each variant under its own key', async () => {
    const entries = varied(key, ['de', 'en']);
    const store = await storeWith(makeStore, entries);
    for (const entry of entries) expect(kept(await store.get(entry.key))).toEqual(kept(entry));
  });

  it('replaces an entry of the same key, a list by a response too', async () => {
    const store = await storeWith(makeStore, [storedResponse(key, 'old'), ...varied(key, ['de'])]);
    const entry = storedResponse(key, 'new');
    await store.put(entry);
    expect(kept(await store.get(key))).toEqual(kept(entry));
  });
}

function testDelete(makeStore: () => Eventually<Store>): void {
  const keys = ['http://h/a', 'http://h/b', 'http://h/c'].map(getKey);
  const entries = keys.map((key) => storedResponse(key));

  it('deletes the entries of the keys given, and no other', async () => {
    const store = await storeWith(makeStore, entries);
    await store.delete(keys.slice(0, 2));
    for (const key of keys.slice(0, 2)) expect(await store.get(key)).toBe(undefined);
    expect(kept(await store.get(keys[2]!))).toEqual(kept(entries[2]));
  });

  it('counts, of the keys to delete, those that were there', async () => {
    const store = await storeWith(makeStore, entries);
    expect(await store.delete([keys[0]!, getKey('http://h/none'), keys[2]!])).toBe(2);
    expect(await store.delete([keys[0]!])).toBe(0);
    expect(await store.delete([])).toBe(0);
  });

  it('takes an entry in again after its deletion', async () => {
    const store = await storeWith(makeStore, entries);
    await store.delete(keys);
    await store.put(entries[0]!);
    expect(kept(await store.get(keys[0]!))).toEqual(kept(entries[0]));
  });
}

function testFindAll(makeStore: () => Eventually<Store>): void {
  const entries = ['http://h/a', 'http://h/b', 'http://h/c'].map((uri) => storedResponse(getKey(uri)));

  it('finds nothing that was deleted', async () => {
    const store = await storeWith(makeStore, entries);
    await store.delete(entries.slice(0, 2).map(({ key }) => key));
    expect(await keysFound(store, { kind: 'all' })).toEqual([entries[2]!.key]);
  });

  it('is empty once all that `find` names is deleted, lists and variants included', async () => {
    const store = await storeWith(makeStore, [...entries, ...varied(getKey('http://h/v'), ['de', 'en'])]);
    const found = await keysFound(store, { kind: 'all' });
    expect(await store.delete(found)).toBe(6);
    expect(await keysFound(store, { kind: 'all' })).toEqual([]);
  });

  it('finds by the tags of the latest entry only', async () => {
    const a = getKey('http://h/dir/a?x=1');
    const b = getKey('http://h/dir/b');
    const other = cacheKey({ tenant: 'tenant2', originName: 'shop' }, 'GET', 'http://h/dir/b');
    const tagged = [
      storedResponse(a, 'a', ['red', 'one']),
      storedResponse(b, 'b', ['red']),
      storedResponse(other, 'o', ['red']),
    ];
    const store = await storeWith(makeStore, tagged);
    await store.put(storedResponse(a, 'a', ['blue']));
    await store.delete([b]);
    expect(await keysFound(store, { kind: 'tag', tag: 'red' })).toEqual([other]);
    expect(await keysFound(store, { kind: 'tag', tag: 'one' })).toEqual([]);
    expect(await keysFound(store, { kind: 'tag', tag: 'blue' })).toEqual([a]);
  });
}

function testFind(makeStore: () => Eventually<Store>, find: 'all' | 'url'): void {
  const a = getKey('http://h/dir/a?x=1');
  const b = getKey('http://h/dir/b');
  const post = cacheKey({ tenant: '-', originName: 'api' }, 'POST', 'http://h/dir/b');
  const other = cacheKey({ tenant: 'tenant2', originName: 'shop' }, 'GET', 'http://h/dir/b');
  const deep = getKey('http://h/dir/b/c');
  const [list, german, english] = varied(getKey('http://h/v'), ['de', 'en']);
  const plain = [
    storedResponse(a, 'a', ['red', 'one']),
    storedResponse(b, 'b', ['red']),
    storedResponse(post, 'post'),
    storedResponse(other, 'other', ['red']),
    storedResponse(deep, 'deep'),
  ];
  const entries = [...plain, list, german!, english!];
  const all = entries.map((entry) => entry.key);
  const vary = [list.key, german!.key, english!.key];

  const facts: readonly [string, Selector, readonly string[]][] = [
    ['a URL with all its methods, tenants and origins', { kind: 'url', uri: 'http://h/dir/b' }, [b, post, other]],
    ['a URL with its list and variants', { kind: 'url', uri: 'http://h/v' }, vary],
    ['no URL that only begins alike', { kind: 'url', uri: 'http://h/dir' }, []],
    ['a tag', { kind: 'tag', tag: 'red' }, [a, b, other]],
    ['a tag of one entry', { kind: 'tag', tag: 'one' }, [a]],
    ['no entry for an unknown tag', { kind: 'tag', tag: 'blue' }, []],
    ['a prefix of URIs', { kind: 'prefix', prefix: 'http://h/dir/b' }, [b, post, other, deep]],
    ['a pattern', { kind: 'pattern', pattern: 'http://h/*/b' }, [b, post, other]],
    ['a pattern, variants included', { kind: 'pattern', pattern: '*/?' }, [b, post, other, deep, ...vary]],
    ['an origin', { kind: 'origin', origin: 'shop' }, [other]],
    ['everything', { kind: 'all' }, all],
  ];
  for (const [name, selector, expected] of facts.filter(([, { kind }]) => find === 'all' || kind === find)) {
    it(`finds ${name}`, async () => {
      const store = await storeWith(makeStore, entries);
      expect(await keysFound(store, selector)).toEqual([...expected].sort());
    });
  }

  it('finds by URL what stands in a content coding, of a variant and of what is gone too', async () => {
    const uri = 'http://h/v';
    const coded = [codedKey(german!.key, 'br'), codedKey(list.key, 'gzip')];
    const store = await storeWith(makeStore, [...entries, ...coded.map((key) => storedResponse(key))]);
    expect(await keysFound(store, { kind: 'url', uri })).toEqual([...vary, ...coded].sort());
    await store.delete(vary.slice(0, 1));
    expect(await keysFound(store, { kind: 'url', uri })).toContain(coded[1]);
    expect(await keysFound(store, { kind: 'url', uri: `${uri}\n;br` })).toEqual([]);
  });
}
