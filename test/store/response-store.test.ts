// Responses over a store of bytes: what is declined, for how long an entry is kept, and what cannot be read.

import { describe, expect, test } from 'vitest';
import type { StoredResponse } from '../../src/entry/stored-response.ts';
import { type NotedByteStore, ResponseStore } from '../../src/store/response-store.ts';
import { getKey, keysFound, storedResponse, varied } from '../contract/store-contract.ts';

const key = getKey('http://h/a');
const BORN_MS = 1_700_000_000_123.5;

function world({ now = BORN_MS, lists = true } = {}) {
  const kept = new Map<string, Uint8Array>();
  const ttls: number[] = [];
  const bytes: NotedByteStore = {
    get: (at) => kept.get(at),
    put: (at, record, { ttlMs }) => {
      ttls.push(ttlMs);
      kept.set(at, record);
    },
    delete: (keys) => keys.filter((at) => kept.delete(at)).length,
    ...(lists && {
      notes: async function* () {
        for (const at of kept.keys()) yield { key: at, note: undefined };
      },
    }),
  };
  return { kept, ttls, bytes, store: new ResponseStore(bytes, () => now) };
}

const withTerms = (terms: Partial<StoredResponse['terms']>): StoredResponse => {
  const response = storedResponse(key);
  return { ...response, terms: { ...response.terms, ...terms } };
};

describe('responses over bytes', () => {
  test('are kept for as long as anyone may be served them, fresh or stale', async () => {
    const { ttls, store } = world({ now: BORN_MS + 20_000 });
    await store.put(withTerms({}));
    await store.put(withTerms({ staleWhileRevalidateMs: 1000, staleIfErrorMs: 7000, graceMs: 3000 }));
    await store.put(withTerms({ lifetimeMs: Number.POSITIVE_INFINITY }));
    await store.put(varied(key, ['de'])[0]);
    expect(ttls).toEqual([40_000, 47_000, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  test('with a large body are declined', async () => {
    const { kept, store } = world();
    expect(await store.put({ ...storedResponse(key, ''), large: { id: 'b1', bytes: 5e9 } })).toBe(false);
    expect(kept.size).toBe(0);
  });

  test('that are damaged, foreign or timeless are a miss for every call', async () => {
    const { kept, store } = world();
    await store.put(storedResponse(key));
    const [record] = kept.values();
    const timeless = storedResponse(key);
    await store.put({ ...timeless, bornMs: Number.NaN });
    const [born] = kept.values();
    const wrong = [record!.subarray(1), record!.with(60, 0xff), record!.with(8, 9), new Uint8Array(0), born!];
    for (const each of wrong) {
      kept.set(key, each);
      expect(await store.get(key)).toBe(undefined);
      expect(await keysFound(store, { kind: 'all' })).toEqual([]);
      expect(kept.size).toBe(1);
    }
    // Sound, and another's.
    kept.set(getKey('http://h/b'), record!);
    expect(await store.get(getKey('http://h/b'))).toBe(undefined);
  });

  test('have no reader whose notes count as stored: the mark of the reader begins at the stamp', async () => {
    const { store } = world();
    await store.put({ ...storedResponse(key), checkedUpTo: 900 });
    expect(await store.get(key)).toMatchObject({ stamp: 7, checkedUpTo: 7 });
  });

  test('where nobody can list them are found by a URL that this isolate has asked for, and by nothing else', async () => {
    const { bytes, store } = world({ lists: false });
    for (const entry of [storedResponse(key, 'a', ['t']), ...varied(getKey('http://h/v'), ['de'])])
      await store.put(entry);
    expect(await keysFound(store, { kind: 'url', uri: 'http://h/a' })).toEqual([key]);
    expect(await keysFound(store, { kind: 'url', uri: 'http://h/v' })).toHaveLength(2);
    expect(await keysFound(store, { kind: 'tag', tag: 't' })).toEqual([]);
    expect(await keysFound(store, { kind: 'all' })).toEqual([]);
    const other = new ResponseStore(bytes, () => 0);
    expect(await keysFound(other, { kind: 'url', uri: 'http://h/a' })).toEqual([]);
    expect(await other.delete([key])).toBe(1);
  });
});
