// Namespaces over slower tiers: what one of them invalidates costs the others nothing, however often it does.

import { expect, test } from 'vitest';
import { createCache } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import type { ByteStore } from '../../src/ports.ts';

function mapTier() {
  const bytes = new Map<string, Uint8Array>();
  const store: ByteStore = {
    get: (key) => bytes.get(key),
    put: (key, value) => void bytes.set(key, value),
    delete: (keys) => keys.filter((key) => bytes.delete(key)).length,
    keys: () => bytes.keys(),
  };
  return storeTier({ name: 'map', store });
}

test('invalidations of namespaces without number leave the rest in a store', async () => {
  const found: unknown[] = [];
  // One of so many may share a hashed bucket with the key, which costs a miss; not with another hash as well.
  for (let caches = 0; caches < 3 && found.at(-1) !== 1; caches++) {
    const cache = createCache({ memory: false, tiers: [mapTier()] });
    await cache.set('kept', 1);
    for (let at = 0; at < 1100; at++) {
      const space = cache.namespace(`n${at}`);
      await space.set('x', at);
      await space.invalidate({ all: true });
      expect(await space.get('x')).toBeUndefined();
    }
    found.push(await cache.get('kept'));
  }
  expect(found.at(-1)).toBe(1);
});

test('a key that lies in a namespace though the cache itself stored it goes with the namespace', async () => {
  const cache = createCache({ memory: false, tiers: [mapTier()] });
  await cache.set('a:x', 1);
  await cache.namespace('a').invalidate({ all: true });
  expect(await cache.get('a:x')).toBeUndefined();
});

test.each([
  [
    { memory: { maxByte: 5 } },
    'expected an option of memory among maxBytes, maxEntries, got "maxByte"; did you mean "maxBytes"?',
  ],
  [{ memory: 5 }, 'expected memory to be false or an object, got 5'],
  [{ onFault: 5 }, 'expected onFault to be a function, got 5'],
  [null, 'expected options of createCache to be an object, got null'],
])('options %j are refused', (options, message) => {
  expect(() => createCache(options as never)).toThrow(message);
});
