// The KV tier: what the lag of the platform may do, what is not what was written, and whose a namespace is.

import { describe, expect, test } from 'vitest';
import type { StoredResponse } from '../../src/entry/stored-response.ts';
import { ResponseStore } from '../../src/store/response-store.ts';
import { storedResponse } from '../contract/store-contract.ts';
import { HOUR, key, kvWorld, MARKER, MINUTE, pointers, read, text, values } from '../kit/kv-world.ts';
import type { FakeKv } from '../workers/platform/kv.ts';

describe('a lag', () => {
  test('of a pointer gives the older bytes, whole, for a minute and no longer', async () => {
    const { time, open } = kvWorld();
    const [writer, reader] = [open('ams'), open('fra')];
    await writer.put(key, text('1'), HOUR);
    expect(await read(reader)).toBe('1');
    time.advance(30_000);
    await writer.put(key, text('2'), HOUR);
    expect(await read(reader)).toBe('1');
    time.advance(29_999);
    expect(await read(reader)).toBe('1');
    time.advance(1);
    expect(await read(reader)).toBe('2');
  });

  test('of "not there" is a miss for a minute, and no longer', async () => {
    const { time, open } = kvWorld();
    const [writer, reader] = [open('ams'), open('fra')];
    expect(await read(reader)).toBe(undefined);
    await writer.put(key, text('1'), HOUR);
    time.advance(59_999);
    expect(await read(reader)).toBe(undefined);
    time.advance(1);
    expect(await read(reader)).toBe('1');
  });

  test('of the value, where the pointer is ahead of it, is a miss', async () => {
    const { kv, time, open } = kvWorld();
    const store = open();
    await store.put(key, text('1'), HOUR);
    time.advance(MINUTE);
    await kv.at('ams').delete(values(kv)[0]!);
    expect(await read(store)).toBe(undefined);
    expect(kv.counts.get).toBe(3);
  });

  test('leaves no bytes under a name that had others', async () => {
    const { time, kv, open } = kvWorld();
    const store = open();
    for (const content of ['1', '2', '1']) {
      await store.put(key, text(content), HOUR);
      time.advance(MINUTE);
    }
    expect([pointers(kv).length, values(kv).length]).toEqual([1, 2]);
    expect(await read(store)).toBe('1');
  });
});

describe('what is not what was written', () => {
  const damages: readonly [string, (kv: FakeKv) => void][] = [
    ['a value of other bytes', (kv) => kv.overwrite(values(kv)[0]!, 'other')],
    ['a pointer of a newer version', (kv) => kv.overwrite(pointers(kv)[0]!, '{"version":2,"digest":"x","key":"y"}')],
    ['a pointer that is none', (kv) => kv.overwrite(pointers(kv)[0]!, 'null')],
    ['a pointer cut short', (kv) => kv.overwrite(pointers(kv)[0]!, '{"version":1,"dig')],
    ['a pointer of another key', (kv) => kv.overwrite(pointers(kv)[0]!, `{"version":1,"digest":"x","key":"${key}b"}`)],
  ];
  test.each(damages)('%s is a miss', async (_, damage) => {
    const { kv, open } = kvWorld();
    const store = open();
    await store.put(key, text('1'), HOUR);
    damage(kv);
    expect(await read(store)).toBe(undefined);
  });

  test('the value of one key is not given for another', async () => {
    const { kv, open } = kvWorld();
    const store = open();
    await store.put(key, text('1'), HOUR);
    const [pointer] = pointers(kv);
    const stolen = new TextDecoder().decode((await kv.at('x').get(pointer!, 'arrayBuffer')) as ArrayBuffer);
    await store.put(`${key}b`, text('2'), HOUR);
    const other = pointers(kv).find((name) => name !== pointer)!;
    kv.overwrite(other, stolen.replace(`${key}"`, `${key}b"`));
    expect(await read(store, `${key}b`)).toBe(undefined);
  });

  test('an entry that cannot be read is a miss, and left for others', async () => {
    const { kv, open } = kvWorld();
    const store = open();
    const responses = new ResponseStore(store, () => 1_700_000_000_123);
    const born: StoredResponse = { ...storedResponse(key), bornMs: Number.NaN };
    await store.put(key, text('another program'), HOUR);
    expect(await responses.get(key)).toBe(undefined);
    expect(pointers(kv)).toHaveLength(1);
    // Its rest of life is unknown.
    expect(await responses.put(born)).toBe(false);
  });
});

