import { expect, test } from 'vitest';
import { fnv1a, keyedHash, keyOf } from '../../src/ledger/hashes.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';

test('HalfSipHash-1-3 as others compute it', () => {
  // lib/siphash_kunit.c of Linux: the key of the bytes 0 to 7, the text of as many bytes from 0 on.
  const key = [0x03020100, 0x07060504] as const;
  const hashes = ['', '\u0100', '\u0100\u0302'].map((text) => (keyedHash(text, key) >>> 0).toString(16));
  expect(hashes).toEqual(['5814c896', 'bc4b0e30', '7e059ea6']);
});

test('another key, and another kind, are another hash', () => {
  const hashes = [keyOf('a'), keyOf('b')].flatMap((key) => [1, 2, 3].map((kind) => keyedHash('text', key, kind)));
  expect(new Set(hashes).size).toBe(6);
});

test('what collides under one epoch does not under another', () => {
  const buckets = 2 ** 12;
  const uris = Array.from({ length: 4_000 }, (_, at) => `http://shop.example/item/${at}`);
  const struck = (epoch: string) => {
    const invalidations = new Invalidations({ epoch, buckets });
    invalidations.apply({ kind: 'url', uri: 'http://shop.example/hot' });
    return uris.filter((uri) => invalidations.lastAffecting({ uri, origin: '', tags: [] }) > 0);
  };
  const epochs = Array.from({ length: 40 }, (_, at) => `epoch-${at}`);
  const all = epochs.flatMap(struck);
  expect(all.length).toBeGreaterThan(10);
  expect(all.length).toBeLessThan(100);
  expect(new Set(all).size).toBeGreaterThan(all.length - 5);
});

test('texts that collide under FNV-1a, whatever stands before them, do not under a key', () => {
  const [one, other] = collision();
  expect(fnv1a(one)).toBe(fnv1a(other));
  expect(keyedHash(one, keyOf('a'))).not.toBe(keyedHash(other, keyOf('a')));
});

/** Found by search, as anybody can. */
function collision(): [string, string] {
  const seen = new Map<number, string>();
  for (let at = 0; ; at++) {
    const text = `/item/${at.toString(36)}`;
    const hash = fnv1a(text);
    const before = seen.get(hash);
    if (before !== undefined) return [before, text];
    seen.set(hash, text);
  }
}
