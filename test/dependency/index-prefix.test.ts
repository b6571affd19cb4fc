// The facts about prefixes: a text leads to the prefix of every pattern that it may be LIKE.

import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_PREFIX, PrefixLengths, prefixedText, prefixOf, prefixOfPattern } from '../../src/dependency/index/path.ts';

const form = { column: 0, hole: 0, escapeBy: '', foldsCase: true };

describe('a prefix', () => {
  test.each([
    ['abc%', '', 'abc'],
    ['a_c', '', 'a'],
    ['%a', '', ''],
    ['a\\%b%', '\\', 'a'],
    ['a\\%b%', '', 'a\\'],
    ['ab!', '!', ''],
    ['a\0b%', '', ''],
    ['a\u{1f600}%', '', 'a'],
  ])('of %j, escaped by %j', (pattern, escapeBy, prefix) => {
    expect(prefixOf(pattern, escapeBy)).toBe(prefix);
  });

  test('is no longer than a text is followed', () => {
    expect(prefixOfPattern(form, `${'a'.repeat(300)}%`)).toBe('a'.repeat(MAX_PREFIX));
    expect(prefixedText(form, 'A'.repeat(300))).toBe('a'.repeat(MAX_PREFIX));
  });

  test('a pattern of NULL has none, nor has NULL; of what is no text it is not known', () => {
    expect(prefixOfPattern(form, null)).toBeNull();
    expect(prefixedText(form, null)).toBeNull();
    expect(prefixOfPattern(form, 5)).toBe('');
    expect(prefixedText(form, 5)).toBeUndefined();
    expect(prefixedText(form, 'a\0')).toBeUndefined();
  });

  test('stands before every text that SQLite says is LIKE the pattern', () => {
    const database = new DatabaseSync(':memory:');
    const like = database.prepare('SELECT ? LIKE ? AS holds');
    const letters = fc.string({ unit: fc.constantFrom('a', 'A', 'b', '%', '_', 'é', 'É', '\u{1f600}'), maxLength: 6 });
    fc.assert(
      fc.property(letters, letters, (text, pattern) => {
        if (like.get(text, pattern)?.holds !== 1) return;
        const start = prefixedText(form, text);
        if (start !== undefined) expect(start?.startsWith(prefixOfPattern(form, pattern) as string)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    database.close();
  });
});

describe('the lengths of prefixes', () => {
  test('are as many as there is room for; further ones are cut to the next lower', () => {
    const lengths = new PrefixLengths();
    for (let length = 10; length < 42; length++) expect(lengths.take(length)).toBe(length);
    expect([5, 20, 60, 41].map((length) => lengths.take(length))).toEqual([0, 20, 41, 41]);
    lengths.give(20);
    expect(lengths.take(60)).toBe(41);
    lengths.give(20);
    expect(lengths.has(20)).toBe(false);
    expect(lengths.take(60)).toBe(60);
  });
});
