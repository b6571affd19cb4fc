// The contract suite of ByteStore on stores that are right, and on stores that are wrong in one way each: the suite must
// find every one, by the fact that is broken. Those of the examples run it themselves.

import { describe, expect, test } from 'vitest';
import type { ByteStore } from '../../src/ports.ts';
import { byteStoreContract } from '../../src/testing/index.ts';
import { BROKEN, rightStore } from './broken-stores.ts';

describe('a Map', () => {
  byteStoreContract({ test, makeStore: () => rightStore() });
});

describe('a store whose answers are all promises, and that cannot tell how many it removed', () => {
  byteStoreContract({
    test,
    makeStore: async () => {
      const map = rightStore();
      return {
        get: async (key) => map.get(key),
        put: async (key, bytes) => map.put(key, bytes, { ttlMs: 1 }),
        delete: async (keys) => Number(await map.delete(keys)) * 0,
        keys: async function* () {
          yield* map.keys?.() ?? [];
        },
      };
    },
  });
});

/** The facts that do not hold of a store, with what was said of each. */
async function failures(makeStore: () => ByteStore): Promise<Map<string, string>> {
  const facts: [string, () => Promise<void>][] = [];
  byteStoreContract({ test: (name, holds) => facts.push([name, holds]), makeStore, maxValueBytes: 100_000 });
  expect(facts.length).toBeGreaterThan(20);
  const found = new Map<string, string>();
  const run = async ([name, holds]: [string, () => Promise<void>]) => {
    await holds().catch((error: unknown) => found.set(name, error instanceof Error ? error.message : 'no error'));
  };
  await Promise.all(facts.map(run));
  return found;
}

describe('the suite', () => {
  test('has nothing to say of a store that is right', async () => {
    expect([...(await failures(() => rightStore()))]).toEqual([]);
  });

  test.each(BROKEN.map((broken) => [broken.name, broken] as const))('finds a store that %s', async (_, broken) => {
    const found = await failures(broken.make);
    expect([...found.keys()]).toContain(`ByteStore: ${broken.breaks}`);
  });

  test('has a store that breaks it for each of its facts', () => {
    const names: string[] = [];
    byteStoreContract({ test: (name) => names.push(name), makeStore: () => rightStore() });
    const broken = new Set(BROKEN.map(({ breaks }) => `ByteStore: ${breaks}`));
    expect(names.filter((name) => !broken.has(name))).toEqual([]);
  });

  test('says what was expected and what was got', async () => {
    const found = await failures(() => Object.assign(rightStore(), { get: () => undefined }));
    const said = found.get('ByteStore: gives back what was put');
    expect(said).toBe('expected what was put under "key" as a Uint8Array, got undefined');
  });

  test('closes each store, also after a failure', async () => {
    const closed: ByteStore[] = [];
    const facts: (() => Promise<void>)[] = [];
    byteStoreContract({
      test: (_, holds) => facts.push(holds),
      makeStore: () => ({ get: () => Promise.reject(new Error('down')), put: () => undefined, delete: () => 0 }),
      closeStore: (store) => void closed.push(store),
    });
    await expect(facts[0]?.()).rejects.toThrow('down');
    expect(closed).toHaveLength(1);
  });
});
