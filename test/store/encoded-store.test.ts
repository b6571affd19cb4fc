import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyParts } from '../../src/entry/key.ts';
import { ownValue, readOwned } from '../../src/entry/owned-value.ts';
import { hitNotes, type StoredValue } from '../../src/entry/stored-value.ts';
import type { TidegateError } from '../../src/errors.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import type { ByteStore, Store } from '../../src/ports.ts';
import { encodedStore, valuesOnGateStore } from '../../src/store/encoded-store.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { createValueCodec } from '../../src/store/value-codec.ts';
import { storedResponse } from '../contract/store-contract.ts';
import { DiskBench } from '../kit/disk-bench.ts';
import { MapStore } from '../kit/map-store.ts';
import { anyText, anyValue, Money, moneyClass } from '../kit/values.ts';

/** Bytes in a Map; answers at once, or later. */
class MapBytes implements ByteStore {
  readonly kept = new Map<string, Uint8Array>();
  readonly ttls: number[] = [];
  readonly #isLate: boolean;

  constructor(isLate = false) {
    this.#isLate = isLate;
  }

  get(key: string) {
    return this.#given(this.kept.get(key));
  }

  put(key: string, bytes: Uint8Array, { ttlMs }: { ttlMs: number }) {
    this.kept.set(key, bytes);
    this.ttls.push(ttlMs);
    return this.#given(undefined);
  }

  delete(keys: readonly string[]) {
    return this.#given(keys.filter((key) => this.kept.delete(key)).length);
  }

  keys() {
    return this.kept.keys();
  }

  #given<T>(result: T): T | Promise<T> {
    return this.#isLate ? Promise.resolve(result) : result;
  }
}

const codec = createValueCodec();

function entryOf(key: string, value: unknown, changes: Partial<StoredValue> = {}): StoredValue {
  const times = { bornMs: 1_700_000_000_000.5, lifetimeMs: 1000, graceMs: 500, fillMs: 3.5 };
  const place = { epoch: 'e1', stamp: 7, readAt: 5, checkedUpTo: 7 };
  const { isPlain: _, surelyFreshUntilSeconds: __, ...given } = changes;
  const rest = { validator: undefined, tags: [], sliding: undefined, ...times, ...place, ...given };
  return { kind: 'value', key, ...ownValue(value), ...hitNotes({ key, ...rest }), ...rest };
}

/** All that outlives storing. Its bytes are counted anew: names of properties that were seen before cost less. */
function kept(entry: StoredValue | undefined): unknown {
  return entry && { ...entry, value: readOwned(entry), bytes: 0 };
}

async function keysFound(store: Store<StoredValue>, selector: Selector): Promise<string[]> {
  const keys: string[] = [];
  for await (const { kind, key } of store.find(selector)) keys.push(`${kind} ${key}`);
  return keys.sort();
}

const STORES: readonly (readonly [string, () => Store<StoredValue>])[] = [
  ['over bytes at once', () => encodedStore(new MapBytes(), codec)],
  ['over bytes later', () => encodedStore(new MapBytes(true), codec)],
  ['on a gate store', () => valuesOnGateStore(createMemoryStore({ maxBytes: 1e6 }), codec, { name: 'default' })],
  ['on the disk tier', () => valuesOnGateStore(new DiskBench().store, codec, { name: 'my cache' })],
];

