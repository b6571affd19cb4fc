// The KV tier keeps to each limit of the platform.

import { describe, expect, test } from 'vitest';
import { ResponseStore } from '../../src/store/response-store.ts';
import { getKey, keysFound, storedResponse } from '../contract/store-contract.ts';
import { HOUR, key, kvWorld, MARKER, MINUTE, read, text } from '../kit/kv-world.ts';

describe('a limit of the platform:', () => {
  test('a key of any length has a name of less than 512 bytes, which says nothing of it', async () => {
    const { kv, open } = kvWorld();
    const store = open();
    const keys = [`${key}${'x'.repeat(8000)}`, `${key}\naccept-language:日本`, `${key}\u0000`, '..'];
    for (const each of keys) expect(await store.put(each, text(each), HOUR)).toBe(true);
    for (const each of keys) expect(await read(store, each)).toBe(each);
    for (const name of kv.names())
      expect(name).toMatch(/^(?:tidegate\/environment|gate\/production\/[kv]\/[0-9a-f/]+)$/);
  });

  test('names that leave no room for a digest are refused when the store is made', () => {
    const { open } = kvWorld();
    expect(() => open('ams', { environment: 'e'.repeat(380) })).toThrow(/expected a name .* that leave room .* 512/);
    expect(() => open('ams', { environment: '日'.repeat(50) })).toThrow(/512 bytes, got "gate\/%E6/);
    expect(() => open('ams', { name: '' })).toThrow(/expected a name/);
  });

  test('a value of more than 25 MiB is declined', async () => {
    const { kv, open } = kvWorld();
    const store = open();
    expect(await store.put(key, new Uint8Array(25 * 2 ** 20 + 1), HOUR)).toBe(false);
    expect(kv.counts.put).toBe(0);
    expect(await store.put(key, new Uint8Array(25 * 2 ** 20), HOUR)).toBe(true);
    expect(kv.counts.put).toBe(2);
  });

  test.each([0, -5, 59_999, Number.NaN])('a rest of life of %d ms is declined', async (ttlMs) => {
    const { kv, open } = kvWorld();
    const store = open();
    expect(await store.put(key, text('v'), { ttlMs })).toBe(false);
    expect(kv.counts.put).toBe(0);
  });

  test('what is kept has a time to live in whole seconds, of 30 days at most', async () => {
    const { kv, time, open } = kvWorld();
    const store = open();
    const ttls: unknown[] = [];
    const namespace = { ...kv.at('ams') };
    const put = namespace.put;
    namespace.put = (name, value, options) => {
      ttls.push(options?.expirationTtl);
      return put(name, value, options);
    };
    const spied = open('ams', { namespace });
    for (const ttlMs of [60_000, 60_001, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
      await spied.put(`${key}${ttlMs}`, text('v'), { ttlMs });
    }
    expect(ttls).toEqual([60, 60, 61, 61, 2_592_000, 2_592_000, 2_592_000, 2_592_000]);
    time.advance(31 * 24 * 60 * MINUTE);
    expect(kv.names()).toEqual([MARKER]);
    expect(await read(store)).toBe(undefined);
  });

  test('a second write of a key within a second is declined, and the next one is taken', async () => {
    const { kv, time, open } = kvWorld();
    const store = open();
    const took = [await store.put(key, text('1'), HOUR), await store.put(key, text('2'), HOUR)];
    time.advance(999);
    took.push(await store.put(key, text('3'), HOUR), await store.put(`${key}b`, text('b'), HOUR));
    time.advance(1);
    took.push(await store.put(key, text('4'), HOUR));
    expect(took).toEqual([true, false, false, true, true]);
    expect(kv.counts.put).toBe(6);
    expect(await read(store)).toBe('4');
  });

  test('where another isolate has written within the second, the 429 is a declined write', async () => {
    const { time, open } = kvWorld();
    const [one, other] = [open('ams'), open('fra')];
    expect(await one.put(key, text('1'), HOUR)).toBe(true);
    time.advance(500);
    expect(await other.put(key, text('2'), HOUR)).toBe(false);
    expect(await read(other)).toBe('1');
  });

  test('a note of more than 1,024 bytes stays away, and is read from the entry', async () => {
    const { time, kv, open } = kvWorld();
    const store = open();
    const responses = new ResponseStore(store, () => 1_700_000_000_123);
    const tags = Array.from({ length: 100 }, (_, at) => `tag-${at}-日本`);
    await responses.put(storedResponse(key, 'body', tags));
    await responses.put(storedResponse(getKey('http://h/b'), 'body', ['tag-7-日本']));
    time.advance(MINUTE);
    const before = { ...kv.counts };
    expect(await keysFound(responses, { kind: 'tag', tag: 'tag-7-日本' })).toEqual([key, getKey('http://h/b')]);
    // The list, the pointer in bulk, and the entry's pointer and value.
    expect([kv.counts.list - before.list, kv.counts.get - before.get]).toEqual([1, 3]);
    const endless = { ...storedResponse(getKey('http://h/c')).terms, lifetimeMs: Number.POSITIVE_INFINITY };
    await responses.put({ ...storedResponse(getKey('http://h/c')), terms: endless });
    time.advance(MINUTE);
    for await (const note of responses.find({ kind: 'url', uri: 'http://h/c' })) expect(note.lifetimeMs).toBe(Infinity);
  });

  test('a list goes on, page by page of 1,000; deletions read 100 pointers at a time', async () => {
    const { time, kv, open } = kvWorld();
    const store = open();
    const keys = Array.from({ length: 2001 }, (_, at) => `${key}${at}`).sort();
    for (const each of keys) await store.put(each, text('v'), HOUR);
    time.advance(MINUTE);
    const found: string[] = [];
    for await (const each of store.keys()) found.push(each);
    expect(found.sort()).toEqual(keys);
    expect(kv.counts.list).toBe(3);
    expect(await store.delete(keys)).toBe(2001);
    expect(kv.names()).toEqual([MARKER]);
    expect(kv.counts.delete).toBe(4002);
  });
});