describe('a namespace', () => {
  test('is marked by the first write, and not by a read', async () => {
    const { kv, time, open } = kvWorld({ marked: false });
    const store = open();
    expect(await read(store)).toBe(undefined);
    expect(kv.counts).toEqual({ get: 1, put: 0, delete: 0, list: 0 });
    time.advance(MINUTE);
    await store.put(key, text('1'), HOUR);
    expect(kv.names()).toContain(MARKER);
    expect(await read(store)).toBe('1');
    expect(kv.counts.put).toBe(3);
  });

  test('of another environment is not used at all, and that is told once', async () => {
    const { kv, time, faults, open } = kvWorld();
    await open().put(key, text('1'), HOUR);
    time.advance(MINUTE);
    const preview = open('fra', { environment: 'preview' });
    const puts = kv.counts.put;
    expect(await read(preview)).toBe(undefined);
    expect(await preview.put(key, text('2'), HOUR)).toBe(false);
    expect(await preview.delete([key])).toBe(0);
    for await (const each of preview.keys()) expect.unreachable(each);
    expect(faults).toEqual([
      'E_CONFIG expected a KV namespace of the environment "preview" alone, got one of "production" (its key tidegate/environment); it is not used',
    ]);
    expect([kv.counts.put, kv.counts.delete, kv.counts.list]).toEqual([puts, 0, 0]);
  });

  test('whose marker cannot be read is not used, and is when it can', async () => {
    const { kv, open } = kvWorld();
    const store = open();
    kv.fails = (_, name) => name === MARKER;
    await expect(store.get(key)).rejects.toThrow('KV GET failed');
    await expect(store.put(key, text('1'), HOUR)).rejects.toThrow('KV GET failed');
    await expect(store.delete([key])).rejects.toThrow('KV GET failed');
    expect(kv.counts).toMatchObject({ get: 3, put: 0, delete: 0 });
    kv.fails = () => false;
    expect(await read(store)).toBe(undefined);
  });

  test('marked by two environments at the same time keeps them apart', async () => {
    const { time, open } = kvWorld({ marked: false });
    const [production, preview] = [open('ams'), open('fra', { environment: 'preview' })];
    const took = await Promise.all([production.put(key, text('1'), HOUR), preview.put(key, text('2'), HOUR)]);
    expect(took).toEqual([true, false]);
    time.advance(MINUTE);
    expect(await read(preview)).toBe(undefined);
    expect(await read(production)).toBe('1');
  });

  test('two gates in it have entries of their own', async () => {
    const { open } = kvWorld();
    const [one, other] = [open('ams', { name: 'a/b' }), open('ams', { name: 'a' })];
    await one.put(key, text('1'), HOUR);
    expect(await read(other)).toBe(undefined);
    for await (const each of other.keys()) expect.unreachable(each);
  });
});

test('a read goes on after the answer: a fill looks for a list when it is stored', async () => {
  const { kv, deferred, open } = kvWorld();
  const store = open();
  kv.fails = (op) => op === 'get';
  await expect(store.get(key)).rejects.toThrow('KV GET failed: 500');
  expect(await Promise.all(deferred)).toEqual([undefined]);
});

describe('a write', () => {
  test("goes on after the answer, and its failure is its caller's", async () => {
    const { kv, deferred, open } = kvWorld();
    const store = open();
    kv.fails = (op) => op === 'put';
    await expect(store.put(key, text('1'), HOUR)).rejects.toThrow('KV PUT failed: 500');
    expect(await Promise.all(deferred)).toEqual([undefined]);
    kv.fails = () => false;
  });

  test('that is cut between value and pointer leaves what was there', async () => {
    const { kv, time, open } = kvWorld();
    const store = open();
    await store.put(key, text('1'), HOUR);
    time.advance(MINUTE);
    kv.fails = (op, name) => op === 'put' && name.includes('/k/');
    await expect(store.put(key, text('2'), HOUR)).rejects.toThrow();
    time.advance(MINUTE);
    expect(await read(store)).toBe('1');
  });

  test('of bytes that change afterwards writes those that were given', async () => {
    const { open } = kvWorld();
    const store = open();
    const bytes = text('1');
    const put = store.put(key, bytes, HOUR);
    bytes.fill(0);
    await put;
    expect(await read(store)).toBe('1');
  });
});