describe.each(STORES)('values %s', (_, makeStore) => {
  test('come back with all that is stored with them', async () => {
    const store = makeStore();
    const full = { tags: ['a', 'тег', 'x y'], validator: 'W/"\ud800"', lifetimeMs: Number.POSITIVE_INFINITY };
    const sliding = { idleMs: 1000, limitMs: 5000.5, toldMs: 1000 };
    const entries = [entryOf('user:1', { at: new Date(5) }, full), entryOf('ключ § 100%', null)];
    for (const entry of [...entries, entryOf('session', 1, { sliding })]) {
      await store.put(entry);
      deepStrictEqual(kept(await store.get(entry.key)), kept(entry));
    }
    expect(await store.get('user:2')).toBe(undefined);
  });

  test('are replaced and deleted', async () => {
    const store = makeStore();
    await store.put(entryOf('a', 1));
    await store.put(entryOf('a', 2));
    await store.put(entryOf('b', 3));
    expect((await store.get('a'))?.value).toBe(2);
    expect(await store.delete(['a', 'c'])).toBe(1);
    expect(await store.delete([])).toBe(0);
    expect(await store.get('a')).toBe(undefined);
    expect((await store.get('b'))?.value).toBe(3);
  });

  test('are found by what a selector names', async () => {
    const store = makeStore();
    for (const key of ['user:1', 'user:é', 'user:10', 'user%2', 'post:1']) {
      await store.put(entryOf(key, 1, { tags: key.startsWith('user') ? ['users'] : [] }));
    }
    expect(await keysFound(store, { kind: 'url', uri: 'user:1' })).toEqual(['value user:1']);
    expect(await keysFound(store, { kind: 'url', uri: 'user:2' })).toEqual([]);
    const users = ['value user%2', 'value user:1', 'value user:10', 'value user:é'];
    expect(await keysFound(store, { kind: 'tag', tag: 'users' })).toEqual(users);
    expect(await keysFound(store, { kind: 'prefix', prefix: 'user:' })).toEqual(users.slice(1));
    expect(await keysFound(store, { kind: 'pattern', pattern: 'user:?' })).toEqual(['value user:1', 'value user:é']);
    expect(await keysFound(store, { kind: 'pattern', pattern: '*1' })).toEqual(['value post:1', 'value user:1']);
    expect(await keysFound(store, { kind: 'all' })).toEqual(['value post:1', ...users]);
    expect(await keysFound(store, { kind: 'origin', origin: 'default' })).toEqual([]);
  });
});

describe('records over bytes', () => {
  test('have any value, key, tags and times', async () => {
    const number = fc.double({ noNaN: true });
    const changes = fc.record({
      tags: fc.array(anyText),
      epoch: anyText,
      validator: fc.option(anyText, { nil: undefined }),
      fillMs: number,
      sliding: fc.option(fc.tuple(number, number), { nil: undefined }),
    });
    const property = fc.asyncProperty(anyText, anyValue, changes, async (key, value, { sliding: times, ...rest }) => {
      const store = encodedStore(new MapBytes(), codec);
      const sliding = times && { idleMs: times[0], limitMs: times[1], toldMs: 1000 };
      const entry = entryOf(key, value, { ...rest, sliding });
      await store.put(entry);
      deepStrictEqual(kept(await store.get(key)), kept(entry));
    });
    await fc.assert(property);
  });

  test('may be forgotten by the store after ttl and grace', async () => {
    const bytes = new MapBytes();
    const store = encodedStore(bytes, codec);
    await store.put(entryOf('a', 1));
    await store.put(entryOf('b', 1, { lifetimeMs: Number.POSITIVE_INFINITY }));
    await store.put(entryOf('c', 1, { lifetimeMs: 3000, sliding: { idleMs: 1000, limitMs: 5000, toldMs: 2000 } }));
    expect(bytes.ttls).toEqual([1500, Number.POSITIVE_INFINITY, 1500]);
  });

  const sliding = { idleMs: 1000, limitMs: 5000, toldMs: 1000 };
  test.each([undefined, sliding])('damaged at one byte or cut short are a miss, and removed (%o)', async (slides) => {
    const bytes = new MapBytes();
    const faults: TidegateError[] = [];
    const store = encodedStore(bytes, codec, { fault: (error) => faults.push(error) });
    await store.put(entryOf('user:1', { name: 'x' }, { tags: ['t'], sliding: slides }));
    const whole = bytes.kept.get('user:1') as Uint8Array;
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice();
      changed[at]! ^= 1 << (at % 8);
      for (const damaged of [changed, whole.subarray(0, at)]) {
        bytes.kept.set('user:1', damaged);
        expect(await store.get('user:1'), `byte ${at}`).toBe(undefined);
        expect(bytes.kept.has('user:1')).toBe(false);
      }
    }
    expect(faults.length).toBe(2 * whole.length);
    expect(faults[0]).toMatchObject({ code: 'E_VALUE', message: expect.stringContaining('got damaged bytes') });
  });

  test('of another key or codec, or that no codec could have written, are a miss, and removed', async () => {
    const bytes = new MapBytes();
    const store = encodedStore(bytes, codec);
    await store.put(entryOf('a', 1));
    bytes.kept.set('b', bytes.kept.get('a') as Uint8Array);
    expect(await store.get('b')).toBe(undefined);
    await encodedStore(bytes, { ...codec, name: 'other' }).put(entryOf('c', 1));
    expect(await store.get('c')).toBe(undefined);
    const wrong = { ...codec, encode: () => new TextEncoder().encode('[["URL","http://h/"]]') };
    await encodedStore(bytes, wrong).put(entryOf('d', 1));
    expect(await store.get('d')).toBe(undefined);
    expect([...bytes.kept.keys()]).toEqual(['a']);
  });

  test('that the codec cannot write leave nothing older behind', async () => {
    const bytes = new MapBytes();
    const faults: TidegateError[] = [];
    const failing = {
      ...codec,
      encode: () => {
        throw new Error('no');
      },
    };
    await encodedStore(bytes, codec).put(entryOf('a', 1));
    await encodedStore(bytes, failing, { fault: (error) => faults.push(error) }).put(entryOf('a', 2));
    expect(bytes.kept.size).toBe(0);
    expect(faults.length).toBe(1);
  });

  test('of a store that fails: its failure is told, for the tiers to count', async () => {
    const broken = Object.assign(new MapBytes(), { get: () => Promise.reject(new Error('down')) });
    await expect(encodedStore(broken, codec).get('a')).rejects.toThrow('down');
  });

  test('of a store that lists no keys are found by key alone', async () => {
    const bytes = Object.assign(new MapBytes(), { keys: undefined }) as ByteStore;
    const store = encodedStore(bytes, codec);
    await store.put(entryOf('a', 1));
    expect(await keysFound(store, { kind: 'all' })).toEqual([]);
    expect(await keysFound(store, { kind: 'url', uri: 'a' })).toEqual(['value a']);
  });

  test('hold instances of declared classes', async () => {
    const classes = [moneyClass];
    const store = encodedStore(new MapBytes(), createValueCodec({ classes }), { classes });
    const money = new Money(5, new Date(7));
    await store.put({ ...entryOf('a', 1), ...ownValue([money], { classes }) });
    expect(kept(await store.get('a'))).toMatchObject({ value: [money] });
  });
});

