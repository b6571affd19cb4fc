import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IndexTable, type KeyHash, keyHash } from '../../../src/store/disk/index/entry-index.ts';

describe('keyHash', () => {
  it('spreads keys that differ little over all bits', () => {
    const ones = new Uint32Array(64);
    const seen = new Set<string>();
    const count = 4096;
    for (let at = 0; at < count; at++) {
      const { high, low } = keyHash(`- api GET http://h/item/${at}`);
      seen.add(`${high}:${low}`);
      for (let bit = 0; bit < 32; bit++) {
        ones[bit]! += (low >>> bit) & 1;
        ones[32 + bit]! += (high >>> bit) & 1;
      }
    }
    expect(seen.size).toBe(count);
    // Five standard deviations of a fair coin.
    for (const one of ones) expect(Math.abs(one - count / 2)).toBeLessThan(5 * Math.sqrt(count / 4));
  });

  it('tells keys apart by order, length and characters beyond one byte', () => {
    const keys = ['', '\0', '\0\0', 'ab', 'ba', 'é', '\u{1f30a}', '\ud83c', 'a', 'aa'];
    expect(new Set(keys.map((key) => JSON.stringify(keyHash(key)))).size).toBe(keys.length);
  });
});

type Step = { readonly kind: 'set' | 'remove' | 'find'; readonly key: number };

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<Step['kind']>('set', 'set', 'remove', 'find'),
    key: fc.integer({ max: 60, min: 0 }),
  }),
  { maxLength: 300 },
);

const hashOf = (key: number): KeyHash => keyHash(String(key));

describe('index', () => {
  it('does what a map does', () => {
    fc.assert(
      fc.property(steps, fc.integer(), (list, seed) => {
        const index = new IndexTable(seed);
        const map = new Map<number, number>();
        list.forEach(({ kind, key }, at) => {
          const slot = index.find(hashOf(key));
          expect(slot >= 0).toBe(map.has(key));
          if (slot >= 0) expect(index.generation(slot)).toBe(map.get(key));
          const place = { segment: at + 1, offset: 3 * at, bytes: 5 * at };
          if (kind === 'set') {
            if (slot >= 0) index.move(slot, place, at);
            else index.add(hashOf(key), place, at);
            map.set(key, at);
          } else if (kind === 'remove' && slot >= 0) {
            index.remove(slot);
            map.delete(key);
          }
          expect(index.count).toBe(map.size);
        });
        const used = Array.from({ length: index.slots }, (_, slot) => index.segment(slot)).filter(
          (number) => number > 0,
        );
        expect(used.length).toBe(map.size);
      }),
    );
  });

  it('keeps all that it is told, to the last bit', () => {
    const index = new IndexTable(1);
    const place = { segment: 2 ** 32 - 1, offset: 2 ** 32 - 2, bytes: 2 ** 32 - 3 };
    const hash = { high: 2 ** 32 - 4, low: 2 ** 32 - 5 };
    const slot = index.add(hash, place, 2 ** 48 - 1);
    index.setFrequency(slot, 3);
    // Each touch of so long a record counts one on, until all bits of the warmth are set.
    for (let now = 2; now < 255; now++) index.touch(slot);
    expect(index.find(hash)).toBe(slot);
    expect([index.segment(slot), index.place(slot).offset, index.bytes(slot)]).toEqual(Object.values(place));
    expect(index.generation(slot)).toBe(2 ** 48 - 1);
    expect(index.hash(slot)).toEqual(hash);
    index.move(slot, { segment: 1, offset: 2, bytes: 3 }, 4);
    expect([index.frequency(slot), index.touch(slot), index.generation(slot)]).toEqual([3, true, 4]);
    index.setFrequency(slot, 0);
    expect([index.frequency(slot), index.touch(slot)]).toEqual([0, true]);
  });

  it('takes less than 60 bytes an entry, and finds each of 200,000', () => {
    const index = new IndexTable(7);
    const count = 200_000;
    for (let at = 0; at < count; at++) index.add(hashOf(at), { segment: 1, offset: at, bytes: 1 }, at);
    expect(index.memoryBytes / count).toBeLessThan(60);
    for (let at = 0; at < count; at += 7) expect(index.place(index.find(hashOf(at))).offset).toBe(at);
  });

  it('begins anew when it is cleared', () => {
    const index = new IndexTable(7);
    for (let at = 0; at < 1000; at++) index.add(hashOf(at), { segment: 1, offset: at, bytes: 1 }, at);
    index.clear();
    expect([index.count, index.slots, index.find(hashOf(1))]).toEqual([0, 0, -1]);
    index.add(hashOf(1), { segment: 1, offset: 9, bytes: 1 }, 1);
    expect(index.place(index.find(hashOf(1))).offset).toBe(9);
  });
});
