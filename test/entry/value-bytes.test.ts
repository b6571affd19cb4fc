// What values are counted as, and that texts and dictionaries, which are kept in another form for it, come back the same.

import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ownValue, readOwned } from '../../src/entry/owned-value.ts';

/** What a reader gets. */
function kept(value: unknown): unknown {
  return readOwned(ownValue(value));
}

describe('a text', () => {
  const pageOf = (at: number, end: string) => `${at}`.padStart(13, 'a') + 'x'.repeat(1000) + end;

  test('is the same text, whatever is in it', () => {
    const texts = [
      '',
      'short',
      'a text of one byte each \xff\x80',
      'а кириллица of two',
      `a lone \ud800 surrogate ${'x'.repeat(30)}`,
    ];
    for (const text of texts) expect(kept({ text, list: [text] })).toEqual({ text, list: [text] });
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => kept(text) === text));
  });

  test('is counted as what it takes: in two bytes a character where one of them needs it, wherever it stands', () => {
    const narrow = ownValue('x'.repeat(1000)).bytes;
    for (const at of [0, 500, 999]) {
      const wide = `${'x'.repeat(at)}я${'x'.repeat(999 - at)}`;
      expect(ownValue(wide).bytes).toBeGreaterThanOrEqual(2 * 1000);
    }
    expect(narrow).toBeLessThan(1.05 * 1000);
    expect(ownValue(pageOf(1, 'я').slice(0, 500)).bytes).toBeLessThan(1.1 * 500);
  });
});

describe('a dictionary', () => {
  const byId = (at: number, length: number) =>
    Object.fromEntries(Array.from({ length }, (_, each) => [`dictionary-${length}-${at}-${each}`, each]));

  test.each([10, 60, 70, 2000])(
    'of %s names of its own is counted with them, and with what describes them',
    (length) => {
      const each = [1, 2, 3].map((at) => ownValue(byId(at, length)).bytes / length);
      for (const bytes of each) expect(bytes).toBeGreaterThan(80);
    },
  );

  test('has a table of slots where its names are those of others', () => {
    const row = (at: number) => Object.fromEntries(Array.from({ length: 50 }, (_, each) => [`column${each}`, at]));
    ownValue(row(1));
    expect(ownValue(row(2)).bytes).toBeLessThan(50 * 12);
  });

  test('by number, or without a prototype, is counted as a table by hash', () => {
    const numbers = Array.from({ length: 100 }, (_, at) => [String(at * 1000), at] as const);
    expect(ownValue(Object.fromEntries(numbers)).bytes).toBeGreaterThan(100 * 50);
    expect(ownValue(Object.assign(Object.create(null), { a: 1, b: 2 })).bytes).toBeGreaterThan(200);
  });

  test('comes back as an object like any other', () => {
    const given = { ...byId(5, 200), ['__proto__']: 1 };
    const copy = kept(given) as object;
    deepStrictEqual(copy, given);
    expect([Object.getPrototypeOf(copy), Object.isFrozen(copy)]).toEqual([Object.prototype, true]);
    expect(Object.keys(copy)).toEqual(Object.keys(given));
  });
});

describe('bytes', () => {
  test('grow with what is kept', () => {
    const bytes = (value: unknown) => ownValue(value).bytes;
    expect(bytes(1)).toBeLessThan(32);
    expect(bytes('x'.repeat(1000))).toBeGreaterThanOrEqual(1000);
    expect(bytes('я'.repeat(1000))).toBeGreaterThanOrEqual(2000);
    expect(bytes(new Uint8Array(1000))).toBeGreaterThanOrEqual(1000);
    expect(bytes({ a: ['x'.repeat(1000), 'y'.repeat(1000)] })).toBeGreaterThanOrEqual(2000);
    expect(bytes(Array(1000).fill(0.5))).toBeGreaterThanOrEqual(8000);
  });
});