describe('values on the disk tier', () => {
  test('outlive the process', async () => {
    const bench = new DiskBench();
    const entry = entryOf('user:1', { rows: new Map([[1, 2n]]) }, { tags: ['t'], validator: 'v' });
    await valuesOnGateStore(bench.store, codec, { name: 'default' }).put(entry);
    await bench.restart();
    const store = valuesOnGateStore(bench.store, codec, { name: 'default' });
    deepStrictEqual(kept(await bench.drive(store.get('user:1'))), kept(entry));
    expect(bench.faults).toEqual([]);
  });

  test('stand beside a gate and other caches, and are not mixed up with theirs', async () => {
    const gate = new DiskBench().store;
    const [one, other] = ['one', 'other one'].map((name) => valuesOnGateStore(gate, codec, { name }));
    await gate.put(storedResponse('- one GET http://h/a', 'hello', ['t']));
    await one!.put(entryOf('a', 1, { tags: ['t'] }));
    await other!.put(entryOf('a', 2, { tags: ['t'] }));
    expect((await one!.get('a'))?.value).toBe(1);
    for (const selector of [{ kind: 'all' }, { kind: 'tag', tag: 't' }, { kind: 'prefix', prefix: '' }] as const) {
      expect(await keysFound(other!, selector)).toEqual(['value a']);
    }
    expect(await one!.delete(['a'])).toBe(1);
    expect((await other!.get('a'))?.value).toBe(2);
    const left: string[] = [];
    for await (const { key } of gate.find({ kind: 'all' })) left.push(key);
    expect(left.map((key) => keyParts(key).uri).sort()).toEqual(['http://h/a', 'value:a']);
    expect(left.map((key) => keyParts(key).origin).sort()).toEqual(['one', 'other%20one']);
  });

  test('that are not values are a miss, and removed', async () => {
    const gate = new MapStore();
    const store = valuesOnGateStore(gate, codec, { name: 'n' });
    gate.put(storedResponse('- n GET value:a'));
    expect(await store.get('a')).toBe(undefined);
    expect(gate.get('- n GET value:a')).toBe(undefined);
  });
});
