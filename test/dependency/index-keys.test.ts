// The facts about the table of keys: it has what a Map has, whatever the keys are.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Key, KeyTable, NONE } from '../../src/dependency/index/numbers.ts';

/** Undoes the factor by which keys are spread, so that keys can be chosen that all begin at one place. */
const INVERSE = (() => {
  let inverse = 1;
  for (let step = 0; step < 5; step++) inverse = Math.imul(inverse, 2 - Math.imul(0x9e3779b1, inverse));
  return inverse;
})();
const alike = fc.nat({ max: 200 }).map((number) => Math.imul(INVERSE, (number << 15) | (number & 0x7fff)));
/** Each of these begins one place after another. */
const adjacent = fc.nat({ max: 300 }).map((number) => Math.imul(INVERSE, number));
const key: fc.Arbitrary<Key> = fc.oneof(
  adjacent,
  fc.integer({ min: -60, max: 60 }),
  alike,
  fc.integer(),
  fc.constantFrom<Key>(2 ** 31, -(2 ** 31), 2 ** 53, 0.5, 'a', '1', ''),
);
const step = fc.record({ key, value: fc.nat(), leaves: fc.nat({ max: 3 }) });

describe('a table of keys', () => {
  test('has what a map has', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (steps) => {
        const table = new KeyTable();
        const map = new Map<Key, number>();
        for (const { key, value, leaves } of steps) {
          if (leaves === 0) map.delete(key);
          else map.set(key, value);
          table.set(key, leaves === 0 ? NONE : value);
          expect(table.size).toBe(map.size);
        }
        for (const { key } of steps) expect(table.get(key)).toBe(map.get(key) ?? NONE);
      }),
      { numRuns: 200 },
    );
  });

  test('keys that all begin at one place are found, left and found again', () => {
    const table = new KeyTable();
    const keys = Array.from({ length: 5_000 }, (_, at) => Math.imul(INVERSE, (at << 15) | (at & 0x7fff)));
    for (const [at, key] of keys.entries()) table.set(key, at);
    const last = new Map(keys.map((key, at) => [key, at]));
    for (const [key, at] of last) expect(table.get(key)).toBe(at);
    for (const [key, at] of last) if (at % 2 === 0) table.set(key, NONE);
    for (const [key, at] of last) expect(table.get(key)).toBe(at % 2 === 0 ? NONE : at);
    for (const key of keys) table.set(key, NONE);
    expect(table.size).toBe(0);
  });
});
